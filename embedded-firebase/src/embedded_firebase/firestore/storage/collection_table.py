"""Owns which collections there are, in a table of the storage; must not know what they hold.

The caller holds the storage lock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from embedded_firebase.firestore.values.paths import path_key, prefix_end

SCHEMA = """
CREATE TABLE IF NOT EXISTS collections (
    id INTEGER PRIMARY KEY,
    database TEXT NOT NULL,
    key BLOB NOT NULL,
    path TEXT NOT NULL,
    group_id TEXT NOT NULL,
    UNIQUE (database, key)
);
CREATE INDEX IF NOT EXISTS collections_by_group ON collections (database, group_id, key);
"""


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection that holds or once held documents: `path` relative to its database, `key` in the order of paths."""

    id: int
    path: str
    key: bytes


class CollectionTable:
    """Collections by database and path; their ids are cached."""

    def __init__(self, execute: Callable[..., Any]) -> None:
        self._execute = execute
        self._ids: dict[tuple[str, str], int] = {}
        self.reload()

    def reload(self) -> None:
        """Discard the cached rows of a rolled-back transaction."""
        rows = self._execute("SELECT id, database, path FROM collections")
        self._ids = {(database, path): id_ for id_, database, path in rows}

    def find(self, database: str, path: str) -> int | None:
        """Return the id of a collection, None when it never held a document."""
        return self._ids.get((database, path))

    def make(self, database: str, path: str) -> int:
        """Return the id of a collection, inserting it when it is new."""
        id_ = self._ids.get((database, path))
        if id_ is None:
            inserted = self._execute(
                "INSERT INTO collections (database, key, path, group_id) VALUES (?, ?, ?, ?)",
                (database, path_key(path), path, path.rpartition("/")[2]),
            )
            id_ = self._ids[database, path] = int(inserted.lastrowid)
        return id_

    def below(self, database: str, document: str, group_id: str) -> list[Collection]:
        """Return the collections below a document ("" for the root), with an id ("" for all), in the order of paths."""
        condition = "database = ?"
        values: list[str | bytes] = [database]
        if prefix := path_key(document):
            condition += " AND key >= ? AND key < ?"
            values += [prefix, prefix_end(prefix)]
        if group_id:
            condition += " AND group_id = ?"
            values.append(group_id)
        query = f"SELECT id, path, key FROM collections WHERE {condition} ORDER BY key"  # noqa: S608 - constants only
        return [Collection(*row) for row in self._execute(query, values)]
