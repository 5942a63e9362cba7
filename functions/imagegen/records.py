"""Owns the frozen values that are stored: accounts, ledger entries, generations, weekly reports.

Knows neither how they are stored nor how they look on the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class GenerationStatus(StrEnum):
    """Where a generation stands; every status but pending is final."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"


class EntryType(StrEnum):
    """What a ledger entry did to the balance."""

    DEDUCTION = "deduction"
    REFUND = "refund"
    GRANT = "grant"


class FailureReason(StrEnum):
    """Why a generation failed; stable, since callers see it."""

    MODEL_ERROR = "MODEL_ERROR"
    MODEL_REFUSED = "MODEL_REFUSED"
    MODEL_TIMEOUT = "MODEL_TIMEOUT"
    LEASE_EXPIRED = "LEASE_EXPIRED"


@dataclass(frozen=True, slots=True)
class Image:
    """A finished picture: where it can be fetched, in 1 to 2,048 printable ASCII characters."""

    url: str

    def __post_init__(self) -> None:
        if not (
            isinstance(self.url, str) and 1 <= len(self.url) <= 2048 and self.url.isascii() and self.url.isprintable()
        ):
            raise ValueError("an image URL has 1 to 2,048 printable ASCII characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A balance and the length of the ledger that explains it."""

    user_id: str
    credits: int
    opening_credits: int
    ledger_count: int

    def __post_init__(self) -> None:
        for number in (self.credits, self.opening_credits, self.ledger_count):
            if type(number) is not int or number < 0:
                raise ValueError(f"account {self.user_id!r} is corrupt: {number!r} is no count of credits or entries")


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One change of one balance, never changed itself; `recorded_at` is set by the database when it is written."""

    entry_id: str
    type: EntryType
    credits: int
    sequence: int
    balance_after: int
    generation_id: str | None
    reason: str
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
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
    started_at: datetime
    completed_at: datetime | None = None
    lease_expires_at: datetime
    attempt_id: str
    idempotency_fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Week:
    """An ISO week, `[start_at, end_at)`, from Monday 00:00 UTC to the next."""

    start_at: datetime

    @property
    def end_at(self) -> datetime:
        """The next Monday."""
        return self.start_at + timedelta(days=7)

    @property
    def week_id(self) -> str:
        """Its ISO 8601 name, such as 2026-W46."""
        year, week, _ = self.start_at.isocalendar()
        return f"{year:04}-W{week:02}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Counts and credits of a set of generations."""

    requests: int = 0
    completed: int = 0
    failed: int = 0
    pending: int = 0
    credits_consumed: int = 0
    credits_refunded: int = 0

    @property
    def credits_net(self) -> int:
        """What the operator keeps."""
        return self.credits_consumed - self.credits_refunded


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyReport:
    """A week in numbers: as a whole, and by the values of each dimension (`model`, `style`, `color`, `size`)."""

    week: Week
    scheduled_at: datetime
    generated_at: datetime
    totals: Totals
    by_dimension: Mapping[str, Mapping[str, Totals]]
