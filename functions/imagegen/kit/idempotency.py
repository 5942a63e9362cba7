"""Owns the id that derives from an idempotency key: the first call with a key creates the document of this id.

Pure. Must not know what the document is.
"""

from __future__ import annotations

import hashlib


def id_of(user_id: str, idempotency_key: str) -> str:
    """Return the id of an account's key: deterministic, and unique for each pair of account and key."""
    # The length makes the encoding unambiguous: no two pairs of user and key give the same text.
    return hashlib.sha256(f"{len(user_id)}/{user_id}/{idempotency_key}".encode()).hexdigest()[:32]
