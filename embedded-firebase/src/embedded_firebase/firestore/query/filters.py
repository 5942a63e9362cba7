"""Owns the conditions of a query: their grammar, their limits, and whether a document meets them.

Must not know of orders, cursors or storage. A condition never compares across types: `age > 5` only matches numbers,
and no range holds NaN.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import product
from math import prod

from embedded_firebase.firestore.errors import invalid
from embedded_firebase.firestore.messages import Document, FieldFilter, Filter, Value
from embedded_firebase.firestore.values.encoding import NAN_ENCODED, NULL_ENCODED, encode, field, is_nan, type_tag
from embedded_firebase.firestore.values.paths import DOCUMENT_ID_FIELD, parse_document, parse_field_path

MAX_DISJUNCTIONS = 30
MAX_NOT_IN = 10
MAX_FILTERS = 100
_AND, _OR = 1, 2


class Op(Enum):
    """An operator of a condition; the unary ones stand beside those with an operand."""

    LESS_THAN = "<"
    LESS_THAN_OR_EQUAL = "<="
    GREATER_THAN = ">"
    GREATER_THAN_OR_EQUAL = ">="
    EQUAL = "=="
    NOT_EQUAL = "!="
    ARRAY_CONTAINS = "array-contains"
    IN = "in"
    ARRAY_CONTAINS_ANY = "array-contains-any"
    NOT_IN = "not-in"


# In the order of the numbers that the protocol gives them, from 1.
_FIELD_OPS = tuple(Op)
# IS_NAN, IS_NULL, IS_NOT_NAN, IS_NOT_NULL say the same as a comparison with NaN or null.
_UNARY_OPS = {
    2: (Op.EQUAL, Value(double_value=float("nan"))),
    3: (Op.EQUAL, Value(null_value=0)),
    4: (Op.NOT_EQUAL, Value(double_value=float("nan"))),
    5: (Op.NOT_EQUAL, Value(null_value=0)),
}
_RANGES = frozenset({Op.LESS_THAN, Op.LESS_THAN_OR_EQUAL, Op.GREATER_THAN, Op.GREATER_THAN_OR_EQUAL})
_NEGATIONS = frozenset({Op.NOT_EQUAL, Op.NOT_IN})
_WITH_LIST = frozenset({Op.IN, Op.NOT_IN, Op.ARRAY_CONTAINS_ANY})
# As in production null and NaN, which only compare with `==` and `!=`, match nothing under these.
_WITHOUT_NULL = frozenset({Op.IN, Op.ARRAY_CONTAINS, Op.ARRAY_CONTAINS_ANY})


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on one field: its operands are encoded, and a list operator has one for each element.

    Without operands it matches nothing.
    """

    path: tuple[str, ...]
    op: Op
    operands: tuple[bytes, ...]

    def leaves(self) -> Iterator[Condition]:
        """Yield every condition on a field within this one: itself."""
        yield self


@dataclass(frozen=True, slots=True)
class Composite:
    """Conditions of which all must hold, or any when `any_of`."""

    any_of: bool
    conditions: tuple[Condition | Composite, ...]

    def leaves(self) -> Iterator[Condition]:
        """Yield every condition on a field within this one."""
        for condition in self.conditions:
            yield from condition.leaves()


def is_inequality(condition: Condition) -> bool:
    """Tell whether a condition selects a range of its field's values, so that results are sorted by that field."""
    return condition.op in _RANGES or condition.op in _NEGATIONS


def matches(condition: Condition | Composite, document: Document) -> bool:
    """Tell whether a document meets a condition."""
    if isinstance(condition, Composite):
        found = any if condition.any_of else all
        return found(matches(part, document) for part in condition.conditions)
    if condition.path == (DOCUMENT_ID_FIELD,):
        return _holds(condition, Value(reference_value=document.name))
    value = field(document.fields, condition.path)
    return value is not None and _holds(condition, value)


