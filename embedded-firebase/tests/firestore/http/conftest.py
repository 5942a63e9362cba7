"""Owns a server with HTTP and gRPC on one port, and simple clients of both."""

import http.client
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from google.cloud import firestore

from embedded_firebase.firestore.server import FirestoreServer


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; `content` is parsed if it is JSON, else text."""

    status: int
    content: Any
    headers: dict[str, str]


class Http:
    """A client of one port of this machine that opens a connection for each request."""

    def __init__(self, port: int) -> None:
        self.port = port

    def __call__(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            connection.request(method, path, data, headers or {})
            response = connection.getresponse()
            text = response.read().decode()
            is_json = response.headers.get_content_type() == "application/json"
            return Answer(response.status, json.loads(text) if is_json else text, dict(response.getheaders()))
        finally:
            connection.close()


@pytest.fixture(scope="module")
def one_port() -> Iterator[tuple[FirestoreServer, int]]:
    """A server and its port for both protocols."""
    server = FirestoreServer()
    port = server.start_with_http()
    yield server, port
    server.stop()


@pytest.fixture
def server(one_port: tuple[FirestoreServer, int]) -> FirestoreServer:
    """The server behind the port."""
    return one_port[0]


@pytest.fixture
def http_client(one_port: tuple[FirestoreServer, int]) -> Http:
    """An HTTP client of the port."""
    return Http(one_port[1])


@pytest.fixture
def db(one_port: tuple[FirestoreServer, int], monkeypatch: pytest.MonkeyPatch) -> Iterator[firestore.Client]:
    """An empty database for one test, through Google's client."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{one_port[1]}")
    client = firestore.Client(project=f"demo-{uuid.uuid4().hex[:12]}")
    yield client
    client.close()


@pytest.fixture
def documents(db: firestore.Client) -> str:
    """The URL of the documents of the test's database."""
    return f"/v1/projects/{db.project}/databases/(default)/documents"
