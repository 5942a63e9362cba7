"""Owns reading the catalog's documents from Firestore. Must not know their meaning."""

from __future__ import annotations

from collections.abc import Collection

from imagegen.catalog.catalog import COLLECTIONS, MODEL_SETTINGS, Catalog, Documents, parse
from imagegen.firebase.database import Database, fields_of


def read_documents(db: Database, collections: Collection[str] = tuple(COLLECTIONS.values())) -> Documents:
    """Read collections of the catalog, one round trip each; by default those that clients can read too."""
    return {
        collection: {snapshot.id: fields_of(snapshot) for snapshot in db.run(db.client.collection(collection))}
        for collection in collections
    }


def read_catalog(db: Database, providers: Collection[str]) -> Catalog:
    """Read the current catalog, within the time of one exchange; models of an unknown provider are left out.

    Raises:
        Unavailable: Firestore was not available, or a collection has no valid, enabled document.
    """
    within = db.all_within(db.timeout_seconds)
    return parse(read_documents(within, [*COLLECTIONS.values(), MODEL_SETTINGS]), providers)
