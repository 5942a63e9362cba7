"""Owns the documents and their past versions in the tables of the storage; must not know what they hold.

Documents live in one table, ordered by collection and id; superseded versions move to a second one (MVCC),
which serves reads of the past hour. The caller holds the storage lock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

HISTORY_MICROS = 3_600 * 1_000_000
# Past versions beyond this number are dropped oldest first, so that a hot document cannot fill the memory.
MAX_VERSIONS = 100_000

SCHEMA = """
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
CREATE TABLE IF NOT EXISTS horizon (micros INTEGER NOT NULL);
INSERT INTO horizon SELECT 0 WHERE NOT EXISTS (SELECT * FROM horizon);
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
_OLDEST_KEPT = "SELECT superseded_at FROM versions ORDER BY superseded_at DESC LIMIT 1 OFFSET ?"


class DocumentTable:
    """Serialised documents by collection and key; versions superseded up to `horizon` are deleted."""

    def __init__(self, execute: Callable[..., Any]) -> None:
        self._execute = execute
        self.horizon: int = execute("SELECT micros FROM horizon").fetchone()[0]

    def get(self, collection: int, key: bytes, time: int | None) -> bytes | None:
        """Return a document as it was at a time, None for now; None when there is none."""
        if time is None:
            row = self._execute(_CURRENT, (collection, key)).fetchone()
        else:
            row = self._execute(_CURRENT_AT, (collection, key, time)).fetchone()
            row = row or self._execute(_PAST, (collection, key, time, time)).fetchone()
        return None if row is None else row[0]

    def scan(self, collection: int, after: bytes, time: int | None, count: int) -> list[tuple[bytes, bytes]]:
        """Return the keys and documents behind a key in a collection, up to a count, as of a time, None for now."""
        if time is None:
            rows = self._execute(_SCAN, (collection, after, count))
        else:
            rows = self._execute(_SCAN_AT, {"collection": collection, "after": after, "time": time, "count": count})
        return list(rows)

    def supersede(self, collection: int, key: bytes, time: int) -> None:
        """Copy a document to the past versions, before it is replaced or deleted."""
        self._execute(_SUPERSEDE, (time, collection, key))

    def put(self, collection: int, key: bytes, time: int, data: bytes) -> None:
        """Store a document."""
        self._execute(_PUT, (collection, key, time, data))

    def delete(self, collection: int, key: bytes) -> None:
        """Delete a document."""
        self._execute(_DELETE, (collection, key))

    def sweep(self, now: int) -> None:
        """Drop versions that are too old or too many."""
        horizon = max(self.horizon, now - HISTORY_MICROS)
        if surplus := self._execute(_OLDEST_KEPT, (MAX_VERSIONS,)).fetchone():
            horizon = max(horizon, surplus[0])
        # The horizon first: after a crash in between, no time is readable whose versions are deleted.
        self._execute("UPDATE horizon SET micros = ?", (horizon,))
        self._execute("DELETE FROM versions WHERE superseded_at <= ?", (horizon,))
        self.horizon = horizon
