"""Owns concurrency control: which transactions proceed, wait or abort, so that commits are serializable.

The validation at commit alone guarantees it, with optimistic and pessimistic control alike; turns and locks only decide
who waits. Must not know what is written, nor the protocol's requests.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable

from embedded_firebase.firestore.errors import Code, EmulatorError, invalid
from embedded_firebase.firestore.messages import TransactionOptions
from embedded_firebase.firestore.query.changes import Changes
from embedded_firebase.firestore.query.query import Query
from embedded_firebase.firestore.storage import execution
from embedded_firebase.firestore.storage.document_table import HISTORY_MICROS
from embedded_firebase.firestore.storage.storage import Storage
from embedded_firebase.firestore.transactions.clock import CommitClock
from embedded_firebase.firestore.transactions.keys import scope_key, write_keys
from embedded_firebase.firestore.transactions.locks import Locks
from embedded_firebase.firestore.transactions.transactions import (
    Concurrency,
    Fingerprint,
    State,
    Transaction,
    Transactions,
    fingerprint_of,
    version_of,
)
from embedded_firebase.firestore.transactions.turns import Keys, Turns
from embedded_firebase.firestore.transactions.views import Consistency, View
from embedded_firebase.firestore.values.paths import DocumentPath, parse_document
from embedded_firebase.firestore.values.timestamps import to_micros


class ConcurrencyControl:
    """The transactions on one storage, from begin to commit or rollback.

    Args:
        storage: what they read; its lock is held by the caller of `view`, `past`, `validated`, `must_wait`, `commit`.
        clock: the time of its commits.
        monotonic: seconds, for timeouts.
        concurrency: whether reads lock.
    """

    def __init__(
        self, storage: Storage, clock: CommitClock, monotonic: Callable[[], float], concurrency: Concurrency
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._monotonic = monotonic
        self._transactions = Transactions(monotonic)
        self._turns = Turns()
        pessimistic = concurrency is Concurrency.PESSIMISTIC
        self._locks = Locks(storage.lock, self._transactions, monotonic, self._abort_victim) if pessimistic else None

    def begin(self, database: str, options: TransactionOptions | None) -> bytes:
        """Start a transaction and return its id.

        Raises:
            EmulatorError: INVALID_ARGUMENT or FAILED_PRECONDITION for a read time that cannot be read.
        """
        if options is not None and options.WhichOneof("mode") == "read_only":
            with self._storage.lock:
                asked = options.read_only.HasField("read_time")
                read_time = self.past(to_micros(options.read_only.read_time)) if asked else self._clock.read_time()
            return self._transactions.begin(database, read_only=True, read_time=read_time).id
        retry_of = options.read_write.retry_transaction if options is not None else b""
        return self._transactions.begin(database, read_only=False, retry_of=retry_of).id

    def rollback(self, database: str, transaction_id: bytes) -> None:
        """Roll a transaction back; does nothing when it was aborted or rolled back already.

        Raises:
            EmulatorError: INVALID_ARGUMENT when it is unknown or committed.
        """
        with self._storage.lock:
            transaction = self._transactions.known(transaction_id, database)
            if transaction.state is State.COMMITTED:
                raise invalid("The referenced transaction has been committed.")
            if transaction.state is State.ACTIVE:
                self._finish(transaction, State.ROLLED_BACK)
        self._turns.leave(transaction_id)

    def take_turn(self, database: str, transaction_id: bytes, reads: Keys) -> None:
        """Before the first read of a transaction, wait for its turn on contended keys."""
        transaction = self._transactions.active(transaction_id, database)
        if transaction.read_time is None:
            self._turns.take(transaction_id, reads | transaction.predecessor_lost_on)

    def view(self, database: str, consistency: Consistency, began: bytes) -> View:
        """Choose the snapshot of a read."""
        if consistency.transaction:
            transaction = self._transactions.active(consistency.transaction, database)
            # Its locks keep its read set unchanged, so that all of it is current.
            locked = self._locks is not None and not transaction.read_only and not transaction.lost_lock
            if transaction.read_time is None or locked:
                transaction.read_time = self._clock.read_time()
            return View(self.past(transaction.read_time), transaction, began)
        if consistency.read_time is not None:
            return View(self.past(consistency.read_time), None, began)
        return View(self._clock.read_time(), None, began)

    def past(self, read_time: int) -> int:
        """Return a time that can be read.

        Raises:
            EmulatorError: INVALID_ARGUMENT when it lies in the future, FAILED_PRECONDITION when it is too old.
        """
        now = self._clock.read_time()
        if read_time > now:
            raise invalid("read_time must not lie in the future.")
        if read_time < max(now - HISTORY_MICROS, self._storage.horizon):
            raise EmulatorError(Code.FAILED_PRECONDITION, "read_time is too old: the past is kept for an hour at most.")
        return read_time

    def check_may_write(self, database: str, transaction_id: bytes) -> None:
        """Refuse writes in a read-only transaction.

        Raises:
            EmulatorError: INVALID_ARGUMENT.
        """
        if self._transactions.active(transaction_id, database).read_only:
            raise invalid("Cannot modify entities in a read-only transaction.")

    def let_pass(self, transaction_id: bytes, paths: Iterable[DocumentPath]) -> None:
        """Before a commit, wait for the turns that it would invalidate; with locks, those make it wait instead."""
        if self._turns and self._locks is None:
            self._turns.let_pass(transaction_id, write_keys(paths))

    def validated(self, database: str, transaction_id: bytes) -> Transaction:
        """Return a transaction whose read set is unchanged, so that it may commit (backward validation).

        Raises:
            EmulatorError: ABORTED when that has changed, INVALID_ARGUMENT when the transaction cannot be used.
        """
        transaction = self._transactions.active(transaction_id, database)
        changed: set[Hashable] = {
            name
            for name, version in transaction.read_versions.items()
            if version_of(self._storage.get(parse_document(name))) != version
        }
        for query, seen in transaction.read_queries:
            if not self._query_unchanged(transaction, query, seen):
                changed.add(scope_key(query.scope))
        if changed:
            self._lose(transaction, frozenset(changed))
            raise EmulatorError(Code.ABORTED, "The transaction was aborted: what it read has changed. Retry it.")
        return transaction

    def must_wait(self, transaction: Transaction | None, database: str, changes: Changes, asked_at: float) -> bool:
        """Wait a moment for the locks of others; true when it waited, so that the caller has to validate again."""
        return self._locks is not None and self._locks.wait(transaction, database, changes, asked_at)

    def break_locks(self, transaction: Transaction | None, database: str, changes: Changes) -> None:
        """Break the locks of all transactions whose reads a commit invalidates."""
        if self._locks is not None:
            self._locks.break_(transaction, database, changes)

    def commit(self, transaction: Transaction) -> None:
        """Mark a transaction as committed."""
        self._finish(transaction, State.COMMITTED)

    def leave(self, transaction_id: bytes) -> None:
        """Release the turn of a transaction, if any, once its commit is decided."""
        self._turns.leave(transaction_id)

    def _query_unchanged(self, transaction: Transaction, query: Query, seen: Fingerprint) -> bool:
        assert transaction.read_time is not None, "a transaction that ran a query has its snapshot"
        if not self._storage.changed_since(execution.collections_of(self._storage, query.scope), transaction.read_time):
            return True
        return fingerprint_of(execution.results(self._storage, query, self._clock.read_time())) == seen

    def _abort_victim(self, transaction: Transaction) -> None:
        """Abort a transaction as the victim of a deadlock."""
        scopes = (scope_key(query.scope) for query, _ in transaction.read_queries)
        self._lose(transaction, frozenset({*transaction.read_versions, *scopes}))

    def _lose(self, transaction: Transaction, keys: Keys) -> None:
        transaction.lost_on = keys | transaction.predecessor_lost_on
        self._turns.note_conflict(keys)
        self._finish(transaction, State.ABORTED)

    def _finish(self, transaction: Transaction, state: State) -> None:
        self._transactions.finish(transaction, state)
        if self._locks is not None:
            self._locks.release()
