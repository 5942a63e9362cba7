"""docs/data.md lists the documents that the functions write, the indexes and the rules."""

import json
import re
from contextlib import closing
from typing import Any

import pytest
from google.cloud import firestore

from tests.documents.declared import IMAGEGEN
from tests.documents.markdown import DATA, REPORTS, named, sections, tables, text_of, ticked
from tests.running_dev import Dev

pytestmark = pytest.mark.timeout(90)


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
    """The collections of docs/data.md, with their fields."""
    said: dict[str, set[str]] = {}
    for heading, text in sections(DATA, "###").items():
        for path in ticked(heading):
            said[re.sub(r"\{\w+\}", "*", path).rpartition("/")[0]] = set(named(text.partition("\n## ")[0], "field"))
    return said


class TestData:
    @pytest.mark.embedded
    def test_the_documents(self, answered: tuple[Dev, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
        """It lists exactly the collections and fields that the functions write."""
        dev, _ = answered
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{dev.firestore_port}")
        with closing(firestore.Client(project="demo-imagegen")) as db:
            found = written(db)
        catalog = re.findall(r"`(\w+)/\{id\}`", sections(DATA, "###")["The catalog"])
        of = {}
        for row in tables(sections(DATA, "###")["The catalog"], "field"):
            for field in ticked(row[0]):
                of[field] = catalog if row[1] == "all" else [row[1]]
        for collection in catalog:
            assert found.pop(collection) <= {field for field, collections in of.items() if collection in collections}
        said = collections_said()
        report = {name.partition(".")[0].partition("[")[0] for name in named(REPORTS, "answer")} - {"week", "isFinal"}
        assert found.pop("weeklyReports") == report
        said.pop("weeklyReports")
        assert found == said
        # The code reads optional catalog fields by name.
        code = "\n".join(path.read_text() for path in IMAGEGEN.rglob("*.py"))
        assert [field for field in of if f'"{field}"' not in code] == []

    def test_the_indexes(self) -> None:
        """It lists exactly the composite indexes and the fields without an index."""
        arrows = {"↑": "ASCENDING", "↓": "DESCENDING"}
        said = [
            [(field, arrows[arrow]) for field, arrow in re.findall(r"`(\w+)` ([↑↓])", row[0])]
            for row in tables(DATA, "fields")
        ]
        file = json.loads(text_of("firestore.indexes.json"))
        kept = [[(field["fieldPath"], field["order"]) for field in index["fields"]] for index in file["indexes"]]
        assert sorted(said) == sorted(kept)
        assert {index["collectionGroup"] for index in file["indexes"] + file["fieldOverrides"]} == {
            "generationRequests",
            "transactions",
            "webhookAccounts",
        }
        (without,) = re.findall(r"No index at all.*? for ((?:`\w+`[\s,and]*)+)", DATA, re.DOTALL)
        assert ticked(without) == [override["fieldPath"] for override in file["fieldOverrides"]]
        assert all(override["indexes"] == [] for override in file["fieldOverrides"])

    def test_the_rules(self) -> None:
        """It lists exactly the paths that the rules open, with their methods."""
        rules: dict[str, str] = {}
        path: list[tuple[int, str]] = []
        for line in text_of("firestore.rules").splitlines():
            indent = len(line) - len(line.lstrip())
            if found := re.match(r"\s*match /(\S+) \{", line):
                path = [*(part for part in path if part[0] < indent), (indent, found[1])]
            if found := re.match(r"\s*allow ([\w, ]+): if", line):
                whole = [part for part in path if part[0] < indent]
                name = "/".join(name for _, name in whole if not name.startswith("databases"))
                rules[name] = f"{rules[name]}, {found[1]}" if name in rules else found[1]
        said = {name: row[1] for row in tables(DATA, "documents") for name in ticked(row[0])}
        assert set(said) == set(rules)
        for name, methods in rules.items():
            assert f": {methods}" in said[name], name
        assert "write" not in " ".join(rules.values())
