"""Owns the wire models: what a request must look like and how an answer looks, camelCase outside, snake_case inside.

Knows neither Firestore nor the catalog's contents.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from . import webhook_urls
from .ids import DOCUMENT_ID_PATTERN, MAX_ID_CHARACTERS
from .records import EntryType, Order, Stage

# Control characters other than white space, which people write and paste.
_CONTROL = r"\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"
TEXT_PATTERN = rf"^[^{_CONTROL}]+$"


class Wire(BaseModel):
    """What a request must look like: just these fields."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=False, extra="forbid", frozen=True, defer_build=True
    )


class Answer(BaseModel):
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


Prompt = Annotated[
    str, text(2000), StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), matching(TEXT_PATTERN)
]
Reason = Annotated[
    str, text(200), StringConstraints(strip_whitespace=True, min_length=1, max_length=200), matching(TEXT_PATTERN)
]


def _webhook_url(value: str, info: ValidationInfo) -> str:
    allow_loopback = bool(info.context and info.context["webhook_allow_loopback"])
    try:
        allowed = webhook_urls.may_be_called(webhook_urls.check(value), allow_loopback=allow_loopback)
    except ValueError:
        allowed = False
    if not allowed:
        raise PydanticCustomError("webhook_url", "cannot be called")
    return value


WebhookUrl = Annotated[str, Field(strict=True, min_length=1, max_length=2048), AfterValidator(_webhook_url)]


class CreateGenerationRequest(Wire):
    """The body of createGenerationRequest."""

    user_id: UserId
    model: Name
    style: Name
    color: Name
    size: Name
    prompt: Prompt
    validate_only: bool = Field(
        default=False, strict=True, description="true, to be told the price and be charged nothing, or false"
    )
    # To this machine where the context of the validation says `webhook_allow_loopback`.
    webhook_url: WebhookUrl | None = Field(
        default=None, description="an https URL of the internet, of at most 2,048 characters"
    )

    def order(self) -> Order:
        """Return what is asked for, without the form in which it was sent."""
        return Order(
            user_id=self.user_id,
            model=self.model,
            style=self.style,
            color=self.color,
            size=self.size,
            prompt=self.prompt,
            webhook_url=self.webhook_url,
        )


class GrantCreditsRequest(Wire):
    """The body of grantCredits."""

    user_id: UserId
    credits: int = Field(ge=1, le=1_000_000, description="an integer from 1 to 1,000,000")
    reason: Reason = "granted"


GenerationId = Annotated[
    str,
    Field(
        strict=True,
        min_length=1,
        max_length=MAX_ID_CHARACTERS,
        description="a generationRequestId",
        json_schema_extra={"pattern": DOCUMENT_ID_PATTERN},
    ),
    matching(DOCUMENT_ID_PATTERN),
]


class GetUserCreditsRequest(Wire):
    """The query or the body of getUserCredits."""

    user_id: UserId
    page_size: Count = Field(default=50, ge=1, le=200, description="an integer from 1 to 200")
    page_token: str | None = Field(
        default=None, strict=True, min_length=1, max_length=100, description="a nextPageToken of this account"
    )


class CreateGenerationAnswer(Answer):
    """The 200 of createGenerationRequest."""

    generation_request_id: str
    deducted_credits: int
    image_url: str


class GrantCreditsAnswer(Answer):
    """The 200 of grantCredits; `current_credits` is the balance after the grant."""

    transaction_id: str
    user_id: str
    granted_credits: int
    current_credits: int


class QuoteAnswer(Answer):
    """The 200 of createGenerationRequest with `validateOnly`."""

    validate_only: Literal[True] = True
    cost_credits: int
    current_credits: int


class QueuedGenerationAnswer(Answer):
    """The 202 of createGenerationRequest with `Prefer: respond-async`."""

    generation_request_id: str
    status: Stage
    deducted_credits: int
    status_url: str


class TransactionAnswer(Answer):
    """One ledger entry."""

    id: str
    type: EntryType
    credits: int
    generation_request_id: str | None
    reason: str | None = Field(
        description="what a grant is for, or the failureReason or 'cancelled' of a refund; null for a deduction"
    )
    timestamp: datetime | None


class UserCreditsAnswer(Answer):
    """The 200 of getUserCredits; `next_page_token` is absent on the last page."""

    current_credits: int
    transactions: list[TransactionAnswer]
    next_page_token: str | None = Field(default=None, exclude_if=lambda token: token is None)
