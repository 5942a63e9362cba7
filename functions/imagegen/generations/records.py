"""Owns generations as frozen values: what is asked for, where each stands, and how it ended.

Must not know how they are stored nor how they look on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class GenerationStatus(StrEnum):
    """Where a generation stands; every status but pending is final."""

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
    """Where a generation stands as callers see it: a pending one is queued until it is begun."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class WebhookState(StrEnum):
    """Whether the one who asked for it was told that a generation ended; unset before it ends."""

    DUE = "due"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a caller asks for: names of the catalog as they were sent, a prompt, and which URL to tell of the end."""

    user_id: str
    model: str
    style: str
    color: str
    size: str
    prompt: str
    webhook_url: str | None = None

    def names(self) -> dict[str, object]:
        """Return what the catalog is asked for."""
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
    # Of a queued one: until when it must be begun.
    lease_expires_at: datetime
    attempt_id: str
    # How often it was begun.
    attempts: int = 1
    idempotency_fingerprint: str | None = None
    webhook_url: str | None = None
    webhook: WebhookState | None = None

    def names(self) -> dict[str, object]:
        """Return what the catalog knows it by."""
        return {"model": self.model, "style": self.style, "color": self.color, "size": self.size}

    @property
    def stage(self) -> Stage:
        """Where it stands as callers see it."""
        if self.status is not GenerationStatus.PENDING:
            return Stage(self.status.value)
        return Stage.QUEUED if self.started_at is None else Stage.PROCESSING

    @property
    def duration_ms(self) -> int | None:
        """The time from the charge to the end; None while it is pending."""
        return None if self.completed_at is None else (self.completed_at - self.created_at) // timedelta(milliseconds=1)
