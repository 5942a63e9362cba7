"""Owns what reads, commits and transactions guarantee: snapshots, atomicity, serializability.

Brings the pure rules (`writes`, `query`) and the storage together; must not know of the protocol's requests or of SQL.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from embedded_firebase.firestore.errors import Code, EmulatorError, invalid
from embedded_firebase.firestore.indexes import required as required_indexes
from embedded_firebase.firestore.messages import Document, TransactionOptions, Value, Write, WriteResult
from embedded_firebase.firestore.query import aggregation
from embedded_firebase.firestore.query.aggregation import Aggregation
from embedded_firebase.firestore.query.query import Query
from embedded_firebase.firestore.storage import execution
from embedded_firebase.firestore.storage.collection_table import Collection
from embedded_firebase.firestore.storage.document_table import HISTORY_MICROS
from embedded_firebase.firestore.storage.storage import Change, Storage
from embedded_firebase.firestore.transactions import writes as write_rules
from embedded_firebase.firestore.transactions.clock import CommitClock
from embedded_firebase.firestore.transactions.feed import Feed
from embedded_firebase.firestore.transactions.keys import scope_key, write_keys
from embedded_firebase.firestore.transactions.locks import Locks
from embedded_firebase.firestore.transactions.transactions import (
    Concurrency,
    Fingerprint,
    State,
    Transaction,
    Transactions,
)
from embedded_firebase.firestore.transactions.turns import Keys, Turns
from embedded_firebase.firestore.values.paths import DocumentPath, parse_document
from embedded_firebase.firestore.values.timestamps import to_micros


def now_micros() -> int:
    """Return the wall clock in microseconds since the epoch."""
    return time.time_ns() // 1_000


# Refuses a write to a document as it is now, at a commit time, by raising what its client is told.
Authorize = Callable[[Write, DocumentPath, Document | None, int], None]


@dataclass(frozen=True, slots=True)
class Consistency:
    """Which state a read asks for: a transaction's, a new transaction's, that of a time, or the current one."""

    transaction: bytes = b""
    new_transaction: TransactionOptions | None = None
    read_time: int | None = None

    @property
    def in_transaction(self) -> bool:
        """Whether the read is on behalf of a transaction."""
        return bool(self.transaction) or self.new_transaction is not None


@dataclass(frozen=True, slots=True)
class View:
    """The state that a read sees: as of `read_time`, on behalf of a transaction or of none.

    `began` is the id of the transaction that the read itself started.
    """

    read_time: int
    transaction: Transaction | None
    began: bytes


class Engine:
    """Reads and commits on all databases of one storage; safe for any number of threads."""

    def __init__(
        self,
        storage: Storage,
        wall_clock: Callable[[], int] = now_micros,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        concurrency: Concurrency = Concurrency.OPTIMISTIC,
        require_indexes: bool = False,
    ) -> None:
        self._storage = storage
        self._require_indexes = require_indexes
        self._clock = CommitClock(storage.latest, wall_clock)
        self._monotonic = monotonic
        self._transactions = Transactions(monotonic)
        self._turns = Turns()
        pessimistic = concurrency is Concurrency.PESSIMISTIC
        self._locks = Locks(storage.lock, self._transactions, monotonic, self._give_way) if pessimistic else None
        self.feed = Feed()

    def begin(self, database: str, options: TransactionOptions | None) -> bytes:
        """Start a transaction and return its id.

        Raises:
            EmulatorError: INVALID_ARGUMENT or FAILED_PRECONDITION for a read time that cannot be read.
        """
        if options is not None and options.WhichOneof("mode") == "read_only":
            with self._storage.lock:
                asked = options.read_only.HasField("read_time")
                read_time = self._past(to_micros(options.read_only.read_time)) if asked else self._clock.read_time()
            return self._transactions.begin(database, read_only=True, read_time=read_time).id
        retry_of = options.read_write.retry_transaction if options is not None else b""
        return self._transactions.begin(database, read_only=False, retry_of=retry_of).id

    def rollback(self, database: str, transaction_id: bytes) -> None:
        """End a transaction without a trace; one that was aborted or rolled back already stays so.

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

    def get(self, database: str, names: Sequence[str], consistency: Consistency) -> tuple[list[Document | None], View]:
        """Return documents by name, None for each that is missing, all of one state.

        Raises:
            EmulatorError: INVALID_ARGUMENT for a name or a transaction that is not valid.
        """
        paths = [_path_in(name, database) for name in names]
        consistency, began = self._begin_if_asked(database, consistency)
        if consistency.transaction:
            self._take_turn(database, consistency.transaction, frozenset(names))
        with self._storage.lock:
            view = self._view(database, consistency, began)
            documents = [self._storage.get(path, view.read_time) for path in paths]
            if view.transaction is not None and not view.transaction.read_only:
                view.transaction.read_versions.update(zip(names, map(_version, documents), strict=True))
        return documents, view

    def query(self, query: Query, consistency: Consistency) -> tuple[Iterator[Document], View]:
        """Return the results of a query, those that its offset skips included, its projection not yet applied.

        Raises:
            EmulatorError: INVALID_ARGUMENT for a transaction or a read time that is not valid; FAILED_PRECONDITION
                for want of an index, where indexes are required.
        """
        if self._require_indexes:
            required_indexes.check(query, self._storage.indexes)
        database = query.scope.database
        consistency, began = self._begin_if_asked(database, consistency)
        if consistency.transaction:
            self._take_turn(database, consistency.transaction, frozenset({scope_key(query.scope)}))
        with self._storage.lock:
            view = self._view(database, consistency, began)
            results = self._results(query, view.read_time)
            if view.transaction is not None and not view.transaction.read_only:
                # Within the lock, so that no commit falls between the reading and its being known.
                found = list(results)
                view.transaction.note_query(query, _fingerprint(found))
                results = iter(found)
        return results, view

    def aggregate(
        self, query: Query, aggregations: Sequence[Aggregation], consistency: Consistency
    ) -> tuple[dict[str, Value], int, View]:
        """Return figures over the results of a query by alias, how many results there are, and the state.

        Raises:
            EmulatorError: as `query` does.
        """
        if self._require_indexes:
            required_indexes.check(query, self._storage.indexes)
        if aggregation.only_counts(aggregations) and not consistency.in_transaction:
            with self._storage.lock:
                view = self._view(query.scope.database, consistency, b"")
                total = execution.count(self._storage, query, view.read_time)
            if total is not None:
                return aggregation.from_total(aggregations, total), total, view
        if not consistency.in_transaction:
            paths = [entry.path for entry in aggregations if entry.path]
            with self._storage.lock:
                view = self._view(query.scope.database, consistency, b"")
                tallied = execution.tally(self._storage, query, paths, view.read_time)
            if tallied is not None:
                groups = list(tallied)
                return aggregation.run_grouped(aggregations, groups), sum(count for _, count in groups), view
        results, view = self.query(query, consistency)
        documents = list(islice(results, query.offset, None))
        return aggregation.run(aggregations, documents), len(documents), view

    def commit(
        self, database: str, writes: Sequence[Write], transaction_id: bytes = b"", authorize: Authorize | None = None
    ) -> tuple[int, list[WriteResult]]:
        """Apply all writes at once, in order, or none; `authorize` is asked of each before its precondition is.

        Returns:
            The commit time in microseconds and one result for each write.

        Raises:
            EmulatorError: ABORTED when what the transaction read has changed; INVALID_ARGUMENT when it cannot be used
                or a write is not valid; whatever a precondition answers.
        """
        targets = [(write, _path_in(write_rules.target(write), database)) for write in writes]
        if transaction_id:
            self._check_may_write(database, transaction_id, writes)
        self._let_pass(transaction_id, (path for _, path in targets))
        asked_at = self._monotonic()
        try:
            with self._storage.lock:
                while True:
                    transaction = self._transactions.active(transaction_id, database) if transaction_id else None
                    if transaction is not None:
                        self._validate(transaction)
                    commit_time = self._clock.commit_time()
                    changes, results = self._changes(targets, commit_time, authorize)
                    if not self._wait_for_locks(transaction, database, changes, asked_at):
                        break
                if changes:
                    self._apply(changes, commit_time, transaction)
                if transaction is not None:
                    self._finish(transaction, State.COMMITTED)
        finally:
            if transaction_id:
                self._turns.leave(transaction_id)
        return commit_time, results

    def write_each(
        self, database: str, writes: Sequence[Write], authorize: Authorize | None = None
    ) -> list[WriteResult | EmulatorError]:
        """Apply every write on its own; one that fails leaves the others alone.

        Raises:
            EmulatorError: INVALID_ARGUMENT when two writes are about one document.
        """
        names = [write_rules.target(write) for write in writes]
        if len(set(names)) < len(names):
            raise invalid("A batch write must not write one document twice.")
        targets = [(write, _path_in(name, database)) for write, name in zip(writes, names, strict=True)]
        self._let_pass(b"", (path for _, path in targets))
        asked_at = self._monotonic()
        with self._storage.lock:
            while True:
                answers: list[WriteResult | EmulatorError] = []
                changes: list[Change] = []
                commit_time = self._clock.commit_time()
                for target in targets:
                    try:
                        made, (result,) = self._changes([target], commit_time, authorize)
                    except EmulatorError as error:
                        answers.append(error)
                    else:
                        changes += made
                        answers.append(result)
                if not self._wait_for_locks(None, database, changes, asked_at):
                    break
            if changes:
                self._apply(changes, commit_time)
        return answers

    def load(self, documents: Sequence[Document]) -> None:
        """Store documents as they are, without preconditions, all at one commit time."""
        with self._storage.lock:
            commit_time = self._clock.commit_time()
            writes = [(Write(update=document), parse_document(document.name)) for document in documents]
            changes, _ = self._changes(writes, commit_time)
            self._apply(changes, commit_time)

    def clear(self, database: str) -> None:
        """Delete every document of a database, all at one commit time."""
        with self._storage.lock:
            changes = [Change(parse_document(document.name), None) for document in self.documents(database)]
            if changes:
                self._apply(changes, self._clock.commit_time())

    def read_time(self) -> int:
        """Return a time that sees every commit so far and none to come, and that can be read."""
        with self._storage.lock:
            return self._clock.read_time()

    def documents(self, database: str) -> Iterator[Document]:
        """Yield every document of a database as of now, in the order of names."""
        with self._storage.lock:
            read_time = self._clock.read_time()
            collections = self._storage.collections(database, "")
        return self._storage.scan(collections, read_time)

    def collection_ids(self, database: str, parent: str, read_time: int | None) -> list[str]:
        """Return the ids of the collections right below a document (""; the root) that hold a document, sorted.

        A collection counts also when only a document deeper below it exists.
        """
        with self._storage.lock:
            time_ = self._clock.read_time() if read_time is None else self._past(read_time)
            collections = self._storage.collections(database, parent)
        depth = parent.count("/") + 1 if parent else 0
        by_id: dict[str, list[Collection]] = {}
        for collection in collections:
            by_id.setdefault(collection.path.split("/")[depth], []).append(collection)
        return sorted(
            id_ for id_, below in by_id.items() if any(self._holds_document(collection, time_) for collection in below)
        )

    def missing_documents(self, database: str, collection_path: str, read_time: int) -> list[str]:
        """Return the names of documents of a collection that do not exist but have documents below them, sorted."""
        depth = collection_path.count("/") + 1
        found = set()
        for collection in self._storage.collections(database, ""):
            segments = collection.path.split("/")
            if "/".join(segments[:depth]) != collection_path or len(segments) <= depth:
                continue
            name = f"{database}/documents/{'/'.join(segments[: depth + 1])}"
            if name not in found and self._holds_document(collection, read_time):
                found.add(name)
        return sorted(name for name in found if self._storage.get(parse_document(name), read_time) is None)

    def _holds_document(self, collection: Collection, read_time: int) -> bool:
        return next(self._storage.scan([collection], read_time), None) is not None

    def _begin_if_asked(self, database: str, consistency: Consistency) -> tuple[Consistency, bytes]:
        if consistency.new_transaction is None:
            return consistency, b""
        began = self.begin(database, consistency.new_transaction)
        return Consistency(transaction=began), began

    def _view(self, database: str, consistency: Consistency, began: bytes) -> View:
        """Choose the state that a read sees. The caller holds the lock of the storage."""
        if consistency.transaction:
            transaction = self._transactions.active(consistency.transaction, database)
            # Its locks keep what it has read as it is, so that all of it is of the present too.
            locked = self._locks is not None and not transaction.read_only and not transaction.lost_lock
            if transaction.read_time is None or locked:
                transaction.read_time = self._clock.read_time()
            return View(self._past(transaction.read_time), transaction, began)
        if consistency.read_time is not None:
            return View(self._past(consistency.read_time), None, began)
        return View(self._clock.read_time(), None, began)

    def _past(self, read_time: int) -> int:
        """Check that a time can be read."""
        now = self._clock.read_time()
        if read_time > now:
            raise invalid("read_time must not lie in the future.")
        if read_time < max(now - HISTORY_MICROS, self._storage.horizon):
            raise EmulatorError(Code.FAILED_PRECONDITION, "read_time is too old: the past is kept for an hour at most.")
        return read_time

    def _results(self, query: Query, read_time: int) -> Iterator[Document]:
        return execution.results(self._storage, query, read_time)

    def _apply(self, changes: Sequence[Change], commit_time: int, transaction: Transaction | None = None) -> None:
        """Commit and tell all who listen. The caller holds the lock of the storage."""
        self._storage.apply(changes, commit_time)
        if self._locks is not None:
            self._locks.break_(transaction, changes[0].path.database, _by_path(changes))
        self.feed.publish(changes, commit_time)

    def _changes(
        self, targets: Sequence[tuple[Write, DocumentPath]], commit_time: int, authorize: Authorize | None = None
    ) -> tuple[list[Change], list[WriteResult]]:
        """Work out what writes make of the current documents. The caller holds the lock of the storage."""
        stored: dict[DocumentPath, Document | None] = {}
        pending: dict[DocumentPath, Document | None] = {}
        results = []
        for write, path in targets:
            if path not in stored:
                stored[path] = pending[path] = self._storage.get(path)
            if authorize is not None:
                authorize(write, path, pending[path], commit_time)
            outcome = write_rules.apply(write, pending[path], commit_time)
            pending[path] = outcome.document
            results.append(outcome.result)
        changes = [Change(path, document) for path, document in pending.items() if document is not stored[path]]
        return changes, results

    def _check_may_write(self, database: str, transaction_id: bytes, writes: Sequence[Write]) -> None:
        if self._transactions.active(transaction_id, database).read_only and writes:
            raise invalid("Cannot modify entities in a read-only transaction.")

    def _validate(self, transaction: Transaction) -> None:
        """Abort a transaction unless all that it read is still so. The caller holds the lock of the storage."""
        changed: set[Hashable] = {
            name
            for name, version in transaction.read_versions.items()
            if _version(self._storage.get(parse_document(name))) != version
        }
        for query, seen in transaction.read_queries:
            if not self._query_unchanged(transaction, query, seen):
                changed.add(scope_key(query.scope))
        if changed:
            self._lose(transaction, frozenset(changed))
            raise EmulatorError(Code.ABORTED, "The transaction was aborted: what it read has changed. Retry it.")

    def _give_way(self, transaction: Transaction) -> None:
        """Abort a transaction whose locks stand in the way of an older one."""
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

    def _query_unchanged(self, transaction: Transaction, query: Query, seen: Fingerprint) -> bool:
        assert transaction.read_time is not None, "a transaction that ran a query has its snapshot"
        if not self._storage.changed_since(execution.collections_of(self._storage, query.scope), transaction.read_time):
            return True
        return _fingerprint(list(self._results(query, self._clock.read_time()))) == seen

    def _take_turn(self, database: str, transaction_id: bytes, reads: Keys) -> None:
        """Before a transaction's first read, wait for its turn on what others contend for."""
        transaction = self._transactions.active(transaction_id, database)
        if transaction.read_time is None:
            self._turns.take(transaction_id, reads | transaction.predecessor_lost_on)

    def _let_pass(self, transaction_id: bytes, paths: Iterable[DocumentPath]) -> None:
        """Before a commit, wait for those whose turn it would spoil; where there are locks, these make it wait."""
        if self._turns and self._locks is None:
            self._turns.let_pass(transaction_id, write_keys(paths))

    def _wait_for_locks(
        self, transaction: Transaction | None, database: str, changes: Sequence[Change], asked_at: float
    ) -> bool:
        return self._locks is not None and self._locks.wait(transaction, database, _by_path(changes), asked_at)


def _path_in(name: str, database: str) -> DocumentPath:
    path = parse_document(name)
    if path.database != database:
        raise invalid(f'Document "{name}" is not in the database "{database}" of the request.')
    return path


def _by_path(changes: Sequence[Change]) -> dict[DocumentPath, Document | None]:
    return {change.path: change.document for change in changes}


def _version(document: Document | None) -> int | None:
    return None if document is None else to_micros(document.update_time)


def _fingerprint(documents: Sequence[Document]) -> Fingerprint:
    return tuple((document.name, to_micros(document.update_time)) for document in documents)
