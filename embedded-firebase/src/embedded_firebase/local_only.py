"""Owns who may use a local server over HTTP, programs and pages of this machine; must not know what is served.

The Origin header identifies pages of other sites (CSRF), the Host header those that made their own name resolve to this
machine to pass as same-origin (DNS rebinding).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_NAMES = r"localhost|[\w.-]+\.localhost|127(\.\d+){3}|\[::1\]"
LOCAL_HOST = re.compile(rf"({_NAMES})(:\d+)?", re.ASCII | re.IGNORECASE)
LOCAL_ORIGIN = re.compile(rf"https?://{LOCAL_HOST.pattern}", re.ASCII | re.IGNORECASE)


def local_only(application: WSGIApplication, address: str, *, any_origin: bool = False) -> WSGIApplication:
    """Refuse calls with a Host other than this machine or the served address, and pages of other origins.

    With `any_origin` pages of other origins may call, because callers authenticate.
    """
    served = re.escape(f"[{address}]" if ":" in address else address)
    hosts = re.compile(rf"{LOCAL_HOST.pattern}|{served}(:\d+)?", re.ASCII | re.IGNORECASE)

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host, origin = environ.get("HTTP_HOST"), environ.get("HTTP_ORIGIN")
        if host is not None and not hosts.fullmatch(host):
            message = f"{host[:200]!r} is not a name of this machine; call localhost or 127.0.0.1."
        elif origin is not None and not any_origin and not hosts.fullmatch(re.sub("^https?://", "", origin)):
            message = f"Pages of {origin[:200]!r} may not use this machine's emulators."
        else:
            return application(environ, start_response)
        content = {"error": {"code": 403, "status": "PERMISSION_DENIED", "message": message}}
        return Response(json.dumps(content), 403, mimetype="application/json")(environ, start_response)

    return answer
