"""Owns the timestamps of commits and reads; must not know what is committed or read."""

from __future__ import annotations

from collections.abc import Callable


class CommitClock:
    """A clock in microseconds whose commits are strictly later than every commit and every read before them.

    So a read at a given time always returns the same documents. Not thread-safe: the caller holds the storage lock.
    """

    def __init__(self, latest: int, now_micros: Callable[[], int]) -> None:
        self._latest = latest
        self._now_micros = now_micros

    def read_time(self) -> int:
        """Return a time that includes every commit so far and no later one."""
        self._latest = max(self._now_micros(), self._latest)
        return self._latest

    def commit_time(self) -> int:
        """Return the time of a new commit."""
        self._latest = max(self._now_micros(), self._latest + 1)
        return self._latest
