"""Owns count, sum and average over the results of a query; must not know where the documents come from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from embedded_firebase.firestore.errors import invalid
from embedded_firebase.firestore.messages import Document, StructuredAggregationQuery, Value
from embedded_firebase.firestore.values.encoding import NULL_VALUE, field, is_number, number
from embedded_firebase.firestore.values.paths import parse_field_path

MAX_AGGREGATIONS = 5
_MIN_INTEGER, _MAX_INTEGER = -(1 << 63), (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Aggregation:
    """One aggregate: `count` up to a limit (None: no limit), or `sum` or `avg` of a field."""

    alias: str
    operator: str
    path: tuple[str, ...]
    up_to: int | None


def parse(message: StructuredAggregationQuery) -> tuple[Aggregation, ...]:
    """Check the aggregations of a query.

    Raises:
        EmulatorError: INVALID_ARGUMENT for aggregations that production refuses.
    """
    if not message.aggregations:
        raise invalid("Aggregations can not be empty.")
    if len(message.aggregations) > MAX_AGGREGATIONS:
        raise invalid(
            f"The maximum number of aggregations allowed in an aggregation query is {MAX_AGGREGATIONS}. "
            f"Received: {len(message.aggregations)}"
        )
    parsed = []
    for position, entry in enumerate(message.aggregations, 1):
        operator = entry.WhichOneof("operator")
        if operator is None:
            raise invalid("An aggregation needs an operator: count, sum or avg.")
        up_to = None
        path: tuple[str, ...] = ()
        if operator == "count":
            if entry.count.HasField("up_to"):
                up_to = entry.count.up_to.value
                if up_to <= 0:
                    raise invalid("count.up_to must be greater than 0.")
        else:
            path = parse_field_path(getattr(entry, operator).field.field_path)
        parsed.append(Aggregation(entry.alias or f"field_{position}", operator, path, up_to))
    if len({entry.alias for entry in parsed}) < len(parsed):
        raise invalid("Aggregation aliases contain duplicate alias.")
    return tuple(parsed)


def run(aggregations: Iterable[Aggregation], documents: Iterable[Document]) -> dict[str, Value]:
    """Return the aggregates of the given documents by alias."""
    return run_grouped(aggregations, [(document, 1) for document in documents])


def run_grouped(aggregations: Iterable[Aggregation], groups: Sequence[tuple[Document, int]]) -> dict[str, Value]:
    """Return the aggregates of groups of documents with the same values: one of each, and their number."""
    return {entry.alias: _figure(entry, groups) for entry in aggregations}


def only_counts(aggregations: Iterable[Aggregation]) -> bool:
    """Tell whether only the number of results is requested."""
    return all(entry.operator == "count" for entry in aggregations)


def from_total(aggregations: Iterable[Aggregation], total: int) -> dict[str, Value]:
    """Return counts, given the number of results, by alias."""
    return {entry.alias: _count(entry, total) for entry in aggregations}


def _count(aggregation: Aggregation, total: int) -> Value:
    return Value(integer_value=total if aggregation.up_to is None else min(total, aggregation.up_to))


def _figure(aggregation: Aggregation, groups: Sequence[tuple[Document, int]]) -> Value:
    if aggregation.operator == "count":
        return _count(aggregation, sum(count for _, count in groups))
    values = ((field(document.fields, aggregation.path), count) for document, count in groups)
    numbers = [(number(value), count) for value, count in values if value is not None and is_number(value)]
    summed = _sum(numbers)
    if aggregation.operator == "avg":
        return Value(double_value=float(summed) / sum(count for _, count in numbers)) if numbers else NULL_VALUE
    if isinstance(summed, int) and _MIN_INTEGER <= summed <= _MAX_INTEGER:
        return Value(integer_value=summed)
    return Value(double_value=float(summed))


def _sum(numbers: Sequence[tuple[int | float, int]]) -> int | float:
    """Return the sum of numbers, each with its count; integers have an integer sum."""
    summed = sum(held * count for held, count in numbers)
    if isinstance(summed, int) or math.isfinite(summed):
        return summed
    if infinite := [held for held, _ in numbers if not math.isfinite(held)]:
        return sum(infinite)
    # A partial sum has overflowed; the whole one may not.
    exact = sum(Fraction(held) * count for held, count in numbers)
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf
