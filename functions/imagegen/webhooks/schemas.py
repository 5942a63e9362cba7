"""Owns the wire models of webhooks: the message, and the requests and answers of their functions.

Must not know how a message is signed or delivered.
"""

from __future__ import annotations

from datetime import datetime

from imagegen.generations.lookup_schemas import GenerationAnswer
from imagegen.kit.schemas import RequestModel, ResponseModel, UserId
from imagegen.webhooks.signing import Secrets


class WebhookMessage(ResponseModel):
    """The body of a webhook: the event's type and time, and the generation."""

    type: str
    timestamp: datetime
    data: GenerationAnswer


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
