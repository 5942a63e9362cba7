"""Owns every HTTP answer: routing by prefix, CORS, and the rendering of errors.

Must not know what is requested, nor who may request it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from embedded_firebase.firestore.errors import Code, EmulatorError
from embedded_firebase.firestore.http.answers import error_response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_LOGGER = logging.getLogger(__name__)
# JSON is larger than the 10 MiB of protobuf that a request may have; that limit is checked where it is carried out.
MAX_BODY_BYTES = 32 * 1024 * 1024


class Application:
    """The WSGI application.

    Args:
        parts: handlers by URL prefix.
    """

    def __init__(self, parts: dict[str, Callable[[Request], Response]]) -> None:
        self._parts = parts

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        request = Request(environ)
        request.max_content_length = MAX_BODY_BYTES
        response = self._answer(request)
        if (origin := request.headers.get("Origin")) is not None:
            response.headers["Access-Control-Allow-Origin"] = origin
            # The web SDK sends its requests with credentials, for cookies of proxies; none are read here.
            response.headers["Access-Control-Allow-Credentials"] = "true"
            response.headers["Vary"] = "Origin"
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        try:
            return self._respond(request)
        except EmulatorError as error:
            return error_response(error)
        except HTTPException as error:
            return _of_http_exception(error)
        except Exception:
            _LOGGER.exception("%s %s failed unexpectedly.", request.method, request.path[:200])
            failed = EmulatorError(Code.INTERNAL, "Internal error of the emulator; its log tells more.")
            return error_response(failed)

    def _respond(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return _preflight(request)
        if request.path == "/" and request.method in ("GET", "HEAD"):
            return Response("Ok\n", mimetype="text/plain")
        for prefix, respond in self._parts.items():
            if request.path.startswith(prefix):
                return respond(request)
        raise EmulatorError(Code.NOT_FOUND, f"There is no {request.method} {request.path[:200]} here.")


def _preflight(request: Request) -> Response:
    """Answer a CORS preflight request."""
    response = Response(status=204)
    response.headers["Access-Control-Allow-Methods"] = "GET, POST, PATCH, PUT, DELETE, OPTIONS"
    response.headers["Access-Control-Allow-Headers"] = request.headers.get("Access-Control-Request-Headers", "*")
    response.headers["Access-Control-Max-Age"] = "3600"
    return response


def _of_http_exception(error: HTTPException) -> Response:
    """Render an error of werkzeug in Google's model."""
    status = error.code or 500
    code = {404: Code.NOT_FOUND, 405: Code.UNIMPLEMENTED}.get(status, Code.INVALID_ARGUMENT)
    return error_response(EmulatorError(code, error.description or error.name), status)
