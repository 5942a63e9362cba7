"""Owns who a caller is, as Firebase's tokens say it; firebase-admin verifies them.

Knows nothing of what a caller may do with which function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import google.auth.credentials
import google.auth.exceptions
import jwt
from firebase_admin import app_check, auth, credentials

from imagegen.config import Settings
from imagegen.firebase import apps
from imagegen.kit import log
from imagegen.kit.errors import Unauthenticated, Unavailable


@dataclass(frozen=True)
class Caller:
    """Who calls: the account of this uid, an administrator, or both; neither where nobody signed in."""

    uid: str | None
    is_admin: bool = False

    def may_act_for(self, user_id: str) -> bool:
        """Tell whether an account is the caller's to use."""
        return self.is_admin or self.uid == user_id


NOBODY = Caller(None)
# Where nobody is asked who they are, everybody may do everything.
EVERYBODY = Caller(None, is_admin=True)


def identify(authorization: str | None, settings: Settings) -> Caller:
    """Return who sent a request with this Authorization header; `NOBODY` where there is none.

    Raises:
        Unauthenticated: the ID token is not valid.
        Unavailable: the keys to verify it with could not be had.
    """
    if not settings.require_auth:
        return EVERYBODY
    if authorization is None:
        return NOBODY
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated("Send 'Authorization: Bearer' with a Firebase ID token.")
    try:
        claims = auth.verify_id_token(token.strip(), app=_app())  # type: ignore[no-untyped-call]
    except (auth.CertificateFetchError, google.auth.exceptions.TransportError) as error:
        log.error(f"the keys of ID tokens could not be fetched: {type(error).__name__}")
        raise Unavailable from None
    except auth.ExpiredIdTokenError:
        raise Unauthenticated("The ID token has expired; get a new one.") from None
    except Exception:  # Of any kind: a token that breaks its verification lets nobody in.
        # Not said why: the text of the error may hold parts of the token.
        raise Unauthenticated("The ID token is not valid.") from None
    return Caller(claims["uid"], claims.get("admin") is True)


def check_app(token: str | None, settings: Settings) -> None:
    """Make sure that an app of the project sent a request with this App Check token, where the settings ask for that.

    Raises:
        Unauthenticated: there is no valid App Check token.
        Unavailable: the keys to verify it with could not be had.
    """
    if not settings.require_app_check:
        return
    try:
        app_check.verify_token(token or "", app=_app())
    except jwt.PyJWKClientConnectionError as error:
        log.error(f"the keys of App Check could not be fetched: {type(error).__name__}")
        raise Unavailable from None
    except Exception:  # As above.
        raise Unauthenticated("Send 'X-Firebase-AppCheck' with a valid App Check token.") from None


class _NoCredentials(credentials.Base):
    """Verifying tokens takes no rights of one's own, so that it works where there are none to be had."""

    def get_credential(self) -> Any:
        return google.auth.credentials.AnonymousCredentials()  # type: ignore[no-untyped-call]


def _app() -> Any:
    return apps.app("identity", _NoCredentials())
