"""Owns the weekly report's access to Firestore: aggregation queries over a week, and the stored reports.

Must not know business rules: the caller decides what is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from imagegen.firebase.database import Database, Snapshot, fields_of
from imagegen.generations.records import GenerationStatus
from imagegen.kit import log
from imagegen.kit.weeks import Week
from imagegen.reports import codec
from imagegen.reports.records import AccountWeek, SlowGeneration, Totals, WeeklyReport


class WeekQueries:
    """The queries about one week, all at one read time, so that their results are consistent.

    Each is one round trip. An aggregation costs one read for every started 1,000 index entries, a query one read for
    each document. Thread-safe.

    Raises:
        Unavailable: Firestore was not available before the deadline.
    """

    def __init__(self, db: Database, week: Week, read_time: datetime) -> None:
        self._db = db
        self._week = week
        self._read_time = read_time
        self._users = db.client.collection("users")
        self._generations = db.client.collection("generationRequests")

    def totals(self, status: GenerationStatus, values: Mapping[str, str]) -> Totals:
        """Count the generations with a status and with these values, such as `{"model": "model-a"}`."""
        query: Any = self._of_week({"status": status.value, **values}).count("count")
        figures = self._db.aggregate(
            query.sum("creditsCharged", "charged").sum("creditsRefunded", "refunded"), self._read_time
        )
        count = int(figures["count"])
        return Totals(
            requests=count,
            **{status.value: count},
            credits_consumed=int(figures["charged"]),
            credits_refunded=int(figures["refunded"]),
        )

    def mean_duration_ms(self) -> float:
        """Average the durations of completed generations; 0 when there are none."""
        completed = self._of_week({"status": GenerationStatus.COMPLETED.value})
        return float(self._db.aggregate(completed.avg("durationMs", "mean"), self._read_time)["mean"])

    def slowest(self, limit: int) -> tuple[SlowGeneration, ...]:
        """Return the slowest completed generations, slowest first."""
        completed = self._of_week({"status": GenerationStatus.COMPLETED.value})
        snapshots = self._db.run(
            completed.select(["durationMs"]).order_by("durationMs", direction=firestore.Query.DESCENDING).limit(limit),
            self._read_time,
        )
        return tuple(
            SlowGeneration(generation_id=snapshot.id, duration_ms=fields_of(snapshot)["durationMs"])
            for snapshot in snapshots
        )

    def new_accounts(self, day: int) -> int:
        """Count the accounts that were opened on a day of the week; 0 is Monday."""
        start_at = self._week.start_at + timedelta(days=day)
        query = self._users.where(filter=FieldFilter("createdAt", ">=", start_at)).where(
            filter=FieldFilter("createdAt", "<", start_at + timedelta(days=1))
        )
        return int(self._db.aggregate(query.count("count"), self._read_time)["count"])

    def active_accounts(self) -> int:
        """Count the accounts that were charged in the week, if they still have it."""
        query = self._users.where(filter=FieldFilter(f"weeks.`{self._week.week_id}`.requests", ">", 0))
        return int(self._db.aggregate(query.count("count"), self._read_time)["count"])

    def top_accounts(self, limit: int) -> tuple[AccountWeek, ...]:
        """Return the accounts with the highest charges, highest first; equal ones by descending id.

        Log and skip corrupt accounts: one must not prevent the report.
        """
        by_credits = self._users.order_by(f"weeks.`{self._week.week_id}`.credits", direction=firestore.Query.DESCENDING)
        found = []
        for snapshot in self._db.run(by_credits.select(["weeks"]).limit(limit), self._read_time):
            try:
                found.append(self._account_week(snapshot))
            except (KeyError, TypeError, AttributeError) as error:
                log.error(f"users/{snapshot.id} is corrupt: {error!r}")
        return tuple(found)

    def _account_week(self, snapshot: Snapshot) -> AccountWeek:
        weeks = fields_of(snapshot)["weeks"]
        charged = weeks[self._week.week_id]
        peak_day_credits = max(charged["days"].values(), default=0)
        previous_credits = weeks.get(self._week.back(1).week_id, {}).get("credits")
        for number in (charged["requests"], charged["credits"], peak_day_credits, previous_credits or 0):
            if type(number) is not int:
                raise TypeError(f"{number!r} must be an integer")
        return AccountWeek(
            user_id=snapshot.id,
            requests=charged["requests"],
            credits=charged["credits"],
            peak_day_credits=peak_day_credits,
            previous_credits=previous_credits,
        )

    def _of_week(self, values: Mapping[str, str]) -> firestore.Query:
        query = self._db.client.collection("generationRequests").where(
            filter=FieldFilter("week", "==", self._week.week_id)
        )
        for field, value in values.items():
            query = query.where(filter=FieldFilter(field, "==", value))
        return query


def read_reports(db: Database, weeks: Iterable[Week]) -> tuple[dict[Week, WeeklyReport], datetime]:
    """Read the reports of some weeks in one round trip; return those that exist, and the read time."""
    snapshots = db.get_all(_reference(db, week) for week in weeks)
    reports = [report for report in map(_report, snapshots) if report]
    return {report.week: report for report in reports}, snapshots[0].read_time


def list_reports(db: Database, before: Week | None, limit: int) -> list[WeeklyReport]:
    """Read reports, newest first; only of weeks before `before`, if it is given. Log and skip corrupt ones.

    One round trip, and one more for each page with a corrupt report.
    """
    query = db.client.collection("weeklyReports").order_by("weekStart", direction=firestore.Query.DESCENDING)
    if before is not None:
        query = query.where(filter=FieldFilter("weekStart", "<", before.start_at))
    found: list[WeeklyReport] = []
    while len(found) < limit:
        snapshots = db.run(query.limit(limit))
        found += filter(None, map(_report, snapshots))
        if len(snapshots) < limit:
            break
        query = query.start_after(snapshots[-1])
    return found[:limit]


def has_report_before(db: Database, week: Week) -> bool:
    """Return whether there is a report of an earlier week, in one round trip."""
    earlier = db.client.collection("weeklyReports").where(filter=FieldFilter("weekStart", "<", week.start_at))
    return bool(db.run(earlier.select(["weekStart"]).limit(1)))


def has_requests(db: Database, week: Week) -> bool:
    """Return whether there is a generation of a week, in one round trip."""
    of_week = db.client.collection("generationRequests").where(filter=FieldFilter("week", "==", week.week_id))
    return bool(db.run(of_week.select(["week"]).limit(1)))


def write_report(db: Database, report: WeeklyReport) -> None:
    """Create or replace the report of a week."""
    db.set(_reference(db, report.week), codec.to_fields(report))


def _reference(db: Database, week: Week) -> firestore.DocumentReference:
    return db.client.collection("weeklyReports").document(week.week_id)


def _report(snapshot: Snapshot) -> WeeklyReport | None:
    """Decode a stored report; None if there is none, or if it is corrupt."""
    if not snapshot.exists:
        return None
    try:
        return codec.from_fields(snapshot.id, fields_of(snapshot))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        log.warn(f"weeklyReports/{snapshot.id} is corrupt: {error!r}")
        return None
