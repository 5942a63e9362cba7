"""Owns weekly reports as frozen values. Must not know how they are stored nor how they look on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from imagegen.kit.weeks import Week


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
