"""Owns the syntax tree of a file of rules and its values; must not know how a file is parsed or evaluated.

A value of the language is a scalar, a list (a tuple) or a map (a dict with the encodings of strings as keys). A scalar
is the encoding of a Firestore value, so that values compare as in a query.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from embedded_firebase.firestore.messages import Value as _Message
from embedded_firebase.firestore.values.encoding import encode


@dataclass(frozen=True, slots=True)
class PartlyKnown:
    """A map of which only some entries are known."""

    entries: dict[bytes, Value]


Value: TypeAlias = "bytes | tuple[Value, ...] | dict[bytes, Value] | PartlyKnown"

NULL = encode(_Message(null_value=0))
TRUE = encode(_Message(boolean_value=True))
FALSE = encode(_Message(boolean_value=False))


def string(text: str) -> bytes:
    """Return a string of the language."""
    return encode(_Message(string_value=text))


def number(figure: int | float) -> bytes:
    """Return a number of the language.

    Raises:
        ValueError: for an integer of more than 64 bits.
    """
    if isinstance(figure, float):
        return encode(_Message(double_value=figure))
    return encode(_Message(integer_value=figure))


def of_json(content: Any) -> Value:
    """Return JSON as a value of the language; an integer of more than 64 bits becomes a double."""
    match content:
        case None:
            return NULL
        case bool():
            return TRUE if content else FALSE
        case int() if abs(content) >= 1 << 63:
            return number(float(content))
        case int() | float():
            return number(content)
        case str():
            return string(content)
        case list():
            return tuple(map(of_json, content))
        case _:
            return {string(name): of_json(entry) for name, entry in content.items()}


def of_fields(fields: Mapping[str, _Message]) -> dict[bytes, Value]:
    """Return the fields of a document as a map of the language."""
    return {string(name): _of_message(value) for name, value in fields.items()}


def _of_message(value: _Message) -> Value:
    match value.WhichOneof("value_type"):
        case "map_value":
            return of_fields(value.map_value.fields)
        case "array_value":
            return tuple(map(_of_message, value.array_value.values))
        case _:
            return encode(value)


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file of rules; lines and columns count from 1."""

    line: int
    column: int


class RulesError(ValueError):
    """A syntax error in a file of rules, or unsupported syntax."""

    def __init__(self, position: Position, message: str) -> None:
        super().__init__(f"line {position.line}, column {position.column}: {message}")


@dataclass(frozen=True, slots=True)
class Literal:
    """A literal."""

    value: Value


@dataclass(frozen=True, slots=True)
class Name:
    """A name."""

    name: str
    position: Position


@dataclass(frozen=True, slots=True)
class Member:
    """An entry of a map, `target.name` or `target[key]`."""

    target: Expression
    key: Expression
    position: Position


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of expressions."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """A negation."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Junction:
    """Expressions joined by `&&` or by `||`."""

    any_of: bool
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two expressions and `==`, `!=`, `<`, `<=`, `>`, `>=` or `in`."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function of the file."""

    function: str
    arguments: tuple[Expression, ...]
    position: Position


Expression: TypeAlias = Literal | Name | Member | ListOf | Not | Junction | Comparison | Call


@dataclass(frozen=True, slots=True)
class Function:
    """A function: parameters, `let` variables and the returned expression."""

    name: str
    parameters: tuple[str, ...]
    bindings: tuple[tuple[str, Expression], ...]
    result: Expression
    position: Position


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a match's path: a literal, `{name}`, or `{name=**}`, which matches any number of parts.

    In version 1 of the rules the latter matches one part at least.
    """

    text: str
    is_wildcard: bool = False
    is_recursive: bool = False
    is_version_1: bool = False


@dataclass(frozen=True, slots=True)
class Allow:
    """Methods, and the condition under which they are allowed."""

    methods: frozenset[str]
    condition: Expression


@dataclass(frozen=True, slots=True)
class Block:
    """The content of a match, or of the service, whose path is empty."""

    path: tuple[Segment, ...]
    allows: tuple[Allow, ...]
    functions: tuple[Function, ...]
    blocks: tuple[Block, ...]
    position: Position
