"""Owns the policies of queues and schedules: rates, concurrency, retries with back-off; must not know what is called.

They follow the documentation of Cloud Tasks and Cloud Scheduler.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

UNLIMITED = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """The limits of retries; `max_attempts` may be UNLIMITED, and no `max_retry_seconds` (0) is no limit."""

    max_attempts: int
    max_retry_seconds: float = 0
    min_backoff_seconds: float
    max_backoff_seconds: float
    max_doublings: int

    def backoff_seconds(self, failures: int) -> float:
        """Return the back-off after this many failures: exponential up to `max_doublings`, then linear.

        Source: `maxDoublings` in the reference of Cloud Tasks (RetryConfig).
        """
        doublings = min(failures - 1, self.max_doublings)
        steps = max(failures - self.max_doublings, 1)
        try:
            pause = self.min_backoff_seconds * 2.0**doublings * steps
        except OverflowError:
            return self.max_backoff_seconds
        return min(pause, self.max_backoff_seconds)

    def next_attempt_at(self, failures: int, first_attempt_at: datetime, now: datetime) -> datetime | None:
        """Return when to retry after this many failures, or None to give up when both limits are reached."""
        attempts_left = self.max_attempts == UNLIMITED or failures < self.max_attempts
        if self.max_retry_seconds:
            time_left = now - first_attempt_at < timedelta(seconds=self.max_retry_seconds)
            gives_up = not time_left and (not attempts_left or self.max_attempts == UNLIMITED)
        else:
            gives_up = not attempts_left
        return None if gives_up else now + timedelta(seconds=self.backoff_seconds(failures))


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a function is due: a cron expression, read in a time zone, and what happens when it fails."""

    cron: str
    time_zone: str
    retries: RetryPolicy


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """How the tasks of a function are delivered."""

    retries: RetryPolicy
    max_concurrent_dispatches: int
    max_dispatches_per_second: float
