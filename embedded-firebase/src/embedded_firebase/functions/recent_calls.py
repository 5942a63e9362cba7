"""Owns the record of recent calls: function, status, duration, cost and log; must not know what the functions do.

Costs are fetched when the record is read.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Container, Iterable
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from embedded_firebase.functions.firestore_costs import CostBetween

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_MAX_CALLS = 100

_Calls = deque[tuple[dict[str, Any], list[tuple[float, float]]]]


class RecentCalls:
    """Wraps the functions and records their last calls, newest first.

    What a page reads of its own host (GET) is kept apart, so that its polling does not push out other calls.

    Args:
        functions: the wrapped application.
        name_of: the readable name of a path, or None when it is not a function.
        cost_between: gets the cost at Firestore between two times.
        free: names that never use Firestore and may be called inside of another call.
        lines_of: gets the log lines of a call by its X-Request-Id.
    """

    def __init__(
        self,
        functions: WSGIApplication,
        name_of: Callable[[str], str | None],
        cost_between: CostBetween = lambda *_: None,
        free: Container[str | None] = (),
        lines_of: Callable[[str], list[str]] = lambda _: [],
    ) -> None:
        self._functions = functions
        self._name_of = name_of
        self._cost_between = cost_between
        self._free = free
        self._lines_of = lines_of
        # Each with its start and end, until its cost is fetched; first those that are no reads of pages.
        self._calls: tuple[_Calls, _Calls] = deque(maxlen=_MAX_CALLS), deque(maxlen=_MAX_CALLS)
        self._lock, self._answering = threading.Lock(), threading.Lock()
        self._begun = self._open = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a call and record its status."""
        started, name = time.perf_counter(), self._name_of(environ["PATH_INFO"])
        method, started_at = environ["REQUEST_METHOD"], time.time()
        # Browsers send this header, and scripts cannot set it.
        is_page_read = method == "GET" and environ.get("HTTP_SEC_FETCH_SITE") == "same-origin"
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
                    "isPageRead": is_page_read,
                }
                # The costs of overlapping calls cannot be separated.
                is_alone = is_first and self._begun == number
                call["overlapped"] = asks and not is_alone
                self._calls[is_page_read].appendleft((call, [(started_at, time.time())] if is_alone else []))
            return start_response(status, headers, *rest)

        try:
            return self._functions(environ, note)
        finally:
            with self._lock:
                self._open -= asks

    def answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer the recorded calls; with `?requestId=` those with this id, and their log lines.

        Costs are fetched now, so that they do not slow down a call.
        """
        request_id = Request(environ).args.get("requestId")
        with self._answering:
            newest_first = sorted(chain(*self._calls), key=lambda kept: kept[0]["at"], reverse=True)
            calls = [kept for kept in newest_first if request_id in (None, kept[0]["requestId"])]
            for call, times in calls:
                if times and (cost := self._cost_between(*times.pop())):
                    call["firestore"] = cost
            lines = {} if request_id is None else {"lines": self._lines_of(request_id)}
            text = json.dumps({"calls": [call for call, _ in calls], **lines})
        response = Response(text, mimetype="application/json", headers={"Cache-Control": "no-store"})
        return response(environ, start_response)
