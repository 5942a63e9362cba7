"""Owns the cursor of verifyBooks: the position in the list of accounts, and inside the books of one, as text.

Pure. Must not know Firestore. A cursor comes back from the caller unsigned: any text must be expected.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from imagegen.books.check import Running
from imagegen.books.records import Progress

_MAX_INTEGER = 2**63


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """Firestore's token of a page of accounts, the last account that is done, and the progress in the next one."""

    firestore_token: str | None = None
    after: str | None = None
    progress: Progress | None = None


def write(cursor: Cursor) -> str:
    """Return a cursor as text."""
    progress = cursor.progress
    inside = progress and [
        progress.user_id,
        progress.read_at and progress.read_at.isoformat(),
        [progress.running.entries, progress.running.signed_credits, progress.running.balance],
        progress.after_entry,
        progress.is_ledger_done,
        progress.after_generation,
    ]
    return json.dumps([cursor.firestore_token, cursor.after, inside], ensure_ascii=False, separators=(",", ":"))


def read(text: str) -> Cursor:
    """Return the cursor of a text.

    Raises:
        ValueError: it is not one.
    """
    try:
        token, after, inside = json.loads(text)
        return Cursor(
            firestore_token=_text(token), after=_text(after), progress=None if inside is None else _progress(*inside)
        )
    except (TypeError, RecursionError) as error:
        raise ValueError("not a cursor") from error


def _progress(
    user_id: Any, read_at: Any, running: Any, after_entry: Any, is_ledger_done: Any, after_generation: Any
) -> Progress:
    moment = None if read_at is None else datetime.fromisoformat(read_at)
    if moment is not None and moment.tzinfo is None:
        raise ValueError("a time without a zone")
    entries, signed_credits, balance = running
    if after_entry is not None:
        sequence, entry_id = after_entry
        after_entry = (sequence if isinstance(sequence, float) else _integer(sequence), _id(entry_id))
    if not isinstance(user_id, str):
        raise TypeError("not an id")
    return Progress(
        user_id=user_id,
        read_at=moment,
        running=Running(
            entries=_integer(entries),
            signed_credits=_integer(signed_credits),
            balance=None if balance is None else _integer(balance),
        ),
        after_entry=after_entry,
        is_ledger_done=bool(is_ledger_done),
        after_generation=None if after_generation is None else _id(after_generation),
    )


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _id(value: Any) -> str:
    """Return the id of a document."""
    if not isinstance(value, str) or value in ("", ".", "..") or "/" in value:
        raise TypeError("not an id")
    return value


def _integer(value: Any) -> int:
    if type(value) is not int or abs(value) >= _MAX_INTEGER:
        raise TypeError("not a 64-bit integer")
    return value
