"""Owns the wire models of webhooks: the message, and the requests and answers of their functions.

Must not know how a message is signed or delivered.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field, Strict

from imagegen.generations.lookup_schemas import GenerationAnswer, GenerationId
from imagegen.generations.records import Generation, WebhookState
from imagegen.kit.schemas import Count, RequestModel, ResponseModel, UserId
from imagegen.webhooks.signing import Secrets


class WebhookMessage(ResponseModel):
    """The body of a webhook: the event's type and time, and the generation."""

    type: str
    timestamp: datetime
    data: GenerationAnswer


def _state(value: object) -> object:
    return WebhookState(value) if isinstance(value, str) else value


# JSON has no enumerations: it is parsed from text only.
_State = Annotated[WebhookState, Strict(), BeforeValidator(_state)]


class ListWebhookDeliveriesRequest(RequestModel):
    """The query or the body of listWebhookDeliveries."""

    user_id: UserId
    state: _State | None = Field(default=None, description="due, delivered or given_up")
    page_size: Count = Field(default=20, ge=1, le=100, description="an integer from 1 to 100")
    page_token: str | None = Field(
        default=None, min_length=1, max_length=300, description="a nextPageToken of this list"
    )


class ResendWebhookRequest(RequestModel):
    """The body of resendWebhook."""

    generation_request_id: GenerationId


class WebhookDeliveryAnswer(ResponseModel):
    """The webhook of a generation; `last_...` are of the last attempt, `next_attempt_at` is null unless it is due."""

    generation_request_id: str
    webhook_url: str
    type: str
    timestamp: datetime
    state: WebhookState
    attempts: int
    last_attempt_at: datetime | None
    last_status: int | None
    last_failure: str | None
    next_attempt_at: datetime | None

    @classmethod
    def of(cls, generation: Generation) -> WebhookDeliveryAnswer:
        """Return the wire model of the webhook of an ended generation."""
        delivery = generation.delivery
        assert generation.webhook_url is not None
        assert generation.completed_at is not None
        assert generation.webhook is not None
        return cls(
            generation_request_id=generation.generation_id,
            webhook_url=generation.webhook_url,
            type=f"generation.{generation.stage}",
            timestamp=generation.completed_at,
            state=generation.webhook,
            attempts=delivery.attempts,
            last_attempt_at=delivery.attempted_at,
            last_status=delivery.status,
            last_failure=delivery.failure,
            next_attempt_at=generation.webhook_due_at,
        )


class WebhookDeliveriesAnswer(ResponseModel):
    """A page of webhooks; `next_page_token` is absent on the last page."""

    deliveries: list[WebhookDeliveryAnswer]
    next_page_token: str | None = Field(default=None, exclude_if=lambda token: token is None)


class GetWebhookSecretRequest(RequestModel):
    """The query or the body of getWebhookSecret."""

    user_id: UserId


class RotateWebhookSecretRequest(RequestModel):
    """The body of rotateWebhookSecret."""

    user_id: UserId


class WebhookSecretAnswer(ResponseModel):
    """The secrets that sign an account's webhooks; the previous one and its end are null unless it still signs."""

    user_id: str
    version: int
    secret: str
    previous_secret: str | None
    previous_secret_ends_at: datetime | None

    @classmethod
    def of(cls, user_id: str, secrets: Secrets) -> WebhookSecretAnswer:
        """Return the wire model of an account's secrets."""
        return cls(
            user_id=user_id,
            version=secrets.version,
            secret=secrets.current,
            previous_secret=secrets.previous,
            previous_secret_ends_at=secrets.previous_ends_at,
        )
