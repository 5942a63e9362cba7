"""Owns a second Firestore, naive and obviously correct, as a test oracle; must not import the emulator.

Documents are dicts of Python values as Google's client gives them, kept by path. Every operation is a linear search: no
index, no encoding, a copy of everything for every commit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cmp_to_key
from typing import Any

from google.cloud.firestore import GeoPoint

Path = str
FieldPath = tuple[str, ...]
MISSING = object()


@dataclass(frozen=True)
class Doc:
    fields: dict[str, Any]
    created: datetime
    updated: datetime


State = dict[Path, Doc]


@dataclass(frozen=True)
class Write:
    """One write. `fields` replaces the document, or only the fields of `mask`; transforms come last, in order."""

    path: Path
    fields: dict[str, Any] | None  # None deletes.
    mask: tuple[FieldPath, ...] | None = None
    transforms: tuple[tuple[FieldPath, str, Any], ...] = ()
    exists: bool | None = None
    updated: datetime | None = None


@dataclass(frozen=True)
class Where:
    """A condition on a field, or a composite: op "and" or "or" with conditions as the operand."""

    path: FieldPath
    op: str
    operand: Any


@dataclass(frozen=True)
class Query:
    collection_id: str
    group: bool = False
    where: Where | None = None
    orders: tuple[tuple[FieldPath, int], ...] = ()  # 1 is ascending, -1 descending.
    start: tuple[tuple[Any, ...], bool] | None = None  # Values, and whether equal documents are included.
    end: tuple[tuple[Any, ...], bool] | None = None
    offset: int = 0
    limit: int | None = None
    last: bool = False


class Refused(Exception):
    """The name of the status code that the server must answer with."""


@dataclass
class Transaction:
    read_only: bool
    snapshot: State | None = None
    read: dict[Path, datetime | None] = field(default_factory=dict)
    asked: list[tuple[Query, list[Path], list[datetime]]] = field(default_factory=list)


class Model:
    def __init__(self) -> None:
        self.now: State = {}
        self.past: list[tuple[datetime, State]] = []

    def at(self, moment: datetime) -> State:
        return next((state for time, state in reversed(self.past) if time <= moment), {})

    def commit(self, writes: Iterable[Write], moment: datetime, transaction: Transaction | None = None) -> None:
        """Apply all writes or none; `moment` is the commit time that the server gave."""
        if transaction and transaction.read_only and list(writes):
            raise Refused("INVALID_ARGUMENT")
        if transaction and not transaction.read_only:
            self._check(transaction)
        state = dict(self.now)
        deleted = set()
        for write in writes:
            if write.path in deleted and write.fields is not None and write.exists:
                raise Refused("INVALID_ARGUMENT")
            new = apply(write, state.get(write.path), moment)
            state.pop(write.path, None)
            if new is not None:
                state[write.path] = new
            deleted.add(write.path) if new is None else deleted.discard(write.path)
        self.now = state
        self.past.append((moment, state))

    def _check(self, transaction: Transaction) -> None:
        unchanged = all(self.updated(path) == time for path, time in transaction.read.items()) and all(
            (found := run(query, self.now)) == paths and [self.updated(path) for path in found] == times
            for query, paths, times in transaction.asked
        )
        if not unchanged:
            raise Refused("ABORTED")

    def updated(self, path: Path) -> datetime | None:
        return self.now[path].updated if path in self.now else None

    def get(self, transaction: Transaction, path: Path) -> Doc | None:
        doc = self._snapshot(transaction).get(path)
        transaction.read[path] = doc.updated if doc else None
        return doc

    def find(self, transaction: Transaction, query: Query) -> list[Path]:
        state = self._snapshot(transaction)
        # Documents skipped by the offset are read too.
        whole = replace(query, offset=0, limit=None if query.limit is None else query.offset + query.limit)
        found = run(whole, state)
        transaction.asked.append((whole, found, [state[path].updated for path in found]))
        return found[query.offset :]

    def _snapshot(self, transaction: Transaction) -> State:
        if transaction.snapshot is None:
            transaction.snapshot = self.now
        return transaction.snapshot


def apply(write: Write, old: Doc | None, moment: datetime) -> Doc | None:
    if write.exists is True and old is None:
        raise Refused("NOT_FOUND")
    if write.exists is False and old is not None:
        raise Refused("ALREADY_EXISTS")
    if write.updated is not None and (old is None or old.updated != write.updated):
        raise Refused("FAILED_PRECONDITION")
    if write.fields is None:
        return None
    fields = copy(write.fields) if write.mask is None else copy(old.fields) if old else {}
    for path in write.mask or ():
        put(fields, path, value_at(write.fields, path))
    for path, kind, operand in write.transforms:
        held = value_at(fields, path)
        put(fields, path, transformed(kind, held, operand, moment))
    if old is not None and exact(fields) == exact(old.fields):
        return old
    return Doc(fields, old.created if old else moment, moment)


def transformed(kind: str, held: Any, operand: Any, moment: datetime) -> Any:
    old = held if isinstance(held, list) else []
    match kind:
        case "server_timestamp":
            return moment
        case "union":
            for element in operand:
                old = old if any(same(element, other) for other in old) else [*old, element]
            return old
        case "remove":
            return [element for element in old if not any(same(element, other) for other in operand)]
    if rank(held) != NUMBER:
        return operand
    if kind == "increment":
        total = held + operand
        return total if isinstance(total, float) else min(max(total, -(2**63)), 2**63 - 1)
    if math.isnan(held) or math.isnan(operand):
        return math.nan
    beyond = compare(operand, held) * (1 if kind == "maximum" else -1) > 0
    return operand if beyond else held


def run(query: Query, state: State) -> list[Path]:
    """Return the paths of a query's results, in order, without those that its offset skips."""
    implied = sorted(path for path in inequalities(query.where) if path not in dict(query.orders))
    direction = query.orders[-1][1] if query.orders else 1
    orders = [*query.orders, *((path, direction) for path in implied)]

    def key(path: Path) -> list[Any]:
        return [value_at(state[path].fields, order) for order, _ in orders]

    def in_order(one: Path, other: Path) -> int:
        for (_, way), left, right in zip(orders, key(one), key(other), strict=True):
            if compared := compare(left, right) * way:
                return compared
        return compare_paths(one, other) * direction

    def side(path: Path, values: tuple[Any, ...]) -> int:
        for (_, way), held, value in zip(orders, key(path), values, strict=False):
            if compared := compare(held, value) * way:
                return compared
        return 0

    found = [path for path in state if lies_in(query, path) and holds(query.where, state[path].fields)]
    found = [path for path in found if all(value is not MISSING for value in key(path))]
    if query.start is not None:
        values, within = query.start
        found = [path for path in found if side(path, values) > 0 or (within and side(path, values) == 0)]
    if query.end is not None:
        values, within = query.end
        found = [path for path in found if side(path, values) < 0 or (within and side(path, values) == 0)]
    found.sort(key=cmp_to_key(in_order))
    if query.last and query.limit is not None:
        return found[max(0, len(found) - query.limit) :]
    return found[query.offset :][: query.limit]


