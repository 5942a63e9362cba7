"""Owns how books are read from Firestore: which accounts there are, orphans too, and each one's as of one moment.

Knows no rule of the business; what it reads is handed on as it is stored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.api_core import exceptions
from google.cloud.firestore_v1.base_query import FieldFilter

from imagegen.firebase.database import Database, Snapshot, fields_of

_NO_DOCUMENT_ID = re.compile(r"|\.\.?|__.*__|.*/.*", re.DOTALL)
# Not the prompt, which may be long and which nothing here needs.
_GENERATION_FIELDS = [
    "status",
    "creditsCharged",
    "creditsRefunded",
    "imageUrl",
    "createdAt",
    "completedAt",
    "leaseExpiresAt",
]


@dataclass(frozen=True)
class StoredBooks:
    """What is stored of one account at one moment; the ledger by entry id, the generations by id."""

    account: Mapping[str, Any] | None
    entries: Mapping[str, Mapping[str, Any]]
    generations: Mapping[str, Mapping[str, Any]]


def list_user_ids(db: Database, page_token: str | None, limit: int) -> tuple[list[str], str | None]:
    """List the ids below which there is an account or a ledger without one, in their order, in one round trip.

    Return them with the token of the next page, None behind the last.

    Raises:
        ValueError: Firestore gave no such token.
        Unavailable: Firestore was away until the time was over.
    """
    client = db.client
    # The client's own `list_documents` takes no token to go on from.
    request = {
        "parent": f"{client._database_string}/documents",
        "collection_id": "users",
        "page_size": limit,
        "page_token": page_token or "",
        "show_missing": True,
        "mask": {"field_paths": ["__name__"]},
    }

    def read(timeout_seconds: float) -> Any:
        listing = client._firestore_api.list_documents
        return next(listing(request, metadata=client._rpc_metadata, retry=None, timeout=timeout_seconds).pages)

    try:
        page = db.exchange(read)
    except exceptions.InvalidArgument as error:
        raise ValueError("not a page token") from error
    return [document.name.rpartition("/")[2] for document in page.documents], page.next_page_token or None


def next_owner(db: Database, after: str | None, before: str | None) -> str | None:
    """Find the first user id strictly between two that a generation names, in one round trip.

    Raises:
        Unavailable: Firestore was away until the time was over.
    """
    generations = (
        db.client.collection("generationRequests")
        .select(["userId"])
        .where(filter=FieldFilter("userId", ">=" if after is None else ">", after or ""))
        .order_by("userId")
        .limit(1)
    )
    if before is not None:
        generations = generations.where(filter=FieldFilter("userId", "<", before))
    return next((snapshot.get("userId") for snapshot in db.run(generations)), None)


def read_books(db: Database, user_id: str) -> StoredBooks:
    """Read an account, its ledger and its generations as of one moment, in three round trips.

    Raises:
        Unavailable: Firestore was away until the time was over.
    """
    owned = db.client.collection("generationRequests").where(filter=FieldFilter("userId", "==", user_id))
    owned = owned.select(_GENERATION_FIELDS)
    if _NO_DOCUMENT_ID.fullmatch(user_id):
        return StoredBooks(None, {}, _by_id(db.run(owned)))
    db = db.all_within(db.timeout_seconds)
    reference = db.client.collection("users").document(user_id)
    account = db.get(reference)
    entries = db.run(reference.collection("transactions"), account.read_time)
    generations = db.run(owned, account.read_time)
    return StoredBooks(account.to_dict(), _by_id(entries), _by_id(generations))


def _by_id(snapshots: list[Snapshot]) -> dict[str, Mapping[str, Any]]:
    return {snapshot.id: fields_of(snapshot) for snapshot in snapshots}
