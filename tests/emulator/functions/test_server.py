"""The HTTP side of the functions host."""

import socket
from collections.abc import Callable, Iterable
from typing import Any

import flask
import httpx
import pytest

from emulator.functions.discovery import Function
from emulator.functions.host import FunctionsHost
from emulator.functions.server import bind
from tests.emulator.functions.conftest import PROJECT

MakeHost = Callable[..., FunctionsHost]


def answering(text: str) -> Callable[..., flask.Response]:
    return lambda request: flask.Response(f"{text} {request.path}")


def mounted(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    return flask.Response(f"mounted {environ['PATH_INFO']}")(environ, start_response)


class TestApplication:
    def test_mounts(self) -> None:
        """Applications have paths of their own beside the functions, and one may have what is left."""
        with bind("127.0.0.1", 0) as listener:
            functions = [Function("f", "us-central1", answering("f"))]
            host = FunctionsHost(functions, PROJECT, listener, mounts={"/pictures": mounted})
            host.start()
            answers = [
                httpx.get(host.url + path).text for path in ("/pictures/a.png", f"/{PROJECT}/us-central1/f/x", "/")
            ]
            host.stop(1)
        assert answers == ["mounted /a.png", "f /x", "Not Found"]


class TestServer:
    @pytest.mark.parametrize("request_line", [b"nonsense", b"GET / HTTP/9.9", b"a b c d", b""])
    def test_what_is_no_http(self, make_host: MakeHost, capfd: pytest.CaptureFixture[str], request_line: bytes) -> None:
        """It is refused without a trace in the log, and the host goes on."""
        host = make_host(Function("f", "us-central1", answering("f")))
        address = host.url.removeprefix("http://").split(":")
        with socket.create_connection((address[0], int(address[1]))) as connection:
            connection.sendall(request_line + b"\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1024):
                pass
        assert httpx.get(f"{host.url}/{PROJECT}/us-central1/f").text == "f /"
        assert "Traceback" not in "".join(capfd.readouterr())
