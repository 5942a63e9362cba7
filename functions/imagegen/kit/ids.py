"""Owns ids: creating them, and checking whether a text is valid as one. Must not know what they identify."""

from __future__ import annotations

import re
import uuid

MAX_ID_CHARACTERS = 128
# Control characters, line separators, and all format characters (Unicode's category Cf), such as those that reverse the
# direction of text: two ids that look the same must be the same. Characters beyond 16 bits stand as they are, because
# JavaScript's `u` patterns have no escape of this form.
INVISIBLE = (
    r"\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f"
)
DOCUMENT_ID_PATTERN = rf"^(?!\.{{1,2}}$)(?!__.*__$)[^/{INVISIBLE}]+$"


def new_id() -> str:
    """Return a new unique id."""
    return uuid.uuid4().hex


def is_document_id(text: str) -> bool:
    """Return whether a text can be the id of an account or a generation."""
    return len(text) <= MAX_ID_CHARACTERS and re.fullmatch(DOCUMENT_ID_PATTERN, text) is not None
