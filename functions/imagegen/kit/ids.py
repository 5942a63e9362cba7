"""Owns ids: making one, and telling whether a text can be one in Firestore. Must not know what is named by them."""

from __future__ import annotations

import re
import uuid

MAX_ID_CHARACTERS = 128
# Control and format characters, among them those that turn the direction of text: an id shows all that is in it.
_UNSEEN = (
    r"\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f"
)
DOCUMENT_ID_PATTERN = rf"^(?!\.{{1,2}}$)(?!__.*__$)[^/{_UNSEEN}]+$"


def new_id() -> str:
    """Return an id that nothing else has."""
    return uuid.uuid4().hex


def is_document_id(text: str) -> bool:
    """Tell whether a text can be the id of an account or a generation."""
    return len(text) <= MAX_ID_CHARACTERS and re.fullmatch(DOCUMENT_ID_PATTERN, text) is not None
