"""Random programs of writes, transactions and queries have the same results on the server and a naive model.

A program runs through Google's client, step by step, and on the model; results, times and error codes must agree.
MODEL_EXAMPLES=5000 in the environment tries more programs; `make test-long` sets 100.
"""

import math
import os
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from google.api_core.datetime_helpers import DatetimeWithNanoseconds
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import firestore
from google.cloud.firestore import And, FieldFilter, GeoPoint, Or
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.firestore import model
from tests.firestore.model import Model, Query, Refused, Where, Write, exact

from embedded_firebase.firestore.transactions import turns

EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "20"))

# Numeric ids sort before others, by number; collections are in the root and below a document.
PATHS = ["c/__id7__", "c/__id12__", "c/a", "c/b", "c/é", "c/a/c/a", "d/a/c/b", "d/a"]
FIELDS = [("a",), ("b",), ("m", "x")]
# Few values, so that documents and queries meet: neighbours in order, and pairs that are equal but not identical.
PALETTES = [
    [1, 2, 3],
    [math.nan, -0.5, -0.0, 0, 0.0, 1, 1.0],
    [-math.inf, -(2**63), 2**53, float(2**53), 2**53 + 1, 2**63 - 1, math.inf],
    ["", "a", "a\0", "ab", "é", "\uffff", "\U0001f600"],
    [None, False, 1, datetime(2026, 1, 1, tzinfo=UTC), "a", b"a", GeoPoint(0, 1)],
    [True, datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC), b"", b"\0", GeoPoint(-1, 0)],
]
KINDS = {
    firestore.Increment: "increment",
    firestore.Maximum: "maximum",
    firestore.Minimum: "minimum",
    firestore.ArrayUnion: "union",
    firestore.ArrayRemove: "remove",
}


@dataclass(frozen=True)
class Change:
    """A write of a program: `guard` says whether its required update time is the current one."""

    kind: str
    path: str
    data: dict[str, Any] = field(default_factory=dict, hash=False)
    guard: str = ""


def together(op: str, *parts: st.SearchStrategy[Where]) -> st.SearchStrategy[Where]:
    return st.builds(Where, st.just(()), st.just(op), st.tuples(*parts))


