"""Owns signing in as any account without a secret: the calls of Firebase's Auth emulator that this needs.

Must not know the functions. The tokens are unsigned, as the emulator's are: only programs and pages of this machine may
ask for one, and where they are taken, pages of other origins may not call.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from embedded_firebase.local_only import local_only

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MOUNTS = ("/identitytoolkit.googleapis.com", "/securetoken.googleapis.com")
_VALID_SECONDS = 3600
_MAX_ID_CHARACTERS = 128
_MAX_BODY_BYTES = 10_000


def sign_in(project: str, address: str) -> WSGIApplication:
    """Answer `signInWithPassword`, `token` and `lookup`, whose account is any.

    The email is the account's id, and the password names the claims that are true in its tokens, such as `admin`.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = _MAX_BODY_BYTES
        response = Response(status=204) if request.method == "OPTIONS" else _answer(project, request)
        # Pages of other origins have been refused; those of this machine may be on another port.
        response.headers["Access-Control-Allow-Origin"] = request.headers.get("Origin", "null")
        response.headers["Access-Control-Allow-Headers"] = "content-type"
        response.headers["Vary"] = "Origin"
        return response(environ, start_response)

    return local_only(answer, address)


def _answer(project: str, request: Request) -> Response:
    given = request.get_json(silent=True) if request.method == "POST" else None
    given = given if isinstance(given, dict) else {}
    try:
        if request.path.endswith("/accounts:signInWithPassword"):
            return _json(_signed_in(project, str(given["email"]), str(given["password"]).split()))
        if request.path.endswith("/accounts:lookup"):
            return _json({"users": [{"localId": str(uid)} for uid in given["localId"]]})
        if request.path.endswith("/token"):
            renewed = _signed_in(project, *json.loads(given["refresh_token"]))
            names = {"idToken": "id_token", "refreshToken": "refresh_token", "expiresIn": "expires_in"}
            return _json({names[name]: value for name, value in renewed.items() if name in names})
    except (KeyError, TypeError, ValueError):
        return _json({"error": {"code": 400, "message": "INVALID_EMAIL"}}, 400)
    return _json({"error": {"code": 404, "message": "NOT_FOUND"}}, 404)


def _signed_in(project: str, uid: str, claims: list[str]) -> dict[str, str]:
    if not 1 <= len(uid) <= _MAX_ID_CHARACTERS:
        raise ValueError("no id of an account")
    now = int(time.time())
    payload = {
        **dict.fromkeys(claims, True),
        "iss": f"https://securetoken.google.com/{project}",
        "aud": project,
        "sub": uid,
        "user_id": uid,
        "auth_time": now,
        "iat": now,
        "exp": now + _VALID_SECONDS,
        "firebase": {"sign_in_provider": "password", "identities": {}},
    }
    token = f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(payload)}."
    issued = {"idToken": token, "refreshToken": json.dumps([uid, claims]), "expiresIn": str(_VALID_SECONDS)}
    return issued | {"localId": uid, "email": uid}


def _part(content: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def _json(content: Mapping[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(content), status, mimetype="application/json", headers={"Cache-Control": "no-store"})
