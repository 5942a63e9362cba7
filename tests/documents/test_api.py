"""docs/api.md, docs/reports.md and the README's table say what the functions declare."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.documents.declared import HTTPS, OPENAPI, deployed, endpoints, errors, modules, the_class
from tests.documents.markdown import API, BLOCK, README, REPORTS, named, sections, slug, tables, text_of, ticked

FUNCTIONS = sections(API)
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
        for text in (API, README):
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
        schema = OPENAPI["components"]["schemas"][endpoints()[name].request_model.__name__]
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
        wanted = sorted((str(error.http_status), error.status, error.reason) for error in errors())
        assert sorted((row[0], *ticked(row[1]), *ticked(row[2])) for row in tables(API, "HTTP")) == wanted

    def test_breaches_and_failure_reasons(self) -> None:
        """Each kind of breach and each reason of a failure, and none that is not there."""
        assert sorted(named(API, "breach")) == sorted(the_class("BreachKind"))
        assert sorted(named(API, "`failureReason`")) == sorted(the_class("FailureReason"))

    def test_the_rewrites_of_the_site(self) -> None:
        """Each HTTPS function is reached at /api of the site, as docs/api.md says."""
        rewrites = json.loads(text_of("firebase.json"))["hosting"]["rewrites"]
        assert sorted(rewrite["source"] for rewrite in rewrites) == [f"/api/{name}" for name in HTTPS]


class TestReports:
    def test_every_kind_of_anomaly(self) -> None:
        """The table has each kind that the code finds, and none that it does not."""
        (module,) = [
            module for module in modules() if "find_anomalies" in vars(module) and "BASELINE_WEEKS" in vars(module)
        ]
        kinds = {value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)}
        assert sorted(named(REPORTS, "kind")) == sorted(kinds)
