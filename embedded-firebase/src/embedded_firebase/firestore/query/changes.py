"""Owns the changes of commits, and whether one is in the scope of a query; must not know who needs to know."""

from __future__ import annotations

from collections.abc import Mapping

from embedded_firebase.firestore.messages import Document
from embedded_firebase.firestore.query.query import Scope
from embedded_firebase.firestore.values.paths import DocumentPath

# New contents by document path: None for a deleted document.
Changes = Mapping[DocumentPath, Document | None]


def contains(scope: Scope, path: DocumentPath) -> bool:
    """Tell whether a document lies in a query's scope."""
    parent, _, collection_id = path.collection.rpartition("/")
    if path.database != scope.database or (scope.collection_id and collection_id != scope.collection_id):
        return False
    if not scope.descendants:
        return parent == scope.parent
    return not scope.parent or parent == scope.parent or parent.startswith(f"{scope.parent}/")
