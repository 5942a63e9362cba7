"""Owns what an idempotency key stands for: the id of what a first call with it made.

Pure; knows nothing of what that is.
"""

from __future__ import annotations

import hashlib


def id_of(user_id: str, idempotency_key: str) -> str:
    """Return the id that an account's key names: the same each time, and another for each account and key."""
    # The length keeps two pairs of user and key from reading as the same text.
    return hashlib.sha256(f"{len(user_id)}/{user_id}/{idempotency_key}".encode()).hexdigest()[:32]
