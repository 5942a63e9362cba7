"""Owns the shared port of gRPC and HTTP; must not know what a connection carries beyond its first four bytes.

Every HTTP/2 connection starts with the same preface. Such a connection is proxied to the gRPC server byte by byte; any
other is answered as HTTP/1.1 here. See docs/decisions/0004-one-port.md.
"""

from __future__ import annotations

import logging
import socket
import threading
from typing import TYPE_CHECKING, Any

from werkzeug.serving import ThreadedWSGIServer

from embedded_firebase.firestore.http.connection import Connection, refuse

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_LOGGER = logging.getLogger(__name__)
# The first bytes of the preface `PRI * HTTP/2.0`; no method of HTTP/1.1 starts with them.
_HTTP2 = b"PRI "
# Clients of both protocols send first.
_FIRST_BYTES_SECONDS = 10.0
# A process has 1,024 file descriptors by default; a gRPC connection takes three, an HTTP connection one. The lower
# limit of HTTP keeps many slow HTTP connections from starving gRPC.
MAX_CONNECTIONS = 256
MAX_HTTP_CONNECTIONS = 128
_CHUNK_BYTES = 64 * 1024
_STOP_SECONDS = 5.0


class Front(ThreadedWSGIServer):
    """A listener with a thread for each connection.

    Args:
        host: the address to listen on.
        port: the port, 0 for any free one; `port` tells which.
        application: answers HTTP.
        grpc_address: the gRPC server, a Unix socket or a host and port.

    Raises:
        OSError: when the port is taken.
    """

    def __init__(self, host: str, port: int, application: WSGIApplication, grpc_address: str | tuple[str, int]) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host.strip("[]"), port), family=family, backlog=128) as listener:
            super().__init__(host, listener.getsockname()[1], application, Connection, fd=listener.fileno())
        self._grpc_address = grpc_address
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()
        self._stopping = False
        self._http_connections = 0
        self._acceptor = threading.Thread(target=self.serve_forever, args=(0.05,), name="front", daemon=True)

    def start(self) -> None:
        """Serve in background threads."""
        self._acceptor.start()

    def stop(self) -> None:
        """Stop at once and end every connection."""
        self._stopping = True
        self.shutdown()
        self._acceptor.join()
        with self._changed:
            for connection in self._open:
                _end(connection)
            self._changed.wait_for(lambda: not self._open, _STOP_SECONDS)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Accept a connection, unless there are too many."""
        with self._changed:
            if self._stopping or len(self._open) >= MAX_CONNECTIONS:
                return False
            self._open.add(request)
        return True

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection to its end."""
        if _speaks_http2(request):
            self._pass_on(request)
            return
        with self._changed:
            is_free = self._http_connections < MAX_HTTP_CONNECTIONS
            self._http_connections += is_free
        if not is_free:
            refuse(request)
            return
        try:
            super().finish_request(request, client_address)
        finally:
            with self._changed:
                self._http_connections -= 1

    def may_keep(self) -> bool:
        """Tell whether a connection of HTTP may stay open for a next request: while half of them are free."""
        return self._http_connections * 2 <= MAX_HTTP_CONNECTIONS

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        super().shutdown_request(request)
        with self._changed:
            self._open.discard(request)
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log the failure of a connection; others are not affected."""
        _LOGGER.debug("The connection of %s failed.", client_address, exc_info=True)

    def _pass_on(self, client: socket.socket) -> None:
        client.settimeout(None)
        with socket.socket(socket.AF_UNIX if isinstance(self._grpc_address, str) else socket.AF_INET) as server:
            server.connect(self._grpc_address)
            for connection in (client, server):
                if connection.family != socket.AF_UNIX:
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            answers = threading.Thread(target=_copy, args=(server, client), name="front-answers", daemon=True)
            answers.start()
            _copy(client, server)
            answers.join()


def _speaks_http2(connection: socket.socket) -> bool:
    """Peek at the first bytes of a connection.

    Raises:
        TimeoutError: when they do not come.
    """
    connection.settimeout(_FIRST_BYTES_SECONDS)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, len(_HTTP2))
    first = connection.recv(len(_HTTP2), socket.MSG_PEEK)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
    return first == _HTTP2


def _copy(source: socket.socket, sink: socket.socket) -> None:
    """Copy until one side closes, then close both: HTTP/2 has no half-closed connections."""
    chunk = bytearray(_CHUNK_BYTES)
    view = memoryview(chunk)
    try:
        while count := source.recv_into(chunk):
            sink.sendall(view[:count])
    except OSError as error:
        _LOGGER.debug("A connection broke: %s", error)
    finally:
        _end(source)
        _end(sink)


def _end(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # It is closed already.
        return
