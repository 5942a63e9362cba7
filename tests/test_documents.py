"""The documents are true: their commands run, and their tables say what the code says, none missing, none stale."""

import datetime
import importlib
import json
import pkgutil
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import imagegen
import pytest
from firebase_functions import params
from google.cloud import firestore

from tests.running_dev import Dev, free_port, make

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.timeout(90)

# What depends on where things are in the code; all else is found by what it is.
EMBEDDED_FIRESTORE = [sys.executable, "-m", "emulator"]  # What functions/venv/bin/embedded-firestore runs.
ENDPOINT_CLASS = "Endpoint"
ERROR_CLASS = "AppError"
BREACH_CLASS = "BreachKind"
FAILURE_CLASS = "FailureReason"
# Where a path in ARCHITECTURE.md and CONTRIBUTING.md may begin.
BASES = [ROOT, ROOT / "functions" / "imagegen", ROOT / "embedded-firebase"]
# Commands that no test can run, and why.
NOT_RUN = {
    "make dev": "every test of TestCommands runs it, by the module that the target names",
    "make test": "it would run this test again",
    "make check": "it would run this test again",
    "pre-commit install": "it would write into .git",
    "firebase emulators:start --import=./initial_data": "needs Java 21; tests/cli imports into the Auth emulator",
    "FIRESTORE_EMULATOR_HOST=127.0.0.1:8080 firebase emulators:start --only functions --project demo-imagegen": (
        "tests/cli runs it wherever the CLI is"
    ),
    "FIRESTORE_EMULATOR_HOST=127.0.0.1:8080 firebase emulators:start --only functions,auth --import=./initial_data": (
        "tests/cli runs it wherever the CLI is"
    ),
    "npm install firebase-tools@15.34.2": "a download of 200 MB",
    "firebase functions:secrets:set WEBHOOK_SECRET --project your-project": "needs a Google account",
    "firebase deploy --project your-project": "needs a Google account",
}


def text_of(name: str) -> str:
    return (ROOT / name).read_text()


def modules() -> Iterator[ModuleType]:
    """Every module that is deployed, imported."""
    yield importlib.import_module("main")
    for found in pkgutil.walk_packages(imagegen.__path__, "imagegen."):
        yield importlib.import_module(found.name)


def the_class(name: str) -> Any:
    """The one class of this name."""
    (found,) = {value for module in modules() if isinstance(value := vars(module).get(name), type)}
    return found


def subclasses(kind: type) -> set[Any]:
    return {kind} | {each for child in kind.__subclasses__() for each in subclasses(child)}


def endpoints() -> dict[str, Any]:
    """What each HTTPS function declares, by its name."""
    kind = the_class(ENDPOINT_CLASS)
    found = [value for module in modules() for value in vars(module).values() if isinstance(value, kind)]
    return {endpoint.name: endpoint for endpoint in found}


def deployed() -> set[str]:
    """The functions that Firebase discovers in main.py."""
    main = importlib.import_module("main")
    return {name for name, value in vars(main).items() if hasattr(value, "__firebase_endpoint__")}


def parameters() -> dict[str, Any]:
    """The parameters that Firebase collects, by name, with their defaults; None for a secret."""
    kinds = (params.Param, params.SecretParam)
    found = [value for module in modules() for value in vars(module).values() if isinstance(value, kinds)]
    return {each.name: getattr(each, "default", None) for each in found}


def tables(markdown: str, header: str) -> list[list[str]]:
    """The rows of all tables whose first column has this name, as their cells."""
    rows: list[list[str]] = []
    for table in re.findall(r"(?:^\|.*\n)+", markdown, re.MULTILINE):
        lines = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in table.splitlines()]
        if lines[0][0] == header:
            rows += lines[2:]
    return rows