def _holds(condition: Condition, value: Value) -> bool:
    operands = condition.operands
    match condition.op:
        case Op.EQUAL | Op.IN:
            return encode(value) in operands
        case Op.NOT_EQUAL | Op.NOT_IN:
            # Neither matches null, and a null among the excluded values excludes everything.
            encoded = encode(value)
            if encoded == NULL_ENCODED or (condition.op is Op.NOT_IN and NULL_ENCODED in operands):
                return False
            return encoded not in operands
        case Op.ARRAY_CONTAINS | Op.ARRAY_CONTAINS_ANY:
            if value.WhichOneof("value_type") != "array_value":
                return False
            return any(encode(element) in operands for element in value.array_value.values)
        case op:
            (operand,) = operands
            return type_tag(value) == operand[0] and not is_nan(value) and _COMPARE[op](encode(value), operand)


_COMPARE = {
    Op.LESS_THAN: bytes.__lt__,
    Op.LESS_THAN_OR_EQUAL: bytes.__le__,
    Op.GREATER_THAN: bytes.__gt__,
    Op.GREATER_THAN_OR_EQUAL: bytes.__ge__,
}


def parse_filter(message: Filter, database: str, parent: str) -> Condition | Composite:
    """Check a filter message of a query below the document `parent` and return it as a condition.

    Raises:
        EmulatorError: INVALID_ARGUMENT for a filter that production refuses.
    """
    condition = _parse(message, f"{database}/documents" + (f"/{parent}" if parent else ""))
    _check_together(condition)
    return condition


def _parse(message: Filter, root: str) -> Condition | Composite:
    match message.WhichOneof("filter_type"):
        case "composite_filter":
            composite = message.composite_filter
            if composite.op not in (_AND, _OR) or not composite.filters:
                raise invalid("A composite filter needs the operator AND or OR and at least one filter.")
            return Composite(composite.op == _OR, tuple(_parse(part, root) for part in composite.filters))
        case "unary_filter":
            unary = message.unary_filter
            if unary.op not in _UNARY_OPS:
                raise invalid("A unary filter needs the operator IS_NAN, IS_NULL, IS_NOT_NAN or IS_NOT_NULL.")
            op, operand = _UNARY_OPS[unary.op]
            return Condition(parse_field_path(unary.field.field_path), op, (encode(operand),))
        case "field_filter":
            return _parse_field_filter(message.field_filter, root)
        case _:
            raise invalid("A filter must be a composite, a field or a unary filter.")


def _parse_field_filter(message: FieldFilter, root: str) -> Condition:
    if not 1 <= message.op <= len(_FIELD_OPS):
        raise invalid("A field filter needs an operator.")
    op = _FIELD_OPS[message.op - 1]
    path = parse_field_path(message.field.field_path)
    values = [message.value]
    if op in _WITH_LIST:
        if message.value.WhichOneof("value_type") != "array_value" or not message.value.array_value.values:
            raise invalid(f"'{op.value}' requires a non-empty array of values.")
        values = list(message.value.array_value.values)
        most = MAX_NOT_IN if op is Op.NOT_IN else MAX_DISJUNCTIONS
        if len(values) > most:
            raise invalid(f"'{op.value}' supports up to {most} comparison values; this one has {len(values)}.")
    if path == (DOCUMENT_ID_FIELD,):
        for value in values:
            _check_name_operand(value, op, root)
    if op in _RANGES and any(is_nan(value) or value.WhichOneof("value_type") == "null_value" for value in values):
        raise invalid(f"'{op.value}' cannot compare with NaN or null; only equality can.")
    operands = (encode(value) for value in values)
    if op in _WITHOUT_NULL:
        operands = (operand for operand in operands if operand not in (NULL_ENCODED, NAN_ENCODED))
    return Condition(path, op, tuple(operands))


