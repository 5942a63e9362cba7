"""Owns the semantics of a structured query: selection, order and projection of documents.

Must not know where documents come from, nor the protocol beyond the query message. The rules are those of
`google.firestore.v1.StructuredQuery` and https://firebase.google.com/docs/firestore/query-data/queries.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from embedded_firebase.firestore.errors import Code, EmulatorError, invalid
from embedded_firebase.firestore.messages import Cursor, Document, StructuredQuery, Value
from embedded_firebase.firestore.query.filters import Composite, Condition, is_inequality, matches, parse_filter
from embedded_firebase.firestore.values.encoding import encode, field, invert, set_field
from embedded_firebase.firestore.values.paths import DOCUMENT_ID_FIELD, check_segment, parse_field_path, parse_parent

_DESCENDING = 2
NAME = (DOCUMENT_ID_FIELD,)

# What a document is sorted by: one encoded value per order, inverted where the order descends.
SortKey = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """The collections that a query looks into.

    `parent` is the relative path of a document, "" for the root. Without `collection_id` all collections count;
    `descendants` adds those below other documents than `parent`.
    """

    database: str
    parent: str
    collection_id: str
    descendants: bool


@dataclass(frozen=True, slots=True)
class Order:
    """One field that results are sorted by."""

    path: tuple[str, ...]
    descending: bool


@dataclass(frozen=True, slots=True)
class Bound:
    """A position among the results: values of the first orders, and whether it lies just before or just after them."""

    key: SortKey
    before: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A query, checked and with its implied orders spelled out (the last order is always the document's name)."""

    scope: Scope
    condition: Condition | Composite | None
    orders: tuple[Order, ...]
    start: Bound | None
    end: Bound | None
    offset: int
    limit: int | None
    projection: tuple[tuple[str, ...], ...] | None
    # What the caller wrote, for security rules. `limit` is one more for a page, to know whether there is a next one.
    asked_limit: int | None = None

    @property
    def in_name_order(self) -> bool:
        """Whether the results come in the ascending order of names, in which documents are kept."""
        return len(self.orders) == 1 and not self.orders[0].descending


def parse(parent: str, message: StructuredQuery, aggregated: Iterable[tuple[str, ...]] = ()) -> Query:
    """Check a query message below the `parent` resource and spell out what it implies.

    Args:
        parent: the resource name of a document or of the root of all documents.
        message: the query.
        aggregated: the fields that are summed or averaged. Production reads them from an index, so that results are
            sorted by them unless the query has another order, and documents that lack one are excluded.

    Raises:
        EmulatorError: INVALID_ARGUMENT for a query that production refuses; UNIMPLEMENTED for vector search.
    """
    if message.HasField("find_nearest"):
        raise EmulatorError(Code.UNIMPLEMENTED, "Vector search (find_nearest) is not supported by this emulator.")
    database, relative = parse_parent(parent)
    scope = _parse_scope(database, relative, message)
    condition = parse_filter(message.where, database, relative) if message.HasField("where") else None
    orders = _parse_orders(message, condition, aggregated)
    if message.offset < 0:
        raise invalid("offset must be 0 or more.")
    limit = message.limit.value if message.HasField("limit") else None
    if limit is not None and limit < 0:
        raise invalid("limit must be 0 or more.")
    return Query(
        scope=scope,
        condition=condition,
        orders=orders,
        start=_parse_bound(message.start_at, orders, "start_at") if message.HasField("start_at") else None,
        end=_parse_bound(message.end_at, orders, "end_at") if message.HasField("end_at") else None,
        offset=message.offset,
        limit=limit,
        asked_limit=limit,
        projection=parse_mask(entry.field_path for entry in message.select.fields)
        if message.HasField("select")
        else None,
    )


def parse_mask(field_paths: Iterable[str]) -> tuple[tuple[str, ...], ...] | None:
    """Parse the field paths of a mask or projection; None, which shows everything, when there is no path."""
    return tuple(parse_field_path(text) for text in field_paths) or None


def run(query: Query, documents: Iterable[Document], *, ordered: bool) -> Iterator[Document]:
    """Yield the results of a query, before its offset and projection are applied.

    Args:
        query: the query.
        documents: documents of its scope without duplicates, a superset of its results.
        ordered: whether they are in the order of the query, so that results can be streamed.

    Returns:
        At most `offset + limit` documents, so that the caller can count those that the offset skips.
    """
    wanted = None if query.limit is None else query.offset + query.limit
    if ordered:
        return islice(_select(query, documents), wanted)
    keyed = _select_keyed(query, documents)
    first = sorted(keyed, key=_first) if wanted is None else heapq.nsmallest(wanted, keyed, key=_first)
    return (document for _, document in first)


