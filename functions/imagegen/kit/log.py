"""Owns the log: one line of JSON for each event, with the call and the account that it belongs to.

Knows nothing of the events. What goes in is a sentence and ids; never a token, never a prompt.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from firebase_functions import logger

_shared: ContextVar[dict[str, Any]] = ContextVar("log", default={})  # noqa: B039 - never changed, only replaced.


@contextmanager
def of_call(**fields: Any) -> Iterator[None]:
    """Give every line that is logged inside these fields, such as `requestId`."""
    token = _shared.set({**_shared.get(), **fields})
    try:
        yield
    finally:
        _shared.reset(token)


def add(**fields: Any) -> None:
    """Give every further line of this call these fields, such as `userId` once it is known."""
    _shared.set({**_shared.get(), **fields})


def info(message: str, **fields: Any) -> None:
    """Log what is as it should be."""
    logger.info(message, **{**_shared.get(), **fields})


def warn(message: str, **fields: Any) -> None:
    """Log what somebody may want to know."""
    logger.warn(message, **{**_shared.get(), **fields})


def error(message: str, **fields: Any) -> None:
    """Log what somebody has to look into."""
    logger.error(message, **{**_shared.get(), **fields})
