"""The webhook sender: signatures, forbidden addresses (SSRF), time limits."""

import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pytest_mock import MockerFixture

from imagegen.kit import urls
from imagegen.webhooks.sender import HttpWebhookSender, WebhookFailed, WebhookRefused, WebhookTimeout
from tests.receiver import Receiver


def read_request(line: socket.socket) -> bytes:
    """Read a request to its end: closing a connection with unread data resets it."""
    request = b""
    while part := line.recv(65536):
        request += part
        head, _, body = request.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if length and len(body) >= int(length[1]):
            break
    return request


@contextmanager
def answering(answer: Callable[[socket.socket], object], *, reads_first: bool = True) -> Iterator[str]:
    """Serve one connection, by default after its request was read, and yield the URL."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            if reads_first:
                read_request(connection)
            answer(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        # A daemon: if the test fails before it connects, the thread waits for a connection for ever.
        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        serving.join()


def self_signed(folder: Path, address: str) -> Path:
    """Write a key and a self-signed certificate for an IP address."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a machine")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encodings = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "certificate.pem"
    path.write_bytes(key.private_bytes(*encodings) + certificate.public_bytes(serialization.Encoding.PEM))
    return path


class TestAddresses:
    @pytest.mark.parametrize(
        "address",
        [
            "127.0.0.1",
            "127.8.9.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.1",
            "192.0.0.192",
            "192.88.99.1",
            "168.63.129.16",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fe80::1%eth0",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "2002:7f00:1::",
            "64:ff9b::7f00:1",
            "::7f00:1",
            "2001::7f00:1",
            "2001:db8::1",
            "3fff::1",
        ],
    )
    def test_private_ones(self, address: str) -> None:
        """Private, link-local and metadata addresses are not public, in any spelling (SSRF)."""
        assert not urls.is_public(address)

    @pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946"])
    def test_public_ones(self, address: str) -> None:
        """Internet addresses are public."""
        assert urls.is_public(address)


