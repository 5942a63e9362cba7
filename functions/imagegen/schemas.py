"""Owns the wire models: what a request must look like and how an answer looks, camelCase outside, snake_case inside.

Knows neither Firestore nor the catalog's contents.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from .errors import Violation
from .records import EntryType, Week, WeeklyReport

_FORBIDDEN_IN_ID = re.compile(r"/|[\x00-\x1f\x7f]|^\.{1,2}$|^__.*__$")


class _Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=False, extra="forbid", frozen=True)


class _Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


_Shape = TypeVar("_Shape", bound=_Answer)


def _document_id(value: str) -> str:
    if _FORBIDDEN_IN_ID.search(value):
        raise PydanticCustomError("document_id", "cannot be a document's id")
    return value


def _week_id(value: str) -> str:
    try:
        Week.parse(value)
    except ValueError:
        raise PydanticCustomError("week_id", "is no week") from None
    return value


# The description of each field is what its violation says is allowed.
UserId = Annotated[
    str,
    Field(
        strict=True,
        min_length=1,
        max_length=128,
        description="1 to 128 characters without '/' and control characters, and not '.', '..' or '__...__'",
    ),
    AfterValidator(_document_id),
]
WeekId = Annotated[str, Field(strict=True), AfterValidator(_week_id)]
Name = Annotated[
    str,
    Field(strict=True, description="a name in the catalog"),
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
]
Prompt = Annotated[
    str,
    Field(strict=True, description="1 to 2,000 characters after trimming"),
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2000),
]


class CreateGenerationRequest(_Wire):
    """The body of createGenerationRequest."""

    user_id: UserId
    model: Name
    style: Name
    color: Name
    size: Name
    prompt: Prompt

    def names(self) -> dict[str, object]:
        """Return what the catalog is asked for."""
        return {"model": self.model, "style": self.style, "color": self.color, "size": self.size}


class GetUserCreditsRequest(_Wire):
    """The query or the body of getUserCredits."""

    user_id: UserId
    page_size: int = Field(default=50, ge=1, le=200, description="an integer from 1 to 200")
    page_token: str | None = Field(
        default=None, strict=True, min_length=1, max_length=100, description="a nextPageToken of this account"
    )


class GetWeeklyReportRequest(_Wire):
    """The query or the body of getWeeklyReport; without a week, the latest is meant."""

    week: WeekId | None = Field(default=None, description="an ISO week such as 2026-W46")


class ListWeeklyReportsRequest(_Wire):
    """The query or the body of listWeeklyReports."""

    page_size: int = Field(default=10, ge=1, le=52, description="an integer from 1 to 52")
    page_token: str | None = Field(
        default=None, strict=True, min_length=1, max_length=100, description="a nextPageToken of this list"
    )


class CreateGenerationAnswer(_Answer):
    """The 200 of createGenerationRequest."""

    generation_request_id: str
    deducted_credits: int
    image_url: str


class TransactionAnswer(_Answer):
    """One ledger entry."""

    id: str
    type: EntryType
    credits: int
    generation_request_id: str | None
    timestamp: datetime | None


class UserCreditsAnswer(_Answer):
    """The 200 of getUserCredits; `next_page_token` is absent on the last page."""

    current_credits: int
    transactions: list[TransactionAnswer]
    next_page_token: str | None = Field(default=None, exclude_if=lambda token: token is None)


class TotalsAnswer(_Answer):
    """Counts and credits, of a whole week or of one value of a dimension in it."""

    requests: int
    completed: int
    failed: int
    pending: int
    cancelled: int
    success_rate: float | None
    credits_consumed: int
    credits_refunded: int
    credits_net: int


class AccountWeekAnswer(_Answer):
    """One of the highest spenders."""

    user_id: str
    requests: int
    credits: int
    peak_day_credits: int
    previous_credits: int | None


class SlowGenerationAnswer(_Answer):
    """One of the slowest pictures."""

    generation_request_id: str = Field(validation_alias="generation_id")
    duration_ms: int


class ChangeAnswer(_Answer):
    """What a week has more than the week before."""

    requests: int
    completed: int
    failed: int
    success_rate: float | None
    credits_consumed: int
    credits_net: int
    active_accounts: int | None
    new_accounts: int


class AnomalyAnswer(_Answer):
    """Something of a week that is unlike the weeks before."""

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
    """The 200 of getWeeklyReport, and what is stored."""

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

    @classmethod
    def of(cls, report: WeeklyReport) -> WeeklyReportAnswer:
        """Return how a report looks outside."""
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
        )


class WeeklyReportsAnswer(_Answer):
    """The 200 of listWeeklyReports; `next_page_token` is absent on the last page."""

    reports: list[WeeklyReportAnswer]
    next_page_token: str | None = Field(default=None, exclude_if=lambda token: token is None)


def _from(model: type[_Shape], value: object) -> _Shape:
    return model.model_validate(value, from_attributes=True)


def violations_of(model: type[BaseModel], error: ValidationError) -> list[Violation]:
    """Say per bad field what is allowed, in the order of the fields."""
    allowed = {field.alias: field.description for field in model.model_fields.values()}
    faults: dict[str, Violation] = {}
    for fault in error.errors(include_url=False, include_input=False):
        field = str(fault["loc"][0])
        if field not in allowed:
            description = "is not a field of this request"
        elif fault["type"] == "missing":
            description = f"is required: {allowed[field]}"
        else:
            description = f"must be {allowed[field]}"
        faults.setdefault(field, Violation(field, description))
    return list(faults.values())
