"""Owns HTTP/1.1 on one connection: its requests one after another, and their deadlines; must not know what they ask.

werkzeug's own handler closes each connection after one answer, and its timeout starts anew with every byte, so that a
client that drips keeps its connection for ever.
"""

from __future__ import annotations

import io
import json
import logging
import re
import socket
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol, cast

from werkzeug.serving import WSGIRequestHandler

from embedded_firebase.firestore.errors import Code, EmulatorError
from embedded_firebase.firestore.http.answers import error_content
from embedded_firebase.firestore.http.application import MAX_BODY_BYTES

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_LOGGER = logging.getLogger(__name__)
# How long a connection may be kept without a request, how long a request may take to arrive, and an answer to be taken.
IDLE_SECONDS = 30
REQUEST_SECONDS = 30.0
_ANSWER_SECONDS = 30.0
_DRAIN_SECONDS = 5.0
_CHUNK_BYTES = 64 * 1024


class KeepAlive(Protocol):
    """The part of the server that a connection needs."""

    def may_keep(self) -> bool:
        """Tell whether a connection may stay open for a next request."""


class Connection(WSGIRequestHandler):
    """One connection of HTTP."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Read with a deadline in place of a timeout for each byte."""
        super().setup()
        self.rfile.close()
        self._incoming = _Incoming(self.connection)
        self.rfile = self._reader = io.BufferedReader(self._incoming, _CHUNK_BYTES)

    def handle_one_request(self) -> None:
        """Wait for a request and answer it."""
        self._incoming.ends_in(IDLE_SECONDS)
        if not self._reader.peek(1):
            self.close_connection = True
            return
        self._incoming.ends_in(REQUEST_SECONDS)
        super().handle_one_request()

    def run_wsgi(self) -> None:
        """Answer the request whose headers have been read."""
        environ = self.make_environ()
        try:
            self._read_body(environ)
        except TimeoutError:
            self.close_connection = True
            self.connection.sendall(_answer(HTTPStatus.REQUEST_TIMEOUT, Code.DEADLINE_EXCEEDED, "The request is late."))
            drain(self.connection)
            return
        self.connection.settimeout(_ANSWER_SECONDS)
        started: list[Any] = []
        parts = self.server.app(environ, cast("Callable[..., Any]", lambda *arguments: started.extend(arguments)))
        try:
            self._send(started[0], started[1], parts)
        finally:
            if hasattr(parts, "close"):
                parts.close()
        if self.close_connection:
            drain(self.connection)

    def _read_body(self, environ: WSGIEnvironment) -> None:
        """Read the body. One of unknown or too great a length is left unread, and the connection is closed."""
        given = self.headers.get_all("Content-Length", ["0"])
        length = int(given[0]) if re.fullmatch("[0-9]{1,10}", given[0]) else MAX_BODY_BYTES + 1
        if "Transfer-Encoding" in self.headers or len(given) > 1 or length > MAX_BODY_BYTES:
            self.close_connection = True
            return
        body = self._reader.read(length)
        self.close_connection |= len(body) < length
        environ["wsgi.input"] = io.BytesIO(body)

    def _send(self, status: str, headers: list[tuple[str, str]], parts: Iterable[bytes]) -> None:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        has_body = self.command != "HEAD" and int(code) not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
        chunked = has_body and "content-length" not in {name.lower() for name, _ in headers}
        if chunked and self.request_version < "HTTP/1.1":
            chunked, self.close_connection = False, True
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        if self.close_connection or not cast(KeepAlive, self.server).may_keep():
            self.send_header("Connection", "close")
        else:
            self.send_header("Keep-Alive", f"timeout={IDLE_SECONDS}")
        self.end_headers()
        for part in parts if has_body else ():
            if part:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def log(self, type: str, message: str, *args: Any) -> None:
        """Log with the logger of this module."""
        _LOGGER.debug(message, *args)


def refuse(connection: socket.socket) -> None:
    """Answer that there are too many connections; for a client that speaks HTTP."""
    connection.settimeout(_DRAIN_SECONDS)
    message = "The server has too many HTTP connections; try again."
    connection.sendall(_answer(HTTPStatus.SERVICE_UNAVAILABLE, Code.UNAVAILABLE, message, "Retry-After: 1"))
    drain(connection)


def drain(connection: socket.socket) -> None:
    """Read for a while what a client still sends: closing before would reset the connection and lose the answer."""
    incoming = _Incoming(connection)
    incoming.ends_in(_DRAIN_SECONDS)
    connection.shutdown(socket.SHUT_WR)
    rest = bytearray(_CHUNK_BYTES)
    while incoming.readinto(rest):
        pass


class _Incoming(io.RawIOBase):
    """The bytes that a client sends, up to a deadline."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._deadline = 0.0

    def ends_in(self, seconds: float) -> None:
        """Set the deadline."""
        self._deadline = time.monotonic() + seconds

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there, or wait for it.

        Raises:
            TimeoutError: when the deadline has passed.
        """
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("The request is late.")
        self._connection.settimeout(remaining)
        return self._connection.recv_into(buffer)


def _answer(status: HTTPStatus, code: Code, message: str, *headers: str) -> bytes:
    """Return a whole answer with an error, after which the connection is closed."""
    content = json.dumps(error_content(EmulatorError(code, message), status)).encode()
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", "Content-Type: application/json", "Connection: close"]
    lines += [f"Content-Length: {len(content)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + content
