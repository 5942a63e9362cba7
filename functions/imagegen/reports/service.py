"""Owns the use cases of weekly reports: make those that are due, make one, read one, list them.

Must not know HTTP nor the schedule: the caller passes the scheduled time.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from imagegen.catalog import catalog
from imagegen.catalog import store as catalog_store
from imagegen.credits.ledger import REMEMBERED_WEEKS
from imagegen.deps import Deps
from imagegen.generations.records import GenerationStatus
from imagegen.kit import log, paging
from imagegen.kit.weeks import Week
from imagegen.reports import figures, store
from imagegen.reports.errors import WeeklyReportNotFound
from imagegen.reports.records import Totals, WeeklyReport
from imagegen.reports.store import WeekQueries

HISTORY_WEEKS = 8
TOP_ACCOUNTS = 10
SLOWEST = 5
_PARALLEL_QUERIES = 16
# Below the time of a call, see docs/ARCHITECTURE.md.
_SO_FAR_SECONDS = 40
_PAGES = "weeklyReports"


@dataclass(frozen=True)
class ReportPage:
    """A page of reports, newest first."""

    reports: list[WeeklyReport]
    next_page_token: str | None


class WeekNotOver(ValueError):
    """A week has a report only once it is over."""

    def __init__(self, week: Week) -> None:
        super().__init__(f"Week {week.week_id} is not over: it ends at {week.end_at:%Y-%m-%d %H:%M} UTC.")


class ReportsMissing(Exception):
    """The report that was due is written, but reports of other weeks could not be; the log has the reasons."""


def report_weeks(deps: Deps, scheduled_at: datetime) -> None:
    """Write the report that is due; then make missing reports of the weeks before it, and correct the last one.

    Generations that were pending in the last report have ended since. The due report comes first, so that a fault of
    another week cannot prevent it; at the end it is compared with the earlier reports again. All exchanges have one
    deadline.

    Raises:
        Unavailable: Firestore was not available.
        ReportsMissing: other reports than the due one could not be written.
    """
    deps = replace(deps, db=deps.db.all_within(deps.settings.report_time_limit_seconds))
    due = figures.week_due(scheduled_at, deps.now())
    _build(deps, due)
    failed = []
    for week in _weeks_to_redo(deps, due):
        try:
            _build(deps, week)
        except Exception:
            log.error(f"the report of week {week.week_id} could not be made: {traceback.format_exc()}")
            failed.append(week.week_id)
    _compare_again(deps, due)
    if failed:
        raise ReportsMissing(f"reports not made: {', '.join(failed)}")


def build_weekly_report(deps: Deps, week: Week) -> WeeklyReport:
    """Write the report of a week that is over; idempotent: a second run replaces it.

    Raises:
        WeekNotOver: the week is not over.
        Unavailable: Firestore was not available.
    """
    if deps.now() < week.end_at:
        raise WeekNotOver(week)
    return _build(replace(deps, db=deps.db.all_within(deps.settings.report_time_limit_seconds)), week)


def _weeks_to_redo(deps: Deps, due: Week) -> list[Week]:
    """Return the weeks without a report, oldest first, since the first that has a report or a request; then the last.

    An unreadable report counts as missing.
    """
    earlier = list(reversed(_weeks_before(due)))
    stored, _ = store.read_reports(deps.db, earlier)
    begun = store.has_report_before(deps.db, earlier[0])
    missing = []
    for week in earlier:
        begun = begun or week in stored or store.has_requests(deps.db, week)
        if begun and week not in stored:
            missing.append(week)
    return [*missing, earlier[-1]] if earlier[-1] in stored else missing


def _weeks_before(week: Week) -> list[Week]:
    """Return the weeks that a report is compared with, newest first."""
    return [week.back(weeks) for weeks in range(1, HISTORY_WEEKS + 1)]


def _build(deps: Deps, week: Week) -> WeeklyReport:
    """Write the report of a week.

    All queries have the same read time, and the report is one write at the end: after a failure, an earlier report is
    unchanged. The number of round trips depends only on the size of the catalog.
    """
    stored, read_time = store.read_reports(deps.db, [week, *_weeks_before(week)])
    made = _measured(deps, week, read_time)
    made = _compared(deps, _with_accounts_of(made, stored.get(week)), stored)
    store.write_report(deps.db, made)
    return made


def _with_accounts_of(made: WeeklyReport, kept: WeeklyReport | None) -> WeeklyReport:
    """Take from the stored report what the accounts have forgotten, if it is about the same requests."""
    age = made.generated_at - made.week.end_at
    if age < timedelta(weeks=REMEMBERED_WEEKS):
        # An account that was charged lately has forgotten only the week before.
        past = {account.user_id: account.previous_credits for account in kept.top_accounts} if kept else {}
        return replace(
            made,
            top_accounts=tuple(
                replace(account, previous_credits=past.get(account.user_id))
                if account.previous_credits is None
                else account
                for account in made.top_accounts
            ),
        )
    if kept and _charges(kept.totals) == _charges(made.totals):
        return replace(made, active_accounts=kept.active_accounts, top_accounts=kept.top_accounts)
    return replace(made, active_accounts=None, top_accounts=())


def _charges(totals: Totals) -> tuple[int, int]:
    return totals.requests, totals.credits_consumed


def _compare_again(deps: Deps, week: Week) -> None:
    """Compare the report of a week with the earlier reports as they are now; write it if that changes it."""
    stored, _ = store.read_reports(deps.db, [week, *_weeks_before(week)])
    compared = _compared(deps, stored[week], stored)
    if compared != stored[week]:
        store.write_report(deps.db, compared)


def _compared(deps: Deps, made: WeeklyReport, stored: Mapping[Week, WeeklyReport]) -> WeeklyReport:
    """Return a report with the change from the week before, and the anomalies relative to the earlier reports."""
    # Imported here: loading `statistics` would slow down the cold start of the functions that only read reports.
    from imagegen.reports.anomalies import find_anomalies, low_power

    previous = stored.get(made.week.back(1))
    history = [stored[earlier] for earlier in _weeks_before(made.week) if earlier in stored]
    credits_a_day, accounts_a_day = deps.settings.watched_credits_a_day, deps.settings.watched_new_accounts_a_day
    found = find_anomalies(made, history, account_credits_a_day=credits_a_day, new_accounts_a_day=accounts_a_day)
    return replace(
        made,
        change=figures.change(made, previous) if previous else None,
        anomalies=tuple(found),
        insufficient_history=not history,
        low_power=low_power(made, history, account_credits_a_day=credits_a_day),
    )


def week_so_far(deps: Deps) -> WeeklyReport:
    """Measure the running week as of now, by the queries of its report; it is not stored, and compared with nothing.

    Raises:
        Unavailable: Firestore was not available.
    """
    week = Week.of(deps.now())
    # The read time of a report that cannot be there yet.
    _, read_time = store.read_reports(deps.db, [week])
    deps = replace(deps, db=deps.db.all_within(_SO_FAR_SECONDS))
    return replace(_measured(deps, week, read_time), is_final=False)


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


def _measured(deps: Deps, week: Week, read_time: datetime) -> WeeklyReport:
    documents = catalog_store.read_documents(deps.db)
    on_offer = {dimension: list(documents[catalog.COLLECTIONS[dimension]]) for dimension in figures.DIMENSIONS}
    return _measure(WeekQueries(deps.db, week, read_time), on_offer, week, deps.now())


def _measure(
    queries: WeekQueries,
    on_offer: Mapping[str, list[str]],
    week: Week,
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
