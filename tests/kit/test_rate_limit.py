"""The rate limit: a token bucket, also when the clock steps."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegen.kit.errors import RateLimited
from imagegen.kit.rate_limit import admit
from tests.world import NOON

pytestmark = pytest.mark.pure

SECOND = timedelta(seconds=1)


def asked(arrival_at: datetime | None, now: datetime, per_minute: int, burst: int) -> tuple[datetime | None, int]:
    """The stored bucket after a request, and the seconds to wait: 0 when the request passed."""
    try:
        return admit(arrival_at, now, per_minute, burst), 0
    except RateLimited as refused:
        return arrival_at, refused.retry_after_seconds or 0


class TestAdmit:
    def test_a_full_bucket(self) -> None:
        """As many requests as the bucket holds pass at once, then one per interval."""
        arrival_at = None
        for _ in range(3):
            arrival_at = admit(arrival_at, NOON, 60, 3)
        with pytest.raises(RateLimited) as refused:
            admit(arrival_at, NOON, 60, 3)
        assert refused.value.retry_after_seconds == 1
        admit(arrival_at, NOON + SECOND, 60, 3)

    def test_a_bucket_does_not_overflow(self) -> None:
        """After a long wait the bucket is full, and no more than full."""
        arrival_at = admit(None, NOON, 60, 2)
        later = NOON + timedelta(days=1)
        for _ in range(2):
            arrival_at = admit(arrival_at, later, 60, 2)
        with pytest.raises(RateLimited):
            admit(arrival_at, later, 60, 2)

    @given(
        st.lists(st.floats(0, 30), min_size=1, max_size=60),
        st.integers(1, 600),
        st.integers(1, 20),
    )
    def test_no_window_admits_too_many(self, pauses_seconds: list[float], per_minute: int, burst: int) -> None:
        """No window admits more than the bucket's size plus the tokens refilled in it."""
        now, arrival_at, passed = NOON, None, []
        for pause_seconds in pauses_seconds:
            now += timedelta(seconds=pause_seconds)
            arrival_at, wait_seconds = asked(arrival_at, now, per_minute, burst)
            if wait_seconds == 0:
                passed.append(now)
        for first, start in enumerate(passed):
            for last, end in enumerate(passed[first:], start=first):
                came_back = (end - start).total_seconds() * per_minute / 60
                # Times are stored to the microsecond.
                assert last - first + 1 <= burst + came_back + 1e-3

    @given(st.integers(1, 600), st.integers(1, 20), st.integers(1, 50))
    def test_the_next_request_passes_after_retry_after(self, per_minute: int, burst: int, requests: int) -> None:
        """After the seconds of Retry-After the next request passes."""
        now, arrival_at = NOON, None
        for _ in range(requests):
            arrival_at, wait_seconds = asked(arrival_at, now, per_minute, burst)
            if wait_seconds:
                now += wait_seconds * SECOND
                arrival_at, wait_seconds = asked(arrival_at, now, per_minute, burst)
                assert wait_seconds == 0

    @given(st.integers(-10_000, 10_000), st.integers(1, 600), st.integers(1, 20))
    def test_a_clock_step_costs_one_token_at_most(self, step_minutes: int, per_minute: int, burst: int) -> None:
        """After any clock step an account waits for one token at most."""
        now, arrival_at = NOON, None
        for _ in range(burst):
            arrival_at = admit(arrival_at, now, per_minute, burst)
        now += timedelta(minutes=step_minutes)
        _, wait_seconds = asked(arrival_at, now, per_minute, burst)
        assert wait_seconds <= 60 / per_minute + 1
