"""Owns whose turn it is on contended keys; must not know what a transaction does with its turn.

Optimistic transactions alone starve: of twenty that increment one counter each round has one winner, and a client
gives up after five rounds. So whatever made a transaction lose is contended for a while, and those who read it in a
transaction take turns in the order of asking; commits of others that would make the holder of a turn lose wait for
it, a bounded while. A turn is a courtesy, never a lock: correctness rests on the validation at commit alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

# A holder that says nothing for so long is passed over; the client's round trips between take a few milliseconds.
TURN_SECONDS = 0.1
MAX_WAIT_SECONDS = 2.0
CONTENDED_SECONDS = 1.0
# Each waiter occupies a thread of the server; beyond this number nobody waits, so that the holder can be served.
MAX_WAITERS = 192

# Names of documents, collections, whatever else is read and written.
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
        """Whether anybody has or awaits a turn; when nobody does, a commit has nothing to wait for."""
        return bool(self._queue)

    def note_conflict(self, keys: Keys) -> None:
        """Note that a transaction lost because these keys changed."""
        now = self._monotonic()
        with self._lock:
            self._contended_until = {key: until for key, until in self._contended_until.items() if until > now}
            self._contended_until.update(dict.fromkeys(keys, now + CONTENDED_SECONDS))

    def take(self, owner: bytes, keys: Keys) -> None:
        """Wait for a turn on those of the keys that are contended, behind all who asked before; a bounded while.

        Whoever calls this holds no other turn, so that nobody waits in a circle.
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
        """Wait, before writing these keys, until no one else has a turn on one of them; a bounded while.

        Whoever holds a turn of its own goes ahead, so that two holders never wait for each other.
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
        self._queue.remove(turn)
        turn.ended.set()

    def _grant(self) -> None:
        """End the turns whose time is up and give one to all who now have nobody before them on any of their keys."""
        now = self._monotonic()
        for turn in [turn for turn in self._queue if turn.expires_at is not None and turn.expires_at <= now]:
            self._end(turn)
        taken: set[Hashable] = set()
        for turn in self._queue:
            if not turn.granted.is_set() and taken.isdisjoint(turn.keys):
                turn.expires_at = now + TURN_SECONDS
                turn.granted.set()
            taken |= turn.keys
