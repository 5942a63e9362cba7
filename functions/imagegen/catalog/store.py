"""Owns reading the catalog's documents from Firestore. Must not know what they mean."""

from __future__ import annotations

from collections.abc import Collection

from imagegen.catalog.catalog import COLLECTIONS, Catalog, Documents, parse
from imagegen.firebase.database import Database, fields_of


def read_documents(db: Database) -> Documents:
    """Read the collections of the catalog, one round trip each."""
    return {
        collection: {snapshot.id: fields_of(snapshot) for snapshot in db.run(db.client.collection(collection))}
        for collection in COLLECTIONS.values()
    }


def read_catalog(db: Database, providers: Collection[str]) -> Catalog:
    """Read what is on offer now; a model is only where its provider is one of these.

    Raises:
        Unavailable: Firestore was away, or a collection offers nothing.
    """
    return parse(read_documents(db), providers)
