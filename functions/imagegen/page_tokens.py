"""Owns page tokens: a place in a list as a text that a caller hands back unread.

Pure; knows nothing of the lists.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

_MOST_BITS = 48


def make(of: str, position: int) -> str:
    """Return the token of a place in the list that is named `of`."""
    # The digest ties a token to its list and shows a mistyped one; it is no secret, for a token gives no access.
    digest = hashlib.sha256(f"{of}/{position}".encode()).digest()[:6]
    return base64.urlsafe_b64encode(digest + position.to_bytes(_MOST_BITS // 8)).decode()


def read(of: str, token: str) -> int:
    """Return the place that a token stands for.

    Raises:
        ValueError: it is not a token of this list.
    """
    try:
        decoded = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise ValueError("not a token") from None
    position = int.from_bytes(decoded[6:])
    if position.bit_length() > _MOST_BITS or make(of, position) != token:
        raise ValueError("a token of another list")
    return position
