"""Owns the structured log: one line of JSON for each event, with the ids of its call and account.

Must not know the events. A line holds a message and ids, never a token or a prompt. Text of callers is escaped (log
injection): a reader sees no control or invisible characters but line feeds and tabs, which JSON escapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from firebase_functions import logger

from imagegen.kit.ids import INVISIBLE

# With lone surrogates, which cannot be printed.
_UNSAFE = re.compile(rf"(?![\t\n])[{INVISIBLE}\ud800-\udfff]")
_shared: ContextVar[dict[str, Any]] = ContextVar("log", default={})  # noqa: B039 - never mutated, only replaced.


@contextmanager
def of_call(**fields: Any) -> Iterator[None]:
    """Add fields, such as `requestId`, to every line that is logged inside this context."""
    token = _shared.set({**_shared.get(), **fields})
    try:
        yield
    finally:
        _shared.reset(token)


def add(**fields: Any) -> None:
    """Add fields, such as `userId` once it is known, to all further lines of this call."""
    _shared.set({**_shared.get(), **fields})


def info(message: str, **fields: Any) -> None:
    """Log a normal event."""
    logger.info(_escaped(message), **_with_shared(fields))


def warn(message: str, **fields: Any) -> None:
    """Log an unusual event that needs no action."""
    logger.warn(_escaped(message), **_with_shared(fields))


def error(message: str, **fields: Any) -> None:
    """Log a fault that an operator has to look into."""
    logger.error(_escaped(message), **_with_shared(fields))


def _with_shared(fields: dict[str, Any]) -> dict[str, Any]:
    found = {**_shared.get(), **fields}
    return {name: _escaped(value) if isinstance(value, str) else value for name, value in found.items()}


def _escaped(text: str) -> str:
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
