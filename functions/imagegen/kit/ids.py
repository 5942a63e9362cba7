"""Owns ids: creating them, and checking whether a text is valid as one. Must not know what they identify."""

from __future__ import annotations

import re
import uuid

MAX_ID_CHARACTERS = 128
# Control and format characters, including those that reverse the direction of text: two ids that look the same must be
# the same.
_INVISIBLE = (
    r"\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f"
)
DOCUMENT_ID_PATTERN = rf"^(?!\.{{1,2}}$)(?!__.*__$)[^/{_INVISIBLE}]+$"


def new_id() -> str:
    """Return a new unique id."""
    return uuid.uuid4().hex


def is_document_id(text: str) -> bool:
    """Return whether a text can be the id of an account or a generation."""
    return len(text) <= MAX_ID_CHARACTERS and re.fullmatch(DOCUMENT_ID_PATTERN, text) is not None
