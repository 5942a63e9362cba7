"""Owns the use cases of weekly reports: build one, read one, list them.

Must not know HTTP nor the schedule: the caller passes the scheduled time.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from imagegen.catalog import catalog
from imagegen.catalog import store as catalog_store
from imagegen.deps import Deps
from imagegen.generations.records import GenerationStatus
from imagegen.kit import paging
from imagegen.kit.weeks import Week
from imagegen.reports import figures, store
from imagegen.reports.errors import WeeklyReportNotFound
from imagegen.reports.records import Totals, WeeklyReport
from imagegen.reports.store import WeekQueries

HISTORY_WEEKS = 8
TOP_ACCOUNTS = 10
SLOWEST = 5
_PARALLEL_QUERIES = 16
_PAGES = "weeklyReports"


@dataclass(frozen=True)
class ReportPage:
    """A page of reports, newest first."""

    reports: list[WeeklyReport]
    next_page_token: str | None


def report_week(deps: Deps, scheduled_at: datetime) -> WeeklyReport:
    """Write the report that is due; first rebuild the previous report, if there is one.

    Generations that were pending in the previous report have ended since, and the new report is compared with it.

    Raises:
        Unavailable: Firestore was not available.
    """
    previous = figures.week_before(scheduled_at).back(1)
    stored, _ = store.read_reports(deps.db, [previous])
    if previous in stored:
        build_weekly_report(deps, stored[previous].scheduled_at)
    return build_weekly_report(deps, scheduled_at)


def build_weekly_report(deps: Deps, scheduled_at: datetime) -> WeeklyReport:
    """Write the report of the last complete week before `scheduled_at`; idempotent: a second run replaces it.

    All queries have the same read time, and the report is one write at the end: after a failure, an earlier report is
    unchanged. The number of round trips depends only on the size of the catalog.

    Raises:
        Unavailable: Firestore was not available.
    """
    # Imported here: loading `statistics` would slow down the cold start of the functions that only read reports.
    from imagegen.reports.anomalies import find_anomalies, low_power

    week = figures.week_before(scheduled_at)
    db = deps.db.all_within(deps.settings.report_time_limit_seconds)
    earlier_weeks = [week.back(weeks) for weeks in range(1, HISTORY_WEEKS + 1)]
    stored, read_time = store.read_reports(db, [week, *earlier_weeks])
    documents = catalog_store.read_documents(db)
    on_offer = {dimension: list(documents[catalog.COLLECTIONS[dimension]]) for dimension in figures.DIMENSIONS}
    made = _measure(WeekQueries(db, week, read_time), on_offer, week, scheduled_at, deps.now())
    if made.generated_at >= week.end_at + timedelta(days=7):
        # So late, accounts may no longer have the charges of the week.
        kept = stored.get(week)
        made = replace(
            made,
            active_accounts=kept.active_accounts if kept else None,
            top_accounts=kept.top_accounts if kept else (),
        )
    history = [stored[earlier] for earlier in earlier_weeks if earlier in stored]
    if earlier_weeks[0] in stored:
        made = replace(made, change=figures.change(made, stored[earlier_weeks[0]]))
    credits_a_day, accounts_a_day = deps.settings.watched_credits_a_day, deps.settings.watched_new_accounts_a_day
    found = find_anomalies(made, history, account_credits_a_day=credits_a_day, new_accounts_a_day=accounts_a_day)
    made = replace(
        made,
        anomalies=tuple(found),
        insufficient_history=not history,
        low_power=low_power(made, history, account_credits_a_day=credits_a_day),
    )
    store.write_report(db, made)
    return made


def get_weekly_report(deps: Deps, week_id: str | None) -> WeeklyReport:
    """Read the report of a week; the latest by default.

    Raises:
        WeeklyReportNotFound: there is no such report.
        Unavailable: Firestore was not available.
    """
    if week_id is None:
        found = store.list_reports(deps.db, None, 1)
    else:
        found = list(store.read_reports(deps.db, [Week.parse(week_id)])[0].values())
    if not found:
        raise WeeklyReportNotFound(week_id)
    return found[0]


def list_weekly_reports(deps: Deps, page_size: int, page_token: str | None) -> ReportPage:
    """Read a page of reports, newest first.

    Raises:
        InvalidRequest: the page token is not of this list.
        Unavailable: Firestore was not available.
    """
    before = paging.read(_PAGES, page_token, _cursor)
    # One report more than the page, to know whether there is a next page.
    found = store.list_reports(deps.db, before, page_size + 1)
    reports, more = found[:page_size], len(found) > page_size
    last_day = reports[-1].week.start_at.toordinal() if more else 0
    return ReportPage(reports, paging.make(_PAGES, str(last_day)) if more else None)


def _measure(
    queries: WeekQueries,
    on_offer: Mapping[str, list[str]],
    week: Week,
    scheduled_at: datetime,
    generated_at: datetime,
) -> WeeklyReport:
    with ThreadPoolExecutor(_PARALLEL_QUERIES) as pool:

        def counted(**values: str) -> list[Future[Totals]]:
            return [pool.submit(queries.totals, status, values) for status in GenerationStatus]

        overall = counted()
        by_dimension = {
            dimension: {value: counted(**{dimension: value}) for value in values}
            for dimension, values in on_offer.items()
        }
        mean_duration = pool.submit(queries.mean_duration_ms)
        slowest = pool.submit(queries.slowest, SLOWEST)
        new_accounts = [pool.submit(queries.new_accounts, day) for day in range(7)]
        active_accounts = pool.submit(queries.active_accounts)
        top_accounts = pool.submit(queries.top_accounts, TOP_ACCOUNTS)
    totals = _sum(overall)
    return WeeklyReport(
        week=week,
        scheduled_at=scheduled_at,
        generated_at=generated_at,
        totals=totals,
        by_dimension={
            dimension: figures.break_down(totals, {value: _sum(parts) for value, parts in by_value.items()})
            for dimension, by_value in by_dimension.items()
        },
        active_accounts=active_accounts.result(),
        new_accounts_by_day=tuple(day.result() for day in new_accounts),
        top_accounts=top_accounts.result(),
        mean_duration_ms=mean_duration.result() if totals.completed else None,
        slowest=slowest.result(),
    )


def _sum(parts: list[Future[Totals]]) -> Totals:
    return figures.add(part.result() for part in parts)


def _cursor(text: str) -> Week:
    monday = date.fromordinal(paging.number(text))
    return Week(datetime(monday.year, monday.month, monday.day, tzinfo=UTC))
