"""Owns accounts and their ledgers in Firestore: document paths, codecs, reads and writes.

Must not know business rules: the caller decides what to write, and in which transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from imagegen.credits.records import Account, EntryFilter, EntryType, LedgerEntry, Spending, Total
from imagegen.firebase.database import Database, fields_of
from imagegen.firebase.transactions import Transaction

# Firestore's first time.
_FIRST_TIME = datetime(1, 1, 1, tzinfo=UTC)


def read_account(db: Database, user_id: str) -> Account | None:
    """Read one account outside of a transaction."""
    return read_account_at(db, user_id)[0]


def read_account_at(db: Database, user_id: str) -> tuple[Account | None, datetime]:
    """Read one account outside of a transaction; return it with the read time."""
    snapshot = db.get(account_reference(db.client, user_id))
    return stored_account(user_id, snapshot.to_dict()), snapshot.read_time


def read_account_and_entries_in(
    transaction: Transaction, user_id: str, *entry_ids: str
) -> tuple[Account | None, list[LedgerEntry | None]]:
    """Read an account and entries of its ledger in one round trip."""
    reference = account_reference(transaction.client, user_id)
    account, *entries = transaction.read(reference, *(_ledger(reference).document(entry_id) for entry_id in entry_ids))
    found = [
        None if fields is None else _stored_entry(entry_id, fields)
        for entry_id, fields in zip(entry_ids, entries, strict=True)
    ]
    return stored_account(user_id, account), found


def read_ledger_ends_in(transaction: Transaction, user_id: str) -> tuple[LedgerEntry, LedgerEntry] | None:
    """Read the first and the last entry of a ledger, in two round trips; None, in one, if there is no entry."""
    last = _end_of_ledger(transaction, user_id, firestore.Query.DESCENDING)
    if last is None:
        return None
    first = _end_of_ledger(transaction, user_id, firestore.Query.ASCENDING)
    return first or last, last


def _end_of_ledger(transaction: Transaction, user_id: str, direction: str) -> LedgerEntry | None:
    query = _ledger(account_reference(transaction.client, user_id)).order_by("sequence", direction=direction).limit(1)
    found = transaction.find(query)
    return _stored_entry(*found) if found else None


def create_account(transaction: Transaction, account: Account, entry: LedgerEntry, now: datetime) -> None:
    """Write a new account with a ledger entry; neither may exist."""
    reference = account_reference(transaction.client, account.user_id)
    transaction.create(reference, _account_fields(account, now) | {"createdAt": now})
    _create_entry(transaction, reference, entry)


def write_account(transaction: Transaction, account: Account, entry: LedgerEntry, now: datetime) -> None:
    """Write a changed balance and the new ledger entry that explains it; an entry of that id must not exist."""
    reference = account_reference(transaction.client, account.user_id)
    transaction.update(reference, _account_fields(account, now))
    _create_entry(transaction, reference, entry)


def write_limits(transaction: Transaction, account: Account) -> None:
    """Write the limits of an account, whose balance does not change."""
    transaction.update(account_reference(transaction.client, account.user_id), _limit_fields(account))


def has_entry_in(transaction: Transaction, user_id: str, entry_id: str) -> bool:
    """Return whether an entry exists, in one round trip."""
    (entry,) = transaction.read(_ledger(account_reference(transaction.client, user_id)).document(entry_id))
    return entry is not None


def read_ledger(db: Database, user_id: str, newest_sequence: int, limit: int) -> list[LedgerEntry]:
    """Read entries of one account, from `newest_sequence` down, in one round trip."""
    query = (
        _ledger(account_reference(db.client, user_id))
        .where(filter=FieldFilter("sequence", "<=", newest_sequence))
        .order_by("sequence", direction=firestore.Query.DESCENDING)
        .limit(limit)
    )
    return [_stored_entry(snapshot.id, fields_of(snapshot)) for snapshot in db.run(query)]


def find_entries(
    db: Database,
    user_id: str,
    which: EntryFilter,
    beyond: tuple[datetime, str] | None,
    limit: int,
    read_time: datetime,
) -> list[LedgerEntry]:
    """Read the entries that fit, newest first, beyond one given by time and id; in one round trip."""
    descending = firestore.Query.DESCENDING
    ledger = _ledger(account_reference(db.client, user_id))
    query = _fitting(ledger, which).order_by("timestamp", direction=descending)
    query = query.order_by("__name__", direction=descending)
    if beyond is not None:
        recorded_at, entry_id = beyond
        query = query.start_after({"timestamp": recorded_at, "__name__": ledger.document(entry_id)})
    return [_stored_entry(snapshot.id, fields_of(snapshot)) for snapshot in db.run(query.limit(limit), read_time)]


def read_total(db: Database, user_id: str, which: EntryFilter, read_time: datetime) -> Total:
    """Count the entries that fit and add up their credits, in one round trip and a read for 1,000 of them."""
    # Ordered by time before the amount, as its index is: a period is one range of it.
    fitting = _fitting(_ledger(account_reference(db.client, user_id)), which).order_by("timestamp")
    figures = db.aggregate(fitting.sum("credits", "credits").count("entries"), read_time)
    return Total(int(figures["entries"]), int(figures["credits"]))


def _fitting(ledger: firestore.CollectionReference, which: EntryFilter) -> Any:
    # Always with a time, so that one index serves each filter.
    query: Any = ledger.where(filter=FieldFilter("timestamp", ">=", which.created_after or _FIRST_TIME))
    if which.created_before is not None:
        query = query.where(filter=FieldFilter("timestamp", "<", which.created_before))
    if which.type is not None:
        query = query.where(filter=FieldFilter("type", "==", which.type.value))
    return query


def account_reference(client: firestore.Client, user_id: str) -> firestore.DocumentReference:
    """Return the document of an account."""
    return client.collection("users").document(user_id)


def _ledger(account_reference: firestore.DocumentReference) -> firestore.CollectionReference:
    ledger: firestore.CollectionReference = account_reference.collection("transactions")
    return ledger


def stored_account(user_id: str, fields: Mapping[str, Any] | None) -> Account | None:
    """Decode an account; None if there is no document."""
    if fields is None:
        return None
    return Account(
        user_id=user_id,
        # A document that was created manually has no ledger: its opening credits are its balance, or 0.
        credits=fields.get("credits", 0),
        opening_credits=fields.get("openingCredits", fields.get("credits", 0)),
        ledger_count=fields.get("ledgerCount", 0),
        weeks={week_id: _spending(recorded) for week_id, recorded in fields.get("weeks", {}).items()},
        arrival_at=fields.get("arrivalAt"),
        under_way_at_most=fields.get("underWayAtMost", 0),
    )


def _account_fields(account: Account, now: datetime) -> dict[str, Any]:
    fields = {
        "credits": account.credits,
        "openingCredits": account.opening_credits,
        "ledgerCount": account.ledger_count,
        "weeks": {week_id: _spending_fields(spending) for week_id, spending in account.weeks.items()},
        "updatedAt": now,
    }
    return fields | _limit_fields(account)


def _limit_fields(account: Account) -> dict[str, Any]:
    # Accounts that were never limited do not have these fields.
    limits = {"arrivalAt": account.arrival_at, "underWayAtMost": account.under_way_at_most}
    return {name: value for name, value in limits.items() if value}


def _create_entry(transaction: Transaction, account_reference: firestore.DocumentReference, entry: LedgerEntry) -> None:
    fields = {
        "type": entry.type.value,
        "credits": entry.credits,
        "sequence": entry.sequence,
        "balanceAfter": entry.balance_after,
        "generationRequestId": entry.generation_id,
        "reason": entry.reason,
        "timestamp": entry.recorded_at or firestore.SERVER_TIMESTAMP,
    }
    if is_administrators := entry.type in (EntryType.GRANT, EntryType.REVOCATION):
        fields["attemptId"] = entry.attempt_id
    if is_administrators or entry.administrator_uid is not None:
        fields["administratorUid"] = entry.administrator_uid
    transaction.create(_ledger(account_reference).document(entry.entry_id), fields)


def _spending(fields: Mapping[str, Any]) -> Spending:
    return Spending(requests=fields["requests"], credits=fields["credits"], days=fields["days"])


def _spending_fields(spending: Spending) -> dict[str, Any]:
    return {"requests": spending.requests, "credits": spending.credits, "days": dict(spending.days)}


def _stored_entry(entry_id: str, fields: Mapping[str, Any]) -> LedgerEntry:
    return LedgerEntry(
        entry_id=entry_id,
        type=EntryType(fields["type"]),
        credits=fields["credits"],
        sequence=fields["sequence"],
        balance_after=fields["balanceAfter"],
        generation_id=fields["generationRequestId"],
        reason=fields["reason"],
        attempt_id=fields.get("attemptId"),
        administrator_uid=fields.get("administratorUid"),
        recorded_at=fields["timestamp"],
    )