def ticked(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def named(markdown: str, header: str) -> list[str]:
    """What the first cells of such tables name, in their order."""
    return [name for row in tables(markdown, header) for name in ticked(row[0])]


def sections(markdown: str, level: str = "##") -> dict[str, str]:
    """The text below each heading of a level."""
    parts = re.split(rf"^{level} (.+)\n", markdown, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


API = text_of("docs/api.md")
DATA = text_of("docs/data.md")
OPERATIONS = text_of("docs/operations.md")
REPORTS = text_of("docs/reports.md")
DOCUMENTS = sorted(["README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))])
ALL_MARKDOWN = sorted([*DOCUMENTS, "CHANGELOG.md", *(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/*/*.md"))])
OPENAPI: dict[str, Any] = json.loads(text_of("docs/openapi.json"))
FUNCTIONS = sections(API)
HTTPS = sorted(path.removeprefix("/") for path in OPENAPI["paths"])

# Each block of commands, with the JSON that stands right below it, if any.
BLOCK = re.compile(r"```sh\n(.*?)```(?:\s*```json\n(.*?)```)?", re.DOTALL)


def blocks(name: str) -> list[tuple[str, str]]:
    return BLOCK.findall(text_of(name))


def speaks_http(block: str) -> bool:
    """Whether a block calls a running `make dev`, or sets what later ones use."""
    return "curl" in block or bool(re.match(r"[A-Z]+=\S+\n", block))


def other_commands() -> list[str]:
    """The commands of all other blocks, a line each, without the comment behind them."""
    lines = [
        line for name in DOCUMENTS for block, _ in blocks(name) if not speaks_http(block) for line in block.splitlines()
    ]
    return sorted({line.partition("  #")[0].strip() for line in lines if line.strip()})


def masked(text: str) -> Any:
    """An answer without what differs from run to run: ids, addresses, weeks, tokens and times."""
    text = re.sub(r"[0-9a-f]{32}", "ID", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "HOST", text)
    text = re.sub(r"\d{4}-W\d\d", "WEEK", text)
    text = re.sub(r'("nextPageToken": ?)"[^"]+"', r'\1"TOKEN"', text)
    return json.loads(re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Dev]]:
    """Start a fresh `make dev`; all of them are stopped in the end."""
    started: list[Dev] = []

    def start(**environment: str) -> Dev:
        dev = Dev(tmp_path_factory.mktemp("dev"), **environment)
        started.append(dev)
        dev.start()
        dev.await_ready()
        return dev

    yield start
    for dev in started:
        dev.stop()


@pytest.fixture(scope="module")
def answered(run: Callable[..., Dev]) -> tuple[Dev, list[str]]:
    """A `make dev` on which each block of docs/api.md was run in turn, and what each printed."""
    # With a limit that none of them reaches, so that all fields of an account are written.
    dev = run(RATE_LIMIT_PER_MINUTE="1000")
    return dev, dev.paste(*(block for block, _ in blocks("docs/api.md")))


@pytest.mark.embedded
class TestCommands:
    def test_the_api_answers_as_it_says(self, answered: tuple[Dev, list[str]]) -> None:
        """The commands of docs/api.md, pasted one after the other, print the JSON that stands below each."""
        printed = answered[1]
        wanted = [answer for _, answer in blocks("docs/api.md")]
        assert sum(map(bool, wanted)) >= len(deployed())
        for (command, answer), got in zip(blocks("docs/api.md"), printed, strict=True):
            if answer:
                assert masked(got) == masked(answer), command
            else:
                assert got == "", command

    def test_the_readme_answers_as_it_says(self, run: Callable[..., Dev]) -> None:
        """So do those of the README, on a fresh start."""
        pairs = [pair for pair in blocks("README.md") if speaks_http(pair[0])]
        assert pairs
        for got, (command, answer) in zip(run().paste(*(block for block, _ in pairs)), pairs, strict=True):
            assert masked(got) == masked(answer), command

    def test_make_dev_prints_the_readmes_command(self, run: Callable[..., Dev], tmp_path: Path) -> None:
        """The first curl line that `make dev` prints is the README's."""
        dev = Dev(tmp_path / "data")
        dev.start()
        printed = " ".join(dev.await_ready().split())
        dev.stop()
        command = next(block for block, _ in blocks("README.md") if speaks_http(block))
        assert " ".join(command.replace(":5001/", f":{dev.functions_port}/").split()) in printed

    def test_a_failing_model_is_refunded_as_the_api_says(self, run: Callable[..., Dev]) -> None:
        """With a failure rate of 1 the first picture is the error that docs/api.md shows, and the ledger the refund."""
        said = next(block for block in re.findall(r"```json\n([^`]*)```", API) if "GENERATION_FAILED" in block)
        dev = run(MODEL_FAILURE_RATE="1")
        url, create = [block for block, _ in blocks("docs/api.md")][:2]
        assert masked(dev.paste(url, create)[1]) == masked(said)
        ledger = httpx.get(f"{dev.functions_url}/getUserCredits?userId=testUser1", trust_env=False).json()
        assert ledger["currentCredits"] == 100
        assert [entry["type"] for entry in ledger["transactions"]] == ["refund", "deduction"]

    def test_they_work_without_curl(self, run: Callable[..., Dev], monkeypatch: pytest.MonkeyPatch) -> None:
        """The tests need no curl: where there is none, they ask the same by themselves."""
        pairs = [pair for pair in blocks("README.md") if speaks_http(pair[0])]
        dev = run()
        which = {"make": sys.executable}
        monkeypatch.setattr("shutil.which", which.get)
        for got, (command, answer) in zip(dev.paste(*(block for block, _ in pairs)), pairs, strict=True):
            assert masked(got) == masked(answer), command

    def test_the_operators_commands_print(self, run: Callable[..., Dev]) -> None:
        """History, report and verify, one after the other, find the planted fault and no breach."""
        (block,) = [block for block, _ in blocks("docs/operations.md") if block.startswith("make history")]
        (printed,) = run().paste(block)
        assert "were found" in printed
        assert "ANOMALIES" in printed
        assert re.search(r"^breaches +0$", printed, re.MULTILINE)

    def test_the_embedded_firestore_starts(self) -> None:
        """The command that starts it alone says that it is ready."""
        (command,) = [command for command in other_commands() if "embedded-firestore" in command]
        _, *arguments = shlex.split(command.replace("8080", str(free_port())))
        process = subprocess.Popen([*EMBEDDED_FIRESTORE, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        try:
            assert "Firestore ready on" in process.stdout.readline()
        finally:
            process.terminate()
            process.communicate(timeout=20)


RUN_ABOVE = ("make history", "make report", "make verify", "functions/venv/bin/embedded-firestore")


class TestEveryCommand:
    @pytest.mark.parametrize("command", other_commands())
    def test_runs_or_says_why_not(self, command: str) -> None:
        """A command that is not run above is run here, or stands in NOT_RUN."""
        if (
            command.startswith("functions/venv/bin/python -m pytest")
            or " functions/venv/bin/python -m pytest" in command
        ):
            # What it would run is there; running it is for the whole suite.
            words = shlex.split(command)
            folder = words[words.index("pytest") + 1 :]
            collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", *folder]
            assert subprocess.run(collect, cwd=ROOT, capture_output=True, text=True, timeout=60).returncode == 0
        elif not command.startswith(RUN_ABOVE):
            assert command in NOT_RUN

    def test_no_reason_is_stale(self) -> None:
        """What stands in NOT_RUN is in a document."""
        assert set(NOT_RUN) <= set(other_commands())

    @pytest.mark.parametrize("name", DOCUMENTS)
    def test_every_make_target_is_one(self, name: str) -> None:
        """Where a document says `make something`, the Makefile has that target."""
        targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
        assert set(re.findall(r"(?:^|`|[A-Z_]=\S+ )make ([a-z][a-z-]*)", text_of(name), re.MULTILINE)) <= targets


class TestMake:
    def test_the_table_has_every_target(self) -> None:
        """And none that is not there."""
        targets = re.findall(r"^([a-z-]+):.*##", text_of("Makefile"), re.MULTILINE)
        assert sorted(named(OPERATIONS, "target")) == sorted(f"make {target}" for target in targets)

    @pytest.mark.parametrize("target", [name.removeprefix("make ") for name in named(OPERATIONS, "target")])
    def test_a_target_names_what_there_is(self, target: str) -> None:
        """The modules and folders that its commands name exist."""
        command = [*make(), "--dry-run", target]
        recipe = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=True).stdout
        assert recipe
        for line in recipe.splitlines():
            inside = re.search(r"\bcd (\S+) &&", line)
            folder = ROOT / inside[1] if inside else ROOT
            for module in re.findall(r"-m ((?:tests|operations|emulator)[\w.]*)", line):
                path = folder / module.replace(".", "/")
                assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module
            for path in re.findall(r" ((?:tests|functions|operations|initial_data)/[\w./-]+)", line):
                assert (folder / path).exists(), path

    def test_the_variables_are_told(self) -> None:
        """Each variable that the Makefile reads and does not set is in a table of settings."""
        makefile = text_of("Makefile")
        read = set(re.findall(r"\$\(([A-Z_]+)\)", makefile)) - {"MAKEFILE_LIST", "MAKE", "CURDIR"}
        own = set(re.findall(r"^([A-Z_]+) [:?]?=", makefile, re.MULTILINE))
        told = set(
            re.findall(
                r"[(, ]([A-Z_]{4,}|N|SEED)(?==|,|\))",
                "\n".join(re.findall(r"^[a-z-]+:.*##(.*)$", makefile, re.MULTILINE)),
            )
        )
        assert (read - own) | told <= set(named(OPERATIONS, "variable")) | set(named(OPERATIONS, "parameter"))


class TestSettings:
    def test_the_table_has_every_parameter(self) -> None:
        """With its default, and none that is not there."""
        said = {ticked(row[0])[0]: row[1] for row in tables(OPERATIONS, "parameter")}
        assert said == {name: str(default or "") for name, default in parameters().items()}

    def test_the_file_has_every_parameter(self) -> None:
        """functions/.env gives each parameter the default of the code; secrets are elsewhere."""
        lines = [line for line in text_of("functions/.env").splitlines() if line and not line.startswith("#")]
        given = dict(line.split("=", 1) for line in lines)
        assert given.pop("THREADS")
        assert given == {name: str(value or "") for name, value in parameters().items() if value is not None}

    def test_the_variables_are_read(self) -> None:
        """Each other variable of the table is read by something in this repository."""
        files = [
            ROOT / "Makefile",
            *(
                path
                for folder in ("functions/imagegen", "operations", "emulator", "embedded-firebase", "tests")
                for path in (ROOT / folder).rglob("*.py")
            ),
        ]
        code = "\n".join(path.read_text() for path in files if path != Path(__file__))
        assert [name for name in named(OPERATIONS, "variable") if not re.search(rf"\b{name}\b", code)] == []


WHO = {"PUBLIC": "anyone", "SIGNED_IN": "owner", "OWNER": "owner", "ADMIN": "administrator"}


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" in schema:
        return resolved(OPENAPI["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    known = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    return resolved(known[0]) if len(known) == 1 else schema


def leaves(schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """The paths of all fields of an answer, such as `transactions[].id`."""
    schema = resolved(schema)
    if "properties" in schema:
        for name, field in schema["properties"].items():
            yield from leaves(field, f"{path}.{name}" if path else name)
    elif schema.get("type") == "array":
        yield from leaves(schema["items"], f"{path}[]")
    else:
        yield path


def answer_schemas(name: str) -> list[Mapping[str, Any]]:
    (operation, *_) = OPENAPI["paths"][f"/{name}"].values()
    found = [
        answer["content"]["application/json"]["schema"]
        for status, answer in operation["responses"].items()
        if status in ("200", "202")
    ]
    return [choice for schema in found for choice in schema.get("oneOf", [schema])]


def fields_said(section: str) -> set[str]:
    """The fields of an answer that a section tells, here or where it says that they stand."""
    said = set(named(section, "answer"))
    elsewhere = re.search(r"answer is (?:the generation, as )?\[[^]]+\]\(([^)]+)\)", section)
    if elsewhere:
        said |= set(named(REPORTS, "answer")) if "reports.md" in elsewhere[1] else fields_said_by(elsewhere[1])
    return said


def fields_said_by(anchor: str) -> set[str]:
    return next(fields_said(text) for name, text in FUNCTIONS.items() if anchor == f"#{slug(name)}")


class TestFunctions:
    def test_the_tables_have_every_function(self) -> None:
        """The README's and that of docs/api.md, with who may call, and none that is not there."""
        access = {name: WHO[endpoint.access.name] for name, endpoint in endpoints().items()}
        wanted = {name: access.get(name, "platform") for name in deployed()}
        assert set(endpoints()) == set(HTTPS)
        for text in (API, text_of("README.md")):
            rows = {re.sub(r"\[(\w+)\].*", r"\1", row[0]): row[1] for row in tables(text, "function")}
            assert rows == wanted

    def test_every_function_has_a_section(self) -> None:
        """With a command that calls it, and its answer."""
        for name in deployed():
            commands = BLOCK.findall(FUNCTIONS[name])
            assert any(re.search(rf"/{name}\b|-{name}-0", command) and answer for command, answer in commands), name

    @pytest.mark.parametrize("name", HTTPS)
    def test_methods_access_and_headers(self, name: str) -> None:
        """The first line says how and by whom it is called."""
        methods = " or ".join(f"`{method.upper()}`" for method in OPENAPI["paths"][f"/{name}"])
        endpoint = endpoints()[name]
        line = [methods, WHO[endpoint.access.name]]
        if endpoint.idempotency_key.name != "UNUSED":
            line.append(f"`Idempotency-Key` {endpoint.idempotency_key.name.lower()}")
        if endpoint.may_respond_async:
            line.append("`Prefer: respond-async` optional")
        assert FUNCTIONS[name].strip().splitlines()[0] == " · ".join(line)

    @pytest.mark.parametrize("name", HTTPS)
    def test_what_is_asked(self, name: str) -> None:
        """Each field of the request, required or optional, and none that is not there."""
        schema = OPENAPI["components"]["schemas"][endpoints()[name].asked.__name__]
        required = schema.get("required", [])
        wanted = {field: "required" if field in required else "optional" for field in schema.get("properties", {})}
        assert {field: row[1] for row in tables(FUNCTIONS[name], "field") for field in ticked(row[0])} == wanted

    @pytest.mark.parametrize("name", sorted(set(HTTPS) - {"openapi"}))
    def test_what_is_answered(self, name: str) -> None:
        """Each field of each answer, and none that is not there."""
        wanted = {leaf for schema in answer_schemas(name) for leaf in leaves(schema)}
        said = fields_said(FUNCTIONS[name])
        covered = {
            leaf
            for leaf in wanted
            if any(leaf == each or (each.endswith("[]") and leaf.startswith(f"{each}.")) for each in said)
        }
        assert wanted - covered == set()
        known = {leaf[: match.start()] for leaf in wanted for match in re.finditer(r"\.|$", leaf)}
        assert said - known == set()

    @pytest.mark.parametrize("name", HTTPS)
    def test_its_own_errors(self, name: str) -> None:
        """Those that it declares beside what any function can answer."""
        said = re.search(r"^Own errors: ([^.]*)\.", FUNCTIONS[name], re.MULTILINE)
        assert set(ticked(said[1]) if said else []) == {error.reason for error in endpoints()[name].errors}

    def test_the_errors(self) -> None:
        """The table has each error of the code with its HTTP status and its status, and none that is not there."""
        errors = subclasses(the_class(ERROR_CLASS)) - {the_class(ERROR_CLASS)}
        wanted = sorted((str(error.http_status), error.status, error.reason) for error in errors)
        assert sorted((row[0], *ticked(row[1]), *ticked(row[2])) for row in tables(API, "HTTP")) == wanted

    def test_breaches_and_failure_reasons(self) -> None:
        """Each kind of breach and each reason of a failure, and none that is not there."""
        assert sorted(named(API, "breach")) == sorted(the_class(BREACH_CLASS))
        assert sorted(named(API, "`failureReason`")) == sorted(the_class(FAILURE_CLASS))

    def test_the_rewrites_of_the_site(self) -> None:
        """Each HTTPS function is reached at /api of the site, as docs/api.md says."""
        rewrites = json.loads(text_of("firebase.json"))["hosting"]["rewrites"]
        assert sorted(rewrite["source"] for rewrite in rewrites) == [f"/api/{name}" for name in HTTPS]


def written(db: firestore.Client) -> dict[str, set[str]]:
    """The fields of all documents in a database, by the path of their collection."""
    found: dict[str, set[str]] = {}

    def walk(collection: Any) -> None:
        name = "/".join("*" if index % 2 else part for index, part in enumerate(collection._path))
        for snapshot in collection.stream():
            found.setdefault(name, set()).update(snapshot.to_dict() or {})
            for below in snapshot.reference.collections():
                walk(below)

    for collection in db.collections():
        walk(collection)
    return found


def collections_said() -> dict[str, set[str]]:
    """The collections of docs/data.md, with the fields that it says they have."""
    said: dict[str, set[str]] = {}
    for heading, text in sections(DATA, "###").items():
        for path in ticked(heading):
            said[re.sub(r"\{\w+\}", "*", path).rpartition("/")[0]] = set(named(text.partition("\n## ")[0], "field"))
    return said


class TestData:
    @pytest.mark.embedded
    def test_the_documents(self, answered: tuple[Dev, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
        """Each collection and field that the functions write is told, and none that they never write."""
        dev, _ = answered
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{dev.firestore_port}")
        db = firestore.Client(project="demo-imagegen")
        found = written(db)
        db.close()
        catalog = re.findall(r"`(\w+)/\{id\}`", sections(DATA, "###")["The catalog"])
        of = {}
        for row in tables(sections(DATA, "###")["The catalog"], "field"):
            for field in ticked(row[0]):
                of[field] = catalog if row[1] == "all" else [row[1]]
        for collection in catalog:
            assert found.pop(collection) <= {field for field, collections in of.items() if collection in collections}
        said = collections_said()
        report = {name.partition(".")[0].partition("[")[0] for name in named(REPORTS, "answer")} - {"week"}
        assert found.pop("weeklyReports") == report
        said.pop("weeklyReports")
        assert found == said
        # What an operator may add to the catalog is read by its name.
        code = "\n".join(path.read_text() for path in (ROOT / "functions" / "imagegen").rglob("*.py"))
        assert [field for field in of if f'"{field}"' not in code] == []

    def test_the_indexes(self) -> None:
        """Each composite index, each field without one, and none that is not there."""
        arrows = {"↑": "ASCENDING", "↓": "DESCENDING"}
        said = [
            [(field, arrows[arrow]) for field, arrow in re.findall(r"`(\w+)` ([↑↓])", row[0])]
            for row in tables(DATA, "fields")
        ]
        file = json.loads(text_of("firestore.indexes.json"))
        kept = [[(field["fieldPath"], field["order"]) for field in index["fields"]] for index in file["indexes"]]
        assert sorted(said) == sorted(kept)
        assert {index["collectionGroup"] for index in file["indexes"] + file["fieldOverrides"]} == {
            "generationRequests"
        }
        (without,) = re.findall(r"No index at all.*? for ((?:`\w+`[\s,and]*)+)", DATA, re.DOTALL)
        assert ticked(without) == [override["fieldPath"] for override in file["fieldOverrides"]]
        assert all(override["indexes"] == [] for override in file["fieldOverrides"])

    def test_the_rules(self) -> None:
        """Each path that the rules open, with its methods, and none that they do not."""
        rules = {}
        path: list[tuple[int, str]] = []
        for line in text_of("firestore.rules").splitlines():
            indent = len(line) - len(line.lstrip())
            if found := re.match(r"\s*match /(\S+) \{", line):
                path = [*(part for part in path if part[0] < indent), (indent, found[1])]
            if found := re.match(r"\s*allow ([\w, ]+): if", line):
                whole = [part for part in path if part[0] < indent]
                rules["/".join(name for _, name in whole if not name.startswith("databases"))] = found[1]
        said = {name: row[1] for row in tables(DATA, "documents") for name in ticked(row[0])}
        assert set(said) == set(rules)
        for name, methods in rules.items():
            assert f": {methods}" in said[name], name
        assert "write" not in " ".join(rules.values())


class TestReports:
    def test_every_kind_of_anomaly(self) -> None:
        """The table has each kind that the code finds, and none that it does not."""
        (module,) = [
            module for module in modules() if "find_anomalies" in vars(module) and "BASELINE_WEEKS" in vars(module)
        ]
        kinds = {value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)}
        assert sorted(named(REPORTS, "kind")) == sorted(kinds)


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def prose(markdown: str) -> str:
    return re.sub(r"```.*?```", "", markdown, flags=re.DOTALL)


class TestLinks:
    @pytest.mark.parametrize("name", ALL_MARKDOWN)
    def test_they_lead_somewhere(self, name: str) -> None:
        """Each link to a file or a heading of this repository finds it."""
        for target in re.findall(r"\]\(([^)\s]+)\)", prose(text_of(name))):
            if target.startswith(("http://", "https://")):
                continue
            path, _, anchor = target.partition("#")
            file = (ROOT / name).parent / path if path else ROOT / name
            assert file.exists(), target
            if anchor:
                headings = re.findall(r"^#+ (.+)$", prose(file.read_text()), re.MULTILINE)
                assert anchor in {slug(heading) for heading in headings}, target

    @pytest.mark.parametrize("name", DOCUMENTS)
    def test_lines_are_short(self, name: str) -> None:
        """Text wraps at 120 characters; tables, links and code may be longer."""
        lines = prose(text_of(name)).splitlines()
        assert [
            line for line in lines if len(line) > 120 and not line.startswith(("|", "-")) and "](" not in line
        ] == []

    def test_pictures_are_small(self) -> None:
        """Each is below 200 kB and stands in a document."""
        shown = "".join(map(text_of, DOCUMENTS))
        for path in (ROOT / "docs" / "images").iterdir():
            assert path.stat().st_size < 200_000, path.name
            assert f"images/{path.name}" in shown, path.name


def paths_said(name: str) -> list[str]:
    """What stands in backticks and looks like a path: it ends as files or folders do."""
    endings = r"(?:/|\.(?:py|md|json|rules|toml|js|yaml|txt|env))"
    return sorted(
        {said for said in ticked(prose(text_of(name))) if re.fullmatch(rf"[\w.-]+(?:/[\w.-]+)*{endings}", said)}
    )


class TestPaths:
    @pytest.mark.parametrize("said", sorted({*paths_said("docs/ARCHITECTURE.md"), *paths_said("docs/CONTRIBUTING.md")}))
    def test_every_path_exists(self, said: str) -> None:
        """A path in ARCHITECTURE.md or CONTRIBUTING.md is there; a bare name is that of some deployed file."""
        names = {path.name for path in (ROOT / "functions").glob("*.py")} | {p.name for p in BASES[1].rglob("*.py")}
        assert said in names or any((base / said).exists() for base in BASES)

    def test_the_tree_of_the_readme(self) -> None:
        """Each folder and file of its tree is there, and each folder of the repository is in it."""
        (tree,) = re.findall(r"```text\n(.*?)```", text_of("README.md"), re.DOTALL)
        said = {line.split()[0] for line in tree.splitlines()}
        assert [path for path in said if not (ROOT / path).exists()] == []
        tracked = subprocess.run(
            ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True
        ).stdout
        folders = {
            f"{path.partition('/')[0]}/" for path in tracked.splitlines() if "/" in path and not path.startswith(".")
        }
        assert folders <= {f"{path.partition('/')[0]}/" for path in said}


RECORDS = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md"))


class TestDecisions:
    @pytest.mark.parametrize("name", RECORDS)
    def test_a_record_has_its_head(self, name: str) -> None:
        """A number, a status, a date and the alternatives that were considered."""
        lines = text_of(f"docs/decisions/{name}").splitlines()
        assert re.fullmatch(rf"# {int(name[:4])}\. .+", lines[0])
        assert lines[1] == ""
        assert re.fullmatch(r"- Status: (proposed|accepted|superseded by \[\d+\]\(.+\))", lines[2])
        assert datetime.date.fromisoformat(lines[3].removeprefix("- Date: "))
        assert lines[4].startswith("- Alternatives: ")

    def test_the_index(self) -> None:
        """Each record with its title, status and date, and none that is not there."""
        rows = tables(text_of("docs/decisions/README.md"), "record")
        said = []
        for row in rows:
            (number, file) = re.findall(r"\[(\d+)\]\(([^)]+)\)", row[0])[0]
            said.append((file, f"# {number}. {row[1]}", f"- Status: {row[2]}", f"- Date: {row[3]}"))
        heads = {name: text_of(f"docs/decisions/{name}").splitlines() for name in RECORDS}
        assert said == [(name, lines[0], lines[2], lines[3]) for name, lines in heads.items()]


class TestVersion:
    def test_it_is_said_once(self) -> None:
        """The newest release of the changelog, the OpenAPI document and the project are of imagegen's version."""
        releases = re.findall(r"^## \[(\d[^]]*)\] - (\S+)$", text_of("CHANGELOG.md"), re.MULTILINE)
        assert releases[0][0] == OPENAPI["info"]["version"] == imagegen.__version__
        assert [datetime.date.fromisoformat(day) for _, day in releases] == sorted(
            (datetime.date.fromisoformat(day) for _, day in releases), reverse=True
        )
        project = tomllib.loads(text_of("pyproject.toml"))
        assert "version" in project["project"]["dynamic"]
        assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "imagegen.__version__"}
