"""House rules, read off the syntax tree: each keeps a promise that no type checker can see."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "functions" / "imagegen"
CODE = sorted([ROOT / "functions" / "main.py", *PACKAGE.rglob("*.py"), *(ROOT / "operations").rglob("*.py")])
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
PURE = {"ledger.py", "report.py", "report_codec.py", "anomalies.py", "significance.py", "page_tokens.py"}
PURE |= {"records.py", "errors.py", "schemas.py", "report_schemas.py", "books.py", "rate_limit.py", "idempotency.py"}
PURE |= {"books_schemas.py", "openapi.py", "webhook_urls.py", "status_schemas.py"}
PURE |= {f"drawing/{path.name}" for path in (PACKAGE / "drawing").glob("*.py")}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> Iterator[str]:
    """The absolute names a file imports, `a.b` for `from a import b` too; relative ones with their dots."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = "." * node.level + (node.module or "")
            yield source
            yield from (
                f"{source.rstrip('.')}.{alias.name}" if node.module else source + alias.name for alias in node.names
            )


def dotted_names(path: Path) -> set[str]:
    return {ast.unparse(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}


class TestImports:
    @pytest.mark.parametrize("path", [*PACKAGE.rglob("*.py"), ROOT / "functions" / "main.py"], ids=name_of)
    def test_what_is_deployed_knows_no_emulator(self, path: Path) -> None:
        """One path: the deployed code cannot tell an emulator from Cloud Firestore."""
        assert not [
            name for name in imports(path) if name.split(".")[0] in {"embedded_firebase", "operations", "tests"}
        ]

    @pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=name_of)
    def test_clients_are_imported_in_few_places(self, path: Path) -> None:
        """Few modules know a client of Google's: stores, database, transactions, production, and image_store."""
        clients = {name.split(".")[2] for name in imports(path) if name.startswith("google.cloud.")}
        stores = ("database.py", "transactions.py", "store.py", "report_store.py", "books_store.py", "production.py")
        allowed = {"image_store.py": {"storage"}} | {store: {"firestore", "firestore_v1"} for store in stores}
        assert clients <= allowed.get(path.name, set())

    @pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=name_of)
    def test_dependencies_run_one_way(self, path: Path) -> None:
        """Web over endpoints over services over deps over the stores over records; only main imports web."""
        layers = ["bounded", "log", "records", "errors", "page_tokens", "ledger", "significance", "anomalies", "report"]
        layers += ["config", "firebase_apps"]
        layers += ["rate_limit", "idempotency", "books", "webhook_urls", "image_models", "image_store", "task_queue"]
        layers += ["webhook_sender"]
        layers += [
            "violations",
            "schemas",
            "books_schemas",
            "status_schemas",
            "report_schemas",
            "report_codec",
            "catalog",
            "deadlines",
            "transactions",
            "database",
            "store",
            "report_store",
            "books_store",
            "deps",
            "identity",
            "endpoint",
            "openapi",
        ]
        layers += ["services", "endpoints", "web", "triggers"]
        own = path.parent.name if path.parent.name in {"services", "endpoints"} else path.stem
        if own in layers:
            used = {name.lstrip(".").split(".")[0] for name in imports(path) if name.startswith(".")} & set(layers)
            above = {name for name in used if layers.index(name) > layers.index(own)}
            assert above == set()


class TestPurity:
    @pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=name_of)
    def test_the_world_is_built_in_one_place(self, path: Path) -> None:
        """Clock, ids and randomness come from production.py, so that a test decides them."""
        if path.name not in ("production.py", "ids.py"):
            assert not dotted_names(path) & {
                "datetime.now",
                "datetime.utcnow",
                "uuid.uuid4",
                "random.random",
                "time.time",
            }
            assert not {"uuid", "secrets"} & set(imports(path))

    @pytest.mark.parametrize("path", [PACKAGE / name for name in sorted(PURE)], ids=name_of)
    def test_pure_modules_do_no_io(self, path: Path) -> None:
        """Decisions are taken where nothing can be read or written."""
        forbidden = {"os", "time", "threading", "random", "socket", "logging", "firebase_functions", "google", "flask"}
        assert not {name.split(".")[0] for name in imports(path)} & forbidden


class TestShape:
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
        """Each test says in a sentence what is so."""
        tests = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.FunctionDef)]
        assert not [f.name for f in tests if f.name.startswith("test_") and not ast.get_docstring(f)]


class TestProject:
    def test_no_port_is_written_twice(self) -> None:
        """The ports of `make dev` are those that firebase.json gives the Firebase CLI."""
        emulators = json.loads((ROOT / "firebase.json").read_text())["emulators"]
        source = (ROOT / "operations" / "dev.py").read_text()
        assert f'"FUNCTIONS_PORT", {emulators["functions"]["port"]}' in source
        assert f'"FIRESTORE_PORT", {emulators["firestore"]["port"]}' in source
        assert f'"HOSTING_PORT", {emulators["hosting"]["port"]}' in source
