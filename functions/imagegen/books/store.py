"""Owns reading books from Firestore: the list of accounts, orphans, and the books of an account at one read time.

Must not know business rules: it returns documents as they are stored.
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
# Without the prompt, which may be long and is not needed.
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
    """The documents of one account at one read time; the ledger by entry id, the generations by id."""

    account: Mapping[str, Any] | None
    entries: Mapping[str, Mapping[str, Any]]
    generations: Mapping[str, Mapping[str, Any]]


def list_user_ids(db: Database, page_token: str | None, limit: int) -> tuple[list[str], str | None]:
    """List the ids of accounts, and of ledgers without an account, in order, in one round trip.

    Return them with the token of the next page; None on the last page.

    Raises:
        ValueError: Firestore refused the page token.
        Unavailable: Firestore was not available.
    """
    client = db.client
    # The client's own `list_documents` has no parameter for a page token.
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
    """Return the first user id of a generation strictly between two ids, in one round trip; None if there is none.

    Raises:
        Unavailable: Firestore was not available.
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
    """Read an account, its ledger and its generations at one read time, in three round trips.

    Raises:
        Unavailable: Firestore was not available.
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
