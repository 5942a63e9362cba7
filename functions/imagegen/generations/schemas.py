"""Owns the wire models of createGenerationRequest. Must not know Firestore nor the catalog's contents."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

from imagegen.generations.records import Order, Stage
from imagegen.kit import urls
from imagegen.kit.schemas import TEXT_PATTERN, Name, RequestModel, ResponseModel, UserId, matching, text

Prompt = Annotated[
    str, text(2000), StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), matching(TEXT_PATTERN)
]


def _webhook_url(value: str, info: ValidationInfo) -> str:
    allow_loopback = bool(info.context and info.context["webhook_allow_loopback"])
    try:
        allowed = urls.may_be_called(urls.check(value), allow_loopback=allow_loopback)
    except ValueError:
        allowed = False
    if not allowed:
        raise PydanticCustomError("webhook_url", "cannot be called")
    return value


WebhookUrl = Annotated[str, Field(min_length=1, max_length=2048), AfterValidator(_webhook_url)]


class CreateGenerationRequest(RequestModel):
    """The body of createGenerationRequest."""

    user_id: UserId
    model: Name
    style: Name
    color: Name
    size: Name
    prompt: Prompt
    validate_only: bool = Field(
        default=False, strict=True, description="true (make all checks and return the price, without a charge) or false"
    )
    # Loopback URLs are valid if the validation context has `webhook_allow_loopback`.
    webhook_url: WebhookUrl | None = Field(default=None, description="a public https URL of at most 2,048 characters")

    def order(self) -> Order:
        """Return the order, independent of the wire model."""
        return Order(
            user_id=self.user_id,
            model=self.model,
            style=self.style,
            color=self.color,
            size=self.size,
            prompt=self.prompt,
            webhook_url=self.webhook_url,
        )


class CreateGenerationAnswer(ResponseModel):
    """The 200 of createGenerationRequest."""

    generation_request_id: str
    deducted_credits: int
    image_url: str


class QuoteAnswer(ResponseModel):
    """The 200 of createGenerationRequest with `validateOnly`."""

    validate_only: Literal[True] = True
    cost_credits: int
    current_credits: int


class QueuedGenerationAnswer(ResponseModel):
    """The 202 of createGenerationRequest with `Prefer: respond-async`."""

    generation_request_id: str
    status: Stage
    deducted_credits: int
    status_url: str
