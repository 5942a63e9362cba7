"""Owns page tokens: the cursor of a list, as opaque text that the caller sends back.

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
    """Return the page token of a cursor in the list of this name."""
    # The digest binds a token to its list and detects typing errors. It is not a signature: a token grants no access.
    digest = hashlib.sha256(f"{list_name}/{cursor}".encode()).digest()[:6]
    return base64.urlsafe_b64encode(digest + cursor.encode()).decode()


def read(list_name: str, token: str | None, parse: Callable[[str], T], *, whose: str = "list") -> T | None:
    """Return the parsed cursor of a page token; None without a token.

    `parse` raises ValueError or OverflowError for an invalid cursor. Tokens are not signed, so it must expect any text.

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
    """Return the error for a token that is not of this list."""
    return InvalidRequest([Violation("pageToken", f"must be a nextPageToken of this {whose}")])


def number(cursor: str) -> int:
    """Return the number in a cursor: an integer from 0, capped at 2**48.

    Raises:
        ValueError: the cursor is not a decimal number, or has too many digits.
    """
    if not (cursor.isascii() and cursor.isdecimal()) or len(cursor) > len(str(_MAX_NUMBER)):
        raise ValueError("not a number")
    return min(int(cursor), _MAX_NUMBER)
