"""Owns pessimistic concurrency control: read locks and deadlock detection; must not know storage or the protocol.

The read set of a read-write transaction is its lock, shared with other readers. A commit waits for the transactions
whose reads it would invalidate. A deadlock is a cycle in the wait-for graph; it is detected as soon as it closes, and
its youngest transaction is aborted (https://en.wikipedia.org/wiki/Wait-for_graph). Waiting is bounded: an idle holder
loses its locks. Like a turn, a lock is a hint: correctness depends on the validation at commit alone, which aborts a
transaction that lost a lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from embedded_firebase.firestore.errors import Code, EmulatorError
from embedded_firebase.firestore.query.changes import Changes
from embedded_firebase.firestore.transactions.transactions import State, Transaction, Transactions

# A holder that is idle for this long loses its locks; the round trips of a client take a few milliseconds.
SILENCE_SECONDS = 0.1
MAX_WAIT_SECONDS = 1.0
# Each waiter blocks a thread of the server, as in `turns`. Beyond this number locks are broken at once.
MAX_WAITERS = 48
_LOOK_AGAIN_SECONDS = 0.025


class Locks:
    """The locks of all active transactions. The caller of a method holds `lock`, the storage lock."""

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
        """Wait a moment if other transactions hold locks on what a commit would change.

        Args:
            writer: the committing transaction; None for a commit outside of one.
            database: the resource name of the database.
            changes: the new content of each document.
            since: when the commit was requested, in seconds of the monotonic clock.

        Returns:
            Whether it waited, so that the caller has to validate again; otherwise the commit may proceed.

        Raises:
            EmulatorError: ABORTED when the writer was chosen as the victim of a deadlock.
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
            victim = self._deadlock_victim(writer)
            if victim is None:
                self._ended.wait(_LOOK_AGAIN_SECONDS)
            else:
                self._abort(victim)
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
        """Break the locks of all transactions whose reads a commit invalidates."""
        for holder in self._touched(writer, database, changes):
            holder.lost_lock = True

    def release(self) -> None:
        """Wake the waiters, because a transaction has ended."""
        self._ended.notify_all()

    def _touched(self, writer: Transaction | None, database: str, changes: Changes) -> list[Transaction]:
        return [
            holder
            for holder in self._transactions.readers(database)
            if holder is not writer and not holder.lost_lock and holder.has_read(changes)
        ]

    def _deadlock_victim(self, writer: Transaction | None) -> Transaction | None:
        """Return the youngest transaction of a deadlock with the writer, None when there is no deadlock.

        Every cycle contains the last transaction to wait, because each is broken as soon as it closes.
        """
        if writer is None:
            return None
        reached_from: dict[Transaction, Transaction] = {}
        reached = [writer]
        for waiting in reached:
            for holder in self._waiting.get(waiting, ()):
                if holder is writer:
                    cycle = [waiting]
                    while cycle[-1] is not writer:
                        cycle.append(reached_from[cycle[-1]])
                    return max(cycle, key=lambda transaction: transaction.rank)
                if holder not in reached_from:
                    reached_from[holder] = waiting
                    reached.append(holder)
        return None
