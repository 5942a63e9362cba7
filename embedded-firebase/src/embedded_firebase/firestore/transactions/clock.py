"""Owns the time that commits and reads are stamped with; must not know what is committed or read."""

from __future__ import annotations

from collections.abc import Callable


class CommitClock:
    """A clock in microseconds whose commits are strictly later than every commit and every read before them.

    So a document read at a time stays the same for ever when read at that time again. Not thread-safe: whoever reads
    or commits holds the lock of the storage.
    """

    def __init__(self, latest: int, now_micros: Callable[[], int]) -> None:
        self._latest = latest
        self._now_micros = now_micros

    def read_time(self) -> int:
        """Return a time that sees every commit so far and none to come."""
        self._latest = max(self._now_micros(), self._latest)
        return self._latest

    def commit_time(self) -> int:
        """Return the time of a new commit."""
        self._latest = max(self._now_micros(), self._latest + 1)
        return self._latest
