"""Owns the webhooks of accounts in Firestore: document paths, codec, reads and writes.

Must not know business rules: the caller decides what to write, and in which transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from google.cloud import firestore

from imagegen.firebase.database import Database
from imagegen.firebase.transactions import Transaction
from imagegen.webhooks.records import Breaker, WebhookAccount


def read_account(db: Database, user_id: str) -> WebhookAccount:
    """Read the webhooks of an account, in one round trip; the defaults if there is no document."""
    return _stored_account(user_id, db.get(_reference(db.client, user_id)).to_dict())


def read_account_in(transaction: Transaction, user_id: str) -> WebhookAccount:
    """Read the webhooks of an account in a transaction; the defaults if there is no document."""
    (fields,) = transaction.read(_reference(transaction.client, user_id))
    return _stored_account(user_id, fields)


def write_slow_until(db: Database, user_id: str, until: datetime) -> None:
    """Write until when the deliveries of an account need slots. Not a transaction: many may write this at once."""
    db.merge(_reference(db.client, user_id), {"slowUntil": until})


def write_account(transaction: Transaction, account: WebhookAccount) -> None:
    """Create or replace the webhooks of an account."""
    transaction.set(
        _reference(transaction.client, account.user_id),
        {
            "secretVersion": account.secret_version,
            "rotatedAt": account.rotated_at,
            "rotationId": account.rotation_id,
            "rotationAttemptId": account.rotation_attempt_id,
            "slowUntil": account.slow_until,
            "slots": dict(account.slots),
            "breakers": {
                host: {"failures": breaker.failures, "openUntil": breaker.open_until, "probe": breaker.probe}
                for host, breaker in account.breakers.items()
            },
            "resendArrivalAt": account.resend_arrival_at,
        },
    )


def _reference(client: firestore.Client, user_id: str) -> firestore.DocumentReference:
    return client.collection("webhookAccounts").document(user_id)


def _stored_account(user_id: str, fields: Mapping[str, Any] | None) -> WebhookAccount:
    fields = fields or {}
    return WebhookAccount(
        user_id=user_id,
        # A document may have been created by a write that set other fields only.
        secret_version=fields.get("secretVersion", 1),
        rotated_at=fields.get("rotatedAt"),
        rotation_id=fields.get("rotationId"),
        rotation_attempt_id=fields.get("rotationAttemptId"),
        slow_until=fields.get("slowUntil"),
        slots=fields.get("slots", {}),
        breakers={
            host: Breaker(failures=stored["failures"], open_until=stored["openUntil"], probe=stored["probe"])
            for host, stored in fields.get("breakers", {}).items()
        },
        resend_arrival_at=fields.get("resendArrivalAt"),
    )