def lies_in(query: Query, path: Path) -> bool:
    parts = path.split("/")
    return parts[-2] == query.collection_id and (query.group or len(parts) == 2)


def inequalities(where: Where | None) -> set[FieldPath]:
    if where is None:
        return set()
    if where.op in ("and", "or"):
        return set().union(*map(inequalities, where.operand))
    return {where.path} if where.op in ("<", "<=", ">", ">=", "!=", "not-in") else set()


def holds(where: Where | None, fields: dict[str, Any]) -> bool:
    if where is None:
        return True
    if where.op == "and":
        return all(holds(part, fields) for part in where.operand)
    if where.op == "or":
        return any(holds(part, fields) for part in where.operand)
    held, operand = value_at(fields, where.path), where.operand
    if held is MISSING:
        return False
    comparisons: dict[str, Callable[[int], bool]] = {
        "<": lambda found: found < 0,
        "<=": lambda found: found <= 0,
        ">": lambda found: found > 0,
        ">=": lambda found: found >= 0,
    }
    if where.op in comparisons:
        return not is_nan(held) and rank(held) == rank(operand) and comparisons[where.op](compare(held, operand))
    match where.op:
        case "==":
            return same(held, operand)
        case "!=":
            return held is not None and not same(held, operand)
        case "in":
            return any(same(held, other) for other in operand if is_listed(other))
        case "not-in":
            return held is not None and not any(same(held, other) for other in operand)
        case "array_contains":
            return isinstance(held, list) and is_listed(operand) and any(same(element, operand) for element in held)
        case "array_contains_any":
            listed = [other for other in operand if is_listed(other)]
            return isinstance(held, list) and any(same(element, other) for element in held for other in listed)
    raise AssertionError(where.op)


