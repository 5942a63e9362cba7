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
FIRESTORE_LAYERS = ["errors", "messages", "values", "query", "indexes", "storage", "transactions", "testing"]
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

    @pytest.mark.parametrize("path", CODE, ids=name_of)
    def test_it_is_independent_of_any_project(self, path: Path) -> None:
        """It imports only itself and the dependencies in pyproject.toml."""
        own = {"embedded_firebase", "google", "google_crc32c", "grpc", "werkzeug", "flask", "cronsim", "pytest"}
        others = {name.split(".")[0] for name in imports(path)} - own - {"_typeshed"}
        assert others <= sys.stdlib_module_names

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
    @pytest.mark.parametrize("path", [path for path in CODE if path.name == "__init__.py"], ids=name_of)
    def test_a_package_has_only_a_docstring(self, path: Path) -> None:
        """An import in it would run with each of its modules; the public names are lazy."""
        if path != PACKAGE / "__init__.py":
            (docstring,) = ast.parse(path.read_text()).body
            assert isinstance(docstring, ast.Expr)

    @pytest.mark.parametrize("path", CODE, ids=name_of)
    def test_functions_fit_on_a_screen(self, path: Path) -> None:
        """A function has 70 lines at most."""
        functions = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.FunctionDef)]
        assert not [f"{f.name}:{f.lineno}" for f in functions if (f.end_lineno or 0) - f.lineno >= 70]

    @pytest.mark.parametrize("path", CODE, ids=name_of)
    def test_modules_say_what_they_own(self, path: Path) -> None:
        """Each module opens with what it owns and what it must not know."""
        docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
        assert path.name == "__init__.py" or (docstring.startswith("Owns") and "know" in docstring.lower())

    @pytest.mark.parametrize("path", TESTS, ids=name_of)
    def test_tests_state_facts(self, path: Path) -> None:
        """Each test states a fact in one sentence."""
        tests = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.FunctionDef)]
        assert not [f.name for f in tests if f.name.startswith("test_") and not ast.get_docstring(f)]
