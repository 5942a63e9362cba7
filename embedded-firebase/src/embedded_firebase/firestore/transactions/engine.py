"""Owns what reads and commits guarantee: a read sees one snapshot, a commit is atomic.

Brings the pure rules (`writes`, `query`), the storage and the concurrency control together; must not know of the
protocol's requests, SQL, or who waits for whom.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from embedded_firebase.firestore.errors import EmulatorError, invalid
from embedded_firebase.firestore.indexes import required as required_indexes
from embedded_firebase.firestore.messages import Document, TransactionOptions, Value, Write, WriteResult
from embedded_firebase.firestore.query import aggregation
from embedded_firebase.firestore.query.aggregation import Aggregation
from embedded_firebase.firestore.query.query import Query
from embedded_firebase.firestore.storage import execution
from embedded_firebase.firestore.storage.collection_table import Collection
from embedded_firebase.firestore.storage.storage import Change, Storage
from embedded_firebase.firestore.transactions import writes as write_rules
from embedded_firebase.firestore.transactions.clock import CommitClock
from embedded_firebase.firestore.transactions.control import ConcurrencyControl
from embedded_firebase.firestore.transactions.feed import Feed
from embedded_firebase.firestore.transactions.keys import scope_key
from embedded_firebase.firestore.transactions.transactions import Concurrency, Transaction
from embedded_firebase.firestore.transactions.views import Consistency, View
from embedded_firebase.firestore.values.paths import DocumentPath, parse_document


def now_micros() -> int:
    """Return the wall clock in microseconds since the epoch."""
    return time.time_ns() // 1_000


# Called with a write, its path, the current document and the commit time; raises to refuse the write.
Authorize = Callable[[Write, DocumentPath, Document | None, int], None]


class Engine:
    """Reads and commits on all databases of one storage; thread-safe."""

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
        self._control = ConcurrencyControl(storage, self._clock, monotonic, concurrency)
        self.feed = Feed()

    def begin(self, database: str, options: TransactionOptions | None) -> bytes:
        """Start a transaction and return its id.

        Raises:
            EmulatorError: INVALID_ARGUMENT or FAILED_PRECONDITION for a read time that cannot be read.
        """
        return self._control.begin(database, options)

    def rollback(self, database: str, transaction_id: bytes) -> None:
        """Roll a transaction back; does nothing when it was aborted or rolled back already.

        Raises:
            EmulatorError: INVALID_ARGUMENT when it is unknown or committed.
        """
        self._control.rollback(database, transaction_id)

    def get(self, database: str, names: Sequence[str], consistency: Consistency) -> tuple[list[Document | None], View]:
        """Return documents by name, None for each missing one, all of one snapshot.

        Raises:
            EmulatorError: INVALID_ARGUMENT for a name or a transaction that is not valid.
        """
        paths = [_path_in(name, database) for name in names]
        consistency, began = self._begin_if_asked(database, consistency)
        if consistency.transaction:
            self._control.take_turn(database, consistency.transaction, frozenset(names))
        with self._storage.lock:
            view = self._control.view(database, consistency, began)
            documents = [self._storage.get(path, view.read_time) for path in paths]
            if view.tracked is not None:
                view.tracked.note_documents(dict(zip(names, documents, strict=True)))
        return documents, view

    def query(self, query: Query, consistency: Consistency) -> tuple[Iterator[Document], View]:
        """Return the results of a query, including those that its offset skips, without its projection.

        Raises:
            EmulatorError: INVALID_ARGUMENT for a transaction or a read time that is not valid; FAILED_PRECONDITION
                when a required index is missing.
        """
        if self._require_indexes:
            required_indexes.check(query, self._storage.indexes)
        database = query.scope.database
        consistency, began = self._begin_if_asked(database, consistency)
        if consistency.transaction:
            self._control.take_turn(database, consistency.transaction, frozenset({scope_key(query.scope)}))
        with self._storage.lock:
            view = self._control.view(database, consistency, began)
            results = execution.results(self._storage, query, view.read_time)
            if view.tracked is not None:
                # Inside of the lock, so that no commit comes between the read and its record.
                found = list(results)
                view.tracked.note_query(query, found)
                results = iter(found)
        return results, view

    def aggregate(
        self, query: Query, aggregations: Sequence[Aggregation], consistency: Consistency
    ) -> tuple[dict[str, Value], int, View]:
        """Return the aggregates of a query by alias, the number of results, and the snapshot.

        Raises:
            EmulatorError: as `query` does.
        """
        if self._require_indexes:
            required_indexes.check(query, self._storage.indexes)
        if aggregation.only_counts(aggregations) and not consistency.in_transaction:
            with self._storage.lock:
                view = self._control.view(query.scope.database, consistency, b"")
                total = execution.count(self._storage, query, view.read_time)
            if total is not None:
                return aggregation.from_total(aggregations, total), total, view
        if not consistency.in_transaction:
            paths = [entry.path for entry in aggregations if entry.path]
            with self._storage.lock:
                view = self._control.view(query.scope.database, consistency, b"")
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
        """Apply all writes atomically, in order; `authorize` is called for each before its precondition is checked.

        Returns:
            The commit time in microseconds and one result for each write.

        Raises:
            EmulatorError: ABORTED when what the transaction read has changed; INVALID_ARGUMENT when it cannot be used
                or a write is not valid; the error of a precondition.
        """
        targets = [(write, _path_in(write_rules.target(write), database)) for write in writes]
        if transaction_id and writes:
            self._control.check_may_write(database, transaction_id)
        self._control.let_pass(transaction_id, (path for _, path in targets))
        asked_at = self._monotonic()
        try:
            with self._storage.lock:
                while True:
                    transaction = self._control.validated(database, transaction_id) if transaction_id else None
                    commit_time = self._clock.commit_time()
                    changes, results = self._changes(targets, commit_time, authorize)
                    if not self._control.must_wait(transaction, database, _by_path(changes), asked_at):
                        break
                if changes:
                    self._apply(changes, commit_time, transaction)
                if transaction is not None:
                    self._control.commit(transaction)
        finally:
            if transaction_id:
                self._control.leave(transaction_id)
        return commit_time, results

    def write_each(
        self, database: str, writes: Sequence[Write], authorize: Authorize | None = None
    ) -> list[WriteResult | EmulatorError]:
        """Apply every write independently; a failure does not affect the others.

        Raises:
            EmulatorError: INVALID_ARGUMENT when two writes are about one document.
        """
        names = [write_rules.target(write) for write in writes]
        if len(set(names)) < len(names):
            raise invalid("A batch write must not write one document twice.")
        targets = [(write, _path_in(name, database)) for write, name in zip(writes, names, strict=True)]
        self._control.let_pass(b"", (path for _, path in targets))
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
                if not self._control.must_wait(None, database, _by_path(changes), asked_at):
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
            if changes:
                self._apply(changes, commit_time)

    def clear(self, database: str) -> None:
        """Delete every document of a database, all at one commit time."""
        with self._storage.lock:
            changes = [Change(parse_document(document.name), None) for document in self.documents(database)]
            if changes:
                self._apply(changes, self._clock.commit_time())

    def read_time(self) -> int:
        """Return a readable time that includes every commit so far and no later one."""
        with self._storage.lock:
            return self._clock.read_time()

    def documents(self, database: str) -> Iterator[Document]:
        """Yield every document of a database as of now, in the order of names."""
        with self._storage.lock:
            read_time = self._clock.read_time()
            collections = self._storage.collections(database, "")
        return self._storage.scan(collections, read_time)

    def collection_ids(self, database: str, parent: str, read_time: int | None) -> list[str]:
        """Return the ids of the non-empty collections directly below a document ("" for the root), sorted.

        A collection counts also when only a document deeper below it exists.
        """
        with self._storage.lock:
            time_ = self._clock.read_time() if read_time is None else self._control.past(read_time)
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

    def _apply(self, changes: Sequence[Change], commit_time: int, transaction: Transaction | None = None) -> None:
        """Commit and notify the listeners. The caller holds the storage lock."""
        self._storage.apply(changes, commit_time)
        self._control.break_locks(transaction, changes[0].path.database, _by_path(changes))
        self.feed.publish(changes, commit_time)

    def _changes(
        self, targets: Sequence[tuple[Write, DocumentPath]], commit_time: int, authorize: Authorize | None = None
    ) -> tuple[list[Change], list[WriteResult]]:
        """Compute the changes that writes make to the current documents. The caller holds the storage lock."""
        stored: dict[DocumentPath, Document | None] = {}
        pending: dict[DocumentPath, Document | None] = {}
        deleted: set[DocumentPath] = set()
        results = []
        for write, path in targets:
            if path not in stored:
                stored[path] = pending[path] = self._storage.get(path)
            if authorize is not None:
                authorize(write, path, pending[path], commit_time)
            is_update = write.WhichOneof("operation") in ("update", "transform")
            if path in deleted and is_update and write.current_document.exists:
                raise invalid(f"An earlier write of the commit deleted the document to update: {path.name}")
            outcome = write_rules.apply(write, pending[path], commit_time)
            pending[path] = outcome.document
            if is_update:
                deleted.discard(path)
            elif write.WhichOneof("operation") == "delete":
                deleted.add(path)
            results.append(outcome.result)
        changes = [Change(path, document) for path, document in pending.items() if document is not stored[path]]
        return changes, results


def _path_in(name: str, database: str) -> DocumentPath:
    path = parse_document(name)
    if path.database != database:
        raise invalid(f'Document "{name}" is not in the database "{database}" of the request.')
    return path


def _by_path(changes: Sequence[Change]) -> dict[DocumentPath, Document | None]:
    return {change.path: change.document for change in changes}
