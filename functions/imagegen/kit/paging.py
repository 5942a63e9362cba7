"""Owns page tokens: the cursor of a list as an opaque text that a caller sends back.

Pure; must not know the lists.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import TypeVar

from imagegen.kit.errors import InvalidRequest, Violation

T = TypeVar("T")
_MAX_NUMBER = 2**48


def make(list_name: str, cursor: str) -> str:
    """Return the token of a cursor in the list of this name."""
    # The digest ties a token to its list and shows a mistyped one. It is no signature, for a token gives no access.
    digest = hashlib.sha256(f"{list_name}/{cursor}".encode()).digest()[:6]
    return base64.urlsafe_b64encode(digest + cursor.encode()).decode()


def read(list_name: str, token: str | None, parse: Callable[[str], T], *, whose: str = "list") -> T | None:
    """Return what `parse` makes of the cursor that a token holds; None where there is no token.

    `parse` raises ValueError or OverflowError for what is no cursor: a token is not signed, and anyone can make one.

    Raises:
        InvalidRequest: it is not a token of this list.
    """
    if token is None:
        return None
    try:
        cursor = base64.b64decode(token.encode(), altchars=b"-_", validate=True)[6:].decode()
        if make(list_name, cursor) != token:
            raise ValueError("a token of another list")
        return parse(cursor)
    except (ValueError, OverflowError):
        raise invalid(whose) from None


def invalid(whose: str = "list") -> InvalidRequest:
    """Return the refusal of a token that is not one of this list."""
    return InvalidRequest([Violation("pageToken", f"must be a nextPageToken of this {whose}")])


def number(cursor: str) -> int:
    """Return the number that a cursor is, not negative and no larger than any list.

    Raises:
        ValueError: it is none.
    """
    if not (cursor.isascii() and cursor.isdecimal()) or len(cursor) > len(str(_MAX_NUMBER)):
        raise ValueError("not a number")
    return min(int(cursor), _MAX_NUMBER)
