"""Owns the time-out of calls that have none of their own.

Must not know what is called.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


class CallEnded(Exception):
    """The call raised a BaseException, such as SystemExit. It must not end this process."""


def call_within(limit_seconds: float, call: Callable[[], T]) -> T:
    """Run `call` in a thread; return what it returns, or raise what it raises.

    Raises:
        TimeoutError: the limit passed. The call may still run; its result is discarded.
        CallEnded: it raised a BaseException that is not an Exception.
    """
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except Exception as error:
            answer.set_exception(error)
        except BaseException as error:
            answer.set_exception(CallEnded(f"{type(error).__name__}: {error}"))

    # A daemon thread: a call that never returns must not keep the process alive. It runs in the caller's context, so
    # that its log lines have the fields of the call.
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(run,), name="bounded-call", daemon=True).start()
    return answer.result(timeout=limit_seconds)
