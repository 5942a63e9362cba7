"""Owns transactions: who they are, what they read, how long they live; must not know of storage or the protocol."""

from __future__ import annotations

import itertools
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from embedded_firebase.firestore.errors import invalid
from embedded_firebase.firestore.messages import Document
from embedded_firebase.firestore.query import query as queries
from embedded_firebase.firestore.query.changes import Changes, contains
from embedded_firebase.firestore.query.query import Query
from embedded_firebase.firestore.transactions.turns import Keys
from embedded_firebase.firestore.values.timestamps import to_micros

LIFETIME_SECONDS = 270.0
IDLE_SECONDS = 60.0
# Finished transactions are remembered for a clear refusal, and for the turn of those that repeat them.
MAX_FINISHED = 10_000


class Concurrency(Enum):
    """What a read-write transaction does about others: find a conflict when it commits, or lock what it reads."""

    OPTIMISTIC = "optimistic"
    PESSIMISTIC = "pessimistic"


class State(Enum):
    """What has become of a transaction; only an active one can be used."""

    ACTIVE = "active"
    COMMITTED = "committed"
    ABORTED = "aborted"
    ROLLED_BACK = "rolled back"


# What a query returned: the names and update times of its results, in order.
Fingerprint = tuple[tuple[str, int], ...]


@dataclass(eq=False, slots=True)
class Transaction:
    """A transaction and its read set.

    `rank` is lower for older ones; one that repeats another is as old as that. `read_time` is the one snapshot that it
    sees: for a read-only one from the start, for a read-write one from its first read on (while it holds locks, which
    keep what it has read as it is, it moves on). `read_versions` holds the update time of every document read, None for
    a missing one.
    """

    id: bytes
    database: str
    read_only: bool
    started_at: float
    used_at: float
    rank: int
    read_time: int | None = None
    state: State = State.ACTIVE
    read_versions: dict[str, int | None] = field(default_factory=dict)
    read_queries: list[tuple[Query, Fingerprint]] = field(default_factory=list)
    found_names: set[str] = field(default_factory=set)
    lost_lock: bool = False
    # What had changed when it lost, and the same of the aborted transactions that it repeats.
    lost_on: Keys = frozenset()
    predecessor_lost_on: Keys = frozenset()

    def note_documents(self, documents: Mapping[str, Document | None]) -> None:
        """Add documents by name to the read set."""
        self.read_versions.update((name, version_of(document)) for name, document in documents.items())

    def note_query(self, query: Query, found: Iterable[Document]) -> None:
        """Add the results of a query to the read set."""
        fingerprint = fingerprint_of(found)
        self.read_queries.append((query, fingerprint))
        self.found_names.update(name for name, _ in fingerprint)

    def has_read(self, changes: Changes) -> bool:
        """Tell whether it has read one of these documents, or made a query that would find one as it now is."""
        return any(
            path.name in self.read_versions
            or path.name in self.found_names
            or (
                document is not None
                and any(
                    contains(query.scope, path) and queries.selects(query, document) for query, _ in self.read_queries
                )
            )
            for path, document in changes.items()
        )


class Transactions:
    """All transactions of a server that are active or were until recently."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._ranks = itertools.count()
        # Both in the order in which transactions entered them.
        self._active: OrderedDict[bytes, Transaction] = OrderedDict()
        self._finished: OrderedDict[bytes, Transaction] = OrderedDict()

    def begin(
        self, database: str, *, read_only: bool, read_time: int | None = None, retry_of: bytes = b""
    ) -> Transaction:
        """Start a transaction.

        Args:
            database: the resource name of the database that it is about.
            read_only: whether it refuses writes.
            read_time: the snapshot that it sees; None to choose one at its first read.
            retry_of: the id of the aborted transaction that it repeats. An id that is not known (any more) is taken
                for none, because it only helps to find its turn.
        """
        now = self._monotonic()
        transaction = Transaction(secrets.token_bytes(16), database, read_only, now, now, next(self._ranks), read_time)
        with self._lock:
            lost = self._finished.get(retry_of)
            if lost is not None and lost.database == database:
                transaction.predecessor_lost_on = lost.lost_on
                transaction.rank = lost.rank
            self._active[transaction.id] = transaction
            self._drop_expired(now)
        return transaction

    def active(self, id_: bytes, database: str) -> Transaction:
        """Return a transaction that can be used, and note that it was.

        Raises:
            EmulatorError: INVALID_ARGUMENT when it is unknown, of another database, finished or expired.
        """
        transaction = self.known(id_, database)
        now = self._monotonic()
        if transaction.state is not State.ACTIVE or _expired(transaction, now):
            raise invalid("The referenced transaction has expired or is no longer valid.")
        transaction.used_at = now
        return transaction

    def known(self, id_: bytes, database: str) -> Transaction:
        """Return a transaction in any state.

        Raises:
            EmulatorError: INVALID_ARGUMENT when it is unknown or of another database.
        """
        transaction = self._active.get(id_) or self._finished.get(id_)
        if transaction is None or transaction.database != database:
            raise invalid("Invalid transaction.")
        return transaction

    def readers(self, database: str) -> list[Transaction]:
        """Return the active read-write transactions of a database that have read something."""
        with self._lock:
            return [
                transaction
                for transaction in self._active.values()
                if transaction.database == database and not transaction.read_only and transaction.read_time is not None
            ]

    def finish(self, transaction: Transaction, state: State) -> None:
        """End a transaction; from now on it cannot be used."""
        transaction.state = state
        transaction.read_versions = {}
        transaction.read_queries = []
        transaction.found_names = set()
        with self._lock:
            self._active.pop(transaction.id, None)
            self._finished[transaction.id] = transaction
            if len(self._finished) > MAX_FINISHED:
                self._finished.popitem(last=False)

    def _drop_expired(self, now: float) -> None:
        while self._active:
            oldest = next(iter(self._active.values()))
            if now - oldest.started_at <= LIFETIME_SECONDS:
                return
            del self._active[oldest.id]


def _expired(transaction: Transaction, now: float) -> bool:
    return now - transaction.started_at > LIFETIME_SECONDS or now - transaction.used_at > IDLE_SECONDS


def version_of(document: Document | None) -> int | None:
    """Return the update time of a document, None for a missing one."""
    return None if document is None else to_micros(document.update_time)


def fingerprint_of(documents: Iterable[Document]) -> Fingerprint:
    """Return what tells the results of a query from others."""
    return tuple((document.name, to_micros(document.update_time)) for document in documents)
