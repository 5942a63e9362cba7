"""Owns firing scheduled functions when they are due, as Cloud Scheduler does while the host runs.

Must not know what they do. Runs missed while the host was down are not caught up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from embedded_firebase import log
from embedded_firebase.tasks.delivery import Deliver
from embedded_firebase.tasks.policies import Schedule

# The attempt deadline of Cloud Scheduler.
_DEADLINE_SECONDS = 180.0
_HEADERS = {"User-Agent": "Google-Cloud-Scheduler", "X-CloudScheduler": "true"}
# A machine that slept, or whose clock was set, must not oversleep.
_MAX_WAIT_SECONDS = 60.0


def next_due_at(schedule: Schedule, after: datetime) -> datetime:
    """Return when a schedule is next due, in UTC.

    Raises:
        ValueError: it is not a cron expression, or its time zone does not exist.
    """
    try:
        due_at = next(CronSim(schedule.cron, after.astimezone(ZoneInfo(schedule.time_zone))))
    # CronSimError is not a ValueError, an unknown zone is a KeyError, a date that never occurs ends the iterator.
    except Exception as error:
        raise ValueError(f"the schedule {schedule.cron!r} in {schedule.time_zone} is not understood") from error
    return due_at.astimezone(UTC)


class ScheduledJob:
    """A function that is fired on its schedule, one run at a time; `due_at` is when it is called next.

    Args:
        name: as Firebase names the job in Cloud Scheduler.
        schedule: when it is due, and its retries.
        url: the target.
        deliver: makes the call.
        now: the clock; after moving a fake one, `wake`.

    Raises:
        ValueError: the schedule is not understood.
    """

    def __init__(self, name: str, schedule: Schedule, url: str, deliver: Deliver, now: Callable[[], datetime]) -> None:
        self._name = name
        self._schedule = schedule
        self._url = url
        self._deliver = deliver
        self._now = now
        self.due_at = next_due_at(schedule, now())
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"schedule {name}", daemon=True)

    def start(self) -> None:
        """Fire it from now on."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Stop firing it, and wait up to `seconds` for an open run."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.ident:
            self._thread.join(seconds)

    def wake(self) -> None:
        """Check the clock again."""
        with self._changed:
            self._changed.notify_all()

    def _run(self) -> None:
        scheduled_at = started_at = self.due_at
        failures = 0
        while self._wait_until(self.due_at):
            if not failures:
                started_at = self._now()
            headers = _HEADERS | {
                "X-CloudScheduler-JobName": self._name,
                "X-CloudScheduler-ScheduleTime": scheduled_at.isoformat().replace("+00:00", "Z"),
            }
            status = self._deliver("POST", self._url, headers, b"", _DEADLINE_SECONDS)
            now = self._now()
            if status is not None and 200 <= status < 300:
                again_at = None
            else:
                failures += 1
                again_at = self._schedule.retries.next_attempt_at(failures, started_at, now)
                self._report(status, failures, again_at)
            if again_at is None:
                # Runs that came due meanwhile are skipped: Cloud Scheduler runs a job once at a time.
                again_at = scheduled_at = next_due_at(self._schedule, now)
                failures = 0
            self.due_at = again_at

    def _report(self, status: int | None, failures: int, again_at: datetime | None) -> None:
        answered = "was not answered" if status is None else f"was answered {status}"
        if again_at is None:
            log.write("ERROR", f"schedule {self._name} {answered} and is given up until it is due again")
        else:
            log.write("WARNING", f"schedule {self._name} {answered}; attempt {failures + 1} follows at {again_at:%X}")

    def _wait_until(self, time: datetime) -> bool:
        """Wait until a time; false when the job is stopped."""
        with self._changed:
            while not self._stopping and (missing := time - self._now()) > timedelta(0):
                self._changed.wait(min(missing.total_seconds(), _MAX_WAIT_SECONDS))
            return not self._stopping
