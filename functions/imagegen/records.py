"""Owns the frozen values that are stored: accounts, ledger entries, generations, weekly reports.

Knows neither how they are stored nor how they look on the wire.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Literal


class GenerationStatus(StrEnum):
    """Where a generation stands; every status but pending is final."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


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


@dataclass(frozen=True)
class Image:
    """A finished picture: where it can be fetched, in 1 to 2,048 printable ASCII characters."""

    url: str

    def __post_init__(self) -> None:
        if not (
            isinstance(self.url, str) and 1 <= len(self.url) <= 2048 and self.url.isascii() and self.url.isprintable()
        ):
            raise ValueError("an image URL has 1 to 2,048 printable ASCII characters")


@dataclass(frozen=True, kw_only=True)
class Spending:
    """What an account was charged in one week, and how much of it on each UTC day (an ISO date)."""

    requests: int = 0
    credits: int = 0
    days: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Account:
    """A balance, the length of the ledger that explains it, and what was charged in the last weeks, by week id."""

    user_id: str
    credits: int
    opening_credits: int
    ledger_count: int
    weeks: Mapping[str, Spending] = field(default_factory=dict)
    # When its next request is due by its rate limit; None for one that has made none.
    arrival_at: datetime | None = None

    def __post_init__(self) -> None:
        for number in (self.credits, self.opening_credits, self.ledger_count):
            if type(number) is not int or number < 0:
                raise ValueError(f"account {self.user_id!r} is corrupt: {number!r} is no count of credits or entries")


@dataclass(frozen=True, kw_only=True)
class LedgerEntry:
    """One change of one balance, never changed itself; `recorded_at` is set by the database when it is written."""

    entry_id: str
    type: EntryType
    credits: int
    sequence: int
    balance_after: int
    generation_id: str | None
    reason: str
    # Which call wrote a grant.
    attempt_id: str | None = None
    recorded_at: datetime | None = None


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


@dataclass(frozen=True)
class Week:
    """An ISO week, `[start_at, end_at)`, from Monday 00:00 UTC to the next."""

    start_at: datetime

    @classmethod
    def of(cls, moment: datetime) -> Week:
        """Return the week that a moment is in."""
        day = moment.astimezone(UTC).date()
        return cls(datetime.combine(day - timedelta(days=day.weekday()), time(), UTC))

    @classmethod
    def parse(cls, week_id: str) -> Week:
        """Return the week of an ISO 8601 name.

        Raises:
            ValueError: it is not one, or not of a week that there is.
        """
        if not re.fullmatch(r"[0-9]{4}-W[0-9]{2}", week_id):
            raise ValueError(f"{week_id!r} is not of the form 2026-W46")
        monday = date.fromisocalendar(int(week_id[:4]), int(week_id[6:]), 1)
        return cls(datetime.combine(monday, time(), UTC))

    def back(self, weeks: int) -> Week:
        """Return the week that many weeks earlier."""
        return Week(self.start_at - timedelta(weeks=weeks))

    @property
    def end_at(self) -> datetime:
        """The next Monday."""
        return self.start_at + timedelta(days=7)

    @property
    def week_id(self) -> str:
        """Its ISO 8601 name, such as 2026-W46."""
        year, week, _ = self.start_at.isocalendar()
        return f"{year:04}-W{week:02}"


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Counts and credits of a set of generations; each is in just one of the four counts below `requests`."""

    requests: int = 0
    completed: int = 0
    failed: int = 0
    pending: int = 0
    cancelled: int = 0
    credits_consumed: int = 0
    credits_refunded: int = 0

    @property
    def credits_net(self) -> int:
        """What the operator keeps."""
        return self.credits_consumed - self.credits_refunded

    @property
    def success_rate(self) -> float | None:
        """The share of completed ones among those that completed or failed; None when there are none."""
        ended = self.completed + self.failed
        return self.completed / ended if ended else None


@dataclass(frozen=True, kw_only=True)
class AccountWeek:
    """One of the highest spenders of a week: what it was charged, refunded or not."""

    user_id: str
    requests: int
    credits: int
    peak_day_credits: int
    # None when no charge of the week before is recorded.
    previous_credits: int | None = None


@dataclass(frozen=True, kw_only=True)
class SlowGeneration:
    """One of the pictures of a week that took longest, from the charge to the end."""

    generation_id: str
    duration_ms: int


@dataclass(frozen=True, kw_only=True)
class Anomaly:
    """Something of a week that is unlike the weeks before, beyond chance.

    `dimension` and `value` say where (`model`, `model-b`), both None for the week as a whole. `score` is a robust z
    or a p-value, as `score_kind` says, None where neither can be had.
    """

    kind: str
    dimension: str | None = None
    value: str | None = None
    observed: float
    expected: float
    ratio: float | None
    score: float | None
    score_kind: Literal["z", "p"] | None
    baseline_weeks: int
    severity: Literal["warning", "critical"]
    status: Literal["confirmed", "provisional"]
    message: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a week has more (or, below zero, less) than the week before it; None where either is not known."""

    requests: int
    completed: int
    failed: int
    credits_consumed: int
    credits_net: int
    success_rate: float | None
    active_accounts: int | None
    new_accounts: int


@dataclass(frozen=True, kw_only=True)
class WeeklyReport:
    """A week in numbers: as a whole, and by the values of each dimension (`model`, `style`, `color`, `size`).

    Its size is bounded by the catalog's, however many accounts and requests there are.
    """

    week: Week
    scheduled_at: datetime
    generated_at: datetime
    totals: Totals
    # The value is "other" for what is no longer in the catalog; values without a request are left out.
    by_dimension: Mapping[str, Mapping[str, Totals]]
    # None for an old week that is reported for the first time, whose accounts are not known any more.
    active_accounts: int | None = 0
    # From Monday to Sunday.
    new_accounts_by_day: tuple[int, ...] = (0,) * 7
    # The highest first.
    top_accounts: tuple[AccountWeek, ...] = ()
    # Of completed generations; None when there are none.
    mean_duration_ms: float | None = None
    # The slowest first.
    slowest: tuple[SlowGeneration, ...] = ()
    change: Change | None = None
    anomalies: tuple[Anomaly, ...] = ()
    # Whether there was no earlier report to compare with.
    insufficient_history: bool = False
    # What there was too little of to be judged.
    low_power: tuple[str, ...] = ()

    @property
    def new_accounts(self) -> int:
        """How many accounts were opened in the week."""
        return sum(self.new_accounts_by_day)
