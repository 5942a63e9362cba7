"""Owns who may use a server of this machine over HTTP: programs and pages of this machine.

Knows nothing of what is served. A page from elsewhere is known by its Origin; one that has made its own name lead to
this machine (DNS rebinding), so that its browser takes the server for that page's own, by the Host.
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
    """Refuse calls by a name that is neither this machine's nor the address served, and pages from elsewhere.

    With `any_origin` pages from elsewhere may call, since those who call say who they are.
    """
    served = re.escape(f"[{address}]" if ":" in address else address)
    hosts = re.compile(rf"{LOCAL_HOST.pattern}|{served}(:\d+)?", re.ASCII | re.IGNORECASE)

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host, origin = environ.get("HTTP_HOST"), environ.get("HTTP_ORIGIN")
        if host is not None and not hosts.fullmatch(host):
            message = f"{host[:200]!r} is no name of this machine; call localhost or 127.0.0.1."
        elif origin is not None and not any_origin and not hosts.fullmatch(re.sub("^https?://", "", origin)):
            message = f"Pages of {origin[:200]!r} may not use this machine's emulators."
        else:
            return application(environ, start_response)
        content = {"error": {"code": 403, "status": "PERMISSION_DENIED", "message": message}}
        return Response(json.dumps(content), 403, mimetype="application/json")(environ, start_response)

    return answer