def programs(palette: list[Any]) -> st.SearchStrategy[list[Any]]:
    """Return programs whose documents and queries use a few values."""
    scalars = st.sampled_from(palette)
    maps = st.dictionaries(st.sampled_from(["x", "y", "é"]), scalars, min_size=1, max_size=2)
    elements = st.lists(scalars | maps, max_size=3)
    values = st.one_of(scalars, scalars, scalars, scalars, elements, maps)
    numbers = st.sampled_from([1, -1, 0.5, *(value for value in palette if type(value) in (int, float))])
    transforms = st.one_of(
        st.just(firestore.SERVER_TIMESTAMP),
        st.builds(firestore.Increment, numbers),
        st.builds(firestore.Maximum, numbers),
        st.builds(firestore.Minimum, numbers),
        st.builds(firestore.ArrayUnion, elements.filter(bool)),
        st.builds(firestore.ArrayRemove, elements.filter(bool)),
    )
    documents = st.fixed_dictionaries(
        {"a": values, "b": st.one_of(values, values, transforms)},
        optional={
            "m": st.dictionaries(st.sampled_from(["x", "y"]), values | transforms, min_size=1, max_size=2) | scalars,
        },
    )
    updates = st.dictionaries(
        st.sampled_from(["a", "b", "m.x", "m.y"]), values | transforms | st.just(firestore.DELETE_FIELD), min_size=1
    )

    paths = st.sampled_from(PATHS)
    guards = st.sampled_from(["", "", "present", "past"])
    changes = st.one_of(
        st.builds(Change, st.sampled_from(["set", "set", "merge", "create"]), paths, documents),
        st.builds(Change, st.just("update"), paths, updates, guards),
        st.builds(Change, st.just("delete"), paths, guard=guards | st.just("exists")),
    )
    batches = st.lists(changes, min_size=1, max_size=3)

    # Google's client accepts null and NaN with == and !=, and in lists, only.
    comparable = scalars.filter(lambda value: value is not None and value == value)
    ranged = comparable | elements | maps
    listed = st.lists(comparable, min_size=1, max_size=3)
    listed_any = st.lists(scalars, min_size=1, max_size=3)
    fields = st.sampled_from(FIELDS)
    positive = st.one_of(
        st.builds(Where, fields, st.just("=="), values),
        st.builds(Where, fields, st.sampled_from(["<", "<=", ">", ">="]), ranged),
        st.builds(Where, fields, st.just("in"), listed_any),
    )
    contains = st.one_of(
        st.builds(Where, fields, st.just("array_contains"), comparable | maps),
        st.builds(Where, fields, st.just("array_contains_any"), listed_any),
    )
    unequal = st.builds(Where, fields, st.just("!="), values)
    not_in = st.builds(Where, fields, st.just("not-in"), listed)
    simple = st.builds(Where, fields, st.sampled_from(["==", "<", ">="]), ranged)

    # The combinations that production allows: one negation, and not-in without another list or alternative.
    conditions = st.one_of(
        st.none(),
        st.none(),
        st.none(),
        positive,
        positive,
        contains,
        unequal,
        not_in,
        together("and", positive, positive),
        together("and", simple, contains, unequal),
        together("and", simple, not_in),
        together("or", positive, contains),
        together("or", simple, together("and", positive, unequal)),
        together("and", positive, together("or", simple, simple)),
    )

    @st.composite
    def queries(draw: st.DrawFn) -> Query:
        """A query on one of the collections, or on all with that id."""
        orders = draw(
            st.lists(st.tuples(fields, st.sampled_from([1, -1])), max_size=2, unique_by=lambda order: order[0])
        )
        bounds = (
            st.none()
            | st.none()
            | st.none()
            | st.tuples(st.lists(values, min_size=1, max_size=len(orders) or 1).map(tuple), st.booleans())
        )
        limit = draw(st.sampled_from([None, None, 1, 2, 4]))
        last = bool(orders) and limit is not None and draw(st.booleans())
        return Query(
            draw(st.sampled_from("cccd")),
            draw(st.booleans()),
            draw(conditions),
            tuple(orders),
            # With limit_to_last Google's client reverses the orders, but not the cursors.
            draw(bounds) if orders and not last else None,
            draw(bounds) if orders and not last else None,
            0 if last else draw(st.sampled_from([0, 0, 0, 1])),
            limit,
            last,
        )

    slots = st.integers(0, 1)
    reads = st.lists(paths | queries(), min_size=1, max_size=2)
    steps = st.one_of(
        st.tuples(st.just("commit"), batches),
        st.tuples(st.just("find"), queries()),
        st.tuples(st.just("find"), queries()),
        st.tuples(st.just("count"), queries()),
        st.tuples(st.just("find_past"), queries(), st.integers(0, 3)),
        st.tuples(st.just("find_past"), queries(), st.integers(0, 3)),
        st.tuples(st.just("duel"), reads, batches, batches),
        st.tuples(st.just("duel"), reads, batches, batches),
        st.tuples(st.just("begin"), slots, st.sampled_from([False, False, True])),
        st.tuples(st.just("look"), slots, reads),
        st.tuples(st.just("end"), slots, batches),
        st.tuples(st.just("roll_back"), slots),
    )
    # Initial documents, to be found and changed.
    filled = st.lists(st.builds(Change, st.just("set"), paths, documents), min_size=6, max_size=12)
    return st.tuples(filled, st.lists(steps, min_size=6, max_size=14)).map(
        lambda parts: [("commit", parts[0]), *parts[1]]
    )


