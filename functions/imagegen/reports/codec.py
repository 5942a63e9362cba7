"""Owns the codec of weekly reports: from a report to the fields of its document, and back.

Pure. Must not know Firestore nor the wire models: a change of the API must not change the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, TypeVar

from imagegen.kit.weeks import Week
from imagegen.reports.figures import DIMENSIONS
from imagegen.reports.records import AccountWeek, Anomaly, Change, SlowGeneration, Totals, WeeklyReport

Record = TypeVar("Record", AccountWeek, Anomaly, Change, SlowGeneration, Totals)
_RENAMED = {"generation_id": "generationRequestId"}


def to_fields(report: WeeklyReport) -> dict[str, Any]:
    """Encode a report; the id of its document is the week id."""
    groups = {
        _dimension_field(dimension): {value: _totals_fields(totals) for value, totals in by_value.items()}
        for dimension, by_value in report.by_dimension.items()
    }
    return {
        **_totals_fields(report.totals),
        **groups,
        "weekStart": report.week.start_at,
        "weekEnd": report.week.end_at,
        "scheduledAt": report.scheduled_at,
        "generatedAt": report.generated_at,
        "activeAccounts": report.active_accounts,
        "newAccounts": report.new_accounts,
        "newAccountsByDay": list(report.new_accounts_by_day),
        "topAccounts": [_record_fields(account) for account in report.top_accounts],
        "meanDurationMs": report.mean_duration_ms,
        "slowest": [_record_fields(slow) for slow in report.slowest],
        "changeFromPreviousWeek": None if report.change is None else _record_fields(report.change),
        "anomalies": [_record_fields(anomaly) for anomaly in report.anomalies],
        "insufficientHistory": report.insufficient_history,
        "lowPower": list(report.low_power),
    }


def from_fields(week_id: str, stored: Mapping[str, Any]) -> WeeklyReport:
    """Decode a report; fields that are missing in documents of earlier versions get their defaults.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: the document is corrupt.
    """
    change = stored.get("changeFromPreviousWeek")
    return WeeklyReport(
        week=Week.parse(week_id),
        scheduled_at=stored["scheduledAt"],
        generated_at=stored["generatedAt"],
        totals=_record(Totals, stored),
        by_dimension={
            dimension: {
                value: _record(Totals, group) for value, group in stored.get(_dimension_field(dimension), {}).items()
            }
            for dimension in DIMENSIONS
        },
        active_accounts=stored.get("activeAccounts"),
        new_accounts_by_day=tuple(stored.get("newAccountsByDay", (0,) * 7)),
        top_accounts=tuple(_record(AccountWeek, account) for account in stored.get("topAccounts", ())),
        mean_duration_ms=stored.get("meanDurationMs"),
        slowest=tuple(_record(SlowGeneration, slow) for slow in stored.get("slowest", ())),
        change=None if change is None else _record(Change, change),
        anomalies=tuple(_record(Anomaly, anomaly) for anomaly in stored.get("anomalies", ())),
        insufficient_history=stored.get("insufficientHistory", False),
        low_power=tuple(stored.get("lowPower", ())),
    )


def _totals_fields(totals: Totals) -> dict[str, Any]:
    return {**_record_fields(totals), "successRate": totals.success_rate, "creditsNet": totals.credits_net}


def _record_fields(record: Record) -> dict[str, Any]:
    return {_field(name): value for name, value in asdict(record).items()}


def _record(kind: type[Record], stored: Mapping[str, Any]) -> Record:
    return kind(**{each.name: stored[_field(each.name)] for each in fields(kind) if _field(each.name) in stored})


def _field(name: str) -> str:
    first, *rest = _RENAMED.get(name, name).split("_")
    return first + "".join(word.capitalize() for word in rest)


def _dimension_field(dimension: str) -> str:
    return f"by{dimension.capitalize()}"
