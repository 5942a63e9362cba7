"""Owns what a weekly report says: which week it is of, its totals and breakdowns.

Pure: knows no clock and no Firestore; generations go in, the report comes out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta

from .records import Generation, Totals, Week, WeeklyReport

DIMENSIONS = ("model", "style", "color", "size")


def week_before(scheduled_at: datetime) -> Week:
    """Return the last whole week before a moment."""
    today = scheduled_at.astimezone(UTC).date()
    monday = today - timedelta(days=today.weekday())
    return Week(datetime.combine(monday, time(), UTC) - timedelta(days=7))


def summarize(generations: Iterable[Generation], scheduled_at: datetime, generated_at: datetime) -> WeeklyReport:
    """Count the generations of the week before `scheduled_at`; each is read once and none is kept."""
    overall: Counter[str] = Counter()
    groups: dict[str, dict[str, Counter[str]]] = {dimension: defaultdict(Counter) for dimension in DIMENSIONS}
    for generation in generations:
        counted = {
            "requests": 1,
            generation.status.value: 1,
            "credits_consumed": generation.credits_charged,
            "credits_refunded": generation.credits_refunded,
        }
        overall.update(counted)
        for dimension, values in groups.items():
            values[getattr(generation, dimension)].update(counted)
    return WeeklyReport(
        week=week_before(scheduled_at),
        scheduled_at=scheduled_at,
        generated_at=generated_at,
        totals=Totals(**overall),
        by_dimension={
            dimension: {value: Totals(**counts) for value, counts in sorted(values.items())}
            for dimension, values in groups.items()
        },
    )
