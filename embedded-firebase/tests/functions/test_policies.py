"""The retry policy follows the documentation of Cloud Tasks."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded_firebase.tasks.policies import UNLIMITED, RetryPolicy

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)


def policy(**changed: float) -> RetryPolicy:
    """The example in the documentation of Cloud Tasks."""
    fields = {"max_attempts": 10, "min_backoff_seconds": 10, "max_backoff_seconds": 300, "max_doublings": 3} | changed
    return RetryPolicy(**fields)


class TestBackoff:
    def test_is_the_documented_series(self) -> None:
        """The pause doubles three times, then grows by 80 s each time, and is at most 300 s."""
        pauses = [policy().backoff_seconds(failures) for failures in range(1, 9)]
        assert pauses == [10, 20, 40, 80, 160, 240, 300, 300]

    def test_without_doublings_it_is_linear(self) -> None:
        """Without doublings only the linear part is left."""
        assert [policy(max_doublings=0).backoff_seconds(n) for n in (1, 2, 3)] == [10, 20, 30]

    @given(failures=st.integers(1, 10**6), doublings=st.integers(0, 10**6))
    def test_stays_within_its_bounds(self, failures: int, doublings: int) -> None:
        """After any number of failures the pause is within its bounds, and never shrinks."""
        given = policy(max_doublings=doublings)
        assert 10 <= given.backoff_seconds(failures) <= given.backoff_seconds(failures + 1) <= 300


class TestNextAttempt:
    def test_follows_the_backoff(self) -> None:
        """The next attempt is due after the pause."""
        assert policy().next_attempt_at(2, NOON, NOON) == NOON + timedelta(seconds=20)

    @pytest.mark.parametrize(
        ("attempts", "retry_seconds", "failures", "elapsed_seconds", "again"),
        [
            (3, 0, 2, 0, True),
            (3, 0, 3, 0, False),
            (UNLIMITED, 0, 1000, 10**6, True),
            # With both limits set, both must be reached.
            (3, 60, 3, 59, True),
            (3, 60, 2, 61, True),
            (3, 60, 3, 61, False),
            # Without a limit on attempts, only the time counts.
            (UNLIMITED, 60, 1000, 59, True),
            (UNLIMITED, 60, 1, 60, False),
        ],
    )
    def test_the_limits(
        self, attempts: int, retry_seconds: int, failures: int, elapsed_seconds: int, again: bool
    ) -> None:
        """It gives up when both the attempts and the time are used up."""
        given = policy(max_attempts=attempts, max_retry_seconds=retry_seconds)
        found = given.next_attempt_at(failures, NOON, NOON + timedelta(seconds=elapsed_seconds))
        assert (found is not None) == again
