"""Owns the HTTP side of the functions host: the URLs and statuses of Firebase's emulator, and a log line for each call.

Must not know what the functions do.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.routing import Rule
from werkzeug.security import safe_join
from werkzeug.serving import BaseWSGIServer, ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.utils import send_file

from embedded_firebase import log
from embedded_firebase.functions.discovery import Function
from embedded_firebase.local_only import LOCAL_ORIGIN

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_LISTEN_BACKLOG = 1024
# A connection accepted just before the end gets this long to send a request.
_FIRST_BYTES_SECONDS = 0.05


def application(
    functions: Iterable[Function], project: str, mounts: Mapping[str, WSGIApplication] | None = None
) -> WSGIApplication:
    """Mount each function at its path; each sees that path as its own root, as it does when deployed.

    A scheduled one is fired by POST at exactly its path, and is a 404 otherwise. `mounts` are applications by path; the
    one at "" gets the remaining paths.
    """
    functions = list(functions)
    paths: dict[str, WSGIApplication] = {function.path(project): _application_of(function) for function in functions}
    triggers = {function.path(project) for function in functions if function.schedule}
    absent = _absent(functions, project)
    dispatch = DispatcherMiddleware(absent, {**(mounts or {}), **paths})

    def route(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        is_trigger = any(path.startswith(trigger) for trigger in triggers)
        if is_trigger and not (environ["REQUEST_METHOD"] == "POST" and path in triggers):
            return absent(environ, start_response)
        origin = environ.get("HTTP_ORIGIN", "")
        if is_trigger and origin:
            # Only pages of this machine may fire a trigger (CSRF).
            if not LOCAL_ORIGIN.fullmatch(origin):
                return flask.Response("Forbidden", 403, mimetype="text/plain")(environ, start_response)
            return dispatch(environ, _allowing(origin, start_response))
        return dispatch(environ, start_response)

    return route


def _allowing(origin: str, start_response: StartResponse) -> StartResponse:
    """Add CORS headers, so that a page of this machine may read the answer."""

    def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
        return start_response(status, [*headers, ("Access-Control-Allow-Origin", origin), ("Vary", "Origin")], *rest)

    return start


def broken(error: Exception) -> WSGIApplication:
    """Answer every call with the error that prevented the functions from loading."""
    text = f"The functions could not be loaded: {type(error).__name__}: {error}\n"

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return flask.Response(text, 503, mimetype="text/plain")(environ, start_response)

    return application


def files(folder: Path) -> WSGIApplication:
    """Serve the files of a folder, which may appear and disappear."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = safe_join(str(folder.resolve()), environ["PATH_INFO"].removeprefix("/"))
        if path is None or not Path(path).is_file():
            return flask.Response("Not Found", 404, mimetype="text/plain")(environ, start_response)
        response = send_file(path, environ)
        # Pages of this machine on another port show them.
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response(environ, start_response)

    return application


