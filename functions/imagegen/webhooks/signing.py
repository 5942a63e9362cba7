"""Owns the secrets that sign webhooks, and the signatures (https://www.standardwebhooks.com, symmetric, v1).

Pure. Must not know who asks for a secret, nor what a message says.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime

from imagegen.webhooks.errors import WebhooksNotConfigured

_PREFIX = "whsec_"


@dataclass(frozen=True)
class Secrets:
    """The secrets of an account; the previous one, and its end, only while webhooks are signed with it as well."""

    version: int
    current: str = field(repr=False)
    previous: str | None = field(default=None, repr=False)
    previous_ends_at: datetime | None = None


def secret_of(master: str, user_id: str, version: int) -> str:
    """Return the secret of an account's version: `whsec_` and base64 of 32 bytes, derived by HMAC-SHA256.

    The master secret is the key of the derivation, so that no secret of an account tells another one, nor the master.

    Raises:
        WebhooksNotConfigured: the master secret is not `whsec_` and base64 of 24 to 64 bytes.
    """
    # The label keeps a derivation from being the signature of a message. Unambiguous: a version has no '/'.
    label = f"imagegen webhook secret/{version}/{user_id}"
    return _PREFIX + base64.b64encode(_hmac(_key(master), label.encode())).decode()


def signed_headers(secrets: Secrets, message_id: str, sent_at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers of a message; during a rotation it has two signatures, separated by a space."""
    timestamp = str(int(sent_at.timestamp()))
    content = f"{message_id}.{timestamp}.".encode() + body
    signing = [secret for secret in (secrets.current, secrets.previous) if secret is not None]
    signatures = [base64.b64encode(_hmac(_key(secret), content)).decode() for secret in signing]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def _key(secret: str) -> bytes:
    # Stripped: a secret that was set from a file often ends with a newline.
    secret = secret.strip()
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_PREFIX) or not 24 <= len(key) <= 64:
        raise WebhooksNotConfigured
    return key


def _hmac(key: bytes, content: bytes) -> bytes:
    return hmac.new(key, content, hashlib.sha256).digest()
