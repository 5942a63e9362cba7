"""House rules that no type checker can check, read from the syntax tree."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src"
PACKAGE = SOURCE / "embedded_firebase"
CODE = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted(Path(__file__).parent.rglob("test_*.py"))
# Each imports only from those before it.
LAYERS = ["defaults", "lifeline", "local_only", "log", "exports", "firestore", "tasks", "hosting", "functions"]
LAYERS += ["pytest_plugin", "cli"]
FIRESTORE_LAYERS = ["errors", "messages", "verify", "values", "query", "indexes", "storage", "transactions", "testing"]
FIRESTORE_LAYERS += ["listen", "rules", "access", "rpc", "http", "server"]


def name_of(path: Path) -> str:
    return str(path.relative_to(SOURCE.parent))


def imports(path: Path) -> Iterator[str]:
    """The absolute names a file imports, `a.b` for `from a import b` too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: names are absolute here"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in CODE}


class TestImports:
    @pytest.mark.parametrize(("package", "layers"), [("", LAYERS), (".firestore", FIRESTORE_LAYERS)])
    def test_packages_import_one_way(self, package: str, layers: list[str]) -> None:
        """A package imports only from packages before it; every package and module is in the list."""
        prefix = f"embedded_firebase{package}."
        parts = {name.removeprefix(prefix).split(".")[0] for name in MODULES if name.startswith(prefix)}
        assert parts == set(layers)
        for module, path in MODULES.items():
            if module.startswith(prefix):
                own = layers.index(module.removeprefix(prefix).split(".")[0])
                used = {name.removeprefix(prefix).split(".")[0] for name in imports(path) if name.startswith(prefix)}
                assert [name for name in used if layers.index(name) > own] == [], module

    def test_no_modules_import_in_a_circle(self) -> None:
        """No modules import each other, not even inside a package."""
        graph = {module: {name for name in imports(path) if name in MODULES} for module, path in MODULES.items()}
        # The lazy names of the package itself refer back to its modules.
        del graph["embedded_firebase"]
        assert list(TopologicalSorter(graph).static_order())

    def test_it_is_independent_of_any_project(self) -> None:
        """It imports only itself and the dependencies in pyproject.toml."""
        own = {"embedded_firebase", "google", "google_crc32c", "grpc", "werkzeug", "flask", "cronsim", "pytest"}
        known = own | {"_typeshed"} | sys.stdlib_module_names
        others = {name_of(path): {name.split(".")[0] for name in imports(path)} - known for path in CODE}
        assert {name: foreign for name, foreign in others.items() if foreign} == {}

    def test_sqlite_is_imported_in_few_places(self) -> None:
        """Only the storage of Firestore and of the tasks import SQLite."""
        users = [module for module, path in MODULES.items() if "sqlite3" in imports(path)]
        assert users == ["embedded_firebase.firestore.storage.storage", "embedded_firebase.tasks.storage"]

    @pytest.mark.parametrize("module", ["embedded_firebase", "embedded_firebase.pytest_plugin"])
    def test_common_imports_are_fast(self, module: str) -> None:
        """Pytest loads the plugin in every run, so slow imports wait until they are needed."""
        heavy = "{'grpc', 'google.cloud.firestore', 'flask', 'werkzeug'}"
        code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
        command = [sys.executable, "-c", code]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


class TestShape:
    def test_a_package_has_only_a_docstring(self) -> None:
        """An import in it would run with each of its modules; the public names are lazy."""
        packages = [path for path in CODE if path.name == "__init__.py" and path != PACKAGE / "__init__.py"]
        bodies = {name_of(path): ast.parse(path.read_text()).body for path in packages}
        assert [name for name, body in bodies.items() if [type(node) for node in body] != [ast.Expr]] == []

    def test_functions_fit_on_a_screen(self) -> None:
        """A function has 70 lines at most."""
        long = [(path, f) for path, f in functions(CODE) if (f.end_lineno or 0) - f.lineno >= 70]
        assert [f"{name_of(path)}:{f.lineno}" for path, f in long] == []

    def test_modules_say_what_they_own(self) -> None:
        """Each module opens with what it owns and what it must not know."""
        modules = [path for path in CODE if path.name != "__init__.py"]
        docstrings = {name_of(path): ast.get_docstring(ast.parse(path.read_text())) or "" for path in modules}
        assert [
            name for name, text in docstrings.items() if not (text.startswith("Owns") and "know" in text.lower())
        ] == []

    def test_tests_state_facts(self) -> None:
        """Each test states a fact in one sentence."""
        tests = [(path, f) for path, f in functions(TESTS) if f.name.startswith("test_")]
        assert [f"{name_of(path)}:{f.name}" for path, f in tests if not ast.get_docstring(f)] == []


def functions(paths: list[Path]) -> Iterator[tuple[Path, ast.FunctionDef]]:
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                yield path, node
