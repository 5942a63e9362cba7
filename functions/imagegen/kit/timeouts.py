"""Owns waiting no longer than a limit for something that has none of its own.

Knows nothing of what is waited for.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


class CallEnded(Exception):
    """What was called ended by an exit or a cancellation, which is its own and not the end of this process."""


def call_within(limit_seconds: float, call: Callable[[], T]) -> T:
    """Return what `call` returns, or raise what it raises.

    Raises:
        TimeoutError: the limit passed; the call may go on, and what it comes to is dropped.
        CallEnded: it ended by what is no `Exception`.
    """
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except Exception as error:
            answer.set_exception(error)
        except BaseException as error:
            answer.set_exception(CallEnded(f"{type(error).__name__}: {error}"))

    # A daemon, so that what never answers cannot keep the process from ending; in the caller's context, whose fields
    # the lines of the log have.
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(run,), name="bounded-call", daemon=True).start()
    return answer.result(timeout=limit_seconds)
