"""House rules that neither the type checker nor import-linter can check, read from the syntax tree."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "functions" / "imagegen"
MAIN = ROOT / "functions" / "main.py"
DEPLOYED = [MAIN, *sorted(PACKAGE.rglob("*.py"))]
CODE = [*DEPLOYED, *sorted((ROOT / "operations").rglob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
# Clock, ids and randomness come from these, so that a test can replace them.
SOURCES_OF_CHANCE = {"production.py", "kit/ids.py"}
IMPURE = {"datetime.now", "datetime.utcnow", "uuid.uuid4", "random.random", "time.time"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(nodes: list[ast.stmt]) -> Iterator[str]:
    """The modules that statements import, `a.b` for `from a import b`."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def dotted_names(path: Path) -> set[str]:
    return {ast.unparse(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}


class TestImports:
    def test_main_imports_a_feature_inside_its_function(self) -> None:
        """Each function is its own instance: a cold start loads only the code it needs."""
        own = {name.split(".")[1] for name in imports(ast.parse(MAIN.read_text()).body) if name.startswith("imagegen.")}
        assert own == {"config", "production", "web"}

    def test_a_package_imports_nothing_by_itself(self) -> None:
        """An import in an `__init__.py` would slow the cold start of every module below it."""
        packages = [path for path in DEPLOYED if path.name == "__init__.py" and path.parent.name != "drawing"]
        assert not [name_of(path) for path in packages if list(imports(ast.parse(path.read_text()).body))]

    def test_parameters_are_declared_in_one_module(self) -> None:
        """The Firebase CLI collects them from the import of main.py, which imports no feature."""
        users = [name_of(path) for path in DEPLOYED if "firebase_functions.params" in imports(_statements(path))]
        assert users == ["functions/imagegen/config.py"]


class TestPurity:
    def test_randomness_comes_from_one_place(self) -> None:
        """Clock, ids and randomness are injected."""
        modules = [path for path in PACKAGE.rglob("*.py") if str(path.relative_to(PACKAGE)) not in SOURCES_OF_CHANCE]
        assert not [name_of(path) for path in modules if dotted_names(path) & IMPURE]


class TestShape:
    def test_functions_fit_on_a_screen(self) -> None:
        """A function has 70 lines at most."""
        functions = [
            (path, node)
            for path in CODE
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.FunctionDef)
        ]
        assert not [f"{name_of(p)}:{f.name}" for p, f in functions if (f.end_lineno or 0) - f.lineno >= 70]

    def test_modules_say_what_they_own(self) -> None:
        """Each module opens with what it owns and what it must not know."""
        modules = [path for path in CODE if path.name != "__init__.py"]
        docstrings = {name_of(path): ast.get_docstring(ast.parse(path.read_text())) or "" for path in modules}
        assert not [
            name for name, text in docstrings.items() if not (text.startswith("Owns") and "know" in text.lower())
        ]

    def test_tests_state_facts(self) -> None:
        """Each test states a fact in one sentence."""
        tests = [(path, node) for path in TESTS for node in _statements(path) if isinstance(node, ast.FunctionDef)]
        silent = [(path, test) for path, test in tests if test.name.startswith("test_") and not ast.get_docstring(test)]
        assert not [f"{name_of(path)}:{test.name}" for path, test in silent]


class TestProject:
    def test_no_port_is_written_twice(self) -> None:
        """`make dev` uses the ports that firebase.json gives to the Firebase CLI."""
        emulators = json.loads((ROOT / "firebase.json").read_text())["emulators"]
        source = (ROOT / "operations" / "dev.py").read_text()
        assert f'"FUNCTIONS_PORT", {emulators["functions"]["port"]}' in source
        assert f'"FIRESTORE_PORT", {emulators["firestore"]["port"]}' in source
        assert f'"HOSTING_PORT", {emulators["hosting"]["port"]}' in source


def _statements(path: Path) -> list[ast.stmt]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.stmt)]
