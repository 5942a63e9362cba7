"""Which queries need an index that is missing, and its definition."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import FailedPrecondition
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from google.cloud.firestore import And, FieldFilter, Or, Query

from embedded_firebase.firestore.errors import Code, EmulatorError
from embedded_firebase.firestore.indexes import required as required_indexes
from embedded_firebase.firestore.indexes.definitions import IndexSet, parse
from embedded_firebase.firestore.query import query as queries
from embedded_firebase.firestore.server import FirestoreServer

ROOT = "projects/p/databases/(default)/documents"
CLIENT = firestore.Client(project="p", credentials=AnonymousCredentials())
C = CLIENT.collection("c")
GROUP = CLIENT.collection_group("c")
DESC = Query.DESCENDING


def where(source: Any, *filters: tuple[str, str, Any]) -> Any:
    for path, op, value in filters:
        source = source.where(filter=FieldFilter(path, op, value))
    return source


def lacking(query: Any, indexes: IndexSet) -> dict[str, Any] | None:
    """The missing definition of a query, by its section of the index file; None if nothing is missing."""
    try:
        required_indexes.check(queries.parse(ROOT, query._to_protobuf()._pb), indexes)
    except EmulatorError as refusal:
        error = refusal
    else:
        return None
    assert error.code is Code.FAILED_PRECONDITION
    section = error.message.split('"')[1]
    return {section: [json.loads(error.message.partition("firestore.indexes.json: ")[2])]}


def fields_lacking(query: Any) -> list[str] | None:
    """The fields of the composite index that a query needs beyond the automatic ones."""
    missing = lacking(query, IndexSet())
    if missing is None:
        return None
    (entry,) = missing["indexes"]
    return [f"{field['fieldPath']} {field.get('order') or field['arrayConfig']}" for field in entry["fields"]]


SERVED = [
    C.limit(1),
    C.order_by("a"),
    C.order_by("a", direction=DESC),
    C.order_by("a").order_by("__name__"),
    where(C, ("a", "==", 1), ("b", "==", 2), ("t", "array_contains", 3)),
    where(C, ("a", "==", 1)).order_by("__name__", direction=DESC),
    where(C, ("a", "==", 1)).order_by("a"),
    where(C, ("a", ">", 1), ("a", "<", 3)).order_by("a", direction=DESC),
    where(C, ("a", "!=", 1)),
    where(C, ("a", "in", [1, 2]), ("b", "==", 2)),
    where(C, ("t", "array_contains_any", [1, 2])),
    where(C, ("__name__", ">", C.document("x"))),
    where(C, ("a", "==", 1), ("__name__", ">", C.document("x"))),
    C.where(filter=Or([FieldFilter("a", "==", 1), FieldFilter("b", "==", 2)])),
    GROUP.limit(1),
]

REFUSED = [
    (where(C, ("a", "==", 1)).order_by("b"), ["a ASCENDING", "b ASCENDING"]),
    (where(C, ("a", "==", 1), ("b", ">", 1)), ["a ASCENDING", "b ASCENDING"]),
    (where(C, ("b", "==", 1), ("a", "in", [1, 2])).order_by("c", direction=DESC),
     ["a ASCENDING", "b ASCENDING", "c DESCENDING"]),
    (C.order_by("a").order_by("b", direction=DESC), ["a ASCENDING", "b DESCENDING"]),
    (where(C, ("b", ">", 1), ("a", ">", 1)), ["a ASCENDING", "b ASCENDING"]),
    (where(C, ("t", "array_contains", 1)).order_by("a"), ["t CONTAINS", "a ASCENDING"]),
    (where(C, ("a", "==", 2), ("t", "array_contains", 1)).order_by("b"), ["t CONTAINS", "a ASCENDING", "b ASCENDING"]),
    (C.order_by("a").order_by("__name__", direction=DESC), ["a ASCENDING", "__name__ DESCENDING"]),
    (C.order_by("__name__", direction=DESC), ["__name__ DESCENDING"]),
    (C.where(filter=Or([FieldFilter("b", "==", 1), And([FieldFilter("a", "==", 1), FieldFilter("b", ">", 2)])])),
     ["a ASCENDING", "b ASCENDING"]),
    (where(C, ("m.`x y`", "==", 1)).order_by("b"), ["m.`x y` ASCENDING", "b ASCENDING"]),
    (where(GROUP, ("a", "==", 1), ("b", "==", 1)), ["a ASCENDING", "b ASCENDING"]),
]  # fmt: skip


class TestAutomaticIndexes:
    @pytest.mark.parametrize("query", SERVED)
    def test_they_serve(self, query: Any) -> None:
        """Automatic indexes serve one order, one inequality, or any number of equalities."""
        assert lacking(query, IndexSet()) is None

    @pytest.mark.parametrize(("query", "fields"), REFUSED)
    def test_they_do_not_serve(self, query: Any, fields: list[str]) -> None:
        """Queries that combine an order or inequality with another field; the error has the definition to add."""
        assert fields_lacking(query) == fields

    @pytest.mark.parametrize(
        "query",
        [query for query, _ in REFUSED] + [GROUP.order_by("a"), where(GROUP, ("t", "array_contains", 1))],
    )
    def test_the_suggested_indexes_are_enough(self, query: Any) -> None:
        """After adding the definitions from the errors one by one, the query is served."""
        content: dict[str, list[Any]] = {"indexes": [], "fieldOverrides": []}
        for _ in range(3):
            missing = lacking(query, parse(json.dumps(content)))
            if missing is None:
                break
            for section, entries in missing.items():
                content[section] += entries
        assert lacking(query, parse(json.dumps(content))) is None


def composite(*fields: tuple[str, str], scope: str = "COLLECTION") -> dict[str, Any]:
    return {
        "collectionGroup": "c",
        "queryScope": scope,
        "fields": [
            {"fieldPath": path, "arrayConfig" if mode == "CONTAINS" else "order": mode} for path, mode in fields
        ],
    }


def with_indexes(*indexes: dict[str, Any]) -> IndexSet:
    return parse(json.dumps({"indexes": list(indexes)}))


class TestCompositeIndexes:
    def test_equalities_come_first_in_any_order(self) -> None:
        """Their directions do not matter either."""
        indexes = with_indexes(composite(("b", "DESCENDING"), ("a", "ASCENDING"), ("c", "ASCENDING")))
        assert lacking(where(C, ("a", "==", 1), ("b", "==", 1)).order_by("c"), indexes) is None

    def test_indexes_with_the_same_order_are_merged(self) -> None:
        """Two indexes with the same order serve the equalities of both."""
        query = where(C, ("a", "==", 1), ("b", "==", 1)).order_by("c")
        one, other = (
            composite(("a", "ASCENDING"), ("c", "ASCENDING")),
            composite(("b", "ASCENDING"), ("c", "ASCENDING")),
        )
        assert lacking(query, with_indexes(one, other)) is None
        assert lacking(query, with_indexes(one)) is not None

    @pytest.mark.parametrize(
        "index",
        [
            composite(("a", "ASCENDING"), ("b", "DESCENDING")),
            composite(("b", "ASCENDING"), ("a", "ASCENDING")),
            composite(("a", "ASCENDING"), ("b", "ASCENDING"), ("c", "ASCENDING")),
            composite(("a", "ASCENDING"), ("b", "ASCENDING"), ("__name__", "DESCENDING")),
            composite(("a", "ASCENDING"), ("b", "ASCENDING"), scope="COLLECTION_GROUP"),
        ],
    )
    def test_other_indexes_do_not_serve(self, index: dict[str, Any]) -> None:
        """Another direction or order of fields, an extra field, or the other scope does not serve."""
        assert lacking(where(C, ("a", "==", 1)).order_by("b"), with_indexes(index)) is not None

    def test_sums_need_the_summed_field(self) -> None:
        """With a filter on another field the index ends with the summed field."""
        message = where(C, ("a", "==", 1))._to_protobuf()._pb
        query = queries.parse(ROOT, message, [("price",)])
        required_indexes.check(query, with_indexes(composite(("a", "ASCENDING"), ("price", "ASCENDING"))))
        with pytest.raises(EmulatorError, match='"price", "order": "ASCENDING"'):
            required_indexes.check(query, IndexSet())


class TestOverrides:
    OVERRIDES = parse(json.dumps({"fieldOverrides": [
        {"collectionGroup": "c", "fieldPath": "a", "indexes": []},
        {"collectionGroup": "c", "fieldPath": "b", "indexes": [
            {"order": "ASCENDING", "queryScope": "COLLECTION"},
            {"order": "DESCENDING", "queryScope": "COLLECTION_GROUP"}]}]}))  # fmt: skip

    def test_an_exempt_field_serves_no_query(self) -> None:
        """The fields inside it serve none either; the error has an override that restores the index."""
        assert lacking(where(C, ("a.x", "==", 1)), self.OVERRIDES) == {"fieldOverrides": [
            {"collectionGroup": "c", "fieldPath": "a.x", "indexes": [
                {"queryScope": "COLLECTION", "order": "ASCENDING"}]}]}  # fmt: skip

    def test_an_override_lists_the_indexes(self) -> None:
        """The override has one direction in each scope."""
        assert lacking(C.order_by("b"), self.OVERRIDES) is None
        assert lacking(GROUP.order_by("b", direction=DESC), self.OVERRIDES) is None
        assert lacking(C.order_by("b", direction=DESC), self.OVERRIDES) is not None
        assert lacking(GROUP.order_by("b"), self.OVERRIDES) is not None


class TestServer:
    @pytest.fixture
    def strict(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[firestore.Client]:
        """A client of a server that requires indexes, with an index on `a`, then `b`."""
        file = tmp_path / "firestore.indexes.json"
        file.write_text(json.dumps({"indexes": [composite(("a", "ASCENDING"), ("b", "ASCENDING"))]}))
        server = FirestoreServer(indexes=file, require_indexes=True)
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{server.start()}")
        client = firestore.Client(project="demo-strict")
        yield client
        client.close()
        server.stop()

    def test_it_refuses_and_serves(self, strict: firestore.Client) -> None:
        """Queries and aggregations are both checked."""
        c = strict.collection("c")
        c.document("x").set({"a": 1, "b": 2})
        assert [found.id for found in where(c, ("a", "==", 1)).order_by("b").stream()] == ["x"]
        refused = where(c, ("b", "==", 1)).order_by("a")
        with pytest.raises(FailedPrecondition, match=r'The query requires an index\..*"fieldPath": "b"'):
            list(refused.stream())
        with pytest.raises(FailedPrecondition, match="The query requires an index"):
            refused.count().get()