def project(document: Document, projection: Sequence[tuple[str, ...]] | None) -> Document:
    """Return the document with only the fields that a mask or projection shows; None shows everything."""
    if projection is None:
        return document
    shown = Document(name=document.name, create_time=document.create_time, update_time=document.update_time)
    for path in projection:
        value = field(document.fields, path)
        if value is not None:
            set_field(shown.fields, path, value)
    return shown


def selects(query: Query, document: Document) -> bool:
    """Tell whether a document of the query's scope is among its results, offset and limit aside."""
    if query.condition is not None and not matches(query.condition, document):
        return False
    key = sort_key(query.orders, document)
    return key is not None and _within(query, key)


def sort_key(orders: Sequence[Order], document: Document) -> SortKey | None:
    """Return what a document is sorted by, None when it lacks a field that the orders name."""
    key = []
    for order in orders:
        value = order_value(document, order.path)
        if value is None:
            return None
        key.append(_directed(encode(value), order))
    return tuple(key)


def order_value(document: Document, path: tuple[str, ...]) -> Value | None:
    """Return the value of a field, where `__name__` is a reference to the document itself."""
    if path == NAME:
        return Value(reference_value=document.name)
    return field(document.fields, path)


def _first(keyed: tuple[SortKey, Document]) -> SortKey:
    return keyed[0]


def _select_keyed(query: Query, documents: Iterable[Document]) -> Iterator[tuple[SortKey, Document]]:
    for document in documents:
        if query.condition is not None and not matches(query.condition, document):
            continue
        key = sort_key(query.orders, document)
        if key is not None and _within(query, key):
            yield key, document


def _select(query: Query, documents: Iterable[Document]) -> Iterator[Document]:
    """Select from documents that are in the query's order already; stops where the query ends."""
    bounded = query.start is not None or query.end is not None
    accept: Callable[[Document], bool] = (
        partial(matches, query.condition) if query.condition is not None else lambda _document: True
    )
    for document in documents:
        if bounded:
            key = sort_key(query.orders, document)
            if key is None:
                continue
            if query.end is not None and not _before(key, query.end):
                return
            if query.start is not None and _before(key, query.start):
                continue
        if accept(document):
            yield document


def _within(query: Query, key: SortKey) -> bool:
    if query.start is not None and _before(key, query.start):
        return False
    return query.end is None or _before(key, query.end)


def _before(key: SortKey, bound: Bound) -> bool:
    """Tell whether a document lies before a bound."""
    prefix = key[: len(bound.key)]
    return prefix < bound.key if bound.before else prefix <= bound.key


def _directed(encoded: bytes, order: Order) -> bytes:
    # Encodings are prefix-free, so that inverting every bit inverts the order.
    return invert(encoded) if order.descending else encoded


def _parse_scope(database: str, parent: str, message: StructuredQuery) -> Scope:
    selectors = message.from_
    if len(selectors) > 1:
        raise invalid("from must name one collection selector.")
    if not selectors:
        return Scope(database, parent, "", descendants=True)
    selector = selectors[0]
    if selector.collection_id:
        check_segment(selector.collection_id, selector.collection_id)
        if "/" in selector.collection_id:
            raise invalid(f'Collection id "{selector.collection_id}" must not hold a "/".')
    return Scope(database, parent, selector.collection_id, selector.all_descendants)


def _parse_orders(
    message: StructuredQuery, condition: Condition | Composite | None, aggregated: Iterable[tuple[str, ...]]
) -> tuple[Order, ...]:
    orders = [Order(parse_field_path(entry.field.field_path), entry.direction == _DESCENDING)
              for entry in message.order_by]  # fmt: skip
    named = [order.path for order in orders]
    for path in named:
        if named.count(path) > 1:
            raise invalid(f'order_by names the field "{".".join(path)}" twice.')
    if NAME in named[:-1]:
        raise invalid("order by clause cannot contain more fields after the key.")
    descending = orders[-1].descending if orders else False
    leaves = condition.leaves() if condition is not None else ()
    implied = {leaf.path for leaf in leaves if is_inequality(leaf)} | set(aggregated)
    if NAME not in named:
        orders += [Order(path, descending) for path in sorted(implied - {*named, NAME})]
        orders.append(Order(NAME, descending))
    return tuple(orders)


def _parse_bound(cursor: Cursor, orders: tuple[Order, ...], name: str) -> Bound | None:
    if len(cursor.values) > len(orders):
        raise invalid(f"{name} holds {len(cursor.values)} values, but the query has {len(orders)} orders.")
    key = []
    for value, order in zip(cursor.values, orders, strict=False):
        if order.path == NAME and value.WhichOneof("value_type") != "reference_value":
            raise invalid(f"{name} needs a reference for {DOCUMENT_ID_FIELD}.")
        key.append(_directed(encode(value), order))
    return Bound(tuple(key), cursor.before)