class Run:
    """One program on the server and on the model."""

    def __init__(self) -> None:
        self.db = firestore.Client(project=f"demo-{uuid.uuid4().hex[:12]}")
        self.model = Model()
        self.open: dict[int, tuple[firestore.Transaction, model.Transaction]] = {}
        self.past = self.server_time()

    def server_time(self) -> datetime:
        """Return a time that is after every commit so far and before every later one."""
        return self.db.document("none/none").get().read_time

    def commit(self, batch: list[Change]) -> None:
        writes = self.db.batch()
        expected = [self._write(writes, change) for change in batch]
        self._commit(writes.commit, expected, None)

    def find(self, query: Query) -> None:
        self._compare(self._query(query).get(), query, self.model.now)

    def count(self, query: Query) -> None:
        ((found,),) = self._query(query, limit_to_last=False).count().get()
        assert found.value == len(model.run(query, self.model.now))

    def find_past(self, query: Query, back: int) -> None:
        moment = self.model.past[-1 - back % len(self.model.past)][0] if self.model.past else self.past
        self._compare(self._query(query).get(read_time=moment), query, self.model.at(moment))

    def begin(self, slot: int, read_only: bool) -> None:
        if slot in self.open:
            self.roll_back(slot)
        ours = self.db.transaction(read_only=read_only)
        ours._begin()
        self.open[slot] = ours, model.Transaction(read_only, self.model.now if read_only else None)

    def look(self, slot: int, reads: list[str | Query]) -> None:
        if slot not in self.open:
            return
        ours, theirs = self.open[slot]
        for read in reads:
            if isinstance(read, Query):
                found = [shown(one) for one in self._query(read).get(transaction=ours)]
                paths = self.model.find(theirs, read)
                assert found == [described(path, theirs.snapshot[path]) for path in paths]
            else:
                found = shown(self.db.document(read).get(transaction=ours))
                assert found == described(read, self.model.get(theirs, read))

    def duel(self, reads: list[str | Query], between: list[Change], last: list[Change]) -> None:
        """Let others commit between the reads of a transaction and its commit."""
        self.begin(0, read_only=False)
        self.look(0, reads)
        self.commit(between)
        self.end(0, last)

    def end(self, slot: int, batch: list[Change]) -> None:
        if slot in self.open:
            ours, theirs = self.open.pop(slot)
            writes = [] if theirs.read_only else [self._write(ours, change) for change in batch]
            if not self._commit(ours._commit, writes, theirs):
                ours._rollback()

    def roll_back(self, slot: int) -> None:
        if slot in self.open:
            self.open.pop(slot)[0]._rollback()

    def check_all(self) -> None:
        """Compare every document, with its times."""
        for path in PATHS:
            assert shown(self.db.document(path).get()) == described(path, self.model.now.get(path))

    def _commit(self, commit: Any, writes: list[Write], transaction: model.Transaction | None) -> bool:
        """Commit on both and return whether it succeeded."""
        results: list[Any] = []
        answer = ""
        try:
            results = commit()
        except GoogleAPICallError as error:
            answer = error.grpc_status_code.name
        # The time of a commit that changed a document is in its results.
        new = [result.update_time for result in results if result.update_time and result.update_time > self.past]
        expected = ""
        try:
            self.model.commit(writes, max(new, default=None) or self.server_time(), transaction)
        except Refused as refused:
            expected = str(refused)
        assert answer == expected
        self.past = self.server_time()
        return not answer

    def _write(self, sink: Any, change: Change) -> Write:
        """Add a change to a batch or transaction, and return it as the model expects it."""
        reference = self.db.document(change.path)
        exists: bool | None = None
        updated = None
        option = None
        if change.guard == "exists":
            exists, option = True, self.db.write_option(exists=True)
        elif change.guard:
            present = self.model.updated(change.path)
            updated = (
                present if present and change.guard == "present" else self.model.past[0][0] if self.model.past else None
            )
            option = self.db.write_option(last_update_time=updated) if updated else None
        plain, moves = split(change.data)
        mask = None
        match change.kind:
            case "set":
                sink.set(reference, change.data)
            case "merge":
                sink.set(reference, change.data, merge=True)
                mask = leaves(plain)
            case "create":
                exists = False
                sink.create(reference, change.data)
            case "update":
                sink.update(reference, change.data, option=option)
                plain, moves, mask = unflattened(change.data)
                exists = None if updated else True
            case "delete":
                sink.delete(reference, option=option)
                plain = None
        return Write(change.path, plain, mask, moves, exists, updated)

    def _query(self, query: Query, limit_to_last: bool = True) -> Any:
        made = self.db.collection_group(query.collection_id) if query.group else self.db.collection(query.collection_id)
        if query.where is not None:
            made = made.where(filter=as_filter(query.where))
        for path, direction in query.orders:
            made = made.order_by(".".join(path), direction="ASCENDING" if direction > 0 else "DESCENDING")
        if query.start is not None:
            made = (made.start_at if query.start[1] else made.start_after)(list(query.start[0]))
        if query.end is not None:
            made = (made.end_at if query.end[1] else made.end_before)(list(query.end[0]))
        made = made.offset(query.offset) if query.offset else made
        if query.limit is not None:
            made = (made.limit_to_last if query.last and limit_to_last else made.limit)(query.limit)
        return made

    def _compare(self, found: Any, query: Query, state: model.State) -> None:
        expected = model.run(query, state)
        assert [one.reference.path for one in found] == expected
        assert [shown(one) for one in found] == [described(path, state[path]) for path in expected]


