"""Owns weekly reports as frozen values. Must not know how they are stored, nor the wire models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from imagegen.kit.weeks import Week


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Counts and credits of a set of generations; `requests` is the sum of the four counts by status."""

    requests: int = 0
    completed: int = 0
    failed: int = 0
    pending: int = 0
    cancelled: int = 0
    credits_consumed: int = 0
    credits_refunded: int = 0

    @property
    def credits_net(self) -> int:
        """The revenue: credits consumed less credits refunded."""
        return self.credits_consumed - self.credits_refunded

    @property
    def success_rate(self) -> float | None:
        """The share of completed generations among the completed and failed ones; None without any."""
        ended = self.completed + self.failed
        return self.completed / ended if ended else None


@dataclass(frozen=True, kw_only=True)
class AccountWeek:
    """An account with high charges in a week; refunds are not deducted."""

    user_id: str
    requests: int = 0
    credits: int = 0
    peak_day_credits: int = 0
    # None if the account has no recorded charge in the week before.
    previous_credits: int | None = None


@dataclass(frozen=True, kw_only=True)
class SlowGeneration:
    """A slow completed generation; the duration is from the charge to the end."""

    generation_id: str
    duration_ms: int


@dataclass(frozen=True, kw_only=True)
class Anomaly:
    """A number of a week that differs significantly from the weeks before.

    `dimension` and `value` are the group (`model`, `model-b`); both are None for the whole week. `score` is a robust z
    or a p-value, see `score_kind`.
    """

    kind: str
    dimension: str | None = None
    value: str | None = None
    observed: float
    expected: float
    ratio: float | None = None
    score: float | None = None
    score_kind: Literal["z", "p"] | None = None
    baseline_weeks: int = 0
    severity: Literal["warning", "critical"] = "warning"
    status: Literal["confirmed", "provisional"] = "provisional"
    message: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """The difference from the week before; None if one of the two numbers is not known."""

    requests: int = 0
    completed: int = 0
    failed: int = 0
    credits_consumed: int = 0
    credits_net: int = 0
    success_rate: float | None = None
    active_accounts: int | None = None
    new_accounts: int = 0


@dataclass(frozen=True, kw_only=True)
class WeeklyReport:
    """The numbers of a week: in total, and by the values of each dimension (`model`, `style`, `color`, `size`).

    Its size depends on the size of the catalog, not on the numbers of accounts and requests.
    """

    week: Week
    generated_at: datetime
    totals: Totals
    # Values that are no longer in the catalog are summed up as "other"; values without requests are left out.
    by_dimension: Mapping[str, Mapping[str, Totals]]
    # None if the report was made so late that the accounts no longer had the week.
    active_accounts: int | None = 0
    # From Monday to Sunday.
    new_accounts_by_day: tuple[int, ...] = (0,) * 7
    # Highest charges first.
    top_accounts: tuple[AccountWeek, ...] = ()
    # Of completed generations; None without any.
    mean_duration_ms: float | None = None
    # Slowest first.
    slowest: tuple[SlowGeneration, ...] = ()
    change: Change | None = None
    anomalies: tuple[Anomaly, ...] = ()
    # Whether there was no earlier report to compare with.
    insufficient_history: bool = False
    # The tests for which the week has too little data.
    low_power: tuple[str, ...] = ()
    # Whether its week was over. Others are not stored, and are compared with nothing.
    is_final: bool = True

    @property
    def scheduled_at(self) -> datetime:
        """When the report was due: at the end of its week."""
        return self.week.end_at

    @property
    def new_accounts(self) -> int:
        """The number of accounts that were opened in the week."""
        return sum(self.new_accounts_by_day)
