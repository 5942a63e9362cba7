"""Owns which range of an index conditions and cursors select; must not know which index is chosen, nor how it is read.

Pure. An index is a row of positions: encoded values joined, then the key of a document. A range is half open. As no
encoding is a prefix of another, `prefix_end(p)` lies right behind all positions that start with `p`.
"""

from __future__ import annotations

from collections.abc import Sequence

from embedded_firebase.firestore.query.filters import Condition, Op
from embedded_firebase.firestore.query.query import Bound, Order
from embedded_firebase.firestore.values.encoding import NAN_ENCODED, NULL_ENCODED, NUMBER, REFERENCE, invert
from embedded_firebase.firestore.values.paths import path_key, prefix_end

# Encoded values, and possibly the key of a document behind them; in the index of names a key alone.
Position = tuple[bytes, ...]

# What follows a key directly.
_BEHIND = b"\x00"


class IndexRange:
    """A range of an index, narrowed step by step. Each step returns whether the range now implies its condition.

    Args:
        prefix: the encoded values of the first fields of the index, which are the same all over the range.
        orders: the orders of the query that the other fields of the index serve.
        forward: whether these fields have the directions of the orders, or all the opposite ones.
        names_descending: the direction of the query's last order, the name.
        collection_key: where the documents live, None when in several collections.
        database: the resource name of the database.
        by_name: whether it is the index of names, which holds no values.
    """

    def __init__(
        self,
        prefix: bytes,
        orders: Sequence[Order],
        *,
        forward: bool,
        names_descending: bool,
        collection_key: bytes | None,
        database: str,
        by_name: bool,
    ) -> None:
        self.low: Position | None = (prefix,) if prefix else None
        self.high: Position | None = (prefix_end(prefix),) if prefix else None
        self.excluded: tuple[bytes, ...] = ()
        self._prefix = prefix
        self._orders = orders
        self._forward = forward
        self._collection_key = collection_key
        self._database = database
        self._by_name = by_name
        self._names_descending = names_descending
        # Whether the walk goes from the high end to the low one.
        self.descending = not forward if orders else names_descending

    def narrow_by_condition(self, condition: Condition) -> bool:
        """Narrow by an inequality; only one on the first of the orders selects a range."""
        if not self._orders or condition.path != self._orders[0].path:
            return False
        stored_descending = self._orders[0].descending is self._forward
        alone = len(self._orders) == 1
        if condition.op in (Op.NOT_EQUAL, Op.NOT_IN):
            if not alone or (condition.op is Op.NOT_IN and NULL_ENCODED in condition.operands):
                return False
            excluded = map(invert, condition.operands) if stored_descending else condition.operands
            self.excluded += tuple(self._prefix + operand for operand in excluded)
        elif condition.op not in _INTERVALS:
            return False
        low, high = interval(condition, descending=stored_descending)
        if low:
            self._start_at((self._prefix + low,))
        if high:
            self._end_before((self._prefix + high,))
        return True

    def narrow_by_name(self, condition: Condition) -> bool:
        """Narrow by a condition on the name; it selects a range where nothing but the name varies."""
        key = self._document_key(condition.operands[0])
        if self._orders or key is None:
            return False
        match condition.op:
            case Op.EQUAL:
                self._start_at(self._at(key))
                self._end_before(self._at(key + _BEHIND))
            case Op.GREATER_THAN_OR_EQUAL:
                self._start_at(self._at(key))
            case Op.GREATER_THAN:
                self._start_at(self._at(key + _BEHIND))
            case Op.LESS_THAN:
                self._end_before(self._at(key))
            case Op.LESS_THAN_OR_EQUAL:
                self._end_before(self._at(key + _BEHIND))
            case _:
                return False
        return True

    def narrow_by_cursor(self, bound: Bound, *, is_start: bool) -> bool:
        """Narrow by a cursor whose values are those of the orders, then of the name."""
        values = bound.key[: len(self._orders)]
        joined = b"".join(values)
        position: Position = (self._prefix + (joined if self._forward else invert(joined)),)
        if len(bound.key) > len(self._orders):
            encoded_name = bound.key[-1]
            key = self._document_key(invert(encoded_name) if self._names_descending else encoded_name)
            if key is not None and self.descending is self._names_descending:
                position = () if self._by_name else position
                # A walk that starts before a document, or ends after it, includes it.
                self._cut(
                    (*position, key), (*position, key + _BEHIND), is_start=is_start, included=bound.before is is_start
                )
                return True
            if values:
                self._cut(position, (prefix_end(position[0]),), is_start=is_start, included=True)
            return False
        if not values:
            return False
        self._cut(position, (prefix_end(position[0]),), is_start=is_start, included=bound.before is is_start)
        return True

    def _cut(self, at: Position, behind: Position, *, is_start: bool, included: bool) -> None:
        """Cut off what a cursor leaves out, with or without what lies from `at` up to `behind`."""
        if is_start is not self.descending:
            self._start_at(at if included else behind)
        else:
            self._end_before(behind if included else at)

    def _at(self, key: bytes) -> Position:
        return (key,) if self._by_name else (self._prefix, key)

    def _start_at(self, position: Position) -> None:
        self.low = position if self.low is None else max(self.low, position)

    def _end_before(self, position: Position) -> None:
        self.high = position if self.high is None else min(self.high, position)

    def _document_key(self, encoded: bytes) -> bytes | None:
        """Return the key within the collection of an encoded reference, None when it points elsewhere.

        A document further below yields a key that no document of the collection has, in the right place among them.
        """
        if self._collection_key is None:
            return None
        root = bytes([REFERENCE]) + path_key(f"{self._database}/documents") + self._collection_key
        return encoded[len(root) : -1] if encoded.startswith(root) else None


def interval(condition: Condition, *, descending: bool) -> tuple[bytes | None, bytes | None]:
    """Return the half-open range of a field's encodings that an inequality selects.

    It holds values of the operand's type alone, without NaN; `!=` and `not-in` select all but null.

    Args:
        condition: an inequality.
        descending: whether the encodings are inverted.
    """
    operand = condition.operands[0]
    # NaN, the first of the numbers, lies in no range.
    low: bytes | None = prefix_end(NAN_ENCODED) if operand[0] == NUMBER else operand[:1]
    high: bytes | None = prefix_end(operand[:1])
    match condition.op:
        case Op.LESS_THAN:
            high = operand
        case Op.LESS_THAN_OR_EQUAL:
            high = prefix_end(operand)
        case Op.GREATER_THAN_OR_EQUAL:
            low = operand
        case Op.GREATER_THAN:
            low = prefix_end(operand)
        case _:
            low, high = prefix_end(NULL_ENCODED), None
    if not descending:
        return low, high
    return (
        prefix_end(invert(high)) if high is not None else None,
        prefix_end(invert(low)) if low is not None else None,
    )


_INTERVALS = frozenset({Op.LESS_THAN, Op.LESS_THAN_OR_EQUAL, Op.GREATER_THAN, Op.GREATER_THAN_OR_EQUAL})
