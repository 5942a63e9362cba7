"""Owns what a weekly report says: which week it is of, its totals, its breakdowns and the change against another.

Pure: knows no clock and no Firestore; what was counted goes in, what the report says comes out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import TypeVar

from imagegen.kit.weeks import Week
from imagegen.reports.records import Change, Totals, WeeklyReport

DIMENSIONS = ("model", "style", "color", "size")
# The value of what is no longer in the catalog.
OTHER = "other"
Number = TypeVar("Number", int, float)


def week_before(scheduled_at: datetime) -> Week:
    """Return the last whole week before a moment."""
    return Week.of(scheduled_at).back(1)


def add(parts: Iterable[Totals]) -> Totals:
    """Return the totals of several sets that have no generation in common."""
    kept = list(parts)
    return Totals(**{field.name: sum(getattr(part, field.name) for part in kept) for field in fields(Totals)})


def break_down(whole: Totals, by_value: Mapping[str, Totals]) -> dict[str, Totals]:
    """Return the totals of each value that has a request; what none of them explains is `other`."""
    known = add(by_value.values())
    rest = Totals(**{field.name: getattr(whole, field.name) - getattr(known, field.name) for field in fields(Totals)})
    # Something of that very name may be on offer, too.
    groups = {**by_value, OTHER: add([by_value.get(OTHER, Totals()), rest])}
    return {value: totals for value, totals in sorted(groups.items()) if totals.requests}


def change(current: WeeklyReport, previous: WeeklyReport) -> Change:
    """Return what one week has more than another."""
    now, then = current.totals, previous.totals
    return Change(
        requests=now.requests - then.requests,
        completed=now.completed - then.completed,
        failed=now.failed - then.failed,
        credits_consumed=now.credits_consumed - then.credits_consumed,
        credits_net=now.credits_net - then.credits_net,
        success_rate=_difference(now.success_rate, then.success_rate),
        active_accounts=_difference(current.active_accounts, previous.active_accounts),
        new_accounts=current.new_accounts - previous.new_accounts,
    )


def _difference(now: Number | None, then: Number | None) -> Number | None:
    return None if now is None or then is None else now - then
