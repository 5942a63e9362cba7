"""Owns sending one message over HTTPS, and only to public addresses (SSRF).

Must not know what it says, how it is signed, nor retries.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from typing import Protocol

from imagegen.kit import urls
from imagegen.kit.timeouts import call_within

_MAX_RESPONSE_BYTES = 1024


class WebhookRefused(Exception):
    """A permanent failure: a retry would not help. `status` is the HTTP status, if there is one."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class WebhookFailed(Exception):
    """A transient failure, or an unknown outcome: a retry may help. `status` is the HTTP status, if there is one."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class WebhookTimeout(WebhookFailed):
    """There was no answer within the time limit."""


class WebhookSender(Protocol):
    """Delivers messages to webhook URLs."""

    def send(self, url: str, headers: Mapping[str, str], body: bytes, time_limit_seconds: float) -> int:
        """Send one message; return the HTTP status, which is a success.

        Raises:
            WebhookRefused: it was not received; a retry would not help.
            WebhookFailed: it may not have been received; a retry may help.
            WebhookTimeout: as above, because there was no answer within the time limit.
        """


class HttpWebhookSender:
    """Sends over HTTPS to public addresses; with `allow_loopback`, for development, also over HTTP to loopback."""

    def __init__(self, *, allow_loopback: bool) -> None:
        self._allow_loopback = allow_loopback

    def send(self, url: str, headers: Mapping[str, str], body: bytes, time_limit_seconds: float) -> int:
        """Resolve the host once, check all its addresses, and connect to a checked one (DNS rebinding, SSRF)."""
        deadline = time.monotonic() + time_limit_seconds
        sockets: list[socket.socket] = []
        try:
            status = call_within(time_limit_seconds, lambda: self._post(url, headers, body, deadline, sockets))
        except (WebhookRefused, WebhookFailed):
            raise
        except TimeoutError as error:
            raise WebhookTimeout(f"no answer within {time_limit_seconds:g} s") from error
        except Exception as error:  # Any error: an untrusted response can make the HTTP client fail in many ways.
            raise WebhookFailed(f"{type(error).__name__}") from error
        finally:
            # Each socket has a time-out per read, so that a server that sends byte by byte (slow loris) would keep the
            # thread alive: closing the socket ends it. Not the TLS socket's own shutdown(): it drops the encryption
            # while the other thread may still send.
            for sock in sockets:
                with suppress(OSError):
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)
        if status == 410:
            raise WebhookRefused("the receiver answered 410 Gone", status)
        # A redirect is a failure and is not followed: its target is not checked (SSRF).
        if not 200 <= status < 300:
            raise WebhookFailed(f"the receiver answered {status}", status)
        return status

    def _post(
        self, url: str, headers: Mapping[str, str], body: bytes, deadline: float, sockets: list[socket.socket]
    ) -> int:
        """Return the HTTP status; append the connection to `sockets`, so that `send` can close it at the deadline."""
        parts = urls.check(url)
        encrypted = parts.scheme == "https"
        host, port = parts.hostname or "", parts.port or (443 if encrypted else 80)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        with ExitStack() as opened:
            # Connects to the checked address: a second resolution could return another one (DNS rebinding, TOCTOU).
            address = self._address(host, port, encrypted=encrypted)
            seconds_left = max(deadline - time.monotonic(), 0.001)
            sock = opened.enter_context(socket.create_connection((address, port), seconds_left))
            tls = None
            if encrypted:
                context = ssl.create_default_context()
                tls = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
                sock = opened.enter_context(tls)
            sockets.append(sock)
            if time.monotonic() >= deadline:
                # `send` may have closed the sockets already, without this one.
                raise TimeoutError
            if tls is not None:
                tls.do_handshake()
            connection = http.client.HTTPConnection(host, port)
            connection.sock = sock
            named = {"Host": parts.netloc, "User-Agent": "imagegen-webhook/1", "Content-Type": "application/json"}
            connection.request("POST", target, body, {**headers, **named})
            with connection.getresponse() as response:
                response.read(_MAX_RESPONSE_BYTES)
                return response.status

    def _address(self, host: str, port: int, *, encrypted: bool) -> str:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise WebhookFailed(f"{host} cannot be resolved") from error
        addresses = [str(sockaddr[0]) for *_, sockaddr in found]
        if self._allow_loopback and all(map(urls.is_loopback, addresses)):
            return addresses[0]
        if not encrypted:
            raise WebhookRefused("the URL must be https")
        # All addresses must be public: a host with one private address is refused, independent of the order.
        if not addresses or not all(map(urls.is_public, addresses)):
            raise WebhookRefused(f"{host} resolves to an address that is not public")
        return addresses[0]
