"""Owns the use case of the weekly report: read a week, summarize it, store it.

Knows neither HTTP nor the schedule; when it is due is handed in.
"""

from __future__ import annotations

from datetime import datetime

from .. import report, store
from ..deps import Deps
from ..records import WeeklyReport


def build_weekly_report(deps: Deps, scheduled_at: datetime) -> WeeklyReport:
    """Write the report of the last whole week before `scheduled_at`; a second run writes it over.

    Raises:
        Unavailable: Firestore was away; an earlier report of the week is as it was.
    """
    week = report.week_before(scheduled_at)
    generations = store.stream_generations(deps.db, week.start_at, week.end_at)
    weekly = report.summarize(generations, scheduled_at, deps.now())
    store.write_report(deps.db, weekly, deps.settings.firestore_timeout_seconds)
    return weekly
