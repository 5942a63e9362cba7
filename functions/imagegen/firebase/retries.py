"""Owns the retry policy for Firestore: transient errors, exponential back-off with jitter, a deadline.

Must not know what is read or written.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from google.api_core import exceptions
from google.api_core.retry import Retry, exponential_sleep_generator

from imagegen.kit import log
from imagegen.kit.errors import Unavailable

T = TypeVar("T")

# A single attempt. The client's own retries last longer than a caller waits, and its queries do not accept None here.
ONCE = Retry(predicate=lambda error: False)
# Permanent errors: for example, a permission, the database or an index is missing.
FINAL = (
    exceptions.PermissionDenied,
    exceptions.Unauthenticated,
    exceptions.NotFound,
    exceptions.InvalidArgument,
    exceptions.FailedPrecondition,
    exceptions.MethodNotImplemented,
)


class Deadline:
    """The time by which an exchange with Firestore, including its retries, must end."""

    def __init__(self, timeout_seconds: float) -> None:
        self._ends_at_seconds = time.monotonic() + timeout_seconds

    @property
    def remaining_seconds(self) -> float:
        """The time left; at least 0.05, so that one call can be tried."""
        return max(self._ends_at_seconds - time.monotonic(), 0.05)

    def allows(self, seconds: float) -> bool:
        """Return whether a pause of `seconds` ends before the deadline."""
        return time.monotonic() + seconds < self._ends_at_seconds


class Backoff:
    """Exponential back-off with jitter, until the deadline of one exchange."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._delays_seconds = exponential_sleep_generator(initial=0.02, maximum=0.5)

    def wait(self, error: exceptions.GoogleAPICallError) -> None:
        """Sleep before the next attempt.

        Raises:
            Unavailable: the pause would end after the deadline.
        """
        delay_seconds = next(self._delays_seconds)
        if not self._deadline.allows(delay_seconds):
            log.warn(f"Firestore was not available before the deadline: {error}")
            raise Unavailable from error
        time.sleep(delay_seconds)


def retry_until(deadline: Deadline, attempt: Callable[[float], T]) -> T:
    """Call `attempt` with the seconds left; retry transient errors; return its result.

    Raises:
        Unavailable: no attempt succeeded before the deadline.
        GoogleAPICallError: a permanent error.
    """
    backoff = Backoff(deadline)
    while True:
        try:
            return attempt(deadline.remaining_seconds)
        except FINAL:
            raise
        except exceptions.GoogleAPICallError as error:
            backoff.wait(error)
