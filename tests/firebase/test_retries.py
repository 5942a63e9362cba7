"""Retrying Firestore until a deadline."""

import itertools
from collections.abc import Iterator

import pytest
from google.api_core import exceptions
from pytest_mock import MockerFixture

from imagegen.firebase import retries
from imagegen.firebase.retries import FINAL, Backoff, Deadline, retry_until
from imagegen.kit.errors import Unavailable

pytestmark = pytest.mark.pure
TRANSIENT = (
    exceptions.ServiceUnavailable,
    exceptions.Aborted,
    exceptions.DeadlineExceeded,
    exceptions.InternalServerError,
)


class Time:
    """A clock that a sleep moves on."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time(mocker: MockerFixture) -> Time:
    """A clock, and pauses without jitter: 1, 2, 4 seconds and so on."""
    clock = Time()
    mocker.patch.object(retries, "time", clock)
    doubled = itertools.accumulate(itertools.repeat(2.0), lambda pause, factor: pause * factor, initial=1.0)
    mocker.patch.object(retries, "exponential_sleep_generator", return_value=doubled)
    return clock


class TestRetryUntil:
    @pytest.mark.parametrize("kind", TRANSIENT)
    def test_retries_what_is_transient(self, time: Time, kind: type[exceptions.GoogleAPICallError]) -> None:
        """A transient error is retried after a growing pause, and the answer counts."""
        answers: Iterator[Exception | str] = iter([kind("not now"), kind("not now"), "answer"])

        def attempt(seconds: float) -> str:
            answer = next(answers)
            if isinstance(answer, Exception):
                raise answer
            return answer

        assert retry_until(Deadline(10), attempt) == "answer"
        assert time.slept == [1.0, 2.0]

    @pytest.mark.parametrize("kind", FINAL)
    def test_does_not_retry_what_is_final(self, time: Time, kind: type[exceptions.GoogleAPICallError]) -> None:
        """A missing permission or index is raised at once: no later try would have it."""

        def attempt(seconds: float) -> None:
            raise kind("never")

        with pytest.raises(kind):
            retry_until(Deadline(10), attempt)
        assert time.slept == []

    def test_ends_by_the_deadline(self, time: Time) -> None:
        """A pause that would pass the deadline is not begun; the caller hears that Firestore is unavailable."""
        given: list[float] = []

        def attempt(seconds: float) -> None:
            given.append(seconds)
            raise exceptions.ServiceUnavailable("away")  # type: ignore[no-untyped-call]

        with pytest.raises(Unavailable) as unavailable:
            retry_until(Deadline(7), attempt)
        assert isinstance(unavailable.value.__cause__, exceptions.ServiceUnavailable)
        assert (given, time.slept) == ([7.0, 6.0, 4.0], [1.0, 2.0])

    def test_each_try_has_time_to_be_tried(self, time: Time) -> None:
        """A deadline that has passed leaves a call 50 ms, since a time-out of 0 would never be sent."""
        deadline = Deadline(1)
        time.now += 5
        assert deadline.remaining_seconds == 0.05


class TestBackoff:
    def test_real_pauses_grow_with_jitter(self) -> None:
        """The library's generator begins below 20 ms and never pauses longer than half a second."""
        pauses = list(itertools.islice(Backoff(Deadline(0))._delays_seconds, 50))
        assert pauses[0] <= 0.02
        assert max(pauses) <= 0.5
        assert len(set(pauses)) > 40
