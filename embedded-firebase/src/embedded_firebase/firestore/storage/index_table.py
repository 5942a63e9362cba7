"""Owns the entries of all indexes in the tables of the storage; must not know which documents or queries they are for.

An index of one collection is one range of a table without row ids, ordered by position and then by the key of the
document, so that a walk reads adjacent rows. The caller holds the storage lock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from embedded_firebase.firestore.indexes.definitions import Index, describe
from embedded_firebase.firestore.indexes.planner import Walk

# Longer positions are truncated, so that a long text is not stored twice. A truncated one cannot be ordered exactly.
MAX_POSITION_BYTES = 1_500

SCHEMA = """
CREATE TABLE IF NOT EXISTS indexes (
    id INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL,
    definition TEXT NOT NULL,
    has_cut INTEGER NOT NULL DEFAULT 0,
    UNIQUE (collection, definition)
);
CREATE TABLE IF NOT EXISTS entries (
    index_id INTEGER NOT NULL,
    position BLOB NOT NULL,
    key BLOB NOT NULL,
    PRIMARY KEY (index_id, position, key)
) WITHOUT ROWID;
"""

_INSERT = "INSERT OR IGNORE INTO entries (index_id, position, key) VALUES (?, ?, ?)"
_DELETE = "DELETE FROM entries WHERE index_id = ? AND position = ? AND key = ?"
_PROBE = "EXISTS (SELECT 1 FROM entries p WHERE p.index_id = ? AND p.position = ? AND p.key = e.key)"

Entries = set[tuple[Index, bytes]]


class IndexTable:
    """Entries by collection, index and position."""

    def __init__(self, execute: Callable[..., Any], execute_many: Callable[..., Any]) -> None:
        self._execute = execute
        self._execute_many = execute_many
        self._ids: dict[tuple[int, Index], int] = {}
        self._definitions: dict[tuple[int, str], int] = {}
        self._cut: set[int] = set()
        self.reload()

    def reload(self) -> None:
        """Discard the cached rows of a rolled-back transaction."""
        self._ids.clear()
        rows = self._execute("SELECT collection, definition, id, has_cut FROM indexes").fetchall()
        self._definitions = {(collection, definition): id_ for collection, definition, id_, _ in rows}
        self._cut = {id_ for _, _, id_, has_cut in rows if has_cut}

    def clear(self) -> None:
        """Remove all entries of all indexes."""
        self._execute("DELETE FROM entries")
        self._execute("DELETE FROM indexes")
        self.reload()

    def replace(self, collection: int, key: bytes, old: Entries, new: Entries) -> None:
        """Replace the entries of a document by new ones, given the old ones."""
        if old:
            gone = [(self._id(collection, index), _cut(position), key) for index, position in old - new]
            self._execute_many(_DELETE, gone)
        self._execute_many(_INSERT, [self._row(collection, key, entry) for entry in new - old])

    def keys(self, collection: int, walk: Walk, limit: int | None) -> list[bytes] | None:
        """Return the keys of the documents that a walk finds in a collection, in its order.

        None when truncated positions make the result uncertain.
        """
        where = self._where(collection, walk)
        if where is None or not where[0]:
            return None if where is None else []
        condition, values = where
        direction = "DESC" if walk.descending else "ASC"
        names = "DESC" if walk.names_descending else "ASC"
        order = f"e.key {names}" if walk.index is None else f"e.position {direction}, e.key {names}"
        rows = self._execute(
            f"SELECT e.key FROM {condition} ORDER BY {order} LIMIT ?",  # noqa: S608 - constants only
            [*values, -1 if limit is None else limit],
        )
        return [key for (key,) in rows]

    def count(self, collection: int, walk: Walk, limit: int | None) -> int | None:
        """Return how many documents a walk finds in a collection, up to a limit; None as `keys` does."""
        where = self._where(collection, walk)
        if where is None or not where[0]:
            return None if where is None else 0
        condition, values = where
        if limit is None:
            row = self._execute(f"SELECT COUNT(*) FROM {condition}", values).fetchone()  # noqa: S608
        else:
            limited = f"SELECT COUNT(*) FROM (SELECT 1 FROM {condition} LIMIT ?)"  # noqa: S608
            row = self._execute(limited, [*values, limit]).fetchone()
        counted: int = row[0]
        return counted

    def tally(self, collection: int, walk: Walk) -> list[tuple[bytes, int]] | None:
        """Return for each position of a walk the key of one document there and how many there are; None as `keys`."""
        where = self._where(collection, walk)
        if where is None or not where[0]:
            return None if where is None else []
        condition, values = where
        rows = self._execute(f"SELECT MIN(e.key), COUNT(*) FROM {condition} GROUP BY e.position", values)  # noqa: S608
        return list(rows)

    def _where(self, collection: int, walk: Walk) -> tuple[str, list[Any]] | None:
        """Return what stands behind FROM, with its values: "" when the result is empty, None when it is uncertain."""
        values: list[Any] = [collection]
        columns = ["e.key"]
        if walk.index is None:
            condition = "documents e WHERE e.collection = ?"
        else:
            id_ = self._find(collection, walk.index)
            if id_ is None:
                return "", []
            surely_whole = walk.is_point and walk.low is not None and len(walk.low[0]) <= MAX_POSITION_BYTES
            if id_ in self._cut and not surely_whole:
                return None
            condition = "entries e WHERE e.index_id = ?"
            values = [id_]
            columns = ["e.position", "e.key"]
        for operator, bound in ((">=", walk.low), ("<", walk.high)):
            if bound is not None:
                condition += f" AND ({', '.join(columns[: len(bound)])}) {operator} ({', '.join('?' * len(bound))})"
                values += bound
        for position in walk.excluded:
            condition += " AND e.position <> ?"
            values.append(position)
        for index, position in walk.probes:
            id_ = self._find(collection, index)
            if id_ is None:
                return "", []
            if len(position) > MAX_POSITION_BYTES:
                return None
            condition += f" AND {_PROBE}"
            values += [id_, position]
        return condition, values

    def _find(self, collection: int, index: Index) -> int | None:
        id_ = self._ids.get((collection, index))
        if id_ is None:
            id_ = self._definitions.get((collection, describe(index)))
            if id_ is not None:
                self._ids[collection, index] = id_
        return id_

    def _id(self, collection: int, index: Index) -> int:
        id_ = self._find(collection, index)
        if id_ is None:
            definition = describe(index)
            added = self._execute(
                "INSERT INTO indexes (collection, definition) VALUES (?, ?)", (collection, definition)
            )
            id_ = self._ids[collection, index] = self._definitions[collection, definition] = int(added.lastrowid)
        return id_

    def _row(self, collection: int, key: bytes, entry: tuple[Index, bytes]) -> tuple[int, bytes, bytes]:
        index, position = entry
        id_ = self._id(collection, index)
        if len(position) > MAX_POSITION_BYTES and id_ not in self._cut:
            self._execute("UPDATE indexes SET has_cut = 1 WHERE id = ?", (id_,))
            self._cut.add(id_)
        return id_, _cut(position), key


def _cut(position: bytes) -> bytes:
    return position[:MAX_POSITION_BYTES]
