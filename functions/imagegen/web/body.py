"""Owns reading the body of a call before its function runs: within bounds of memory and of time.

Must not know functions nor their errors. Works as a WSGI middleware of the functions framework, because the framework
itself reads what a function leaves of a body, at once and into memory, and some answers are its own (CORS, 404).
"""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flask import current_app, has_app_context
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import get_input_stream

from imagegen.config import BODY_TIME_LIMIT_SECONDS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

BODY_LIMIT_BYTES = 16 * 1024
# So many threads may wait for the rest of a body; the other threads of an instance stay free for other calls.
_MAX_WAITING = 12
_TIME_LIMIT_OF_OTHERS_SECONDS = 0.5
# What exceeds the limit is read and discarded, so that the caller reads its answer; more than Cloud Run's own limit of
# a request is left unread, and the server closes the connection.
_MAX_DISCARDED_BYTES = 32 * 2**20
_PIECE_BYTES = 64 * 1024
_PAST_SECONDS = 0.001

_waiting = threading.BoundedSemaphore(_MAX_WAITING)


def install() -> None:
    """Bound the bodies of the application that imports this code, if there is one.

    The functions framework imports main.py in the context of its application. Other hosts, and the Firebase CLI's
    discovery of functions, have none.
    """
    if has_app_context():
        current_app.wsgi_app = bounded(current_app.wsgi_app)  # type: ignore[method-assign, assignment]


def bounded(application: WSGIApplication) -> WSGIApplication:
    """Return the application, called with at most one byte more than `BODY_LIMIT_BYTES` of each body.

    A body that ends early, or not in time, is cut: the application sees what is a shorter body than its Content-Length.
    """

    def respond(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if (environ.get("CONTENT_LENGTH") or "0") != "0" or "HTTP_TRANSFER_ENCODING" in environ:
            environ["wsgi.input"] = io.BytesIO(_read(environ))
            environ["wsgi.input_terminated"] = True
        return application(environ, start_response)

    return respond


def _read(environ: WSGIEnvironment) -> bytes:
    stream = get_input_stream(environ)
    try:
        with _in_time(environ.get("gunicorn.socket")):
            kept: bytes = stream.read(BODY_LIMIT_BYTES + 1)
            discarded = 0
            while discarded < _MAX_DISCARDED_BYTES and (piece := stream.read(_PIECE_BYTES)):
                discarded += len(piece)
    except (OSError, ClientDisconnected):
        # It was not in time, or its caller hung up. After an error of reading the server closes the connection, so that
        # the rest of the body is not taken for a request (request smuggling).
        return b""
    return kept


@contextmanager
def _in_time(connection: socket.socket | None) -> Iterator[None]:
    """Let reads from a connection end with a TimeoutError if it pauses, or once the time is over."""
    if connection is None:
        # Only the production server names its socket.
        yield
        return
    may_wait = _waiting.acquire(blocking=False)
    seconds = BODY_TIME_LIMIT_SECONDS if may_wait else _TIME_LIMIT_OF_OTHERS_SECONDS
    # The time-out of a socket is one for each byte; the timer is for a caller that sends byte by byte.
    timer = threading.Timer(seconds, connection.settimeout, (_PAST_SECONDS,))
    timer.daemon = True
    connection.settimeout(seconds)
    timer.start()
    try:
        yield
    except TimeoutError:
        # The server closes gracefully: on its main thread, it waits up to two seconds for the caller to close as well.
        connection.shutdown(socket.SHUT_RD)
        raise
    finally:
        timer.cancel()
        timer.join()
        connection.settimeout(None)
        if may_wait:
            _waiting.release()
