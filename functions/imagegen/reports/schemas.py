"""Owns the wire models of weekly reports.

Must not know Firestore nor how a report is built. Separate from the other schemas: building these models slows down a
cold start, and most calls need none of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from imagegen.kit.schemas import Count, RequestModel, ResponseModel
from imagegen.kit.weeks import Week
from imagegen.reports.records import WeeklyReport

_Shape = TypeVar("_Shape", bound=ResponseModel)


# The running week so far.
CURRENT = "current"


def _week_id(value: str) -> str:
    try:
        if value != CURRENT:
            Week.parse(value)
    except ValueError:
        raise PydanticCustomError("week_id", "is no week") from None
    return value


WeekId = Annotated[
    str, Field(json_schema_extra={"pattern": "^([0-9]{4}-W[0-5][0-9]|current)$"}), AfterValidator(_week_id)
]


class GetWeeklyReportRequest(RequestModel):
    """The query or the body of getWeeklyReport; the default is the latest report."""

    week: WeekId | None = Field(default=None, description="an ISO week such as 2026-W46, or current")


class ListWeeklyReportsRequest(RequestModel):
    """The query or the body of listWeeklyReports."""

    page_size: Count = Field(default=10, ge=1, le=52, description="an integer from 1 to 52")
    page_token: str | None = Field(
        default=None, min_length=1, max_length=100, description="a nextPageToken of this list"
    )


class TotalsAnswer(ResponseModel):
    """Counts and credits of a whole week, or of one value of a dimension."""

    requests: int
    completed: int
    failed: int
    pending: int
    cancelled: int
    success_rate: float | None
    credits_consumed: int
    credits_refunded: int
    credits_net: int


class AccountWeekAnswer(ResponseModel):
    """An account with high charges in the week."""

    user_id: str
    requests: int
    credits: int
    peak_day_credits: int
    previous_credits: int | None


class SlowGenerationAnswer(ResponseModel):
    """A slow completed generation."""

    generation_request_id: str = Field(validation_alias="generation_id")
    duration_ms: int


class ChangeAnswer(ResponseModel):
    """The difference from the week before."""

    requests: int
    completed: int
    failed: int
    success_rate: float | None
    credits_consumed: int
    credits_net: int
    active_accounts: int | None
    new_accounts: int


class AnomalyAnswer(ResponseModel):
    """A number of the week that differs significantly from the weeks before."""

    kind: str
    dimension: str | None
    value: str | None
    observed: float
    expected: float
    ratio: float | None
    score: float | None
    score_kind: str | None
    baseline_weeks: int
    severity: str
    status: str
    message: str


class WeeklyReportAnswer(TotalsAnswer):
    """The 200 of getWeeklyReport."""

    week: str
    week_start: datetime
    week_end: datetime
    scheduled_at: datetime
    generated_at: datetime
    active_accounts: int | None
    new_accounts: int
    new_accounts_by_day: list[int]
    top_accounts: list[AccountWeekAnswer]
    mean_duration_ms: float | None
    slowest: list[SlowGenerationAnswer]
    by_model: dict[str, TotalsAnswer]
    by_style: dict[str, TotalsAnswer]
    by_color: dict[str, TotalsAnswer]
    by_size: dict[str, TotalsAnswer]
    change_from_previous_week: ChangeAnswer | None
    anomalies: list[AnomalyAnswer]
    insufficient_history: bool
    low_power: list[str]
    is_final: bool

    @classmethod
    def of(cls, report: WeeklyReport) -> WeeklyReportAnswer:
        """Return the wire model of a report."""
        groups: dict[str, Any] = {
            f"by_{dimension}": {value: _from(TotalsAnswer, totals) for value, totals in by_value.items()}
            for dimension, by_value in report.by_dimension.items()
        }
        return cls(
            **dict(_from(TotalsAnswer, report.totals)),
            **groups,
            week=report.week.week_id,
            week_start=report.week.start_at,
            week_end=report.week.end_at,
            scheduled_at=report.scheduled_at,
            generated_at=report.generated_at,
            active_accounts=report.active_accounts,
            new_accounts=report.new_accounts,
            new_accounts_by_day=list(report.new_accounts_by_day),
            top_accounts=[_from(AccountWeekAnswer, account) for account in report.top_accounts],
            mean_duration_ms=report.mean_duration_ms,
            slowest=[_from(SlowGenerationAnswer, slow) for slow in report.slowest],
            change_from_previous_week=None if report.change is None else _from(ChangeAnswer, report.change),
            anomalies=[_from(AnomalyAnswer, anomaly) for anomaly in report.anomalies],
            insufficient_history=report.insufficient_history,
            low_power=list(report.low_power),
            is_final=report.is_final,
        )


class WeeklyReportsAnswer(ResponseModel):
    """The 200 of listWeeklyReports; `next_page_token` is absent on the last page."""

    reports: list[WeeklyReportAnswer]
    next_page_token: str | None = Field(default=None, exclude_if=lambda token: token is None)


def _from(model: type[_Shape], value: object) -> _Shape:
    return model.model_validate(value, from_attributes=True)
