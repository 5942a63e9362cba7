"""Owns authentication: the caller of a request by its `Authorization` header; must not know what the caller may do.

As in Google's emulator `Bearer owner` is an administrator, which is what the server client libraries send to an
emulator, and the signature of a user's token is not verified: tokens of the Auth emulator are unsigned.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from embedded_firebase.firestore.errors import Code, EmulatorError
from embedded_firebase.firestore.rules.syntax import NULL, Value, of_json, string

_OWNER = "owner"


def auth_of(authorization: str | None, now_seconds: float) -> Value | None:
    """Return `request.auth` of the rules: null when not signed in, None for an administrator, who bypasses the rules.

    Raises:
        EmulatorError: UNAUTHENTICATED for a token that cannot be read, has no subject or has expired.
    """
    if not authorization:
        return NULL
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise _refused("The Authorization header must be a bearer token.")
    if token == _OWNER:
        return None
    claims = _claims(token)
    uid, issued, expires = (claims.get(name) for name in ("sub", "iat", "exp"))
    if not isinstance(uid, str) or not uid:
        raise _refused("The token names no user in its claim sub.")
    # Mock tokens of SDKs are issued at 0. An expiry protects nothing here, but shows a developer a stale token.
    if issued != 0 and (isinstance(expires, bool) or not isinstance(expires, int | float) or not expires > now_seconds):
        raise _refused("The token has expired.")
    try:
        return {string("uid"): string(uid), string("token"): of_json(claims)}
    except (RecursionError, UnicodeEncodeError):
        raise _refused("The claims of the token cannot be read.") from None


def _claims(token: str) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != 3:
        raise _refused("The token is no JWT.")
    try:
        payload = parts[1] + "=" * (-len(parts[1]) % 4)
        claims = json.loads(base64.b64decode(payload, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        raise _refused("The claims of the token cannot be read.") from None
    if not isinstance(claims, dict):
        raise _refused("The claims of the token cannot be read.")
    return claims


def _refused(message: str) -> EmulatorError:
    return EmulatorError(Code.UNAUTHENTICATED, message)
