"""Owns fairness under contention: a FIFO queue of turns on contended keys; must not know what a transaction does.

Optimistic concurrency control alone starves: of twenty transactions that increment one counter one wins each round,
and a client gives up after five retries. So the keys that caused an abort count as contended for a while. Transactions
that read them take turns in FIFO order, and other commits that would invalidate the holder of a turn wait for it, for
a bounded time. A turn is a hint, not a lock: correctness depends on the validation at commit alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

# A holder that is idle for this long loses its turn; the round trips of a client take a few milliseconds.
TURN_SECONDS = 0.1
MAX_WAIT_SECONDS = 2.0
CONTENDED_SECONDS = 1.0
# Each waiter blocks a thread of the server. Beyond this number no call waits, so that the holder can be served.
MAX_WAITERS = 192

# What is read and written: names of documents, collections, collection groups.
Keys = frozenset[Hashable]


@dataclass(eq=False, slots=True)
class _Turn:
    owner: bytes
    keys: Keys
    expires_at: float | None = None
    granted: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)


class Turns:
    """A queue of turns on keys that are contended."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._contended_until: dict[Hashable, float] = {}
        self._queue: list[_Turn] = []
        self._waiters = 0

    def __bool__(self) -> bool:
        """Whether a turn is held or awaited; otherwise a commit does not have to wait."""
        return bool(self._queue)

    def note_conflict(self, keys: Keys) -> None:
        """Mark the keys whose change aborted a transaction as contended."""
        now = self._monotonic()
        with self._lock:
            self._contended_until = {key: until for key, until in self._contended_until.items() if until > now}
            self._contended_until.update(dict.fromkeys(keys, now + CONTENDED_SECONDS))

    def take(self, owner: bytes, keys: Keys) -> None:
        """Wait in FIFO order for a turn on the contended ones of these keys, for a bounded time.

        The caller must not hold another turn, so that no deadlock is possible.
        """
        if not self._contended_until:
            return
        now = self._monotonic()
        turn = _Turn(owner, frozenset(key for key in keys if self._contended_until.get(key, 0.0) > now))
        if not turn.keys:
            return
        with self._lock:
            if self._waiters >= MAX_WAITERS:
                return
            self._queue.append(turn)
            self._waiters += 1
            self._grant()
        while not turn.granted.wait(TURN_SECONDS / 2):
            with self._lock:
                if self._monotonic() >= now + MAX_WAIT_SECONDS:
                    self._end(turn)
                self._grant()
            if turn.ended.is_set():
                break
        with self._lock:
            self._waiters -= 1

    def let_pass(self, owner: bytes, keys: Keys) -> None:
        """Wait, before writing these keys, until no other owner has a turn on one of them, for a bounded time.

        An owner that holds a turn itself does not wait, so that two holders cannot deadlock.
        """
        deadline = self._monotonic() + TURN_SECONDS
        while True:
            with self._lock:
                self._grant()
                granted = [turn for turn in self._queue if turn.granted.is_set()]
                if any(turn.owner == owner for turn in granted):
                    return
                holder = next((turn for turn in granted if not turn.keys.isdisjoint(keys)), None)
                remaining = deadline - self._monotonic()
                if holder is None or self._waiters >= MAX_WAITERS or remaining <= 0:
                    return
                self._waiters += 1
            ended = holder.ended.wait(remaining)
            with self._lock:
                self._waiters -= 1
            if not ended:
                return

    def leave(self, owner: bytes) -> None:
        """Give up the turn, if any."""
        if not self._queue:
            return
        with self._lock:
            for turn in [turn for turn in self._queue if turn.owner == owner]:
                self._end(turn)
            self._grant()

    def _end(self, turn: _Turn) -> None:
        # Another thread may have ended it already: it expired before its owner ran again.
        if turn in self._queue:
            self._queue.remove(turn)
        turn.ended.set()

    def _grant(self) -> None:
        """End expired turns, and grant each turn that is now the first in the queue on all of its keys."""
        now = self._monotonic()
        for turn in [turn for turn in self._queue if turn.expires_at is not None and turn.expires_at <= now]:
            self._end(turn)
        taken: set[Hashable] = set()
        for turn in self._queue:
            if not turn.granted.is_set() and taken.isdisjoint(turn.keys):
                turn.expires_at = now + TURN_SECONDS
                turn.granted.set()
            taken |= turn.keys
