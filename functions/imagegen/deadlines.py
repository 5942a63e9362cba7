"""Owns asking Firestore until a deadline: which faults are asked again, after which pause, and when it is given up.

Knows nothing of what is asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from google.api_core import exceptions
from google.api_core.retry import Retry, exponential_sleep_generator

from . import log
from .errors import Unavailable

T = TypeVar("T")

# One try: the client's own retries outlive what a caller would wait, and its queries do not take `None` for this.
ONCE = Retry(predicate=lambda error: False)
# Asking again does not help these: a right, a database or an index is missing.
FINAL = (
    exceptions.PermissionDenied,
    exceptions.Unauthenticated,
    exceptions.NotFound,
    exceptions.InvalidArgument,
    exceptions.FailedPrecondition,
    exceptions.MethodNotImplemented,
)


def until(deadline: float, attempt: Callable[[], T]) -> T:
    """Return what `attempt` returns, trying again after a fault of Firestore's until a moment of `time.monotonic`.

    Raises:
        Unavailable: there was no answer in time.
        GoogleAPICallError: asking again would not help.
    """
    for delay_seconds in exponential_sleep_generator(initial=0.02, maximum=0.5):
        try:
            return attempt()
        except FINAL:
            raise
        except exceptions.GoogleAPICallError as error:
            if time.monotonic() + delay_seconds >= deadline:
                log.warn(f"Firestore gave no answer in time: {error}")
                raise Unavailable from error
        time.sleep(delay_seconds)
    raise AssertionError("the generator of delays has no end")


def remaining_seconds(deadline: float) -> float:
    """Return the time left, never so little that a call could not even be tried."""
    return max(deadline - time.monotonic(), 0.05)
