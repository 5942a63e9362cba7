"""Owns the base classes and field types of all wire models: camelCase on the wire, snake_case in Python.

Must not know a feature nor Firestore.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from imagegen.kit.ids import DOCUMENT_ID_PATTERN, MAX_ID_CHARACTERS

# Control characters except white space, which is legitimate in pasted text.
_CONTROL = r"\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"
TEXT_PATTERN = rf"^[^{_CONTROL}]+$"


class RequestModel(BaseModel):
    """A request: unknown fields are refused."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=False, extra="forbid", frozen=True, defer_build=True
    )


class ResponseModel(BaseModel):
    """A response."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, defer_build=True)


def matching(pattern: str) -> AfterValidator:
    """Return the constraint that a whole text matches a pattern."""

    # Not pydantic's own patterns, which have no lookahead. Compiled at first use and not in a cold start.
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise PydanticCustomError("pattern", "does not match")
        return value

    return AfterValidator(check)


def _decimal(value: object) -> object:
    # A query holds text, and pydantic would also accept "1.0", "+1", "1_0" and " 1" as integers.
    if isinstance(value, str) and not (value.isascii() and value.isdecimal()):
        raise PydanticCustomError("decimal", "is no decimal number")
    return value


def _flag(value: object) -> object:
    # A query holds text, and pydantic would also accept "1", "yes" and "on".
    if isinstance(value, str) and value not in ("true", "false"):
        raise PydanticCustomError("flag", "is neither true nor false")
    return value


def _moment(value: object) -> object:
    if not isinstance(value, str):
        return value
    moment = datetime.fromisoformat(value)
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment
    except OverflowError:
        raise ValueError("out of range") from None


Count = Annotated[int, BeforeValidator(_decimal)]
Flag = Annotated[bool, BeforeValidator(_flag)]
# JSON has no times: they are parsed from text only.
Moment = Annotated[AwareDatetime, Strict(), BeforeValidator(_moment)]
MOMENT = "a time with its zone, such as 2026-11-16T00:00:00Z"
# The description of a field says what is allowed; its violation repeats it.
UserId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_ID_CHARACTERS,
        description="1 to 128 characters without '/', control and format characters, and not '.', '..' or '__...__'",
        json_schema_extra={"pattern": DOCUMENT_ID_PATTERN},
    ),
    matching(DOCUMENT_ID_PATTERN),
]
Name = Annotated[
    str,
    Field(description="a name in the catalog", json_schema_extra={"pattern": r"\S"}),
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
]


def text(max_characters: int) -> Any:
    """Return the field of a free text of 1 to `max_characters` characters."""
    return Field(
        description=f"1 to {max_characters:,} characters after trimming, without control characters",
        json_schema_extra={"pattern": TEXT_PATTERN},
    )
