"""Owns the codec of weekly reports: from a report to the fields of its document, and back.

Pure. Must not know Firestore nor the wire models: a change of the API must not change the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from imagegen.kit.fields import camel
from imagegen.kit.weeks import Week
from imagegen.reports.figures import DIMENSIONS
from imagegen.reports.records import AccountWeek, Anomaly, Change, SlowGeneration, Totals, WeeklyReport

Record = TypeVar("Record", AccountWeek, Anomaly, Change, SlowGeneration, Totals)
_HINTS = {kind: get_type_hints(kind) for kind in (AccountWeek, Anomaly, Change, SlowGeneration, Totals)}
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
    """Decode a report; fields but `requests` that are missing in documents of earlier versions get their defaults.

    The types are checked, because one report is compared with many others: a corrupt one must not stop those.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: the document is corrupt.
    """
    week = Week.parse(week_id)
    if "requests" not in stored:
        raise KeyError("requests")
    if stored.get("weekStart", week.start_at) != week.start_at:
        raise ValueError(f"weekStart is {stored['weekStart']!r}")
    change = stored.get("changeFromPreviousWeek")
    by_day = tuple(stored.get("newAccountsByDay", (0,) * 7))
    if len(by_day) != 7:
        raise ValueError(f"newAccountsByDay has {len(by_day)} days")
    return WeeklyReport(
        week=week,
        generated_at=_checked("generatedAt", stored.get("generatedAt", week.end_at), datetime),
        totals=_record(Totals, stored),
        by_dimension={
            dimension: {
                value: _record(Totals, group) for value, group in stored.get(_dimension_field(dimension), {}).items()
            }
            for dimension in DIMENSIONS
        },
        active_accounts=_checked("activeAccounts", stored.get("activeAccounts"), int | None),
        new_accounts_by_day=tuple(_checked("newAccountsByDay", opened, int) for opened in by_day),
        top_accounts=tuple(_record(AccountWeek, account) for account in stored.get("topAccounts", ())),
        mean_duration_ms=_checked("meanDurationMs", stored.get("meanDurationMs"), float | None),
        slowest=tuple(_record(SlowGeneration, slow) for slow in stored.get("slowest", ())),
        change=None if change is None else _record(Change, change),
        anomalies=tuple(_record(Anomaly, anomaly) for anomaly in stored.get("anomalies", ())),
        insufficient_history=_checked("insufficientHistory", stored.get("insufficientHistory", False), bool),
        low_power=tuple(_checked("lowPower", name, str) for name in stored.get("lowPower", ())),
    )


def _totals_fields(totals: Totals) -> dict[str, Any]:
    return {**_record_fields(totals), "successRate": totals.success_rate, "creditsNet": totals.credits_net}


def _record_fields(record: Record) -> dict[str, Any]:
    return {_field(name): value for name, value in asdict(record).items()}


def _record(kind: type[Record], stored: Mapping[str, Any]) -> Record:
    hints = _HINTS[kind]
    named = {each.name: _field(each.name) for each in fields(kind)}
    return kind(
        **{name: _checked(field, stored[field], hints[name]) for name, field in named.items() if field in stored}
    )


def _checked(name: str, value: Any, hint: Any) -> Any:
    """Return the value if it is of the type, or of one of the types of a union.

    Raises:
        TypeError: it is not.
    """
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if not any(_is_a(kind, value) for kind in kinds):
        raise TypeError(f"{name} is {value!r}")
    return value


def _is_a(kind: Any, value: Any) -> bool:
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, kind) or (kind is float and isinstance(value, int))


def _field(name: str) -> str:
    return camel(_RENAMED.get(name, name))


def _dimension_field(dimension: str) -> str:
    return f"by{dimension.capitalize()}"
