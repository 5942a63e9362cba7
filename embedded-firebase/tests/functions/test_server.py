"""The HTTP side of the functions host."""

import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import flask
import httpx
import pytest
from tests.functions.conftest import PROJECT

from embedded_firebase.functions.discovery import Function
from embedded_firebase.functions.host import FunctionsHost, HostOptions, Pages
from embedded_firebase.functions.server import bind
from embedded_firebase.hosting.site import Site

MakeHost = Callable[..., FunctionsHost]


def answering(text: str) -> Callable[..., flask.Response]:
    return lambda request: flask.Response(f"{text} {request.path}")


def mounted(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    return flask.Response(f"mounted {environ['PATH_INFO']}")(environ, start_response)


class TestApplication:
    def test_mounts(self) -> None:
        """Applications have their own paths beside the functions, and one may have all other paths."""
        with bind("127.0.0.1", 0) as listener:
            functions = [Function("f", "us-central1", answering("f"))]
            host = FunctionsHost(functions, PROJECT, listener, HostOptions(mounts={"/pictures": mounted}))
            host.start()
            answers = [
                httpx.get(host.url + path).text for path in ("/pictures/a.png", f"/{PROJECT}/us-central1/f/x", "/")
            ]
            host.stop(1)
        assert answers == ["mounted /a.png", "f /x", "Not Found"]


class TestWhoMayCall:
    @pytest.mark.parametrize(("any_origin", "status"), [(False, 403), (True, 200)])
    def test_pages_of_other_origins(self, make_host: MakeHost, any_origin: bool, status: int) -> None:
        """A page of another origin may call a function only if callers must sign in (CSRF)."""
        host = make_host(Function("f", "us-central1", answering("f")), any_origin=any_origin)
        headers = {"Origin": "https://evil.example"}
        assert httpx.post(f"{host.url}/{PROJECT}/us-central1/f", headers=headers).status_code == status

    @pytest.mark.parametrize("path", ["", "/__/calls", "/__/firebase/init.json"])
    def test_a_rebound_dns_name(self, tmp_path: Path, path: str) -> None:
        """Neither the functions nor the site answer under another Host (DNS rebinding)."""
        with bind("127.0.0.1", 0) as listener, bind("127.0.0.1", 0) as pages:
            site = Site(tmp_path, (), (), (), has_clean_urls=False)
            host = FunctionsHost([], PROJECT, listener, HostOptions(any_origin=True), Pages(site=site, listener=pages))
            host.start()
            answers = [
                httpx.get(f"http://127.0.0.1:{port}{path}", headers={"Host": f"evil.example:{port}"}).status_code
                for port in (listener.getsockname()[1], pages.getsockname()[1])
            ]
            host.stop(1)
        assert answers == [403, 403]


class TestServer:
    @pytest.mark.parametrize("request_line", [b"nonsense", b"GET / HTTP/9.9", b"a b c d", b""])
    def test_what_is_no_http(self, make_host: MakeHost, capfd: pytest.CaptureFixture[str], request_line: bytes) -> None:
        """Bytes that are not HTTP are refused without a traceback in the log, and the host keeps running."""
        host = make_host(Function("f", "us-central1", answering("f")))
        address = host.url.removeprefix("http://").split(":")
        with socket.create_connection((address[0], int(address[1]))) as connection:
            connection.sendall(request_line + b"\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1024):
                pass
        assert httpx.get(f"{host.url}/{PROJECT}/us-central1/f").text == "f /"
        assert "Traceback" not in "".join(capfd.readouterr())
