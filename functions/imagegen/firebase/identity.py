"""Owns the authentication of callers: firebase-admin verifies ID tokens and App Check tokens.

Must not know which function a caller may use.
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
from imagegen.kit.timeouts import call_within


@dataclass(frozen=True)
class Caller:
    """The caller: an account (its uid), an administrator, or both; neither if the caller is not signed in."""

    uid: str | None
    is_admin: bool = False

    def may_act_for(self, user_id: str | None) -> bool:
        """Return whether the caller may use an account; None is all of them, which only an administrator may use."""
        return self.is_admin or (user_id is not None and self.uid == user_id)

    def administrator_of(self, user_id: str) -> str | None:
        """Return the uid that a ledger entry keeps: of an administrator who acts for another account, else None."""
        return None if self.uid == user_id else self.uid


ANONYMOUS = Caller(None)
# Without authentication every caller may do everything.
UNRESTRICTED = Caller(None, is_admin=True)


def identify(authorization: str | None, settings: Settings) -> Caller:
    """Return the caller of a request with this Authorization header; `ANONYMOUS` without one.

    An administrator's account is looked up as well, because a token stays valid for up to an hour after it is revoked.

    Raises:
        Unauthenticated: the ID token is not valid, or is an administrator's and was revoked.
        Unavailable: the public keys that verify it could not be fetched, or the administrator could not be looked up.
    """
    if not settings.require_auth:
        return UNRESTRICTED
    if authorization is None:
        return ANONYMOUS
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated("Sign in: send 'Authorization: Bearer' with a Firebase ID token.")
    try:
        claims = auth.verify_id_token(token.strip(), app=_app())  # type: ignore[no-untyped-call]
        # A tenant of Identity Platform has uids and administrators of its own.
        if claims.get("firebase", {}).get("tenant") is not None:
            raise Unauthenticated("The ID token is not valid.")
    except (auth.CertificateFetchError, google.auth.exceptions.TransportError) as error:
        log.error(f"the public keys of ID tokens could not be fetched: {type(error).__name__}")
        raise Unavailable from None
    except auth.ExpiredIdTokenError:
        raise Unauthenticated("The ID token has expired; get a new one.") from None
    except Exception:  # Fail closed: any other error of the verification refuses the token.
        # The error's text is not logged or returned: it may contain parts of the token.
        raise Unauthenticated("The ID token is not valid.") from None
    is_admin = claims.get("admin") is True
    if is_admin:
        _check_revoked(token.strip(), settings.identity_time_limit_seconds)
    return Caller(claims["uid"], is_admin)


def _check_revoked(token: str, limit_seconds: float) -> None:
    """Look up the account of a verified token; this needs credentials, and takes one call of Google's.

    Raises:
        Unauthenticated: the token was revoked, or its account is disabled or deleted.
        Unavailable: the account could not be looked up.
    """

    def look_up() -> None:
        auth.verify_id_token(token, app=apps.app("administrators"), check_revoked=True)  # type: ignore[no-untyped-call]

    try:
        call_within(limit_seconds, look_up)
    except (auth.RevokedIdTokenError, auth.UserDisabledError, auth.UserNotFoundError):
        raise Unauthenticated("The ID token was revoked, or its account is disabled; sign in again.") from None
    except Exception as error:  # Fail closed. The text is not logged: it may contain parts of the token.
        log.error(
            f"an administrator's token could not be checked for revocation: {type(error).__name__}; "
            "the functions' service account needs roles/firebaseauth.viewer"
        )
        raise Unavailable from None


def check_app(token: str | None, settings: Settings) -> None:
    """Verify an App Check token, if the settings require one.

    Raises:
        Unauthenticated: there is no valid App Check token.
        Unavailable: the public keys that verify it could not be fetched.
    """
    if not settings.require_app_check:
        return
    try:
        app_check.verify_token(token or "", app=_app())
    except jwt.PyJWKClientConnectionError as error:
        log.error(f"the public keys of App Check could not be fetched: {type(error).__name__}")
        raise Unavailable from None
    except Exception:  # Fail closed, as above.
        raise Unauthenticated("Send 'X-Firebase-AppCheck' with a valid App Check token.") from None


class _NoCredentials(credentials.Base):
    """Anonymous credentials: verification needs only public keys, and must work without credentials."""

    def get_credential(self) -> Any:
        return google.auth.credentials.AnonymousCredentials()  # type: ignore[no-untyped-call]


def _app() -> Any:
    return apps.app("identity", _NoCredentials())
