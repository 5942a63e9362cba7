"""Owns books in Firestore: the list of accounts, orphans, the books of an account at one read time, and the last audit.

Must not know business rules: it returns books as they are stored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from google.api_core import exceptions
from google.cloud.firestore_v1.base_query import FieldFilter

from imagegen.books.check import Breach, BreachKind, Fields, Figures
from imagegen.books.records import Audit, Unverified
from imagegen.firebase.database import Database, Snapshot, fields_of
from imagegen.kit import log
from imagegen.kit.fields import camel

# What Firestore answers if the read time is too old.
TOO_OLD = (exceptions.FailedPrecondition, exceptions.InvalidArgument)
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

    account: Fields | None
    entries: Mapping[str, Fields]
    generations: Mapping[str, Fields]
    # None if there can be no account with this id.
    read_at: datetime | None


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


def read_books(db: Database, user_id: str, limit: int | None = None) -> StoredBooks:
    """Read an account, its ledger and its generations at one read time, in three round trips.

    With a limit, at most so many entries and so many generations are read.

    Raises:
        Unavailable: Firestore was not available.
    """
    db = db.all_within(db.timeout_seconds)
    owned = _generations_of(db, user_id)
    if not has_document_id(user_id):
        snapshots = db.run(owned if limit is None else owned.limit(limit))
        return StoredBooks(None, {}, _by_id(snapshots), None)
    reference = _account(db, user_id)
    ledger: Any = reference.collection("transactions")
    account = db.get(reference)
    entries = db.run(ledger if limit is None else ledger.limit(limit), account.read_time)
    generations = db.run(owned if limit is None else owned.limit(limit), account.read_time)
    return StoredBooks(account.to_dict(), _by_id(entries), _by_id(generations), account.read_time)


def has_document_id(user_id: str) -> bool:
    """Return whether there can be an account with this id; a generation may name any."""
    return not _NO_DOCUMENT_ID.fullmatch(user_id)


def read_account(db: Database, user_id: str, read_time: datetime | None) -> tuple[Fields | None, datetime]:
    """Read an account; return its fields, None if it does not exist, and the read time."""
    snapshot = db.get(_account(db, user_id), read_time)
    return snapshot.to_dict(), snapshot.read_time


def read_ledger_page(
    db: Database, user_id: str, read_time: datetime, after: tuple[float, str] | None, limit: int
) -> list[tuple[str, Fields]]:
    """Read the entries after one, given by sequence and id, in the order of their sequence; in one round trip.

    Only entries whose sequence is a number of 0 or more: see `count_entries`.
    """
    ledger = _account(db, user_id).collection("transactions")
    query: Any = ledger.where(filter=FieldFilter("sequence", ">=", 0)).order_by("sequence").order_by("__name__")
    if after is not None:
        sequence, entry_id = after
        query = query.start_after({"sequence": sequence, "__name__": ledger.document(entry_id)})
    return [(snapshot.id, fields_of(snapshot)) for snapshot in db.run(query.limit(limit), read_time)]


def read_entries(db: Database, user_id: str, read_at: datetime | None, entry_ids: list[str]) -> Mapping[str, Fields]:
    """Read those of the entries that exist, by id, in one round trip."""
    ledger = _account(db, user_id).collection("transactions")
    return _by_id([each for each in db.get_all(map(ledger.document, entry_ids), read_at) if each.exists])


def count_entries(db: Database, user_id: str, read_time: datetime) -> int:
    """Count all entries of an account, in one round trip."""
    counted = _account(db, user_id).collection("transactions").count("count")
    return int(db.aggregate(counted, read_time)["count"])


def read_generations_page(
    db: Database, user_id: str, read_time: datetime | None, after: str | None, limit: int
) -> tuple[Mapping[str, Fields], Mapping[str, Fields], str | None]:
    """Read the generations after an id, in the order of their ids, and all entries that name them or ids between.

    Return the entries, the generations, and the id up to which they are complete; None at the end.
    """
    query = _generations_of(db, user_id).order_by("__name__").limit(limit)
    if after is not None:
        query = query.start_after({"__name__": db.client.collection("generationRequests").document(after)})
    snapshots = db.run(query, read_time)
    up_to = snapshots[-1].id if len(snapshots) == limit else None
    entries: list[Snapshot] = []
    if has_document_id(user_id):
        entries = _entries_between(db, user_id, read_time, after, up_to, 4 * limit)
        if len(entries) == 4 * limit:
            # More than four entries a generation: some are wrong, and the last one's may be incomplete.
            up_to = _of(entries[-1])
            complete = [entry for entry in entries if _of(entry) < up_to]
            entries = complete or entries
            up_to = _of(entries[-1])
    kept = [snapshot for snapshot in snapshots if up_to is None or snapshot.id <= up_to]
    return _by_id(entries), _by_id(kept), up_to


def read_audit(db: Database) -> Audit | None:
    """Read the last audit; None if there is none, or if it is corrupt."""
    fields = db.get(_audit(db)).to_dict()
    if fields is None:
        return None
    try:
        return Audit(
            started_at=fields["startedAt"],
            updated_at=fields["updatedAt"],
            ended_at=fields["endedAt"],
            page_token=fields["pageToken"],
            # An audit from before there were revocations has no sum of them.
            figures=Figures(**{name: fields["figures"].get(camel(name), 0) for name in asdict(Figures())}),
            breach_count=fields["breachCount"],
            breaches=tuple(
                Breach(BreachKind(each["kind"]), each["userId"], each["where"], each["message"])
                for each in fields["breaches"]
            ),
            unverified_count=fields["unverifiedCount"],
            unverified=tuple(Unverified(each["userId"], each["message"]) for each in fields["unverified"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        log.warn(f"audits/latest is corrupt: {error!r}")
        return None


def write_audit(db: Database, audit: Audit) -> None:
    """Write the audit over the last one."""
    db.set(_audit(db), _stored(asdict(audit)))


def _stored(value: Any) -> Any:
    """Return a record's values as they are stored: the names in camelCase, at any depth."""
    if isinstance(value, dict):
        return {camel(name): _stored(each) for name, each in value.items()}
    return [_stored(each) for each in value] if isinstance(value, tuple) else value


def _audit(db: Database) -> Any:
    return db.client.collection("audits").document("latest")


def _account(db: Database, user_id: str) -> Any:
    return db.client.collection("users").document(user_id)


def _generations_of(db: Database, user_id: str) -> Any:
    owned = db.client.collection("generationRequests").where(filter=FieldFilter("userId", "==", user_id))
    return owned.select(_GENERATION_FIELDS)


def _entries_between(
    db: Database, user_id: str, read_time: datetime | None, after: str | None, up_to: str | None, limit: int
) -> list[Snapshot]:
    """Read the entries that name a generation after one id, up to another, in the order of these ids."""
    field = "generationRequestId"
    query: Any = _account(db, user_id).collection("transactions")
    query = query.where(filter=FieldFilter(field, ">=" if after is None else ">", after or ""))
    if up_to is not None:
        query = query.where(filter=FieldFilter(field, "<=", up_to))
    return db.run(query.order_by(field).limit(limit), read_time)


def _of(entry: Snapshot) -> str:
    """Return the id of the generation that an entry names."""
    generation_id: str = entry.get("generationRequestId")
    return generation_id


def _by_id(snapshots: list[Snapshot]) -> dict[str, Mapping[str, Any]]:
    return {snapshot.id: fields_of(snapshot) for snapshot in snapshots}
