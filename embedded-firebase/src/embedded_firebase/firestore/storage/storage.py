"""Owns the documents on disk or in memory, with their past versions; must not know of the protocol or of transactions.

The only importer of SQLite. Documents live in one table, ordered by collection and id; what a commit supersedes moves
to a second one, from where reads of the past hour are served. Index entries say how documents are now; the keys of
what has changed lately tell a read of the past where they mislead. One connection and one lock serve all threads: a
long scan takes the lock for one chunk at a time and stays consistent, because it reads as of a commit time.
"""

from __future__ import annotations

import heapq
import sqlite3
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from embedded_firebase.firestore.indexes.definitions import IndexSet, entries
from embedded_firebase.firestore.indexes.planner import Walk
from embedded_firebase.firestore.messages import Document
from embedded_firebase.firestore.storage import index_table
from embedded_firebase.firestore.storage.index_table import IndexTable
from embedded_firebase.firestore.values.paths import DocumentPath, path_key, prefix_end, segment_key

HISTORY_MICROS = 3_600 * 1_000_000
# Past versions beyond this number are dropped oldest first, so that a hot document cannot fill the memory.
MAX_VERSIONS = 100_000
_FIRST_CHUNK, _MAX_CHUNK = 64, 1_024
_COMMITS_PER_SWEEP = 1_000
# A read of the past looks at so many changed documents of a collection one by one; at more, all are scanned.
MAX_RECENT_CHANGES = 1_000
# Entries written by other rules than these are written anew when a file is opened.
_ENTRIES_VERSION = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS collections (
    id INTEGER PRIMARY KEY,
    database TEXT NOT NULL,
    key BLOB NOT NULL,
    path TEXT NOT NULL,
    group_id TEXT NOT NULL,
    UNIQUE (database, key)
);
CREATE INDEX IF NOT EXISTS collections_by_group ON collections (database, group_id, key);
CREATE TABLE IF NOT EXISTS documents (
    collection INTEGER NOT NULL,
    key BLOB NOT NULL,
    update_time INTEGER NOT NULL,
    data BLOB NOT NULL,
    UNIQUE (collection, key)
);
CREATE TABLE IF NOT EXISTS versions (
    collection INTEGER NOT NULL,
    key BLOB NOT NULL,
    superseded_at INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    data BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS versions_by_key ON versions (collection, key, superseded_at, update_time);
CREATE INDEX IF NOT EXISTS versions_by_age ON versions (superseded_at);
CREATE TABLE IF NOT EXISTS clock (latest INTEGER NOT NULL);
INSERT INTO clock SELECT 0 WHERE NOT EXISTS (SELECT * FROM clock);
CREATE TABLE IF NOT EXISTS horizon (micros INTEGER NOT NULL);
INSERT INTO horizon SELECT 0 WHERE NOT EXISTS (SELECT * FROM horizon);
CREATE TABLE IF NOT EXISTS entries_made (by TEXT NOT NULL);
INSERT INTO entries_made SELECT '' WHERE NOT EXISTS (SELECT * FROM entries_made);
"""

_CURRENT = "SELECT data FROM documents WHERE collection = ? AND key = ?"
_CURRENT_AT = "SELECT data FROM documents WHERE collection = ? AND key = ? AND update_time <= ?"
_PAST = (
    "SELECT data FROM versions WHERE collection = ? AND key = ? AND superseded_at > ? AND update_time <= ? "
    "ORDER BY superseded_at LIMIT 1"
)
_SCAN = "SELECT key, data FROM documents WHERE collection = ? AND key > ? ORDER BY key LIMIT ?"
_SCAN_AT = (
    "SELECT key, data FROM documents WHERE collection = :collection AND key > :after AND update_time <= :time "
    "UNION ALL SELECT key, data FROM versions WHERE collection = :collection AND key > :after "
    "AND superseded_at > :time AND update_time <= :time ORDER BY key LIMIT :count"
)
_SUPERSEDE = (
    "INSERT INTO versions (collection, key, superseded_at, update_time, data) "
    "SELECT collection, key, ?, update_time, data FROM documents WHERE collection = ? AND key = ?"
)
_PUT = (
    "INSERT INTO documents (collection, key, update_time, data) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (collection, key) DO UPDATE SET update_time = excluded.update_time, data = excluded.data"
)
_DELETE = "DELETE FROM documents WHERE collection = ? AND key = ?"


@dataclass(frozen=True, slots=True)
class Change:
    """What a commit makes of one document: its new content, or None when it is deleted."""

    path: DocumentPath
    document: Document | None


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection that holds or once held documents: `path` relative to its database, `key` in the order of paths."""

    id: int
    path: str
    key: bytes


class Storage:
    """Documents by name and by collection, now and in the past hour. Times are microseconds since the epoch."""

    def __init__(self, path: Path | None = None, indexes: IndexSet | None = None) -> None:
        # Reentrant: the engine holds it around several calls that must see one state, or make one commit.
        self.lock = threading.RLock()
        self._connection = sqlite3.connect(
            path or ":memory:", isolation_level=None, check_same_thread=False, cached_statements=256, timeout=0.0
        )
        try:
            # A process that dies loses nothing that was written to the log; only checkpoints wait for the disk.
            self._connection.executescript(
                "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; "
                "PRAGMA cache_size = -65536;" + _SCHEMA + index_table.SCHEMA
            )
        except sqlite3.OperationalError as error:
            self._connection.close()
            raise OSError(f"{path} cannot be opened ({error}); is another emulator using it?") from error
        self._collection_ids: dict[tuple[str, str], int] = {
            (database, collection): id_
            for id_, database, collection in self._connection.execute("SELECT id, database, path FROM collections")
        }
        latest: int = self._connection.execute("SELECT latest FROM clock").fetchone()[0]
        self._latest = self._opened_at = latest
        self._changed_at: dict[int, int] = {}
        # By collection: what has changed, in the order of time, and the time up to which that is forgotten.
        self._recent: dict[int, deque[tuple[int, bytes]]] = {}
        self._forgotten_to: dict[int, int] = {}
        # Versions superseded up to here are gone.
        self._horizon: int = self._connection.execute("SELECT micros FROM horizon").fetchone()[0]
        self._commits_since_sweep = 0
        self.indexes = IndexSet() if indexes is None else indexes
        self._index_table = IndexTable(self._connection.execute, self._connection.executemany)
        self._make_entries()

    def close(self) -> None:
        """Close the database; everything committed is kept when it is on disk."""
        with self.lock:
            self._connection.close()

    @property
    def latest(self) -> int:
        """The time of the last commit, also across a restart."""
        return self._latest

    @property
    def horizon(self) -> int:
        """The time before which the past can no longer be read."""
        return self._horizon

    def get(self, path: DocumentPath, time: int | None = None) -> Document | None:
        """Return a document as it is now, or as it was at a time; None when there is none."""
        with self.lock:
            collection = self._collection_ids.get((path.database, path.collection))
            if collection is None:
                return None
            row = self._get(collection, segment_key(path.document_id), time)
        return None if row is None else Document.FromString(row[0])

    def collection(self, database: str, path: str) -> Collection | None:
        """Return one collection, None when it never held a document."""
        with self.lock:
            id_ = self._collection_ids.get((database, path))
        return None if id_ is None else Collection(id_, path, path_key(path))

    def collections(self, database: str, below: str, group_id: str = "") -> list[Collection]:
        """Return the collections below a document's path ("" for the root) in the order of paths.

        Args:
            database: the resource name of the database.
            below: the relative path of the document.
            group_id: only collections with this id; "" for all.
        """
        prefix = path_key(below)
        condition, values = "database = ?", [database]
        bounds: list[str | bytes] = list(values)
        if prefix:
            condition += " AND key >= ? AND key < ?"
            bounds += [prefix, prefix_end(prefix)]
        if group_id:
            condition += " AND group_id = ?"
            bounds.append(group_id)
        with self.lock:
            rows = self._connection.execute(
                f"SELECT id, path, key FROM collections WHERE {condition} ORDER BY key",  # noqa: S608 - constants only
                bounds,
            ).fetchall()
        return [Collection(*row) for row in rows]

    def scan(self, collections: Sequence[Collection], time: int, after: bytes = b"") -> Iterator[Document]:
        """Yield every document of some collections as of a time, in the order of names.

        Args:
            collections: where to look.
            time: no later than now on the commit clock.
            after: with a single collection, start behind the document with this key.
        """
        if len(collections) == 1:
            return (Document.FromString(data) for _, data in self._scan_one(collections[0], time, after))
        streams = (self._keyed(collection, time) for collection in collections)
        return (Document.FromString(data) for _, data in heapq.merge(*streams))

    def walk(self, collection: Collection, walk: Walk, limit: int | None) -> list[bytes] | None:
        """Return the keys of the documents as they are now that a walk finds in a collection, in its order.

        None when the index cannot tell, because it holds positions that were cut.
        """
        with self.lock:
            return self._index_table.keys(collection.id, walk, limit)

    def count(self, collection: Collection, walk: Walk, limit: int | None) -> int | None:
        """Return how many documents a walk finds in a collection now, up to a limit; None as `walk` does."""
        with self.lock:
            return self._index_table.count(collection.id, walk, limit)

    def tally(self, collection: Collection, walk: Walk) -> list[tuple[bytes, int]] | None:
        """Return the key of one document for each position of a walk, and how many there are; None as `walk` does."""
        with self.lock:
            return self._index_table.tally(collection.id, walk)

    def fetch(self, collection: Collection, keys: Iterable[bytes], time: int) -> Iterator[Document]:
        """Yield the documents with these keys as they were at a time, in this order; those that were not are left out.

        Args:
            collection: where they live.
            keys: as `walk` and `changes_since` return them.
            time: no later than now on the commit clock.
        """
        remaining = iter(keys)
        count = _FIRST_CHUNK
        while chunk := list(islice(remaining, count)):
            with self.lock:
                found = [self._get(collection.id, key, time) for key in chunk]
            yield from (Document.FromString(row[0]) for row in found if row is not None)
            count = min(2 * count, _MAX_CHUNK)

    def changes_since(self, collection: Collection, time: int) -> set[bytes] | None:
        """Return the keys of the documents of a collection that changed after a time; None when they are too many."""
        with self.lock:
            if self._last_change(collection.id) <= time:
                return set()
            if time < self._forgotten_to.get(collection.id, self._opened_at):
                return None
            return {key for changed_at, key in self._recent[collection.id] if changed_at > time}

    def changed_since(self, collections: Iterable[Collection], time: int) -> bool:
        """Tell whether a document of these collections may have changed after a time."""
        return any(self._last_change(collection.id) > time for collection in collections)

    def apply(self, changes: Sequence[Change], commit_time: int) -> None:
        """Make all changes at once, in order, or none. At most one change for each document."""
        with self.lock:
            execute = self._connection.execute
            execute("BEGIN IMMEDIATE")
            added: list[tuple[str, str]] = []
            touched: list[tuple[int, bytes]] = []
            try:
                for change in changes:
                    collection = self._collection_id(change.path, added)
                    key = segment_key(change.path.document_id)
                    touched.append((collection, key))
                    self._put(collection, key, change, commit_time)
                execute("UPDATE clock SET latest = ?", (commit_time,))
                execute("COMMIT")
            except BaseException:
                execute("ROLLBACK")
                for place in added:
                    del self._collection_ids[place]
                self._index_table.reload()
                raise
            self._latest = commit_time
            self._note_changes(touched, commit_time)
            self._commits_since_sweep += 1
            if self._commits_since_sweep >= _COMMITS_PER_SWEEP:
                self._sweep(commit_time)

    def has_documents(self, database_prefix: str) -> bool:
        """Tell whether any database whose resource name starts so holds a document."""
        with self.lock:
            row = self._connection.execute(
                "SELECT 1 FROM collections WHERE substr(database, 1, ?) = ? AND EXISTS "
                "(SELECT 1 FROM documents WHERE collection = collections.id) LIMIT 1",
                (len(database_prefix), database_prefix),
            ).fetchone()
        return row is not None

    def _get(self, collection: int, key: bytes, time: int | None) -> tuple[bytes] | None:
        execute = self._connection.execute
        row: tuple[bytes] | None
        if time is None or self._last_change(collection) <= time:
            row = execute(_CURRENT, (collection, key)).fetchone()
        else:
            row = execute(_CURRENT_AT, (collection, key, time)).fetchone()
            if row is None:
                row = execute(_PAST, (collection, key, time, time)).fetchone()
        return row

    def _last_change(self, collection: int) -> int:
        return self._changed_at.get(collection, self._opened_at)

    def _collection_id(self, path: DocumentPath, added: list[tuple[str, str]]) -> int:
        place = (path.database, path.collection)
        id_ = self._collection_ids.get(place)
        if id_ is None:
            inserted = self._connection.execute(
                "INSERT INTO collections (database, key, path, group_id) VALUES (?, ?, ?, ?)",
                (path.database, path_key(path.collection), path.collection, path.collection.rpartition("/")[2]),
            )
            assert inserted.lastrowid is not None, "an INSERT gives a row id"
            id_ = self._collection_ids[place] = inserted.lastrowid
            added.append(place)
        return id_

    def _put(self, collection: int, key: bytes, change: Change, commit_time: int) -> None:
        """Bring one document, what it was, and its index entries up to date."""
        execute = self._connection.execute
        group_id = change.path.collection.rpartition("/")[2]
        row = execute(_CURRENT, (collection, key)).fetchone()
        old = entries(Document.FromString(row[0]).fields, group_id, self.indexes) if row else set()
        if row:
            execute(_SUPERSEDE, (commit_time, collection, key))
        if change.document is None:
            execute(_DELETE, (collection, key))
            self._index_table.replace(collection, key, old, set())
        else:
            execute(_PUT, (collection, key, commit_time, change.document.SerializeToString()))
            self._index_table.replace(collection, key, old, entries(change.document.fields, group_id, self.indexes))

    def _note_changes(self, touched: Sequence[tuple[int, bytes]], commit_time: int) -> None:
        for collection, key in touched:
            self._changed_at[collection] = commit_time
            recent = self._recent.setdefault(collection, deque())
            recent.append((commit_time, key))
            if len(recent) > MAX_RECENT_CHANGES:
                self._forgotten_to[collection] = recent.popleft()[0]

    def _make_entries(self) -> None:
        """Make the index entries of all documents anew when they were made for other indexes, or never."""
        execute = self._connection.execute
        wanted = f"{_ENTRIES_VERSION} {self.indexes.fingerprint}"
        if execute("SELECT by FROM entries_made").fetchone()[0] == wanted:
            return
        execute("BEGIN IMMEDIATE")
        self._index_table.clear()
        documents = execute(
            "SELECT collection, group_id, documents.key, data FROM documents JOIN collections ON id = collection"
        )
        for collection, group_id, key, data in documents:
            made = entries(Document.FromString(data).fields, group_id, self.indexes)
            self._index_table.replace(collection, key, set(), made)
        execute("UPDATE entries_made SET by = ?", (wanted,))
        execute("COMMIT")

    def _keyed(self, collection: Collection, time: int) -> Iterator[tuple[bytes, bytes]]:
        return ((collection.key + key, data) for key, data in self._scan_one(collection, time, b""))

    def _scan_one(self, collection: Collection, time: int, after: bytes) -> Iterator[tuple[bytes, bytes]]:
        count = _FIRST_CHUNK
        while True:
            with self.lock:
                if self._last_change(collection.id) <= time:
                    rows = self._connection.execute(_SCAN, (collection.id, after, count)).fetchall()
                else:
                    places = {"collection": collection.id, "after": after, "time": time, "count": count}
                    rows = self._connection.execute(_SCAN_AT, places).fetchall()
            yield from rows
            if len(rows) < count:
                return
            after = rows[-1][0]
            count = min(2 * count, _MAX_CHUNK)

    def _sweep(self, now: int) -> None:
        """Drop versions that are too old or too many."""
        self._commits_since_sweep = 0
        execute = self._connection.execute
        horizon = max(self._horizon, now - HISTORY_MICROS)
        surplus = execute(
            "SELECT superseded_at FROM versions ORDER BY superseded_at DESC LIMIT 1 OFFSET ?", (MAX_VERSIONS,)
        ).fetchone()
        if surplus:
            horizon = max(horizon, surplus[0])
        # First what can no longer be read, so that a process killed in between promises nothing that is gone.
        execute("UPDATE horizon SET micros = ?", (horizon,))
        execute("DELETE FROM versions WHERE superseded_at <= ?", (horizon,))
        self._horizon = horizon
