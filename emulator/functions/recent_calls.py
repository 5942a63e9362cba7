"""Owns the memory of the last calls of the functions: what was called, how it ended and how long it took.

Must not know what the functions do, or who looks.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_KEPT = 100


class RecentCalls:
    """Wraps the functions and remembers their last calls, newest first.

    Args:
        functions: what is called.
        name_of: what people call a path, or None where nobody asked for a function.
    """

    def __init__(self, functions: WSGIApplication, name_of: Callable[[str], str | None]) -> None:
        self._functions = functions
        self._name_of = name_of
        self._calls: deque[dict[str, Any]] = deque(maxlen=_KEPT)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a call and note its status."""
        started, name = time.perf_counter(), self._name_of(environ["PATH_INFO"])
        method = environ["REQUEST_METHOD"]

        def note(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            if name and method != "OPTIONS":
                self._calls.appendleft(
                    {
                        "at": datetime.now(UTC).isoformat(),
                        "method": method,
                        "function": name,
                        "status": int(status.split()[0]),
                        "durationMs": round((time.perf_counter() - started) * 1000, 1),
                        "requestId": dict(headers).get("X-Request-Id"),
                    }
                )
            return start_response(status, headers, *rest)

        return self._functions(environ, note)

    def answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer with what is remembered."""
        text = json.dumps({"calls": list(self._calls)})
        response = Response(text, mimetype="application/json", headers={"Cache-Control": "no-store"})
        return response(environ, start_response)