def bind(host: str, port: int) -> socket.socket:
    """Take a port, 0 for any free one, without listening yet.

    Raises:
        OSError: the port is taken.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def serve(functions: Iterable[Function], project: str, host: str, port: int) -> BaseWSGIServer:
    """Bind a threaded HTTP/1.1 server of HTTPS functions and triggers; the caller runs `serve_forever()`.

    Raises:
        OSError: the port is taken.
    """
    functions = list(functions)
    with bind(host, port) as listener:
        return FunctionsServer(listener, application(functions, project), names_of(functions, project))


def names_of(functions: Iterable[Function], project: str) -> dict[str, str]:
    """Return readable names of functions and queues by path."""
    functions = list(functions)
    queues = {
        f"/{function.queue_name(project)}/tasks": f"queue {function.name}" for function in functions if function.queue
    }
    return queues | {function.path(project): function.name for function in functions}


class FunctionsServer(ThreadedWSGIServer):
    """A threaded HTTP/1.1 server on a socket that is bound already and outlives it.

    Args:
        listener: the socket; calls wait in its backlog until they are served.
        application: answers calls.
        names: of functions by path, for the log.
    """

    def __init__(self, listener: socket.socket, application: WSGIApplication, names: Mapping[str, str]) -> None:
        listener.listen(_LISTEN_BACKLOG)
        host, port = listener.getsockname()[:2]
        super().__init__(host, port, application, _Handler, fd=listener.fileno())
        self._names = names
        self._changed = threading.Condition()
        self._open_calls = 0

    def drain(self, seconds: float) -> None:
        """Stop accepting calls, and wait up to `seconds` for the open ones."""
        self.shutdown()
        time.sleep(_FIRST_BYTES_SECONDS)
        with self._changed:
            self._changed.wait_for(lambda: not self._open_calls, seconds)

    def count_open_calls(self, change: int) -> None:
        """Count calls that began or ended."""
        with self._changed:
            self._open_calls += change
            self._changed.notify_all()

    def name_of(self, path: str) -> str:
        """Return the readable name of a path."""
        prefix = "/".join(path.split("/", 4)[:4])
        return self._names.get(path) or self._names.get(prefix, prefix) + path[len(prefix) :]


class _Handler(WSGIRequestHandler):
    # Clients may send a body in chunks.
    protocol_version = "HTTP/1.1"
    timeout = 60
    server: FunctionsServer
    _is_open = False
    _started = 0.0

    def parse_request(self) -> bool:
        # Not earlier, since browsers open spare connections that they may never use.
        if not self._is_open:
            self._is_open = True
            self.server.count_open_calls(1)
        return super().parse_request()

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            if self._is_open:
                self.server.count_open_calls(-1)

    def run_wsgi(self) -> None:
        self._started = time.perf_counter()
        super().run_wsgi()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        milliseconds = (time.perf_counter() - self._started) * 1000
        # A request that cannot be read has neither a path nor headers.
        name = self.server.name_of(vars(self).get("path", "").partition("?")[0])
        log.write("INFO", f"{self._caller()} {name} {int(code)} {milliseconds:.0f} ms")

    def log(self, type: str, message: str, *args: Any) -> None:
        log.write("ERROR" if type == "error" else "INFO", message % args if args else message)

    def _caller(self) -> str:
        """Return the kind of call: a task, a schedule or an HTTP method."""
        headers = vars(self).get("headers", {})
        if "X-CloudTasks-TaskName" in headers:
            retries = headers.get("X-CloudTasks-TaskRetryCount", "0")
            return f"task {headers['X-CloudTasks-TaskName'][:32]} retry {retries}"
        return "schedule" if "X-CloudScheduler-JobName" in headers else str(self.command)


def _application_of(function: Function) -> WSGIApplication:
    # Built at the first call: most hosts, above all those of tests, call few of their functions.
    @cache
    def app() -> flask.Flask:
        app = flask.Flask(function.name, static_folder=None)
        app.url_map.merge_slashes = False
        # No methods: the function decides which are allowed.
        app.url_map.add(Rule("/", defaults={"path": ""}, endpoint="call"))
        app.url_map.add(Rule("/<path:path>", endpoint="call"))
        app.view_functions["call"] = lambda path: function.call(flask.request._get_current_object())  # type: ignore[attr-defined]
        return app

    def at_root(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return app()(environ | {"PATH_INFO": environ["PATH_INFO"] or "/"}, start_response)

    return at_root


def _absent(functions: Iterable[Function], project: str) -> WSGIApplication:
    valid = ", ".join(function.id for function in functions)
    triggers = f"/functions/projects/{project}/triggers/"

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        parts = path.split("/")
        if path.startswith(triggers) and method == "POST":
            absent = path.removeprefix(triggers)
        elif parts[1] == project and len(parts) > 3:
            absent = f"{parts[2]}-{parts[3]}"
        else:
            return flask.Response("Not Found", 404, mimetype="text/plain")(environ, start_response)
        text = f"Function {absent} does not exist, valid functions are: {valid}"
        return flask.Response(text, 404, mimetype="text/plain")(environ, start_response)

    return answer
