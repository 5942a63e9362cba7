"""Owns what a file of rules is made of once it is read; must not know how it is written or what it decides.

A value of the language is a scalar, a list (a tuple) or a map (a dict with the encodings of strings as keys). A scalar
is the encoding of a Firestore value, so that two are equal, and one comes before another, as they do in a query.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from embedded_firebase.firestore.messages import Value as _Message
from embedded_firebase.firestore.values.encoding import encode


@dataclass(frozen=True, slots=True)
class PartlyKnown:
    """A map of which some entries are known: there may be others."""

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
    """Return what JSON says as a value of the language; an integer of more than 64 bits becomes a double."""
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
    """A file of rules that cannot be read, or that says what is not supported."""

    def __init__(self, position: Position, message: str) -> None:
        super().__init__(f"line {position.line}, column {position.column}: {message}")


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as it is written."""

    value: Value


@dataclass(frozen=True, slots=True)
class Name:
    """What a name stands for."""

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
    """A list of what some expressions say."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Junction:
    """All of some expressions joined by `&&`, or any of those joined by `||`."""

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
    """What a function of the file returns."""

    function: str
    arguments: tuple[Expression, ...]
    position: Position


Expression: TypeAlias = Literal | Name | Member | ListOf | Not | Junction | Comparison | Call


@dataclass(frozen=True, slots=True)
class Function:
    """A function: what it takes, what it names on the way, and what it returns."""

    name: str
    parameters: tuple[str, ...]
    bindings: tuple[tuple[str, Expression], ...]
    result: Expression
    position: Position


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a match's path: a literal, `{name}`, or `{name=**}`, which stands for any number of parts."""

    text: str
    is_wildcard: bool = False
    is_recursive: bool = False


@dataclass(frozen=True, slots=True)
class Allow:
    """Methods, and the condition under which they are allowed."""

    methods: frozenset[str]
    condition: Expression


@dataclass(frozen=True, slots=True)
class Block:
    """A match, or the service with an empty path: what stands between its braces."""

    path: tuple[Segment, ...]
    allows: tuple[Allow, ...]
    functions: tuple[Function, ...]
    blocks: tuple[Block, ...]
    position: Position
