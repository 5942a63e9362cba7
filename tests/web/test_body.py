"""How much memory, time and threads the body of a call can take, in the server of production."""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from imagegen.web import body
from tests.framework import Instance, instance

_MEBIBYTE = 2**20


@pytest.fixture(scope="module")
def running() -> Iterator[Instance]:
    """An instance of getUserCredits whose callers need no token; it needs no Firestore until a body is valid."""
    environment = {
        "FUNCTIONS_EMULATOR": "true",
        "GCLOUD_PROJECT": "demo-body",
        "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1",
    }
    with instance("getUserCredits", environment) as found:
        yield found


def head(method: str, path: str, length: int | None) -> bytes:
    """The head of a request of JSON, chunked without a length."""
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", framing]
    return "\r\n".join([*lines, "\r\n"]).encode()


def status(connection: socket.socket) -> int:
    """Read an answer and return its status."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    response.read()
    return response.status


def upload(running: Instance, method: str, path: str, size: int) -> int:
    """Send a whole body and return the status of the answer; 0 if the connection is closed before the end."""
    with running.connect() as connection:
        try:
            connection.sendall(head(method, path, size))
            for _ in range(size // 65536):
                connection.sendall(b" " * 65536)
            return status(connection)
        except (ConnectionError, http.client.HTTPException):
            return 0


class TestMemory:
    @pytest.mark.parametrize(
        ("method", "path"), [("POST", "/"), ("DELETE", "/"), ("OPTIONS", "/"), ("POST", "/robots.txt")]
    )
    def test_large_bodies(self, running: Instance, method: str, path: str) -> None:
        """Four bodies of 32 MiB at once add a few MiB, also where the framework answers by itself (CORS, 404)."""
        before = running.peak_bytes()
        with ThreadPoolExecutor(4) as pool:
            statuses = list(pool.map(lambda _: upload(running, method, path, 32 * _MEBIBYTE), range(4)))
        assert set(statuses) <= {200, 404, 405, 413}
        assert running.peak_bytes() - before < 48 * _MEBIBYTE


class TestLimit:
    def test_the_largest_body(self, running: Instance) -> None:
        """16,384 bytes are read, and one more is a 413; so are chunks without a length."""
        for extra, expected in ((0, 400), (1, 413)):
            text = b'{"userId":' + b" " * (16_384 + extra - 13) + b"1}"
            text = text.ljust(16_384 + extra)
            with running.connect() as connection:
                connection.sendall(head("POST", "/", len(text)) + text)
                assert status(connection) == expected
                connection.sendall(head("POST", "/", None) + b"%x\r\n%b\r\n0\r\n\r\n" % (len(text), text))
                assert status(connection) == expected

    def test_a_body_that_ends_early(self, running: Instance) -> None:
        """A valid beginning of a body is not taken for the whole body."""
        with running.connect() as connection:
            connection.sendall(head("POST", "/", 100) + b'{"userId":"ada"}')
            connection.shutdown(socket.SHUT_WR)
            assert b"must be as long as its Content-Length" in connection.makefile("rb").read()

    def test_more_than_is_discarded(self) -> None:
        """A body without an end is left after 32 MiB, of which the application sees one byte more than the limit."""
        read = 0

        class Endless(io.RawIOBase):
            def read(self, size: int = -1) -> bytes:
                nonlocal read
                assert 0 < size <= 65536
                read += size
                return b" " * size

        seen: list[bytes] = []

        def application(environ: dict[str, object], start_response: object) -> Iterable[bytes]:
            stream = environ["wsgi.input"]
            assert isinstance(stream, io.BytesIO)
            seen.append(stream.read())
            return []

        environ = {"wsgi.input": Endless(), "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
        body.bounded(application)(environ, lambda *_: lambda _: None)
        assert [len(given) for given in seen] == [16_385]
        assert 32 * _MEBIBYTE <= read <= 33 * _MEBIBYTE


class TestTime:
    def test_slow_bodies(self, running: Instance) -> None:
        """Sixteen bodies that come byte by byte leave threads for others; they are cut, their rest is not run."""
        ended = threading.Event()
        hidden = b"GET /__/health HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20

        def trickle(_: int) -> bytes:
            with running.connect() as connection:
                connection.sendall(head("POST", "/", 1000))
                for byte in hidden:
                    try:
                        connection.sendall(bytes([byte]))
                    except ConnectionError:
                        break
                    if ended.wait(0.2):
                        break
                answer = b""
                try:
                    while piece := connection.recv(4096):
                        answer += piece
                except ConnectionResetError:
                    pass
                return answer

        started = time.monotonic()
        with ThreadPoolExecutor(16) as pool:
            answers = [pool.submit(trickle, number) for number in range(16)]
            time.sleep(1.5)
            asked = time.monotonic()
            assert upload(running, "POST", "/", 0) == 400
            waited = time.monotonic() - asked
            while not all(answer.done() for answer in answers) and time.monotonic() < started + 15:
                time.sleep(0.1)
            cut = all(answer.done() for answer in answers)
            ended.set()
        assert waited < 2
        assert cut
        for answer in answers:
            assert answer.result().count(b"HTTP/1.1 ") <= 1
            assert b"200 OK" not in answer.result()
