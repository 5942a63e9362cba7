"""One port for gRPC and HTTP, and hostile bytes on it, which do not affect other clients."""

import contextlib
import http.client
import json
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

import grpc
import pytest

from embedded_firebase.firestore.http import connection, front
from embedded_firebase.firestore.server import FirestoreServer

pytestmark = pytest.mark.embedded
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATABASE = "projects/p/databases/(default)"
METHOD = "/google.firestore.v1.Firestore/"


def frame(kind: int, payload: bytes, stream: int = 0, flags: int = 0, length: int | None = None) -> bytes:
    """One HTTP/2 frame; its announced length may be wrong."""
    announced = len(payload) if length is None else length
    return struct.pack(">I", announced)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def noise(count: int) -> bytes:
    return random.Random(count).randbytes(count)


HOSTILE = {
    "random bytes": noise(100_000),
    "zeros": bytes(100_000),
    "one byte": b"P",
    "almost http2": b"PRI",
    "half a preface": b"PRI * HTTP/2.0\r\n",
    "the preface alone": PREFACE,
    "noise after the preface": PREFACE + noise(50_000),
    "a frame cut off": PREFACE + frame(4, b"") + frame(1, b"\x82", 1, length=5_000),
    "a frame of 16 MB": PREFACE + frame(4, b"") + frame(0, b"x" * 100, 1, length=2**24 - 1),
    "a bad frame size": PREFACE + frame(4, b"12345"),
    "headers that are none": PREFACE + frame(4, b"") + frame(1, noise(200), 1, flags=5),
    "frames for stream 0": PREFACE + frame(4, b"") + frame(1, b"\x82", 0, flags=5),
    "a flood of pings": PREFACE + frame(4, b"") + frame(6, b"12345678") * 5_000,
    "a flood of resets": PREFACE + frame(4, b"") + frame(3, b"\0\0\0\0", 1) * 5_000,
    "a tls hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + noise(500),
    "no such version": b"GET / HTTP/9.9\r\n\r\n",
    "a request line without end": b"GET /" + b"x" * 200_000,
    "a header without end": b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000,
    "ten thousand headers": b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
    "an absurd length": b"POST /v1/x HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
    "a negative length": b"POST /v1/x HTTP/1.1\r\nContent-Length: -1\r\n\r\n{}",
    "a length that is none": b"POST /v1/x HTTP/1.1\r\nContent-Length: many\r\n\r\n{}",
    "two lengths": b"POST /v1/x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 200\r\n\r\n{}",
    "a body cut off": f"POST /v1/{DATABASE}/documents:commit HTTP/1.1\r\nContent-Length: 500\r\n\r\n{{".encode(),
    "a chunk without end": b"POST /v1/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
    "a chunk that is none": b"POST /v1/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx",
    "a path that climbs": b"GET /v1/../../../etc/passwd HTTP/1.1\r\n\r\n",
    "a path of bad utf-8": b"GET /v1/projects/%ff/databases/%00/documents/c/%c0%af HTTP/1.1\r\n\r\n",
    "a host that is none": b"GET http://[::1/ HTTP/1.1\r\n\r\n",
    "headers of bad bytes": b"GET / HTTP/1.1\r\nOrigin: \xff\xfe\r\nHost: \x00\r\n\r\n",
    "an upgrade": b"GET / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
}


@pytest.fixture
def port(one_port: tuple[FirestoreServer, int]) -> int:
    """The shared port."""
    return one_port[1]


@contextlib.contextmanager
def client_at_work(db) -> Iterator[Callable[[], None]]:
    """A client that writes and reads back in a loop; the function waits until it has done so once more."""
    stopping, round_done = threading.Event(), threading.Semaphore(0)
    failures: list[BaseException] = []

    def work() -> None:
        document = db.document("c/well-behaved")
        number = 0
        try:
            while not stopping.is_set():
                number += 1
                document.set({"v": number}, timeout=20)
                assert document.get(timeout=20).to_dict() == {"v": number}
                round_done.release()
        except BaseException as error:
            failures.append(error)

    def wait_for_a_round() -> None:
        while round_done.acquire(blocking=False):
            pass
        # The first round may have begun before the call.
        for _ in range(2):
            assert round_done.acquire(timeout=20), failures

    worker = threading.Thread(target=work)
    worker.start()
    try:
        wait_for_a_round()
        yield wait_for_a_round
        wait_for_a_round()
    finally:
        stopping.set()
        worker.join()
    assert failures == []


