"""Scheduled functions are fired as by Cloud Scheduler while the host runs."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

import httpx
import pytest
from tests.functions.conftest import NOON, Clock, Target, queue_options, scheduled

from embedded_firebase.functions.host import FunctionsHost
from embedded_firebase.tasks.policies import Schedule
from embedded_firebase.tasks.schedules import ScheduledJob, next_due_at

MakeHost = Callable[..., FunctionsHost]
RETRIES = queue_options().retries


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Fired:
    """A job whose function is a fake that answers the given statuses, and then 200."""

    def __init__(self, cron: str, statuses: tuple[int | None, ...], clock: Clock) -> None:
        self._statuses = list(statuses)
        self._times: list[str] = []
        self.job = ScheduledJob("job", Schedule(cron, "UTC", RETRIES), "http://here/", self._deliver, clock)

    def _deliver(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, deadline_seconds: float
    ) -> int | None:
        self._times.append(headers["X-CloudScheduler-ScheduleTime"])
        return self._statuses.pop(0) if self._statuses else 200

    def then_due_at(self, text: str) -> str:
        """Let it read the clock, wait until it has another due time, and return what it was fired for."""
        self.job.wake()
        while self.job.due_at != at(text):
            time.sleep(0.001)
        (fired_for,), self._times = self._times, []
        return fired_for


@pytest.fixture
def make_job(clock: Clock) -> Iterator[Callable[..., Fired]]:
    """Start a job on the test's clock; stop it after the test."""
    made: list[Fired] = []

    def make(cron: str, *statuses: int | None) -> Fired:
        made.append(Fired(cron, statuses, clock))
        made[-1].job.start()
        return made[-1]

    yield make
    for fired in made:
        fired.job.stop(5)


class TestNextDueAt:
    @pytest.mark.parametrize(
        ("cron", "zone", "after", "due"),
        [
            ("*/5 * * * *", "UTC", "2026-11-18T12:00", "2026-11-18T12:05"),
            ("0 0 * * 1", "Etc/UTC", "2026-11-18T12:00", "2026-11-23T00:00"),
            ("30 2 * * *", "Asia/Tokyo", "2026-11-18T12:00", "2026-11-18T17:30"),
            ("30 2 * * *", "America/New_York", "2026-11-18T12:00", "2026-11-19T07:30"),
            # In Paris the clocks go forward over 02:30 and back over 02:30: still once a day.
            ("30 2 * * *", "Europe/Paris", "2026-03-28T12:00", "2026-03-29T01:00"),
            ("30 2 * * *", "Europe/Paris", "2026-03-29T01:00", "2026-03-30T00:30"),
            ("30 2 * * *", "Europe/Paris", "2026-10-24T12:00", "2026-10-25T00:30"),
            ("30 2 * * *", "Europe/Paris", "2026-10-25T00:30", "2026-10-26T01:30"),
        ],
    )
    def test_reads_the_zone(self, cron: str, zone: str, after: str, due: str) -> None:
        """A schedule is evaluated in its time zone, with daylight saving time."""
        assert next_due_at(Schedule(cron, zone, RETRIES), at(after)) == at(due)

    @pytest.mark.parametrize(
        ("cron", "zone"), [("every 5 minutes", "UTC"), ("61 * * * *", "UTC"), ("* * * * *", "Mars/Base"), ("", "UTC")]
    )
    def test_an_invalid_schedule(self, cron: str, zone: str) -> None:
        """Another syntax, or an unknown time zone, is named."""
        with pytest.raises(ValueError, match="is not understood"):
            next_due_at(Schedule(cron, zone, RETRIES), NOON)


class TestScheduledJob:
    def test_is_fired_when_due(self, make_host: MakeHost, clock: Clock) -> None:
        """It is posted with the headers of Cloud Scheduler, at its time and not earlier."""
        target = Target()
        host = make_host(scheduled(target, "*/5 * * * *"))
        clock.advance(minutes=4, seconds=59)
        host.wake()
        assert target.calls.empty()
        clock.advance(seconds=1)
        host.wake()
        headers, _ = target.next_call()
        assert headers["X-Cloudscheduler-Scheduletime"] == "2026-11-18T12:05:00Z"
        assert headers["X-Cloudscheduler-Jobname"] == "firebase-schedule-nightly-us-central1"
        assert headers["X-Cloudscheduler"] == "true"

    def test_missed_runs_are_not_repeated(self, make_job: Callable[..., Fired], clock: Clock) -> None:
        """After a long sleep it is fired once, and then at the next time."""
        fired = make_job("*/5 * * * *")
        clock.advance(minutes=22)
        assert fired.then_due_at("2026-11-18T12:25") == "2026-11-18T12:05:00Z"
        clock.advance(minutes=3)
        assert fired.then_due_at("2026-11-18T12:30") == "2026-11-18T12:25:00Z"

    def test_is_retried(self, make_job: Callable[..., Fired], clock: Clock) -> None:
        """A failed run is retried after 10 s and 20 s with the same time, and then given up until the next time."""
        fired = make_job("*/5 * * * *", 500, None, 404, 500, 204)
        clock.advance(minutes=5)
        assert fired.then_due_at("2026-11-18T12:05:10") == "2026-11-18T12:05:00Z"
        clock.advance(seconds=10)
        assert fired.then_due_at("2026-11-18T12:05:30") == "2026-11-18T12:05:00Z"
        clock.advance(seconds=20)
        assert fired.then_due_at("2026-11-18T12:10:00") == "2026-11-18T12:05:00Z"
        clock.advance(seconds=270)
        assert fired.then_due_at("2026-11-18T12:10:10") == "2026-11-18T12:10:00Z"
        clock.advance(seconds=10)
        assert fired.then_due_at("2026-11-18T12:15:00") == "2026-11-18T12:10:00Z"

    def test_its_url_fires_it_at_once(self, make_host: MakeHost) -> None:
        """A POST to the trigger's URL fires it at once, without a job's name."""
        target = Target()
        host = make_host(scheduled(target, "0 0 1 1 *"))
        response = httpx.post(f"{host.url}/functions/projects/demo-host/triggers/us-central1-nightly-0")
        assert response.status_code == 200
        assert "X-Cloudscheduler-Jobname" not in target.next_call()[0]

    def test_a_host_that_fires_none(self, make_host: MakeHost, clock: Clock) -> None:
        """Without `fire_schedules` a schedule that is due is fired by its URL alone, as in Firebase's emulator."""
        target = Target()
        host = make_host(scheduled(target, "*/5 * * * *"), fire_schedules=False)
        clock.advance(minutes=5)
        host.wake()
        assert httpx.post(f"{host.url}/functions/projects/demo-host/triggers/us-central1-nightly-0").is_success
        assert "X-Cloudscheduler-Jobname" not in target.next_call()[0]
        assert target.calls.empty()

    def test_a_schedule_in_another_syntax(self, make_host: MakeHost, capsys: pytest.CaptureFixture[str]) -> None:
        """The host reports the schedule, and serves the function by its URL."""
        host = make_host(scheduled(Target(), "every 5 minutes"))
        assert "nightly is fired by its URL alone: the schedule 'every 5 minutes'" in capsys.readouterr().out
        response = httpx.post(f"{host.url}/functions/projects/demo-host/triggers/us-central1-nightly-0")
        assert response.status_code == 200
