"""Owns the memory of the last calls of the functions: what was called, how it ended, how long it took, what it cost.

Must not know what the functions do, or who looks.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Container, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from embedded_firebase.functions.firestore_costs import CostBetween

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_MAX_CALLS = 100


class RecentCalls:
    """Wraps the functions and remembers their last calls, newest first.

    Args:
        functions: what is called.
        name_of: what people call a path, or None where nobody asked for a function.
        cost_between: what was asked of Firestore between two times.
        free: the names of what never asks it, and may be called within another call.
    """

    def __init__(
        self,
        functions: WSGIApplication,
        name_of: Callable[[str], str | None],
        cost_between: CostBetween = lambda *_: None,
        free: Container[str | None] = (),
    ) -> None:
        self._functions = functions
        self._name_of = name_of
        self._cost_between = cost_between
        self._free = free
        # Each with the times of its begin and end, as long as its cost is to be asked for.
        self._calls: deque[tuple[dict[str, Any], list[tuple[float, float]]]] = deque(maxlen=_MAX_CALLS)
        self._lock, self._answering = threading.Lock(), threading.Lock()
        self._begun = self._open = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a call and note its status."""
        started, name = time.perf_counter(), self._name_of(environ["PATH_INFO"])
        method, started_at = environ["REQUEST_METHOD"], time.time()
        asks = name is not None and name not in self._free
        with self._lock:
            self._begun += asks
            self._open += asks
            number, is_first = self._begun, asks and self._open == 1

        def note(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            if name and method != "OPTIONS":
                call = {
                    "at": datetime.now(UTC).isoformat(),
                    "method": method,
                    "function": name,
                    "status": int(status.split()[0]),
                    "durationMs": round((time.perf_counter() - started) * 1000, 1),
                    "requestId": dict(headers).get("X-Request-Id"),
                }
                # What calls that overlap have asked for cannot be told apart.
                is_alone = is_first and self._begun == number
                self._calls.appendleft((call, [(started_at, time.time())] if is_alone else []))
            return start_response(status, headers, *rest)

        try:
            return self._functions(environ, note)
        finally:
            with self._lock:
                self._open -= asks

    def answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer with what is remembered; costs are asked for now, and not in the time of a call."""
        with self._answering:
            calls = list(self._calls)
            for call, times in calls:
                if times and (cost := self._cost_between(*times.pop())):
                    call["firestore"] = cost
            text = json.dumps({"calls": [call for call, _ in calls]})
        response = Response(text, mimetype="application/json", headers={"Cache-Control": "no-store"})
        return response(environ, start_response)
