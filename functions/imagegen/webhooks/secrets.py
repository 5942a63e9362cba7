"""Owns the use cases of signing secrets: those of an account now, reading them, rotating them.

Must not know HTTP nor how documents are written.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from imagegen.deps import Deps
from imagegen.firebase.transactions import Transaction
from imagegen.kit import idempotency, log
from imagegen.webhooks import signing, store
from imagegen.webhooks.records import WebhookAccount
from imagegen.webhooks.signing import Secrets

# For how long webhooks are signed with the previous secret as well, so that a receiver can change its own.
_OVERLAP = timedelta(hours=24)


def secrets_of(deps: Deps, account: WebhookAccount) -> Secrets:
    """Return the secrets that sign an account's webhooks now.

    Raises:
        WebhooksNotConfigured: there is no valid master secret.
    """
    master, user_id, version = deps.webhook_secret, account.user_id, account.secret_version
    current = signing.secret_of(master, user_id, version)
    if account.rotated_at is None or deps.now() >= account.rotated_at + _OVERLAP:
        return Secrets(version, current)
    return Secrets(version, current, signing.secret_of(master, user_id, version - 1), account.rotated_at + _OVERLAP)


def get_secrets(deps: Deps, user_id: str) -> Secrets:
    """Read the secrets of an account; of an unknown account too, because they are derived.

    Raises:
        WebhooksNotConfigured: there is no valid master secret.
        Unavailable: Firestore was not available.
    """
    return secrets_of(deps, store.read_account(deps.db, user_id))


def rotate_secret(deps: Deps, user_id: str, idempotency_key: str) -> tuple[Secrets, bool]:
    """Replace the secret of an account by its next version; return the secrets, and whether it was a replay.

    Idempotent by the key of the last rotation: a repeated call would otherwise rotate the receiver's secret away.

    Raises:
        WebhooksNotConfigured: there is no valid master secret; nothing was rotated.
        Unavailable: Firestore was not available; it may have been rotated, so repeat it with the same key.
    """
    rotation_id = idempotency.id_of(user_id, idempotency_key)
    now, attempt_id = deps.now(), deps.new_id()

    def body(transaction: Transaction) -> WebhookAccount:
        current = store.read_account_in(transaction, user_id)
        if current.rotation_id == rotation_id:
            return current
        rotated = replace(
            current,
            secret_version=current.secret_version + 1,
            rotated_at=now,
            rotation_id=rotation_id,
            rotation_attempt_id=attempt_id,
        )
        # Before the write: without a master secret nothing may change.
        secrets_of(deps, rotated)
        store.write_account(transaction, rotated)
        return rotated

    rotated, _ = deps.db.transact(body)
    replayed = rotated.rotation_attempt_id != attempt_id
    if not replayed:
        log.info(f"webhook secret rotated to version {rotated.secret_version}", userId=user_id)
    return secrets_of(deps, rotated), replayed
