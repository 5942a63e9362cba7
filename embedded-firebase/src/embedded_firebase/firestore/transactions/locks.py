"""Owns pessimistic concurrency: who waits for whose reads, and who gives way; must not know of storage or the protocol.

A read-write transaction locks what it has read, together with other readers: its read set is its lock. A commit waits
for the transactions of others whose reads it would change. A circle of those who wait is found at once and its
youngest is aborted (https://en.wikipedia.org/wiki/Wait-for_graph). Nobody waits for long: the locks of a holder that
says nothing for a moment are broken. Like a turn, a lock is a courtesy: the validation at commit alone decides what is
correct, and refuses whoever lost a lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from embedded_firebase.firestore.errors import Code, EmulatorError
from embedded_firebase.firestore.query.changes import Changes
from embedded_firebase.firestore.transactions.transactions import State, Transaction, Transactions

# A holder that says nothing for so long loses its locks to whoever asks; a client's round trips take milliseconds.
SILENCE_SECONDS = 0.1
MAX_WAIT_SECONDS = 1.0
# Each waiter occupies a thread of the server, as those of `turns` do; beyond this number locks are broken at once.
MAX_WAITERS = 48
_LOOK_AGAIN_SECONDS = 0.025


class Locks:
    """The locks of all active transactions. Whoever calls a method holds `lock`, that of the storage."""

    def __init__(
        self,
        lock: threading.RLock,
        transactions: Transactions,
        monotonic: Callable[[], float],
        abort: Callable[[Transaction], None],
    ) -> None:
        self._ended = threading.Condition(lock)
        self._transactions = transactions
        self._monotonic = monotonic
        self._abort = abort
        self._waiting: dict[Transaction, list[Transaction]] = {}
        self._waiters = 0

    def wait(self, writer: Transaction | None, database: str, changes: Changes, since: float) -> bool:
        """Wait a moment when others hold locks on what a commit would change.

        Args:
            writer: the transaction that wants to commit; None for a commit without one.
            database: what it is about.
            changes: what it would make of which documents.
            since: when it asked first, in the seconds of the clock.

        Returns:
            Whether it waited, so that the caller must look at everything anew; otherwise it may go ahead.

        Raises:
            EmulatorError: ABORTED when the writer gave way to those it waited for in a circle.
        """
        now = self._monotonic()
        holders = [
            holder
            for holder in self._touched(writer, database, changes)
            if holder in self._waiting or now - holder.used_at < SILENCE_SECONDS
        ]
        if not holders or now - since >= MAX_WAIT_SECONDS or self._waiters >= MAX_WAITERS:
            return False
        self._waiters += 1
        if writer is not None:
            self._waiting[writer] = holders
        try:
            youngest = self._youngest_in_circle(writer)
            if youngest is None:
                self._ended.wait(_LOOK_AGAIN_SECONDS)
            else:
                self._abort(youngest)
        finally:
            self._waiters -= 1
            if writer is not None:
                del self._waiting[writer]
        if writer is not None and writer.state is State.ABORTED:
            raise EmulatorError(
                Code.ABORTED, "The transaction was aborted: it and others waited for each other. Retry it."
            )
        return True

    def break_(self, writer: Transaction | None, database: str, changes: Changes) -> None:
        """Take the locks from all whose reads a commit changes now."""
        for holder in self._touched(writer, database, changes):
            holder.lost_lock = True

    def release(self) -> None:
        """Let those who wait look again, because a transaction has ended."""
        self._ended.notify_all()

    def _touched(self, writer: Transaction | None, database: str, changes: Changes) -> list[Transaction]:
        return [
            holder
            for holder in self._transactions.readers(database)
            if holder is not writer and not holder.lost_lock and holder.has_read(changes)
        ]

    def _youngest_in_circle(self, writer: Transaction | None) -> Transaction | None:
        """Return the youngest of those who wait in a circle with the writer, None when there is no circle.

        Every circle goes through the last one to wait, because each is broken as soon as it closes.
        """
        if writer is None:
            return None
        reached_from: dict[Transaction, Transaction] = {}
        reached = [writer]
        for waiting in reached:
            for holder in self._waiting.get(waiting, ()):
                if holder is writer:
                    circle = [waiting]
                    while circle[-1] is not writer:
                        circle.append(reached_from[circle[-1]])
                    return max(circle, key=lambda transaction: transaction.rank)
                if holder not in reached_from:
                    reached_from[holder] = waiting
                    reached.append(holder)
        return None
