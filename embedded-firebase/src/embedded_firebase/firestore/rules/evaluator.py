"""Owns the evaluation of expressions; must not know which rules there are or where values come from.

An error in production is `Undecided` here, and so are unknown fields of the documents of a query: neither ever allows a
request. `||` is true when one side is, regardless of the other. `&&` is false when a side before all undecided ones is.
So production may allow more, but never less.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from embedded_firebase.firestore.rules.syntax import (
    FALSE,
    TRUE,
    Call,
    Comparison,
    Expression,
    Function,
    Junction,
    ListOf,
    Literal,
    Member,
    Name,
    Not,
    PartlyKnown,
    Value,
    number,
)
from embedded_firebase.firestore.values.encoding import BYTES, NUMBER, STRING, TIMESTAMP

# Production's limit of expressions for one request.
MAX_EXPRESSIONS = 1_000
_ORDERED = frozenset({"<", "<=", ">", ">="})
_ORDERED_TYPES = (NUMBER, TIMESTAMP, STRING, BYTES)
_NAN = number(math.nan)


class Undecided(Exception):
    """An expression that has no value."""


@dataclass(slots=True)
class Budget:
    """How many expressions may still be evaluated for a request."""

    expressions: int = MAX_EXPRESSIONS

    def spend(self) -> None:
        """Use up one.

        Raises:
            Undecided: when none is left.
        """
        self.expressions -= 1
        if self.expressions < 0:
            raise Undecided


def holds(condition: Expression, names: Mapping[str, Value], functions: Mapping[str, Function], budget: Budget) -> bool:
    """Tell whether a condition is true; an error or another value than a boolean counts as false."""
    try:
        return _Evaluation(names, functions, budget).value(condition, names) == TRUE
    except (Undecided, RecursionError):
        return False


@dataclass(frozen=True, slots=True)
class _Evaluation:
    visible: Mapping[str, Value]
    functions: Mapping[str, Function]
    budget: Budget

    def value(self, expression: Expression, names: Mapping[str, Value]) -> Value:
        self.budget.spend()
        match expression:
            case Literal(value):
                return value
            case Name(name):
                if name not in names:
                    raise Undecided
                return names[name]
            case Member(target, key):
                return _entry(self.value(target, names), self.value(key, names))
            case ListOf(items):
                return tuple(self.value(item, names) for item in items)
            case Not(operand):
                return _boolean(not self._truth(operand, names))
            case Junction(any_of, operands):
                return _boolean(self._any(operands, names) if any_of else self._all(operands, names))
            case Comparison(operator, left, right):
                return _boolean(_compare(operator, self.value(left, names), self.value(right, names)))
            case Call(function, arguments):
                values = [self.value(argument, names) for argument in arguments]
                return self._call(self.functions[function], values)

    def _truth(self, expression: Expression, names: Mapping[str, Value]) -> bool:
        value = self.value(expression, names)
        if value not in (TRUE, FALSE):
            raise Undecided
        return value == TRUE

    def _all(self, operands: tuple[Expression, ...], names: Mapping[str, Value]) -> bool:
        return all(self._truth(operand, names) for operand in operands)

    def _any(self, operands: tuple[Expression, ...], names: Mapping[str, Value]) -> bool:
        undecided = False
        for operand in operands:
            try:
                if self._truth(operand, names):
                    return True
            except Undecided:
                undecided = True
        if undecided:
            raise Undecided
        return False

    def _call(self, function: Function, arguments: list[Value]) -> Value:
        # Lexical scope: a function sees the wildcards around it, not the names of its caller.
        own = {**self.visible, **dict(zip(function.parameters, arguments, strict=True))}
        for name, expression in function.bindings:
            own[name] = self.value(expression, own)
        return self.value(function.result, own)


def _boolean(truth: bool) -> bytes:
    return TRUE if truth else FALSE


def _entry(target: Value, key: Value) -> Value:
    entries = target.entries if isinstance(target, PartlyKnown) else target
    if not isinstance(entries, dict) or not isinstance(key, bytes) or key not in entries:
        raise Undecided
    return entries[key]


def _compare(operator: str, left: Value, right: Value) -> bool:
    if operator in _ORDERED:
        return _in_order(operator, left, right)
    if operator == "in":
        return _contains(right, left)
    return _equal(left, right) == (operator == "==")


def _in_order(operator: str, left: Value, right: Value) -> bool:
    """Compare two numbers, times, strings or bytes; other values and NaN are not ordered."""
    if not isinstance(left, bytes) or not isinstance(right, bytes) or left[0] != right[0]:
        raise Undecided
    if left[0] not in _ORDERED_TYPES or _NAN in (left, right):
        raise Undecided
    if operator.startswith("<"):
        return left < right or (operator == "<=" and left == right)
    return left > right or (operator == ">=" and left == right)


def _contains(holder: Value, value: Value) -> bool:
    if isinstance(holder, tuple):
        return any(_equal(element, value) for element in holder)
    entries = holder.entries if isinstance(holder, PartlyKnown) else holder
    if not isinstance(entries, dict) or not isinstance(value, bytes):
        raise Undecided
    if value not in entries and isinstance(holder, PartlyKnown):
        raise Undecided
    return value in entries


def _equal(left: Value, right: Value) -> bool:
    if isinstance(left, tuple) and isinstance(right, tuple):
        return len(left) == len(right) and all(map(_equal, left, right))
    maps = (dict, PartlyKnown)
    if isinstance(left, maps) and isinstance(right, maps):
        if isinstance(left, PartlyKnown) or isinstance(right, PartlyKnown):
            raise Undecided
        return left.keys() == right.keys() and all(_equal(entry, right[key]) for key, entry in left.items())
    return isinstance(left, bytes) and left == right and left != _NAN
