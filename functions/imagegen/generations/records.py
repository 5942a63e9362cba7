"""Owns generations as frozen values: the order, the status, the outcome.

Must not know how they are stored, nor the wire models.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class GenerationStatus(StrEnum):
    """The status of a generation; every status except pending is final."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class FailureReason(StrEnum):
    """Why a generation failed; stable, since callers see it."""

    MODEL_ERROR = "MODEL_ERROR"
    MODEL_REFUSED = "MODEL_REFUSED"
    MODEL_TIMEOUT = "MODEL_TIMEOUT"
    NOT_OFFERED = "NOT_OFFERED"
    STORAGE_ERROR = "STORAGE_ERROR"
    QUEUE_ERROR = "QUEUE_ERROR"
    LEASE_EXPIRED = "LEASE_EXPIRED"


class Stage(StrEnum):
    """The status of a generation as callers see it: a pending one is queued, or processing once an attempt began."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class WebhookState(StrEnum):
    """The state of a webhook in the outbox; unset before the generation ends."""

    DUE = "due"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What became of a webhook so far: its attempts, and the last one's time, HTTP status and failure."""

    attempts: int = 0
    attempted_at: datetime | None = None
    # None if there was no answer.
    status: int | None = None
    failure: str | None = None
    # When it was last resent on demand; its schedule then begins anew.
    resent_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a caller orders: catalog names as they were sent, the prompt, and the URL of the webhook."""

    user_id: str
    model: str
    style: str
    color: str
    size: str
    prompt: str
    webhook_url: str | None = None

    def names(self) -> dict[str, object]:
        """Return the catalog names, for `Catalog.choose`."""
        return {"model": self.model, "style": self.style, "color": self.color, "size": self.size}


@dataclass(frozen=True, kw_only=True)
class Generation:
    """One paid request for a picture, from its charge to its picture or its refund."""

    generation_id: str
    user_id: str
    model: str
    style: str
    color: str
    size: str
    prompt: str
    status: GenerationStatus
    credits_charged: int
    credits_refunded: int = 0
    image_url: str | None = None
    failure_reason: FailureReason | None = None
    created_at: datetime
    # None while it is queued.
    started_at: datetime | None
    completed_at: datetime | None = None
    # While it is queued: the time by which an attempt must begin.
    lease_expires_at: datetime
    attempt_id: str
    # The number of attempts that were begun.
    attempts: int = 1
    # When its task was last enqueued; None for a synchronous generation.
    enqueued_at: datetime | None = None
    # When the task is enqueued again if no attempt has begun by then; None unless it is queued.
    enqueue_again_at: datetime | None = None
    # When the picture of an attempt is deleted; None if there can be none that is not delivered.
    delete_picture_at: datetime | None = None
    idempotency_fingerprint: str | None = None
    webhook_url: str | None = None
    webhook: WebhookState | None = None
    # While it is due: when the outbox hands it to the queue again.
    webhook_due_at: datetime | None = None
    delivery: Delivery = Delivery()

    def names(self) -> dict[str, object]:
        """Return the catalog ids, for `Catalog.choose`."""
        return {"model": self.model, "style": self.style, "color": self.color, "size": self.size}

    @property
    def stage(self) -> Stage:
        """The status as callers see it."""
        if self.status is not GenerationStatus.PENDING:
            return Stage(self.status.value)
        return Stage.QUEUED if self.started_at is None else Stage.PROCESSING

    @property
    def duration_ms(self) -> int | None:
        """The time from the charge to the end; None while it is pending."""
        return None if self.completed_at is None else (self.completed_at - self.created_at) // timedelta(milliseconds=1)
