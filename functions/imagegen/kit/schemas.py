"""Owns what all wire models are made of: camelCase outside, snake_case inside, and the types of their fields.

Must not know a feature nor Firestore.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from imagegen.kit.ids import DOCUMENT_ID_PATTERN, MAX_ID_CHARACTERS

# Control characters other than white space, which people write and paste.
_CONTROL = r"\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"
TEXT_PATTERN = rf"^[^{_CONTROL}]+$"


class RequestModel(BaseModel):
    """What a request must look like: just these fields."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=False, extra="forbid", frozen=True, defer_build=True
    )


class ResponseModel(BaseModel):
    """How an answer looks."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, defer_build=True)


def matching(pattern: str) -> AfterValidator:
    """Return the constraint that a text matches a pattern from end to end."""

    # Not pydantic's own patterns, which know no lookahead; compiled when first used, not in a cold start.
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise PydanticCustomError("pattern", "does not match")
        return value

    return AfterValidator(check)


def _decimal(value: object) -> object:
    # A query holds text, of which pydantic reads more as an integer: "1.0", "+1", "1_0", " 1".
    if isinstance(value, str) and not (value.isascii() and value.isdecimal()):
        raise PydanticCustomError("decimal", "is no decimal number")
    return value


Count = Annotated[int, BeforeValidator(_decimal)]
# The description of each field is what its violation says is allowed.
UserId = Annotated[
    str,
    Field(
        strict=True,
        min_length=1,
        max_length=MAX_ID_CHARACTERS,
        description="1 to 128 characters without '/', control and format characters, and not '.', '..' or '__...__'",
        json_schema_extra={"pattern": DOCUMENT_ID_PATTERN},
    ),
    matching(DOCUMENT_ID_PATTERN),
]
Name = Annotated[
    str,
    Field(strict=True, description="a name in the catalog", json_schema_extra={"pattern": r"\S"}),
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
]


def text(most_characters: int) -> Any:
    """Return how a text for people is described, of at most so many characters."""
    return Field(
        strict=True,
        description=f"1 to {most_characters:,} characters after trimming, without control characters",
        json_schema_extra={"pattern": TEXT_PATTERN},
    )
