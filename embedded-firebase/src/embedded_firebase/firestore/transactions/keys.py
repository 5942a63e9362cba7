"""Owns conflict keys: a write to a key may change what a read of it sees; must not know who reads or writes."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from embedded_firebase.firestore.query.query import Scope
from embedded_firebase.firestore.transactions.turns import Keys
from embedded_firebase.firestore.values.paths import DocumentPath


def scope_key(scope: Scope) -> tuple[str, ...]:
    """Return what a query reads as one key: a collection, a collection group, or the whole database."""
    if not scope.collection_id:
        return (scope.database,)
    if scope.descendants:
        return (scope.database, "group", scope.collection_id)
    path = f"{scope.parent}/{scope.collection_id}" if scope.parent else scope.collection_id
    return (scope.database, "collection", path)


def write_keys(paths: Iterable[DocumentPath]) -> Keys:
    """Return every key whose reads a write to these documents may change."""
    keys: set[Hashable] = set()
    for path in paths:
        group = path.collection.rpartition("/")[2]
        keys |= {
            path.name,
            (path.database,),
            (path.database, "group", group),
            (path.database, "collection", path.collection),
        }
    return frozenset(keys)
