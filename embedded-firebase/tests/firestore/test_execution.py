"""Index plans give the same results and counts as a full scan."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from embedded_firebase.firestore.errors import EmulatorError
from embedded_firebase.firestore.indexes.definitions import IndexSet, parse
from embedded_firebase.firestore.messages import Document, StructuredQuery, Value
from embedded_firebase.firestore.query import query as queries
from embedded_firebase.firestore.query.query import Query
from embedded_firebase.firestore.storage import execution, index_table, recent_changes
from embedded_firebase.firestore.storage.storage import Change, Storage
from embedded_firebase.firestore.values.paths import parse_document

DATABASE = "projects/p/databases/(default)"
ROOT = f"{DATABASE}/documents"
NAMES = [f"{ROOT}/{path}" for path in ("c/a", "c/b", "c/b/c/a", "c/b/c/x", "c/b/d/y", "c/d", "c/__id7__", "o/a", "c/é")]
FILE = """{
  "indexes": [
    {"collectionGroup": "c", "queryScope": "COLLECTION", "fields": [
      {"fieldPath": "a", "order": "DESCENDING"}, {"fieldPath": "b", "order": "ASCENDING"}]},
    {"collectionGroup": "c", "queryScope": "COLLECTION_GROUP", "fields": [
      {"fieldPath": "t", "arrayConfig": "CONTAINS"}, {"fieldPath": "a", "order": "DESCENDING"},
      {"fieldPath": "b", "order": "ASCENDING"}]},
    {"collectionGroup": "c", "queryScope": "COLLECTION", "fields": [
      {"fieldPath": "b", "order": "DESCENDING"}, {"fieldPath": "a", "order": "DESCENDING"},
      {"fieldPath": "__name__", "order": "ASCENDING"}]}
  ],
  "fieldOverrides": [
    {"collectionGroup": "c", "fieldPath": "m", "indexes": []},
    {"collectionGroup": "d", "fieldPath": "a", "indexes": [{"queryScope": "COLLECTION", "order": "DESCENDING"}]}
  ]
}"""
INDEX_SETS = {"automatic": IndexSet(), "from a file": parse(FILE)}

SCALARS = [
    Value(null_value=0),
    Value(boolean_value=True),
    Value(integer_value=1),
    Value(integer_value=2),
    Value(double_value=1.0),
    Value(double_value=-0.0),
    Value(double_value=math.nan),
    Value(string_value="é"),
    Value(string_value="e\0"),
    Value(string_value="long" * 20),
    Value(bytes_value=b"\xff\xff"),
    Value(reference_value=NAMES[0]),
]
ARRAYS = [Value(array_value={"values": list(held)}) for held in ([], SCALARS[2:4], SCALARS[4:9], SCALARS[2:3])]
MAPS = [Value(map_value={"fields": {"x": held}}) for held in SCALARS[1:5]]
ORDERED_BY_A = StructuredQuery(from_=[{"collection_id": "c"}], order_by=[{"field": {"field_path": "a"}}])
# Few values, so that documents and operands are often equal.
values = st.sampled_from(SCALARS[2:5] * 4 + SCALARS + ARRAYS + MAPS)
paths = st.sampled_from(["a", "a", "a", "b", "b", "t", "m", "m.x"])
contents = st.fixed_dictionaries({"a": values}, optional={"b": values, "t": values, "m": values})
histories = st.lists(st.tuples(st.sampled_from(NAMES[:5] + NAMES), st.none() | contents), min_size=4, max_size=25)


@st.composite
def filters(draw: st.DrawFn, depth: int = 2) -> StructuredQuery.Filter:
    kind = draw(
        st.sampled_from(["field", "field", "unary", "name", "composite"] if depth else ["field", "unary", "name"])
    )
    made = StructuredQuery.Filter()
    if kind == "composite":
        made.composite_filter.op = draw(st.sampled_from([1, 2]))
        made.composite_filter.filters.extend(draw(st.lists(filters(depth - 1), min_size=1, max_size=3)))
    elif kind == "unary":
        made.unary_filter.op = draw(st.integers(2, 5))
        made.unary_filter.field.field_path = draw(paths)
    elif kind == "name":
        made.field_filter.field.field_path = "__name__"
        made.field_filter.op = draw(st.sampled_from([1, 2, 3, 4, 5, 6]))
        made.field_filter.value.reference_value = draw(st.sampled_from(NAMES))
    else:
        made.field_filter.field.field_path = draw(paths)
        # Often equality: several of them on different fields are found by probing other indexes.
        made.field_filter.op = draw(st.integers(1, 10) | st.just(5))
        if made.field_filter.op in (8, 9, 10):
            made.field_filter.value.array_value.values.extend(draw(st.lists(values, min_size=1, max_size=3)))
        else:
            made.field_filter.value.CopyFrom(draw(values))
    return made


@st.composite
def parsed_queries(draw: st.DrawFn) -> Query:
    """A query that production accepts; refused ones are drawn again."""
    message = StructuredQuery()
    message.from_.add(collection_id=draw(st.sampled_from(["c", "c", "c", "d"])), all_descendants=draw(st.booleans()))
    if draw(st.integers(0, 4)):
        message.where.CopyFrom(draw(filters()))
    order_by = draw(st.lists(st.sampled_from(["a", "b", "t", "m.x", "__name__"]), max_size=3, unique=True))
    for path in order_by:
        message.order_by.add(field={"field_path": path}, direction=draw(st.sampled_from([1, 2])))
    for name in ("start_at", "end_at"):
        if draw(st.integers(0, 3)) == 0:
            cursor = getattr(message, name)
            cursor.before = draw(st.booleans())
            for path in [*order_by, "__name__"][: draw(st.integers(0, len(order_by) + 1))]:
                is_name = path == "__name__"
                cursor.values.append(Value(reference_value=draw(st.sampled_from(NAMES))) if is_name else draw(values))
    if draw(st.booleans()):
        message.limit.value = draw(st.integers(0, 4))
    message.offset = draw(st.sampled_from([0, 0, 1, 3]))
    try:
        return queries.parse(draw(st.sampled_from([ROOT, ROOT, f"{ROOT}/c/b"])), message)
    except EmulatorError:
        return draw(parsed_queries())


def put(storage: Storage, time: int, name: str, fields: dict[str, Value] | None) -> None:
    document = None
    if fields is not None:
        document = Document(name=name, fields=fields)
        document.update_time.seconds = time
    storage.apply([Change(parse_document(name), document)], time)


def versions(documents: Iterable[Document]) -> list[tuple[str, int]]:
    return [(document.name, document.update_time.seconds) for document in documents]


def scanned(storage: Storage, query: Query, time: int) -> list[tuple[str, int]]:
    found = storage.scan(execution.collections_of(storage, query.scope), time)
    return versions(queries.run(query, found, ordered=False))


@pytest.fixture(autouse=True)
def small_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower the thresholds, so that small data takes every code path."""
    monkeypatch.setattr("embedded_firebase.firestore.indexes.planner.FEW_DOCUMENTS", 2)
    monkeypatch.setattr(index_table, "MAX_POSITION_BYTES", 60)
    monkeypatch.setattr(recent_changes, "MAX_RECENT_CHANGES", 6)


