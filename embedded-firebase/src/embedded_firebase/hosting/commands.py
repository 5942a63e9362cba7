"""Owns running the modules of a project for pages of this machine, one run at a time; must not know what they do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from embedded_firebase.local_only import LOCAL_ORIGIN

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_MAX_SECONDS = 300


def run(module: str, environment: Mapping[str, str]) -> WSGIApplication:
    """Run a Python module at a POST and answer `{exitCode, output}` when it has ended.

    Pages of other origins are refused (CSRF), and so is a second call while the first one runs.
    """
    running = threading.Lock()

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        if request.method != "POST":
            return Response(status=405, headers={"Allow": "POST"})(environ, start_response)
        if not LOCAL_ORIGIN.fullmatch(request.headers.get("Origin", "http://localhost")):
            return Response("Forbidden", 403)(environ, start_response)
        if not running.acquire(blocking=False):
            return Response("It is running.", 409)(environ, start_response)
        try:
            finished = subprocess.run(
                [sys.executable, "-m", module],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_MAX_SECONDS,
                check=False,
            )
        finally:
            running.release()
        text = json.dumps({"exitCode": finished.returncode, "output": finished.stdout + finished.stderr})
        return Response(text, mimetype="application/json")(environ, start_response)

    return answer
