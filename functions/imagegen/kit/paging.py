"""Owns page tokens: a place in a list as a text that a caller hands back unread.

Pure; knows nothing of the lists.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

_MOST = 2**48


def make(of: str, position: str) -> str:
    """Return the token of a place in the list that is named `of`."""
    # The digest ties a token to its list and shows a mistyped one; it is no secret, for a token gives no access.
    digest = hashlib.sha256(f"{of}/{position}".encode()).digest()[:6]
    return base64.urlsafe_b64encode(digest + position.encode()).decode()


def read(of: str, token: str) -> str:
    """Return the place that a token stands for.

    Raises:
        ValueError: it is not a token of this list.
    """
    try:
        position = base64.b64decode(token.encode(), altchars=b"-_", validate=True)[6:].decode()
    except (ValueError, binascii.Error):
        raise ValueError("not a token") from None
    if make(of, position) != token:
        raise ValueError("a token of another list")
    return position


def read_number(of: str, token: str) -> int:
    """Return the number that a token stands for, which is not negative and no larger than any list.

    Raises:
        ValueError: it is not a token of this list.
    """
    position = read(of, token)
    if not (position.isascii() and position.isdecimal()) or len(position) > len(str(_MOST)):
        raise ValueError("not a number")
    return min(int(position), _MOST)
