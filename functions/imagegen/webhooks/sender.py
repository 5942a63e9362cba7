"""Owns sending a webhook: signed as the Standard Webhooks say, to a public address alone, once.

Knows nothing of generations nor of when to send again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import http.client
import socket
import ssl
import time
from contextlib import ExitStack, suppress
from datetime import datetime
from typing import Protocol

from imagegen.kit import urls
from imagegen.kit.timeouts import call_within

_SECRET_PREFIX = "whsec_"  # noqa: S105 - the mark of a secret, which is none.
_MOST_ANSWERED_BYTES = 1024


class WebhookRefused(Exception):
    """It cannot be sent there, however often it is tried."""


class WebhookFailed(Exception):
    """It was not, or not surely, received."""


class WebhookSender(Protocol):
    """What calls those who want to be told."""

    def send(self, url: str, message_id: str, sent_at: datetime, body: bytes) -> None:
        """Send one message.

        Raises:
            WebhookRefused, WebhookFailed: it was not received.
        """


class NoWebhookSender:
    """The sender of a world that has none."""

    def send(self, url: str, message_id: str, sent_at: datetime, body: bytes) -> None:
        """Refuse."""
        raise WebhookRefused("webhooks are not set up here")


def sign(secret: str, message_id: str, sent_at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers of a message (https://www.standardwebhooks.com, symmetric signature v1).

    Raises:
        WebhookFailed: the secret is not `whsec_` and base64 of 24 to 64 bytes, which an operator may mend in time.
    """
    try:
        key = base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(_SECRET_PREFIX) or not 24 <= len(key) <= 64:
        raise WebhookFailed("WEBHOOK_SECRET must be 'whsec_' and base64 of 24 to 64 bytes")
    timestamp = str(int(sent_at.timestamp()))
    signed = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": f"v1,{signature}"}


class HttpWebhookSender:
    """Sends over HTTPS to public addresses; with `allow_loopback` also over HTTP to this machine, for development."""

    def __init__(self, secret: str, *, allow_loopback: bool, time_limit_seconds: float) -> None:
        self._secret = secret
        self._allow_loopback = allow_loopback
        self._time_limit_seconds = time_limit_seconds

    def send(self, url: str, message_id: str, sent_at: datetime, body: bytes) -> None:
        """Resolve the name, look at every address, and send to one of those that were looked at, never elsewhere."""
        headers = sign(self._secret, message_id, sent_at, body) | {"Content-Type": "application/json"}
        deadline = time.monotonic() + self._time_limit_seconds
        lines: list[socket.socket] = []
        try:
            status = call_within(self._time_limit_seconds, lambda: self._post(url, headers, body, deadline, lines))
        except (WebhookRefused, WebhookFailed):
            raise
        except Exception as error:  # Of whatever kind: what strangers answer may break whatever reads it.
            raise WebhookFailed(f"{type(error).__name__}") from error
        finally:
            # What sends a byte now and then is never waited for too long, and would never end. Not TLS's own shutdown,
            # which takes the encryption away first, while the other thread may still be sending.
            for line in lines:
                with suppress(OSError):
                    socket.socket.shutdown(line, socket.SHUT_RDWR)
        if status == 410:
            raise WebhookRefused("it answered 410 Gone")
        # A redirect could lead anywhere.
        if not 200 <= status < 300:
            raise WebhookFailed(f"it answered {status}")

    def _post(self, url: str, headers: dict[str, str], body: bytes, deadline: float, lines: list[socket.socket]) -> int:
        """Return the status; the connection is put into `lines` for whoever ends it at the deadline."""
        parts = urls.check(url)
        encrypted = parts.scheme == "https"
        host, port = parts.hostname or "", parts.port or (443 if encrypted else 80)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        with ExitStack() as opened:
            # To the very address that was looked at: asked again, the name could lead elsewhere.
            address = self._address(host, port, encrypted=encrypted)
            line = opened.enter_context(socket.create_connection((address, port), self._time_limit_seconds))
            tls = None
            if encrypted:
                context = ssl.create_default_context()
                tls = context.wrap_socket(line, server_hostname=host, do_handshake_on_connect=False)
                line = opened.enter_context(tls)
            lines.append(line)
            if time.monotonic() >= deadline:
                # Nobody may be there any more to end it.
                raise TimeoutError
            if tls is not None:
                tls.do_handshake()
            connection = http.client.HTTPConnection(host, port)
            connection.sock = line
            named = {"Host": parts.netloc, "User-Agent": "imagegen-webhook/1"}
            connection.request("POST", target, body, headers | named)
            with connection.getresponse() as response:
                response.read(_MOST_ANSWERED_BYTES)
                return response.status

    def _address(self, host: str, port: int, *, encrypted: bool) -> str:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise WebhookFailed(f"{host} has no address") from error
        addresses = [str(sockaddr[0]) for *_, sockaddr in found]
        if self._allow_loopback and all(map(urls.is_loopback, addresses)):
            return addresses[0]
        if not encrypted:
            raise WebhookRefused("it must be https")
        # All of them, since which one is taken must not be a matter of luck.
        if not addresses or not all(map(urls.is_public, addresses)):
            raise WebhookRefused(f"{host} leads to an address that is not public")
        return addresses[0]