def _check_name_operand(value: Value, op: Op, root: str) -> None:
    if op in (Op.ARRAY_CONTAINS, Op.ARRAY_CONTAINS_ANY):
        raise invalid(f"'{op.value}' cannot be used on {DOCUMENT_ID_FIELD}.")
    if value.WhichOneof("value_type") != "reference_value":
        raise invalid(f"{DOCUMENT_ID_FIELD} can only be compared with a reference to a document.")
    parse_document(value.reference_value)
    if not value.reference_value.startswith(f"{root}/"):
        raise invalid(f'{DOCUMENT_ID_FIELD} can only be compared with a document below "{root}".')


def _check_together(condition: Condition | Composite) -> None:
    """Check which conditions may be combined in one query, and how many."""
    leaves = list(condition.leaves())
    if len(leaves) > MAX_FILTERS:
        raise invalid(f"A query has at most {MAX_FILTERS} filters; this one has {len(leaves)}.")
    negations = [leaf for leaf in leaves if leaf.op in _NEGATIONS]
    if len(negations) > 1:
        raise invalid("A query has at most one '!=', 'not-in', IS_NOT_NULL or IS_NOT_NAN filter.")
    other = any(leaf.op in (Op.IN, Op.ARRAY_CONTAINS_ANY) for leaf in leaves) or _has_or(condition)
    if other and any(leaf.op is Op.NOT_IN for leaf in leaves):
        raise invalid("'not-in' cannot stand in one query with 'in', 'array-contains-any' or OR.")
    _check_key_equality(leaves)
    count = _disjunctions(condition)
    if count > MAX_DISJUNCTIONS:
        raise invalid(
            f"A query has at most {MAX_DISJUNCTIONS} disjunctions in its disjunctive normal form; this has {count}."
        )


def _check_key_equality(leaves: Sequence[Condition]) -> None:
    inequalities = {leaf.path for leaf in leaves if is_inequality(leaf)}
    key = (DOCUMENT_ID_FIELD,)
    if inequalities and key not in inequalities and any(leaf.op is Op.EQUAL and leaf.path == key for leaf in leaves):
        raise invalid(
            "Equality on key is not allowed if there are other inequality fields and key does not appear in "
            "inequalities."
        )


def disjuncts(condition: Condition | Composite | None) -> list[tuple[Condition, ...]]:
    """Return the disjunctive normal form: conjunctions of which any must hold, with lists expanded except not-in.

    There are at most `MAX_DISJUNCTIONS` of them. A query without a condition has one, which is empty; one that matches
    nothing has none.
    """
    if condition is None:
        return [()]
    if isinstance(condition, Condition):
        op = _OF_EACH_OPERAND.get(condition.op)
        if op is None:
            return [(condition,)]
        return [(Condition(condition.path, op, (operand,)),) for operand in dict.fromkeys(condition.operands)]
    parts = [disjuncts(part) for part in condition.conditions]
    if condition.any_of:
        return [conjunction for part in parts for conjunction in part]
    return [tuple(leaf for part in choice for leaf in part) for choice in product(*parts)]


_OF_EACH_OPERAND = {
    Op.IN: Op.EQUAL,
    Op.ARRAY_CONTAINS: Op.ARRAY_CONTAINS,
    Op.ARRAY_CONTAINS_ANY: Op.ARRAY_CONTAINS,
}


def _has_or(condition: Condition | Composite) -> bool:
    if isinstance(condition, Condition):
        return False
    return (condition.any_of and len(condition.conditions) > 1) or any(map(_has_or, condition.conditions))


def _disjunctions(condition: Condition | Composite) -> int:
    """Return how many conjunctions the condition has in its disjunctive normal form."""
    if isinstance(condition, Condition):
        return len(condition.operands) if condition.op in (Op.IN, Op.ARRAY_CONTAINS_ANY) else 1
    counts = map(_disjunctions, condition.conditions)
    return sum(counts) if condition.any_of else prod(counts)