@pytest.mark.parametrize("indexes", INDEX_SETS.values(), ids=INDEX_SETS.keys())
class TestResults:
    @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(history=histories, before=st.integers(0, 8), wanted=st.lists(parsed_queries(), min_size=1, max_size=6))
    def test_walks_find_what_a_scan_finds(
        self, indexes: IndexSet, history: list, before: int, wanted: list[Query]
    ) -> None:
        """Walks find the same documents now and at an earlier time, for any documents and queries."""
        storage = Storage(indexes=indexes)
        for time, (name, fields) in enumerate(history, 1):
            put(storage, time, name, fields)
        for query in wanted:
            for time in (len(history), max(0, len(history) - before)):
                expected = scanned(storage, query, time)
                assert versions(execution.results(storage, query, time)) == expected
                counted = execution.count(storage, query, time)
                event(f"counted by an index: {counted is not None}")
                assert counted in (None, len(expected[query.offset :]))
        storage.close()

    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(history=histories, before=st.integers(0, 8), wanted=st.lists(parsed_queries(), min_size=1, max_size=6))
    def test_tallies_group_what_a_scan_finds(
        self, indexes: IndexSet, history: list, before: int, wanted: list[Query]
    ) -> None:
        """Each group has the count of a scan, so that sums over groups are sums over all."""
        storage = Storage(indexes=indexes)
        for time, (name, fields) in enumerate(history, 1):
            put(storage, time, name, fields)
        for query in (replace(query, limit=None, offset=0) for query in wanted):
            for time in (len(history), max(0, len(history) - before)):
                tallied = execution.tally(storage, query, [order.path for order in query.orders[:-1]], time)
                event(f"tallied by an index: {tallied is not None}")
                if tallied is not None:
                    groups: Counter[object] = Counter()
                    for document, count in tallied:
                        groups[queries.sort_key(query.orders[:-1], document)] += count
                    found = storage.scan(execution.collections_of(storage, query.scope), time)
                    results = queries.run(query, found, ordered=False)
                    assert groups == Counter(queries.sort_key(query.orders[:-1], document) for document in results)
        storage.close()


class TestEqualities:
    def query(self, **wanted: int) -> Query:
        """A query for documents of the collection `c` with these numbers."""
        message = StructuredQuery(from_=[{"collection_id": "c"}])
        message.where.composite_filter.op = 1
        for path, number in wanted.items():
            filter_ = message.where.composite_filter.filters.add()
            filter_.field_filter.field.field_path = path
            filter_.field_filter.op = 5
            filter_.field_filter.value.integer_value = number
        return queries.parse(ROOT, message)

    def test_of_several_fields(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Entries of one index are looked up in those of the others: no document is read that is no result."""
        storage = Storage()
        for number in range(8):
            fields = {"a": Value(integer_value=number % 2), "b": Value(integer_value=number % 4)}
            put(storage, number + 1, f"{ROOT}/c/{number}", fields)
        monkeypatch.setattr(storage, "scan", None)
        query = self.query(a=1, b=3)
        assert [name[-1] for name, _ in versions(execution.results(storage, query, 8))] == ["3", "7"]
        assert execution.count(storage, query, 8) == 2
        assert execution.count(storage, self.query(a=0, b=3), 8) == 0
        assert execution.count(storage, self.query(a=1, never=3), 8) == 0
        storage.close()

    def test_tallies_by_an_index(self) -> None:
        """One index answers how many results there are of each value."""
        storage = Storage()
        for number in range(8):
            put(storage, number + 1, f"{ROOT}/c/{number}", {"a": Value(integer_value=number % 2)})
        tallied = execution.tally(storage, queries.parse(ROOT, ORDERED_BY_A), [("a",)], 8)
        assert tallied is not None
        assert [(document.fields["a"].integer_value, count) for document, count in tallied] == [(0, 4), (1, 4)]
        storage.close()
