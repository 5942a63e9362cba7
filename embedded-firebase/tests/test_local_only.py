"""Local servers refuse pages of other origins (CSRF) and rebound DNS names."""

from collections.abc import Iterable
from typing import Any

import pytest
from werkzeug.test import Client
from werkzeug.wrappers import Response

from embedded_firebase.local_only import local_only


def served(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    return Response("served")(environ, start_response)


class TestHosts:
    @pytest.mark.parametrize(
        "host",
        [
            "localhost",
            "LOCALHOST:5001",
            "app.localhost:5000",
            "127.0.0.1:8080",
            "127.8.9.1",
            "[::1]:1",
            "192.168.1.5",
            "192.168.1.5:80",
        ],
    )
    def test_names_of_this_machine(self, host: str) -> None:
        """A Host of this machine, or of the served address, is accepted."""
        assert Client(local_only(served, "192.168.1.5")).get("/", headers={"Host": host}).text == "served"

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "evil.example:5001",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "evillocalhost",
            "localhost@evil.example",
            "localhost:5001,evil.example",
            "192x168.1.5",
            "",
        ],
    )
    def test_other_names(self, host: str) -> None:
        """Another Host is refused in Google's error model, for every caller and path (DNS rebinding)."""
        response = Client(local_only(served, "192.168.1.5", any_origin=True)).get("/", headers={"Host": host})
        assert (response.status_code, response.json["error"]["status"]) == (403, "PERMISSION_DENIED")

    def test_an_address_of_ipv6(self) -> None:
        """The served address may be an IPv6 address."""
        client = Client(local_only(served, "fd00::1"))
        assert client.get("/", headers={"Host": "[fd00::1]:5001"}).text == "served"

    def test_no_name(self) -> None:
        """A request without a Host (HTTP/1.0) is accepted, because a browser always sends one."""
        assert Client(local_only(served, "127.0.0.1")).get("/", environ_overrides={"HTTP_HOST": None}).text == "served"


class TestOrigins:
    @pytest.mark.parametrize("origin", ["http://localhost:3000", "https://127.0.0.1", "http://a.localhost", None])
    def test_pages_of_this_machine(self, origin: str | None) -> None:
        """Pages of this machine and programs are answered."""
        headers = {} if origin is None else {"Origin": origin}
        assert Client(local_only(served, "127.0.0.1")).get("/", headers=headers).text == "served"

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example", "", "file://"])
    def test_pages_of_other_origins(self, origin: str) -> None:
        """A page of another origin is refused, unless all origins are allowed."""
        assert Client(local_only(served, "127.0.0.1")).post("/", headers={"Origin": origin}).status_code == 403
        allowing = Client(local_only(served, "127.0.0.1", any_origin=True))
        assert allowing.post("/", headers={"Origin": origin}).text == "served"