NULL, BOOLEAN, NUMBER, TIMESTAMP, STRING, BYTES, GEO_POINT, ARRAY, MAP = range(9)


def rank(value: Any) -> int:
    """Return the rank of a value's type in the order of types, -1 for a missing value."""
    if value is MISSING:
        return -1
    for kinds, place in (
        (type(None), NULL), (bool, BOOLEAN), ((int, float), NUMBER), (datetime, TIMESTAMP), (str, STRING),
        (bytes, BYTES), (GeoPoint, GEO_POINT), (list, ARRAY), (dict, MAP),
    ):  # fmt: skip
        if isinstance(value, kinds):
            return place
    raise AssertionError(value)


def compare(one: Any, other: Any) -> int:
    """Return a negative number, 0 or a positive one: the order of the first value relative to the second."""
    if rank(one) != rank(other):
        return rank(one) - rank(other)
    match rank(one):
        case r if r == NULL:
            return 0
        case r if r == NUMBER and (math.isnan(one) or math.isnan(other)):
            return math.isnan(other) - math.isnan(one)
        case r if r == STRING:
            one, other = one.encode(), other.encode()
        case r if r == GEO_POINT:
            one, other = (one.latitude, one.longitude), (other.latitude, other.longitude)
        case r if r == ARRAY:
            return next((c for c in map(compare, one, other) if c), len(one) - len(other))
        case r if r == MAP:
            flat = [[part for name in sorted(value) for part in (name, value[name])] for value in (one, other)]
            return compare(*flat)
    return int(one > other) - int(one < other)


def is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def is_listed(value: Any) -> bool:
    """Tell whether a list operator can match a value: null and NaN only match == and !=."""
    return value is not None and not is_nan(value)


def same(one: Any, other: Any) -> bool:
    return compare(one, other) == 0


def compare_paths(one: Path, other: Path) -> int:
    left, right = ([id_key(part) for part in path.split("/")] for path in (one, other))
    return int(left > right) - int(left < right)


def id_key(part: str) -> tuple[int, int, bytes]:
    numeric = re.fullmatch(r"__id(-?\d+)__", part)
    return (0, int(numeric[1]), b"") if numeric else (1, 0, part.encode())


def value_at(fields: dict[str, Any], path: FieldPath) -> Any:
    held: Any = fields
    for name in path:
        if not isinstance(held, dict) or name not in held:
            return MISSING
        held = held[name]
    return held


def put(fields: dict[str, Any], path: FieldPath, value: Any) -> None:
    """Set a value in place, or delete the field if the value is missing."""
    for name in path[:-1]:
        if not isinstance(fields.get(name), dict):
            if value is MISSING:
                return
            fields[name] = {}
        fields = fields[name]
    if value is MISSING:
        fields.pop(path[-1], None)
    else:
        fields[path[-1]] = copy(value)


def copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: copy(held) for name, held in value.items()}
    return [copy(held) for held in value] if isinstance(value, list) else value


def exact(value: Any) -> Any:
    """Return a key that differs for any two different values, also 1 and 1.0, and 0.0 and -0.0."""
    if isinstance(value, dict):
        return {name: exact(held) for name, held in value.items()}
    if isinstance(value, list):
        return [exact(held) for held in value]
    if isinstance(value, datetime):
        return value.timestamp()
    return (value.latitude, value.longitude) if isinstance(value, GeoPoint) else (type(value).__name__, repr(value))
