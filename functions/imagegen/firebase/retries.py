"""Owns asking Firestore again until a deadline: after which errors, after which pause, and when to give up.

Must not know what is asked.
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

# One try: the client's own retries outlive what a caller would wait, and its queries do not take `None` for this.
ONCE = Retry(predicate=lambda error: False)
# Retrying does not help: a permission, a database or an index is missing.
FINAL = (
    exceptions.PermissionDenied,
    exceptions.Unauthenticated,
    exceptions.NotFound,
    exceptions.InvalidArgument,
    exceptions.FailedPrecondition,
    exceptions.MethodNotImplemented,
)


class Deadline:
    """The moment by which one exchange with Firestore, its retries included, has ended."""

    def __init__(self, timeout_seconds: float) -> None:
        self._ends_at_seconds = time.monotonic() + timeout_seconds

    @property
    def remaining_seconds(self) -> float:
        """The time left, never so little that a call could not even be tried."""
        return max(self._ends_at_seconds - time.monotonic(), 0.05)

    def allows(self, seconds: float) -> bool:
        """Tell whether there is time for a pause."""
        return time.monotonic() + seconds < self._ends_at_seconds


class Backoff:
    """The pauses between the tries of one exchange: exponential, with jitter, until its deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._delays_seconds = exponential_sleep_generator(initial=0.02, maximum=0.5)

    def wait(self, error: exceptions.GoogleAPICallError) -> None:
        """Sleep before the next try.

        Raises:
            Unavailable: the deadline would pass meanwhile.
        """
        delay_seconds = next(self._delays_seconds)
        if not self._deadline.allows(delay_seconds):
            log.warn(f"Firestore did not answer in time: {error}")
            raise Unavailable from error
        time.sleep(delay_seconds)


def retry_until(deadline: Deadline, attempt: Callable[[float], T]) -> T:
    """Return what `attempt` returns, called with the seconds left and retried after a transient error.

    Raises:
        Unavailable: there was no answer in time.
        GoogleAPICallError: retrying would not help.
    """
    backoff = Backoff(deadline)
    while True:
        try:
            return attempt(deadline.remaining_seconds)
        except FINAL:
            raise
        except exceptions.GoogleAPICallError as error:
            backoff.wait(error)
