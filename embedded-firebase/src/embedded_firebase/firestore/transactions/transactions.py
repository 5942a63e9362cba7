"""Owns transactions: their state, read sets and lifetimes; must not know storage or the protocol."""

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
# Finished transactions are kept for clear errors, and for the turns of their retries.
MAX_FINISHED = 10_000


class Concurrency(Enum):
    """How read-write transactions are isolated: validated at commit (OCC), or locked by their reads."""

    OPTIMISTIC = "optimistic"
    PESSIMISTIC = "pessimistic"


class State(Enum):
    """The state of a transaction; only an active one can be used."""

    ACTIVE = "active"
    COMMITTED = "committed"
    ABORTED = "aborted"
    ROLLED_BACK = "rolled back"


# What a query returned: the names and update times of its results, in order.
Fingerprint = tuple[tuple[str, int], ...]


@dataclass(eq=False, slots=True)
class Transaction:
    """A transaction and its read set.

    `rank` is lower for older transactions; a retry inherits the rank of its predecessor. `read_time` is its snapshot:
    fixed at the start for a read-only transaction, at the first read for a read-write one (with locks it moves on,
    since they keep the read set unchanged). `read_versions` holds the update time of every document read, None for a
    missing one.
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
    # The keys that caused its abort, and those of the aborted transactions that it retries.
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
        """Tell whether it has read one of these documents, or run a query that the new content of one matches."""
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
    """The active and the recently finished transactions of a server."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._ranks = itertools.count()
        # Both in insertion order.
        self._active: OrderedDict[bytes, Transaction] = OrderedDict()
        self._finished: OrderedDict[bytes, Transaction] = OrderedDict()

    def begin(
        self, database: str, *, read_only: bool, read_time: int | None = None, retry_of: bytes = b""
    ) -> Transaction:
        """Start a transaction.

        Args:
            database: the resource name of the database.
            read_only: whether it refuses writes.
            read_time: the snapshot that it sees; None to choose one at its first read.
            retry_of: the id of the aborted transaction that it retries. An unknown id is ignored, because it only
                serves to order the turns.
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
        """Return a usable transaction, and record that it was used.

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
    """Return the names and update times of the results of a query."""
    return tuple((document.name, to_micros(document.update_time)) for document in documents)