def send(port: int, data: bytes) -> bytes:
    """Send bytes, half-close, and return the answer until the server closes the connection."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection, contextlib.suppress(OSError):
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while chunk := connection.recv(65_536):
            received += chunk
    return received


class TestOnePort:
    def test_grpc_and_http_see_the_same(self, http_client, db, documents):
        """A document written over one protocol is read over the other, in each notation."""
        db.document("c/a").set({"v": 1})
        assert http_client("GET", f"{documents}/c/a").content["fields"] == {"v": {"integerValue": "1"}}
        http_client("PATCH", f"{documents}/c/a", {"fields": {"v": {"integerValue": 2}}})
        assert db.document("c/a").get().to_dict() == {"v": 2}

    def test_grpc_can_have_its_own_port_too(self):
        """A second port serves gRPC without the proxy; a port in use is an error."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            grpc_port = taken.getsockname()[1]
            server = FirestoreServer()
            with pytest.raises(OSError, match=f"Port {grpc_port} on 127.0.0.1 is taken"):
                server.start_with_http(grpc_port=grpc_port)
            server.stop()
        server = FirestoreServer()
        port = server.start_with_http(grpc_port=grpc_port)
        for each in (port, grpc_port):
            with grpc.insecure_channel(f"127.0.0.1:{each}") as channel:
                grpc.channel_ready_future(channel).result(10)
        server.stop()

    def test_grpc_behind_a_port(self, monkeypatch):
        """The behaviour is the same on systems without abstract sockets."""
        monkeypatch.setattr("sys.platform", "darwin")
        server = FirestoreServer()
        port = server.start_with_http()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            grpc.channel_ready_future(channel).result(10)
        server.stop()

    def test_large_messages_pass(self, db):
        """Messages of many chunks pass whole in both directions."""
        for number in range(8):
            db.document(f"c/{number}").set({"v": chr(97 + number) * 1_000_000})
        assert [len(d.to_dict()["v"]) for d in db.collection("c").stream()] == [1_000_000] * 8

    def test_a_taken_port_is_an_error(self):
        """The error names the port."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            server = FirestoreServer()
            with pytest.raises(OSError, match=f"Port {port} on 127.0.0.1 is taken"):
                server.start_with_http(port=port)
            server.stop()

    def test_stopping_ends_every_connection(self):
        """Idle connections and those of gRPC are closed, and the port is free at once."""
        server = FirestoreServer()
        port = server.start_with_http()
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as idle,
            grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):
            grpc.channel_ready_future(channel).result(10)
            server.stop()
            assert idle.recv(1) == b""
        with socket.create_server(("127.0.0.1", port)):
            pass


class TestHostileBytes:
    @pytest.mark.parametrize("kind", HOSTILE)
    def test_they_end_one_connection(self, port, db, http_client, kind):
        """A client at work is not affected, and the next request is served."""
        with client_at_work(db) as wait_for_a_round:
            answer = send(port, HOSTILE[kind])
            if answer.startswith(b"HTTP/1.1 "):
                assert int(answer.split()[1]) < 500 or answer.split()[1] == b"505"
            wait_for_a_round()
            assert http_client("GET", "/").status == 200

    def test_aborted_connections(self, port, db):
        """A hundred connections at a time can be reset in the middle."""
        with client_at_work(db):
            connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
            for number, connection in enumerate(connections):
                connection.sendall([PREFACE, b"POST / HTTP/1.1\r\n", b"P"][number % 3])
                # With this option, close sends a reset.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()


class TestKeepAlive:
    def test_a_connection_serves_many_requests(self, port, documents):
        """Answers with a length, streamed ones, empty ones and errors, in turns; bodies are read to their ends."""
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        client.connect()
        socket_ = client.sock
        query = json.dumps({"structuredQuery": {"from": [{"collectionId": "c"}]}})
        for _ in range(3):
            for method, path, body, status in (
                ("GET", "/", None, 200),
                ("HEAD", "/", None, 200),
                ("PATCH", f"{documents}/c/a", "{}", 200),
                ("POST", f"{documents}:runQuery", query, 200),
                ("POST", "/nothing", "x" * 100_000, 404),
                ("GET", "/", "an unexpected body", 200),
                ("OPTIONS", f"{documents}/c", None, 204),
            ):
                client.request(method, path, body)
                response = client.getresponse()
                response.read()
                assert (response.status, response.headers["Keep-Alive"]) == (status, "timeout=30")
                assert client.sock is socket_
        client.close()

    @pytest.mark.parametrize(
        ("headers", "body"),
        [
            ("Connection: close", ""),
            ("Content-Length: 2\r\nContent-Length: 2", "{}"),
            ("Content-Length: +2", "{}"),
            ("Content-Length: 99999999999", "{}"),
            ("Transfer-Encoding: chunked", "2\r\n{}\r\n0\r\n\r\n"),
        ],
    )
    def test_a_body_of_doubtful_length_ends_the_connection(self, port, headers, body):
        """Its rest cannot be taken for a next request (request smuggling)."""
        smuggled = "GET / HTTP/1.1\r\n\r\n"
        answer = send(port, f"POST /v1/x HTTP/1.1\r\n{headers}\r\n\r\n{body}{smuggled}".encode())
        assert answer.count(b"HTTP/1.1 ") == 1
        assert b"Connection: close" in answer

    def test_version_1_0_is_answered_without_chunks(self, port, documents):
        """The end of the connection ends the answer."""
        body = b'{"structuredQuery": {"from": [{"collectionId": "c"}]}}'
        head = f"POST {documents}:runQuery HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n"
        answer = send(port, head.encode() + body)
        assert b"chunked" not in answer
        assert isinstance(json.loads(answer.partition(b"\r\n\r\n")[2]), list)

    def test_none_is_kept_when_half_of_the_connections_are_used(self, port, http_client, monkeypatch):
        """Others need them."""
        monkeypatch.setattr(front, "MAX_HTTP_CONNECTIONS", 1)
        wait_for(lambda: http_client("GET", "/").status == 200)
        wait_for(lambda: (answer := http_client("GET", "/")).status == 200 and "Keep-Alive" not in answer.headers)

    def test_an_idle_connection_is_closed(self, port, monkeypatch):
        """It would keep others out."""
        monkeypatch.setattr(connection, "IDLE_SECONDS", 0.1)
        with socket.create_connection(("127.0.0.1", port), timeout=10) as idle:
            idle.sendall(b"GET / HTTP/1.1\r\n\r\n")
            answer = b"".join(iter(lambda: idle.recv(1_000), b""))
        assert answer.endswith(b"Ok\n")


def wait_for(condition: Callable[[], bool]) -> None:
    """Connections that ended just before may still count."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class TestSlowClients:
    def test_many_slow_clients_do_not_starve_grpc(self, port, db, http_client):
        """Existing and new gRPC clients are served; HTTP is served again when the slow clients have gone."""
        with contextlib.ExitStack() as slow:
            for _ in range(front.MAX_HTTP_CONNECTIONS + 20):
                connection = slow.enter_context(socket.create_connection(("127.0.0.1", port)))
                connection.sendall(b"POST /v1/ HTTP/1.1\r\nContent-Le")
            with client_at_work(db), grpc.insecure_channel(f"127.0.0.1:{port}") as newcomer:
                grpc.channel_ready_future(newcomer).result(10)
        for _ in range(200):
            with contextlib.suppress(ConnectionError):
                if http_client("GET", "/").status == 200:
                    return
        pytest.fail("HTTP is not served again")

    def test_a_silent_connection_is_closed(self, port, monkeypatch):
        """A connection that sends nothing is closed after a while."""
        monkeypatch.setattr(front, "_FIRST_BYTES_SECONDS", 0.05)
        for said in (b"", b"P"):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(said)
                assert connection.recv(1) == b""

    def test_http_beyond_its_limit_is_answered(self, port, db, monkeypatch, http_client):
        """503 in Google's error model, also to a long body, with the time after which to try again."""
        monkeypatch.setattr(front, "MAX_HTTP_CONNECTIONS", 1)
        with socket.create_connection(("127.0.0.1", port)) as slow, client_at_work(db):
            slow.sendall(b"POST /v1/ HTTP/1.1\r\nContent-Le")
            for body in (None, b"x" * 5_000_000):
                wait_for(lambda body=body: http_client("POST", "/v1/", body).status == 503)
                answer = http_client("POST", "/v1/", body)
                assert (answer.content["error"]["status"], answer.headers["Retry-After"]) == ("UNAVAILABLE", "1")
        wait_for(lambda: http_client("GET", "/").status == 200)

    @pytest.mark.parametrize(
        ("start", "status"),
        [
            (b"GET / HT", b""),
            (b"POST /v1/x HTTP/1.1\r\nX: ", b""),
            (b"POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\n", b"408"),
        ],
    )
    def test_a_dripping_request_has_a_deadline(self, port, monkeypatch, start, status):
        """It is for the whole request: a byte now and then does not extend it."""
        monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.3)
        monkeypatch.setattr(connection, "_DRAIN_SECONDS", 0.1)
        with socket.create_connection(("127.0.0.1", port), timeout=10) as dripping:
            dripping.sendall(start)
            dripping.settimeout(0.05)
            answer, ended_at = b"", time.monotonic() + 5
            with contextlib.suppress(ConnectionError):
                while time.monotonic() < ended_at:
                    with contextlib.suppress(TimeoutError):
                        if not (received := dripping.recv(1_000)):
                            break
                        answer += received
                    dripping.sendall(b"x")
            assert time.monotonic() < ended_at
            assert answer[9:12] == status

    def test_connections_beyond_the_limit_are_refused(self, port, db, monkeypatch):
        """Existing connections stay open."""
        with client_at_work(db):
            monkeypatch.setattr(front, "MAX_CONNECTIONS", 0)
            assert send(port, b"GET / HTTP/1.1\r\n\r\n") == b""


