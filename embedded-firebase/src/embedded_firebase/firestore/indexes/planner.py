"""Owns the choice of the index ranges that answer a query; must not know how they are stored or read.

Pure. A plan is one walk for each disjunct of the query's condition. Its executor filters every document found by the
whole query again, so a walk may return false positives, and says so, but no false negatives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from embedded_firebase.firestore.indexes.definitions import Index, IndexSet, Mode, is_kept, single
from embedded_firebase.firestore.indexes.ranges import IndexRange, Position
from embedded_firebase.firestore.query.filters import Condition, Op, disjuncts, is_inequality
from embedded_firebase.firestore.query.query import NAME, Order, Query
from embedded_firebase.firestore.values.encoding import invert

# Sorting this many documents costs less than an ordered walk past all those that other conditions filter out.
FEW_DOCUMENTS = 1_000

# A field with one value, or an array with one element, as the position in its index.
_Point = tuple[Index, bytes]


@dataclass(frozen=True, slots=True)
class Walk:
    """The documents of a range of an index: from `low` on and before `high`, each without limit when None.

    Without an `index` it is one of the documents themselves, by name. Of those in the range, documents count that
    are at none of the `excluded` positions and have an entry at each of the `probes` in other indexes. `exact` says
    that these are all and only the results of the disjunct, `ordered` that they come in the order of the query, and
    `is_point` that all the fields of the index have one value.
    """

    index: Index | None
    low: Position | None
    high: Position | None
    excluded: tuple[bytes, ...]
    probes: tuple[_Point, ...]
    descending: bool
    names_descending: bool
    exact: bool
    ordered: bool
    is_point: bool

    @property
    def is_scan(self) -> bool:
        """Whether it finds every document, in the ascending order of names."""
        return self.index is None and self.low is self.high is None and not self.names_descending


@dataclass(frozen=True, slots=True)
class Place:
    """Where a query looks: indexes of a collection id, and the key of the collection when there is only one."""

    group_id: str
    indexes: IndexSet
    collection_key: bytes | None

    def keeps(self, index: Index) -> bool:
        """Tell whether an index holds all that it should."""
        return is_kept(index, self.group_id, self.indexes)


def plan(query: Query, place: Place, count: Callable[[Walk, int], int]) -> tuple[Walk, ...] | None:
    """Choose how to find the results of a query.

    Args:
        query: a query in collections with an id.
        place: the indexes and the collection.
        count: counts the documents of a walk, up to a limit.

    Returns:
        A walk for each disjunct; None when only a full scan is possible.
    """
    walks = []
    for conjunction in disjuncts(query.condition):
        walk = _Conjunction(query, place, conjunction).choose(count)
        if walk is None:
            return None
        walks.append(walk)
    return tuple(walks)


class _Conjunction:
    """The planning of one disjunct: conditions of which all must hold."""

    def __init__(self, query: Query, place: Place, conditions: Sequence[Condition]) -> None:
        self._query = query
        self._place = place
        self._points: list[_Point] = []
        self._names: list[Condition] = []
        self._others: list[Condition] = []
        for condition in dict.fromkeys(conditions):
            mode = {Op.EQUAL: Mode.ASCENDING, Op.ARRAY_CONTAINS: Mode.CONTAINS}.get(condition.op)
            if condition.path == NAME:
                self._names.append(condition)
            elif mode is not None:
                self._points.append((single(condition.path, mode), condition.operands[0]))
            else:
                self._others.append(condition)
        # A field with one value does not affect the order.
        equal = {condition.path for condition in conditions if condition.op is Op.EQUAL}
        self._orders = [order for order in query.orders[:-1] if order.path not in equal]

    def choose(self, count: Callable[[Walk, int], int]) -> Walk | None:
        """Return the walk that is likely the cheapest, None when there is none."""
        in_order = min(self._in_order(), key=lambda walk: len(walk.probes), default=None)
        if in_order is not None and not in_order.probes:
            return in_order
        by_points = list(self._by_points())
        if not by_points:
            return in_order or next(self._by_ranges(), None)
        if in_order is None and len(by_points) == 1:
            return by_points[0]
        found = [(count(replace(walk, probes=()), FEW_DOCUMENTS), walk) for walk in by_points]
        fewest, smallest = min(found, key=lambda entry: entry[0])
        if in_order is not None and self._orders and fewest >= FEW_DOCUMENTS and self._query.limit is not None:
            return in_order
        return smallest

    def _in_order(self) -> Iterator[Walk]:
        """Yield the walks that find the results in the order of the query, but for those by points."""
        if not self._orders and not self._points:
            yield self._walk(None, b"", [], forward=True)
        if len(self._orders) == 1:
            (order,) = self._orders
            if self._place.keeps(single(order.path)):
                yield self._walk(single(order.path), b"", self._points, forward=not order.descending)
        for index in self._place.indexes.composite(self._place.group_id):
            prefix, remaining, suffix = self._split(index)
            if any(field.mode is Mode.CONTAINS for field in suffix):
                continue
            for forward in (True, False):
                wanted = [(order.path, order.descending is forward) for order in self._orders]
                if [(field.path, field.mode is Mode.DESCENDING) for field in suffix] == wanted:
                    yield self._walk(index, prefix, remaining, forward=forward)
                    break

    def _split(self, index: Index) -> tuple[bytes, list[_Point], Index]:
        """Split a composite index behind its first fields that have one value.

        Returns:
            These values, the points that they leave, and the other fields of the index.
        """
        remaining = list(self._points)
        prefix = b""
        for length, (path, mode) in enumerate(index):
            wanted = single(path, Mode.CONTAINS if mode is Mode.CONTAINS else Mode.ASCENDING)
            point = next((point for point in remaining if point[0] == wanted), None)
            if point is None:
                return prefix, remaining, index[length:]
            remaining.remove(point)
            prefix += invert(point[1]) if mode is Mode.DESCENDING else point[1]
        return prefix, remaining, ()

    def _by_points(self) -> Iterator[Walk]:
        """Yield the walks of each field that has one value, in the order of names, the others as probes."""
        for point in self._points:
            if self._place.keeps(point[0]):
                others = [other for other in self._points if other is not point]
                walk = self._walk(*point, others, forward=True, orders=())
                yield replace(walk, exact=False, ordered=False) if self._orders else walk

    def _by_ranges(self) -> Iterator[Walk]:
        """Yield the walks of each field that has a range of values, in an order that is not the query's."""
        for condition in self._others:
            if is_inequality(condition) and self._place.keeps(single(condition.path)):
                walk = self._walk(single(condition.path), b"", [], forward=True, orders=[Order(condition.path, False)])
                yield replace(walk, exact=False, ordered=False)

    def _walk(
        self,
        index: Index | None,
        prefix: bytes,
        points: Sequence[_Point],
        *,
        forward: bool,
        orders: Sequence[Order] | None = None,
    ) -> Walk:
        """Describe the walk of an index whose first values are given and whose other fields serve the orders.

        Args:
            index: None for the documents by name.
            prefix: the encoded values of its first fields.
            points: what else must have one value.
            forward: whether its other fields have the directions of the orders, or all the opposite ones.
            orders: those that the index serves, when not all of the query's.
        """
        served = self._orders if orders is None else orders
        range_ = IndexRange(
            prefix,
            served,
            forward=forward,
            names_descending=self._query.orders[-1].descending,
            collection_key=self._place.collection_key,
            database=self._query.scope.database,
            by_name=index is None,
        )
        # Each step narrows the range and returns whether the range now implies the condition.
        exact = True
        for condition in self._others:
            exact &= range_.narrow_by_condition(condition)
        for condition in self._names:
            exact &= range_.narrow_by_name(condition)
        in_line = list(self._query.orders[:-1]) == list(served)
        for bound, is_start in ((self._query.start, True), (self._query.end, False)):
            if bound is not None:
                exact &= in_line and range_.narrow_by_cursor(bound, is_start=is_start)
        probes = tuple(point for point in points if self._place.keeps(point[0]))
        return Walk(
            index=index,
            low=range_.low,
            high=range_.high,
            excluded=range_.excluded,
            probes=probes,
            descending=range_.descending,
            names_descending=self._query.orders[-1].descending,
            exact=exact and len(probes) == len(points),
            ordered=True,
            is_point=bool(prefix) and not served,
        )
