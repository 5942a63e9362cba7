"""Owns how a query is answered from the storage: by walks of indexes where a plan allows it, else by a scan.

Must not know of transactions or of the protocol. Both ways give the same results: the documents that a walk
finds are filtered again, and documents changed since the read time are checked one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from embedded_firebase.firestore.indexes import planner
from embedded_firebase.firestore.indexes.definitions import FieldPath
from embedded_firebase.firestore.indexes.planner import Place, Walk
from embedded_firebase.firestore.messages import Document
from embedded_firebase.firestore.query import query as queries
from embedded_firebase.firestore.query.query import Query, Scope
from embedded_firebase.firestore.storage.collection_table import Collection
from embedded_firebase.firestore.storage.storage import Storage


def results(storage: Storage, query: Query, time: int) -> Iterator[Document]:
    """Yield the results of a query as of a time, before its offset and projection are applied.

    Indexes are walked before this returns, so that a caller with the storage lock sees their current state; documents
    are read lazily.

    Args:
        storage: where to look.
        query: what to look for.
        time: no later than now on the commit clock.
    """
    collections = collections_of(storage, query.scope)
    with storage.lock:
        candidates = _candidates(storage, query, collections, time)
    if candidates is None:
        return queries.run(query, storage.scan(collections, time), ordered=query.in_name_order)
    documents, ordered = candidates
    return queries.run(query, documents, ordered=ordered)


def count(storage: Storage, query: Query, time: int) -> int | None:
    """Return how many results a query has behind its offset, None when indexes alone cannot answer."""
    wanted = None if query.limit is None else query.offset + query.limit
    collections = collections_of(storage, query.scope)
    total = 0
    with storage.lock:
        walks = _plan(storage, query, collections)
        if walks is None or not all(walk.exact for walk in walks):
            return None
        for collection in collections:
            if storage.changes_since(collection, time) != set():
                return None
            if len(walks) == 1:
                found = storage.count(collection, walks[0], wanted)
            else:
                keys = _keys(storage, collection, walks, None)
                found = None if keys is None else len(keys)
            if found is None:
                return None
            total += found
    return max(0, (total if wanted is None else min(total, wanted)) - query.offset)


def tally(
    storage: Storage, query: Query, paths: Iterable[FieldPath], time: int
) -> Iterator[tuple[Document, int]] | None:
    """Return the results grouped by the values at some field paths: one document of each group, and how many it has.

    None when one index alone cannot answer.
    """
    collections = collections_of(storage, query.scope)
    if len(collections) != 1 or query.limit is not None or query.offset:
        return None
    (collection,) = collections
    with storage.lock:
        walks = _plan(storage, query, collections)
        if walks is None or len(walks) != 1 or storage.changes_since(collection, time) != set():
            return None
        (walk,) = walks
        if walk.index is None or not walk.exact or not set(paths) <= {field.path for field in walk.index}:
            return None
        found = storage.tally(collection, walk)
    if found is None:
        return None
    documents = storage.fetch(collection, [key for key, _ in found], time)
    return zip(documents, [count for _, count in found], strict=True)


def collections_of(storage: Storage, scope: Scope) -> list[Collection]:
    """Return the collections that a query looks into, in the order of paths."""
    if scope.descendants:
        return storage.collections(scope.database, scope.parent, scope.collection_id)
    if scope.collection_id:
        path = f"{scope.parent}/{scope.collection_id}" if scope.parent else scope.collection_id
        collection = storage.collection(scope.database, path)
        return [collection] if collection else []
    depth = scope.parent.count("/") + 1 if scope.parent else 0
    below = storage.collections(scope.database, scope.parent)
    return [collection for collection in below if collection.path.count("/") == depth]


def _plan(storage: Storage, query: Query, collections: list[Collection]) -> tuple[Walk, ...] | None:
    if not query.scope.collection_id:
        return None
    collection_key = collections[0].key if len(collections) == 1 else None
    place = Place(query.scope.collection_id, storage.indexes, collection_key)

    def estimate(walk: Walk, most: int) -> int:
        found = 0
        for collection in collections:
            counted = storage.count(collection, walk, most - found)
            found += most if counted is None else counted
            if found >= most:
                break
        return found

    return planner.plan(query, place, estimate)


def _candidates(
    storage: Storage, query: Query, collections: list[Collection], time: int
) -> tuple[Iterator[Document], bool] | None:
    """Return documents that hold all results, and whether they are in the query's order; None to scan instead."""
    walks = _plan(storage, query, collections)
    if walks is None or any(walk.is_scan for walk in walks):
        return None
    found: list[tuple[Collection, Iterable[bytes]]] = []
    ordered = len(walks) == 1 and walks[0].ordered and len(collections) == 1
    for collection in collections:
        changed = storage.changes_since(collection, time)
        if changed is None:
            return None
        wanted = None if query.limit is None else query.offset + query.limit + len(changed)
        keys = _keys(storage, collection, walks, wanted)
        if keys is None:
            return None
        if changed:
            keys |= dict.fromkeys(changed)
            ordered = False
        found.append((collection, keys))
    return chain.from_iterable(storage.fetch(collection, keys, time) for collection, keys in found), ordered


def _keys(
    storage: Storage, collection: Collection, walks: Iterable[Walk], wanted: int | None
) -> dict[bytes, None] | None:
    """Return the keys of the documents that walks find in a collection, in order; None when one of them is uncertain.

    At most `wanted` for each walk that finds the first results first.
    """
    keys: dict[bytes, None] = {}
    for walk in walks:
        found = storage.walk(collection, walk, wanted if walk.exact and walk.ordered else None)
        if found is None:
            return None
        keys |= dict.fromkeys(found)
    return keys
