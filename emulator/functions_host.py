"""Owns serving the functions of a `main.py` at the URLs of Firebase's functions emulator, in one process.

Knows nothing of what the functions do, only the endpoint that the Firebase SDK leaves on each.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.routing import Rule
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from emulator import lifeline

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

DEFAULT_REGION = "us-central1"


@dataclass(frozen=True)
class Function:
    """A function as Firebase discovers it: its wire name, its region, and whether a schedule triggers it."""

    name: str
    region: str
    is_scheduled: bool
    call: Callable[[flask.Request], flask.typing.ResponseReturnValue]

    def path(self, project: str) -> str:
        """Return the path under which Firebase's emulator serves it."""
        if self.is_scheduled:
            return f"/functions/projects/{project}/triggers/{self.region}-{self.name}-0"
        return f"/{project}/{self.region}/{self.name}"


def set_environment(environment: dict[str, str], project: str, firestore_host: str) -> None:
    """Give the functions the environment that Firebase's emulator gives them."""
    environment["FUNCTIONS_EMULATOR"] = "true"
    environment["GCLOUD_PROJECT"] = project
    environment["FIREBASE_CONFIG"] = json.dumps({"projectId": project})
    environment["FIRESTORE_EMULATOR_HOST"] = firestore_host
    # Where a proxy is set, gRPC would ask it for this machine's own addresses.
    environment["no_grpc_proxy"] = firestore_host.partition(":")[0]


def discover(source: Path) -> list[Function]:
    """Import `main.py` of a folder and return the functions that carry Firebase's endpoint, by name."""
    sys.path.insert(0, str(source.resolve()))
    module = importlib.import_module("main")
    functions = []
    for name, value in sorted(vars(module).items()):
        endpoint = getattr(value, "__firebase_endpoint__", None)
        if endpoint is not None:
            region = (endpoint.region or [DEFAULT_REGION])[0]
            functions.append(Function(name, str(region), endpoint.scheduleTrigger is not None, value))
    return functions


def application(functions: Iterable[Function], project: str) -> WSGIApplication:
    """Mount each function at its path; each sees that path as its own root, as it does when deployed.

    A scheduled one is fired by POST at its very path, and is not there for anything else.
    """
    mounts = {function.path(project): _application_of(function) for function in functions}
    triggers = {function.path(project) for function in functions if function.is_scheduled}
    names = ", ".join(f"{function.region}-{function.name}" for function in functions)

    def absent(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        text = f"There is no function at {environ['PATH_INFO']}; valid functions are: {names}\n"
        return flask.Response(text, 404, mimetype="text/plain")(environ, start_response)

    dispatch = DispatcherMiddleware(absent, mounts)

    def route(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        is_trigger = any(path.startswith(trigger) for trigger in triggers)
        if is_trigger and not (environ["REQUEST_METHOD"] == "POST" and path in triggers):
            return absent(environ, start_response)
        return dispatch(environ, start_response)

    return route


def serve(functions: Iterable[Function], project: str, host: str, port: int) -> BaseWSGIServer:
    """Bind a threaded HTTP/1.1 server; the caller runs `serve_forever()`.

    Raises:
        OSError: the port is taken.
    """
    return make_server(host, port, application(functions, project), threaded=True, request_handler=_Handler)


def _application_of(function: Function) -> WSGIApplication:
    app = flask.Flask(function.name, static_folder=None)
    app.url_map.merge_slashes = False
    # No methods: which are allowed is the function's to say.
    app.url_map.add(Rule("/", defaults={"path": ""}, endpoint="call"))
    app.url_map.add(Rule("/<path:path>", endpoint="call"))
    app.view_functions["call"] = lambda path: function.call(flask.request._get_current_object())  # type: ignore[attr-defined]

    def at_root(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return app(environ | {"PATH_INFO": environ["PATH_INFO"] or "/"}, start_response)

    return at_root


class _Handler(WSGIRequestHandler):
    # Clients may send a body in chunks.
    protocol_version = "HTTP/1.1"
    timeout = 60
    _started = 0.0

    def run_wsgi(self) -> None:
        self._started = time.perf_counter()
        super().run_wsgi()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        milliseconds = (time.perf_counter() - self._started) * 1000
        path = self.path.partition("?")[0]
        print(f"{self.command} {path} {int(code)} {milliseconds:.0f} ms", flush=True)  # noqa: T201 - the host's log.


def main(arguments: list[str] | None = None, environment: Mapping[str, Any] = os.environ) -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m emulator.functions_host", description=__doc__)
    parser.add_argument("--source", type=Path, default=Path("functions"), help="the folder of main.py")
    parser.add_argument("--project", default="demo-imagegen")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5001)
    parser.add_argument("--firestore", default="127.0.0.1:8080", help="the address of Firestore")
    lifeline.add_option(parser)
    options = parser.parse_args(arguments)
    set_environment(os.environ, options.project, options.firestore)  # type: ignore[arg-type]
    try:
        server = serve(discover(options.source), options.project, options.host, options.port)
    except OSError as error:
        sys.exit(f"Port {options.port} is taken or not allowed ({error.strerror}); choose another with --port.")
    lifeline.hold(options)
    print(f"Functions ready on {options.host}:{server.port}", flush=True)  # noqa: T201
    server.serve_forever()


if __name__ == "__main__":
    main()