def shown(snapshot: firestore.DocumentSnapshot) -> Any:
    if not snapshot.exists:
        return None
    times = [
        # The snapshots of a query contain raw messages.
        DatetimeWithNanoseconds.from_timestamp_pb(time) if isinstance(time, Timestamp) else time
        for time in (snapshot.create_time, snapshot.update_time)
    ]
    return snapshot.reference.path, exact(snapshot.to_dict()), *times


def described(path: str, doc: model.Doc | None) -> Any:
    return doc and (path, exact(doc.fields), doc.created, doc.updated)


def as_filter(where: Where) -> Any:
    if where.op in ("and", "or"):
        return (And if where.op == "and" else Or)([as_filter(part) for part in where.operand])
    return FieldFilter(".".join(where.path), where.op, where.operand)


def as_transform(value: Any) -> tuple[str, Any] | None:
    if value is firestore.SERVER_TIMESTAMP:
        return "server_timestamp", None
    if isinstance(value, firestore.ArrayUnion | firestore.ArrayRemove):
        return KINDS[type(value)], value.values
    return (KINDS[type(value)], value.value) if type(value) in KINDS else None


def split(data: dict[str, Any], above: model.FieldPath = ()) -> tuple[dict[str, Any], tuple[Any, ...]]:
    """Split a document into values and transforms; a map of only transforms is not a value."""
    plain: dict[str, Any] = {}
    moves: list[Any] = []
    for name, value in data.items():
        path = (*above, name)
        if transform := as_transform(value):
            moves.append((path, *transform))
        elif isinstance(value, dict) and value:
            below, more = split(value, path)
            moves += more
            if below:
                plain[name] = below
        else:
            plain[name] = value
    return plain, tuple(moves)


def leaves(plain: dict[str, Any], above: model.FieldPath = ()) -> tuple[model.FieldPath, ...]:
    found: list[model.FieldPath] = []
    for name, value in plain.items():
        path = (*above, name)
        found += leaves(value, path) if isinstance(value, dict) and value else [path]
    return tuple(found)


def unflattened(data: dict[str, Any]) -> tuple[dict[str, Any], tuple[Any, ...], tuple[model.FieldPath, ...]]:
    """Split an update into values, transforms, and the mask, which includes deleted fields."""
    plain: dict[str, Any] = {}
    moves: list[Any] = []
    mask: list[model.FieldPath] = []
    for text, value in data.items():
        path = tuple(text.split("."))
        if transform := as_transform(value):
            moves.append((path, *transform))
            continue
        mask.append(path)
        if value is not firestore.DELETE_FIELD:
            model.put(plain, path, value)
    return plain, tuple(moves), tuple(mask)


class TestModel:
    @given(program=st.one_of(map(programs, PALETTES)))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    def test_server_and_model_agree(self, firestore_host, monkeypatch, program):
        """They agree in each step: results, refusals and their codes, and the times of documents."""
        # One thread plays all clients, so waiting for another's turn would never end.
        monkeypatch.setattr(turns, "TURN_SECONDS", 0.001)
        run = Run()
        try:
            for name, *arguments in program:
                getattr(run, name)(*arguments)
            run.check_all()
        finally:
            run.db.close()
