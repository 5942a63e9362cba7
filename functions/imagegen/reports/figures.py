"""Owns the arithmetic of a weekly report: its week, totals, breakdowns, and the change from the week before.

Pure: from counts to figures. Must not know the clock nor Firestore.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import TypeVar

from imagegen.kit.weeks import Week
from imagegen.reports.records import Change, Totals, WeeklyReport

DIMENSIONS = ("model", "style", "color", "size")
# The group of all values that are no longer in the catalog.
OTHER = "other"
# The clock of an instance may lag behind the scheduler's.
_CLOCK_LAG = timedelta(minutes=1)
Number = TypeVar("Number", int, float)


def week_due(scheduled_at: datetime, now: datetime) -> Week:
    """Return the week whose report is due: the last complete one by the clock.

    The schedule time is a header, which a caller can forge. It counts only if the clock is at most a minute behind it:
    for such a clock, a run of Monday 00:00 would still be on Sunday.
    """
    is_ahead = scheduled_at.tzinfo is not None and now < scheduled_at <= now + _CLOCK_LAG
    return Week.of(scheduled_at if is_ahead else now).back(1)


def add(parts: Iterable[Totals]) -> Totals:
    """Return the sum of totals of disjoint sets of generations."""
    kept = list(parts)
    return Totals(**{field.name: sum(getattr(part, field.name) for part in kept) for field in fields(Totals)})


def break_down(whole: Totals, by_value: Mapping[str, Totals]) -> dict[str, Totals]:
    """Return the totals of each value with requests; the remainder of the whole is `other`."""
    known = add(by_value.values())
    rest = Totals(**{field.name: getattr(whole, field.name) - getattr(known, field.name) for field in fields(Totals)})
    # The catalog may also have an item with the id `other`.
    groups = {**by_value, OTHER: add([by_value.get(OTHER, Totals()), rest])}
    return {value: totals for value, totals in sorted(groups.items()) if totals.requests}


def change(current: WeeklyReport, previous: WeeklyReport) -> Change:
    """Return the differences between two weeks."""
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