class TestHostileMessages:
    @pytest.fixture
    def call(self, port) -> Iterator[Callable[..., grpc.StatusCode]]:
        """Call an RPC with raw bytes and return the status."""
        with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.max_send_message_length", -1)]) as channel:

            def call(rpc: str, data: bytes, metadata: tuple[tuple[str, str], ...] = ()) -> grpc.StatusCode:
                try:
                    channel.unary_unary(METHOD + rpc)(data, timeout=20, metadata=metadata)
                except grpc.RpcError as error:
                    return error.code()
                return grpc.StatusCode.OK

            yield call

    # The bytes are not a message: the library refuses them before our code runs, and logs it.
    @pytest.mark.parametrize("rpc", ["Commit", "GetDocument", "BatchWrite", "NoSuchThing"])
    def test_noise_is_an_error(self, call, db, rpc):
        """Bytes that are no message are an error, and the other client is not affected."""
        with client_at_work(db):
            assert call(rpc, noise(1_000)) in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNIMPLEMENTED)

    def test_a_message_beyond_the_limit(self, call, db):
        """A message beyond the limit is refused unread."""
        with client_at_work(db):
            assert call("Commit", bytes(40 * 1024 * 1024)) is grpc.StatusCode.RESOURCE_EXHAUSTED

    def test_metadata_beyond_the_limit(self, call, db):
        """Metadata beyond the limit is refused unread."""
        with client_at_work(db):
            status = call("Commit", b"", (("x-large", "x" * 1_000_000),))
            assert status in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE)

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "/",
            "c/a",
            "projects",
            "projects//databases//documents/c/a",
            f"{DATABASE}/documents",
            f"{DATABASE}/documents/c",
            f"{DATABASE}/documents/c//d/e",
            f"{DATABASE}/documents/c/a/",
            f"{DATABASE}/documents/../a",
            f"{DATABASE}/documents/c/__x__",
            f"{DATABASE}/documents/c/{'x' * 1_501}",
            f"{DATABASE}/documents/{'c/d/' * 4_000}e/f",
            f"{DATABASE}/documents/{'x' * 1_000_000}/a",
            "projects/p/databases/(default)/collections/c/a",
        ],
    )
    @pytest.mark.parametrize("rpc", ["GetDocument", "DeleteDocument"])
    def test_a_bad_name_is_an_invalid_argument(self, call, rpc, name):
        """A malformed name is INVALID_ARGUMENT in every RPC."""
        from embedded_firebase.firestore import messages

        request = getattr(messages, f"{rpc}Request")(name=name)
        assert call(rpc, request.SerializeToString()) is grpc.StatusCode.INVALID_ARGUMENT
