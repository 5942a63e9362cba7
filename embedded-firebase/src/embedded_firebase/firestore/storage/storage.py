"""Owns the documents on disk or in memory, with their past versions; must not know of the protocol or of transactions.

The only importer of SQLite in Firestore. Combines the tables: a commit changes documents, versions and index entries in
one SQLite transaction. One connection and one lock serve all threads: a long scan takes
the lock for one chunk at a time and stays consistent, because it reads as of a commit time.
"""

from __future__ import annotations

import heapq
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from embedded_firebase.firestore.indexes.definitions import IndexSet, entries
from embedded_firebase.firestore.indexes.planner import Walk
from embedded_firebase.firestore.messages import Document
from embedded_firebase.firestore.storage import collection_table, document_table, index_table
from embedded_firebase.firestore.storage.collection_table import Collection, CollectionTable
from embedded_firebase.firestore.storage.document_table import DocumentTable
from embedded_firebase.firestore.storage.index_table import IndexTable
from embedded_firebase.firestore.storage.recent_changes import RecentChanges
from embedded_firebase.firestore.values.paths import DocumentPath, path_key, segment_key

_FIRST_CHUNK, _MAX_CHUNK = 64, 1_024
_COMMITS_PER_SWEEP = 1_000
# Entries of another version are rebuilt when a file is opened.
_ENTRIES_VERSION = 1

_PRAGMAS = """
PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536;
"""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS clock (latest INTEGER NOT NULL);
INSERT INTO clock SELECT 0 WHERE NOT EXISTS (SELECT * FROM clock);
CREATE TABLE IF NOT EXISTS entries_made (by TEXT NOT NULL);
INSERT INTO entries_made SELECT '' WHERE NOT EXISTS (SELECT * FROM entries_made);
"""
_SCHEMAS = collection_table.SCHEMA + document_table.SCHEMA + _SCHEMA + index_table.SCHEMA


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one document by a commit: its new content, or None when it is deleted."""

    path: DocumentPath
    document: Document | None


class Storage:
    """Documents by name and by collection, now and in the past hour. Times are microseconds since the epoch."""

    def __init__(self, path: Path | None = None, indexes: IndexSet | None = None) -> None:
        # Reentrant: the engine holds it around several calls that form one snapshot or one commit.
        self.lock = threading.RLock()
        self._connection = sqlite3.connect(
            path or ":memory:", isolation_level=None, check_same_thread=False, cached_statements=256, timeout=0.0
        )
        try:
            # WAL with synchronous=NORMAL: a killed process loses no commit; only checkpoints wait for fsync.
            self._connection.executescript(_PRAGMAS + _SCHEMAS)
        except sqlite3.OperationalError as error:
            self._connection.close()
            raise OSError(f"{path} cannot be opened ({error}); is another emulator using it?") from error
        execute = self._connection.execute
        self._latest: int = execute("SELECT latest FROM clock").fetchone()[0]
        self._commits_since_sweep = 0
        self._collections = CollectionTable(execute)
        self._documents = DocumentTable(execute)
        self._recent = RecentChanges(self._latest)
        self.indexes = IndexSet() if indexes is None else indexes
        self._index_table = IndexTable(execute, self._connection.executemany)
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
        return self._documents.horizon

    def get(self, path: DocumentPath, time: int | None = None) -> Document | None:
        """Return a document as it is now, or as it was at a time; None when there is none."""
        with self.lock:
            collection = self._collections.find(path.database, path.collection)
            data = None if collection is None else self._get(collection, segment_key(path.document_id), time)
        return None if data is None else Document.FromString(data)

    def collection(self, database: str, path: str) -> Collection | None:
        """Return one collection, None when it never held a document."""
        with self.lock:
            id_ = self._collections.find(database, path)
        return None if id_ is None else Collection(id_, path, path_key(path))

    def collections(self, database: str, below: str, group_id: str = "") -> list[Collection]:
        """Return the collections below a document's path ("" for the root) in the order of paths.

        Args:
            database: the resource name of the database.
            below: the relative path of the document.
            group_id: only collections with this id; "" for all.
        """
        with self.lock:
            return self._collections.below(database, below, group_id)

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

        None when truncated positions make the result uncertain.
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
        """Yield the documents with these keys as they were at a time, in this order; missing ones are skipped.

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
            yield from (Document.FromString(data) for data in found if data is not None)
            count = min(2 * count, _MAX_CHUNK)

    def changes_since(self, collection: Collection, time: int) -> set[bytes] | None:
        """Return the keys of the documents of a collection that changed after a time; None when they are too many."""
        with self.lock:
            return self._recent.since(collection.id, time)

    def changed_since(self, collections: Iterable[Collection], time: int) -> bool:
        """Tell whether a document of these collections may have changed after a time."""
        return any(self._recent.changed_since(collection.id, time) for collection in collections)

    def apply(self, changes: Sequence[Change], commit_time: int) -> None:
        """Apply all changes atomically, at most one for each document."""
        with self.lock:
            execute = self._connection.execute
            execute("BEGIN IMMEDIATE")
            touched: list[tuple[int, bytes]] = []
            try:
                for change in changes:
                    collection = self._collections.make(change.path.database, change.path.collection)
                    key = segment_key(change.path.document_id)
                    touched.append((collection, key))
                    self._put(collection, key, change, commit_time)
                execute("UPDATE clock SET latest = ?", (commit_time,))
                execute("COMMIT")
            except BaseException:
                execute("ROLLBACK")
                self._collections.reload()
                self._index_table.reload()
                raise
            self._latest = commit_time
            self._recent.note(touched, commit_time)
            self._commits_since_sweep += 1
            if self._commits_since_sweep >= _COMMITS_PER_SWEEP:
                self._commits_since_sweep = 0
                self._documents.sweep(commit_time)

    def has_documents(self, database_prefix: str) -> bool:
        """Tell whether any database with this prefix of its resource name holds a document."""
        with self.lock:
            row = self._connection.execute(
                "SELECT 1 FROM collections WHERE substr(database, 1, ?) = ? AND EXISTS "
                "(SELECT 1 FROM documents WHERE collection = collections.id) LIMIT 1",
                (len(database_prefix), database_prefix),
            ).fetchone()
        return row is not None

    def _get(self, collection: int, key: bytes, time: int | None) -> bytes | None:
        return self._documents.get(collection, key, self._past(collection, time))

    def _past(self, collection: int, time: int | None) -> int | None:
        """Return a time, or None when the collection has not changed since, so that the faster current read serves."""
        return time if time is not None and self._recent.changed_since(collection, time) else None

    def _put(self, collection: int, key: bytes, change: Change, commit_time: int) -> None:
        """Update one document, its past versions and its index entries."""
        group_id = change.path.collection.rpartition("/")[2]
        data = self._documents.get(collection, key, None)
        old = new = set()
        if data is not None:
            old = entries(Document.FromString(data).fields, group_id, self.indexes)
            self._documents.supersede(collection, key, commit_time)
        if change.document is None:
            self._documents.delete(collection, key)
        else:
            new = entries(change.document.fields, group_id, self.indexes)
            self._documents.put(collection, key, commit_time, change.document.SerializeToString())
        self._index_table.replace(collection, key, old, new)

    def _make_entries(self) -> None:
        """Rebuild the index entries of all documents when they were built for other indexes, or never."""
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
                rows = self._documents.scan(collection.id, after, self._past(collection.id, time), count)
            yield from rows
            if len(rows) < count:
                return
            after = rows[-1][0]
            count = min(2 * count, _MAX_CHUNK)
