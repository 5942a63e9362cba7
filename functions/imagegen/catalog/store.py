"""Owns reading the catalog's documents from Firestore. Must not know their meaning."""

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
    """Read the current catalog; models of an unknown provider are left out.

    Raises:
        Unavailable: Firestore was not available, or a collection has no valid, enabled document.
    """
    return parse(read_documents(db), providers)
