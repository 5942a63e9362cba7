"""Owns the documents on disk or in memory, with their past versions; must not know of the protocol or of transactions.

The only importer of SQLite. Documents live in one table, ordered by collection and id; what a commit supersedes moves
to a second one, from where reads of the past hour are served. One connection and one lock serve all threads: a long
scan takes the lock for one chunk at a time and stays consistent, because it reads as of a commit time.
"""

from __future__ import annotations

import heapq
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emulator.firestore.messages import Document
from emulator.firestore.paths import DocumentPath, path_key, prefix_end, segment_key

HISTORY_MICROS = 3_600 * 1_000_000
# Past versions beyond this number are dropped oldest first, so that a hot document cannot fill the memory.
MAX_VERSIONS = 100_000
_FIRST_CHUNK, _MAX_CHUNK = 64, 1_024
_COMMITS_PER_SWEEP = 1_000

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

    def __init__(self, path: Path | None = None) -> None:
        # Reentrant: the engine holds it around several calls that must see one state, or make one commit.
        self.lock = threading.RLock()
        self._connection = sqlite3.connect(
            path or ":memory:", isolation_level=None, check_same_thread=False, cached_statements=256, timeout=0.0
        )
        try:
            # A process that dies loses nothing that was written to the log; only checkpoints wait for the disk.
            self._connection.executescript(
                "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; "
                "PRAGMA cache_size = -65536;" + _SCHEMA
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
        # Versions superseded up to here are gone.
        self._horizon = 0
        self._commits_since_sweep = 0

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
            key = segment_key(path.document_id)
            if time is None or self._last_change(collection) <= time:
                row = self._connection.execute(_CURRENT, (collection, key)).fetchone()
            else:
                row = self._connection.execute(_CURRENT_AT, (collection, key, time)).fetchone()
                if row is None:
                    row = self._connection.execute(_PAST, (collection, key, time, time)).fetchone()
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

    def changed_since(self, collections: Iterable[Collection], time: int) -> bool:
        """Tell whether a document of these collections may have changed after a time."""
        return any(self._last_change(collection.id) > time for collection in collections)

    def apply(self, changes: Sequence[Change], commit_time: int) -> None:
        """Make all changes at once, in order, or none. At most one change for each document."""
        with self.lock:
            execute = self._connection.execute
            execute("BEGIN IMMEDIATE")
            added: list[tuple[str, str]] = []
            touched: list[int] = []
            try:
                for change in changes:
                    collection = self._collection_id(change.path, added)
                    key = segment_key(change.path.document_id)
                    touched.append(collection)
                    execute(_SUPERSEDE, (commit_time, collection, key))
                    if change.document is None:
                        execute(_DELETE, (collection, key))
                    else:
                        execute(_PUT, (collection, key, commit_time, change.document.SerializeToString()))
                execute("UPDATE clock SET latest = ?", (commit_time,))
                execute("COMMIT")
            except BaseException:
                execute("ROLLBACK")
                for place in added:
                    del self._collection_ids[place]
                raise
            self._latest = commit_time
            self._changed_at.update(dict.fromkeys(touched, commit_time))
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
        execute("DELETE FROM versions WHERE superseded_at <= ?", (horizon,))
        self._horizon = horizon