class TestSending:
    @pytest.fixture
    def receiver(self) -> Iterator[Receiver]:
        receiver = Receiver()
        yield receiver
        receiver.stop()

    def sender(self, *, allow_loopback: bool) -> HttpWebhookSender:
        return HttpWebhookSender(allow_loopback=allow_loopback)

    def test_to_this_machine_in_development(self, receiver: Receiver) -> None:
        """With the development setting a message is sent to this machine, over http, with its headers."""
        status = self.sender(allow_loopback=True).send(receiver.url, {"webhook-id": "msg_1"}, b'{"a":1}', 5)
        ((headers, body),) = receiver.received
        assert (status, body) == (204, b'{"a":1}')
        assert (headers["webhook-id"], headers["content-type"]) == ("msg_1", "application/json")
        assert headers["host"] == f"127.0.0.1:{receiver.port}"

    @pytest.mark.parametrize("scheme", ["http", "https"])
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]"])
    def test_to_this_machine_in_production(self, receiver: Receiver, scheme: str, host: str) -> None:
        """Without the development setting nothing is sent to this machine, under any name."""
        with pytest.raises((WebhookRefused, WebhookFailed)):
            self.sender(allow_loopback=False).send(f"{scheme}://{host}:{receiver.port}/", {}, b"", 5)
        assert receiver.received == []

    def test_a_name_with_a_private_address(self, receiver: Receiver, mocker: MockerFixture) -> None:
        """A name is refused if any of its addresses is not public, in any order."""
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 443)) for host in ("93.184.216.34", "10.0.0.1")]
        mocker.patch("imagegen.webhooks.sender.socket.getaddrinfo", return_value=found)
        with pytest.raises(WebhookRefused, match="not public"):
            self.sender(allow_loopback=True).send("https://shop.example.com/", {}, b"", 5)

    def test_a_name_that_resolves_differently_a_second_time(self, receiver: Receiver, mocker: MockerFixture) -> None:
        """The connection goes to the address that was checked, even if the name has another one by then."""
        resolved = ["127.0.0.1", "127.0.0.2"]
        asked: list[str] = []
        resolve = socket.getaddrinfo

        def rebinding(host: str, *arguments: Any, **named: Any) -> Any:
            if host != "shop.example.com":
                return resolve(host, *arguments, **named)
            asked.append(host)
            return resolve(resolved[min(len(asked), 2) - 1], *arguments, **named)

        mocker.patch("imagegen.webhooks.sender.socket.getaddrinfo", rebinding)
        with socket.create_server(("127.0.0.2", receiver.port)) as second:
            second.settimeout(0.1)
            url = f"http://shop.example.com:{receiver.port}/"
            self.sender(allow_loopback=True).send(url, {}, b"", 5)
            with pytest.raises(TimeoutError):
                second.accept()
        assert (len(receiver.received), asked) == (1, ["shop.example.com"])

    @pytest.mark.parametrize("allow_loopback", [True, False])
    def test_plain_http(self, mocker: MockerFixture, allow_loopback: bool) -> None:
        """To a public address nothing is sent over http, not even with the development setting."""
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 80))]
        mocker.patch("imagegen.webhooks.sender.socket.getaddrinfo", return_value=found)
        connect = mocker.patch("imagegen.webhooks.sender.socket.create_connection")
        with pytest.raises(WebhookRefused, match="https"):
            self.sender(allow_loopback=allow_loopback).send("http://shop.example.com/", {}, b"", 5)
        connect.assert_not_called()

    def test_a_redirect(self, receiver: Receiver) -> None:
        """A redirect is not followed."""
        elsewhere = Receiver()
        try:
            receiver.status, receiver.location = 307, elsewhere.url
            with pytest.raises(WebhookFailed, match="307"):
                self.sender(allow_loopback=True).send(receiver.url, {}, b"", 5)
        finally:
            elsewhere.stop()
        assert elsewhere.received == []

    @pytest.mark.parametrize(("status", "error"), [(500, WebhookFailed), (404, WebhookFailed), (410, WebhookRefused)])
    def test_statuses(self, receiver: Receiver, status: int, error: type[Exception]) -> None:
        """Any status but 2xx is retryable, except 410 Gone; the error has the status."""
        receiver.status = status
        with pytest.raises(error, match=str(status)) as refused:
            self.sender(allow_loopback=True).send(receiver.url, {}, b"", 5)
        assert vars(refused.value)["status"] == status

    @pytest.mark.parametrize(
        ("certified", "is_trusted", "error"),
        [("127.0.0.1", True, None), ("127.0.0.2", True, WebhookFailed), ("127.0.0.1", False, WebhookFailed)],
    )
    def test_tls_certificates(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        certified: str,
        is_trusted: bool,
        error: type[Exception] | None,
    ) -> None:
        """Over https a webhook is sent only to a host with a trusted certificate for its name."""
        certificate = self_signed(tmp_path, certified)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        if is_trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        heard: list[bytes] = []

        def answer(connection: socket.socket) -> None:
            with suppress(OSError), context.wrap_socket(connection, server_side=True) as line:
                heard.append(read_request(line))
                line.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

        with answering(answer, reads_first=False) as url, nullcontext() if error is None else pytest.raises(error):
            self.sender(allow_loopback=True).send(url.replace("http", "https"), {}, b"told", 5)
        assert [request.partition(b"\r\n")[0] for request in heard if request] == (
            [b"POST / HTTP/1.1"] if error is None else []
        )

    def test_connection_refused(self, receiver: Receiver) -> None:
        """A host that refuses the connection is retryable."""
        receiver.stop()
        with pytest.raises(WebhookFailed):
            self.sender(allow_loopback=True).send(receiver.url, {}, b"", 5)

    def test_a_slow_answer(self, mocker: MockerFixture) -> None:
        """A slow host does not hold the function beyond the time limit."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
            sender = HttpWebhookSender(allow_loopback=True)
            with pytest.raises(WebhookTimeout, match=r"0\.2 s"):
                sender.send(url, {}, b"", 0.2)

    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"HTTP/1.1 abc OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500 + b"\r\n",
            b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
            b"\xff\xfe\x00 zzz\r\n\r\n",
            b"",
        ],
    )
    def test_garbage(self, answer: bytes) -> None:
        """An answer that is not HTTP is a failed delivery."""
        with answering(lambda connection: connection.sendall(answer)) as url, pytest.raises(WebhookFailed):
            self.sender(allow_loopback=True).send(url, {}, b"", 5)

    @pytest.mark.parametrize("scheme", ["http", "https"])
    @pytest.mark.parametrize(
        ("first", "again"), [(b"HTTP/1.1 200 OK\r\nX: ", b"a"), (b"", b"HTTP/1.1 100 Continue\r\n\r\n")]
    )
    def test_an_endless_answer(self, scheme: str, first: bytes, again: bytes) -> None:
        """A host that never ends its answer holds neither a thread nor a connection beyond the limit."""
        ended = threading.Event()

        def drip(connection: socket.socket) -> None:
            try:
                # An endless TLS record is as slow as an endless header.
                connection.sendall(b"\x16\x03\x03\x40\x00" if scheme == "https" else first)
                while True:
                    connection.sendall(again)
                    time.sleep(0.01)
            except OSError:
                ended.set()

        sender = HttpWebhookSender(allow_loopback=True)
        with answering(drip) as url:
            with pytest.raises(WebhookFailed):
                sender.send(url.replace("http", scheme), {}, b"", 0.2)
            assert ended.wait(5)
        for thread in threading.enumerate():
            if thread.name == "bounded-call":
                thread.join(5)
                assert not thread.is_alive()
