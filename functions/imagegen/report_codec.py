"""Owns how a weekly report looks in its document, in both directions; the way out is that of the wire.

Pure; knows neither Firestore nor HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .records import AccountWeek, Anomaly, Change, SlowGeneration, Totals, Week, WeeklyReport
from .report import DIMENSIONS
from .report_schemas import WeeklyReportAnswer


def to_fields(report: WeeklyReport) -> dict[str, Any]:
    """Return the fields of a report's document: those of the wire, but for the week, which is the document's id."""
    return WeeklyReportAnswer.of(report).model_dump(by_alias=True, exclude={"week"})


def from_fields(week_id: str, fields: Mapping[str, Any]) -> WeeklyReport:
    """Return the report that a document holds.

    Raises:
        KeyError, TypeError, ValueError: the document is not one that `to_fields` makes.
    """
    change = fields["changeFromPreviousWeek"]
    return WeeklyReport(
        week=Week.parse(week_id),
        scheduled_at=fields["scheduledAt"],
        generated_at=fields["generatedAt"],
        totals=_totals(fields),
        by_dimension={
            dimension: {value: _totals(group) for value, group in fields[f"by{dimension.capitalize()}"].items()}
            for dimension in DIMENSIONS
        },
        active_accounts=fields["activeAccounts"],
        new_accounts_by_day=tuple(fields["newAccountsByDay"]),
        top_accounts=tuple(
            AccountWeek(
                user_id=account["userId"],
                requests=account["requests"],
                credits=account["credits"],
                peak_day_credits=account["peakDayCredits"],
                previous_credits=account["previousCredits"],
            )
            for account in fields["topAccounts"]
        ),
        mean_duration_ms=fields["meanDurationMs"],
        slowest=tuple(
            SlowGeneration(generation_id=slow["generationRequestId"], duration_ms=slow["durationMs"])
            for slow in fields["slowest"]
        ),
        change=None if change is None else _change(change),
        anomalies=tuple(_anomaly(anomaly) for anomaly in fields["anomalies"]),
        insufficient_history=fields["insufficientHistory"],
        low_power=tuple(fields["lowPower"]),
    )


def _totals(fields: Mapping[str, Any]) -> Totals:
    return Totals(
        requests=fields["requests"],
        completed=fields["completed"],
        failed=fields["failed"],
        pending=fields["pending"],
        cancelled=fields["cancelled"],
        credits_consumed=fields["creditsConsumed"],
        credits_refunded=fields["creditsRefunded"],
    )


def _change(fields: Mapping[str, Any]) -> Change:
    return Change(
        requests=fields["requests"],
        completed=fields["completed"],
        failed=fields["failed"],
        credits_consumed=fields["creditsConsumed"],
        credits_net=fields["creditsNet"],
        success_rate=fields["successRate"],
        active_accounts=fields["activeAccounts"],
        new_accounts=fields["newAccounts"],
    )


def _anomaly(fields: Mapping[str, Any]) -> Anomaly:
    return Anomaly(
        kind=fields["kind"],
        dimension=fields["dimension"],
        value=fields["value"],
        observed=fields["observed"],
        expected=fields["expected"],
        ratio=fields["ratio"],
        score=fields["score"],
        score_kind=fields["scoreKind"],
        baseline_weeks=fields["baselineWeeks"],
        severity=fields["severity"],
        status=fields["status"],
        message=fields["message"],
    )
