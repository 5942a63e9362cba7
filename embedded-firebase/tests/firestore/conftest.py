"""Owns the fixtures that the Firestore tests share, beyond the server and database of all tests."""

import time
import uuid
from collections.abc import Iterator

import pytest
from google.cloud import firestore

from embedded_firebase.firestore.server import FirestoreServer
from embedded_firebase.firestore.storage.storage import Storage
from embedded_firebase.firestore.transactions.engine import Engine
from embedded_firebase.firestore.transactions.transactions import Concurrency


@pytest.fixture
def database(firestore_database: str) -> str:
    """The resource name of the test's database."""
    return firestore_database


class Clocks:
    """A wall clock in microseconds that moves only when a test moves it, and a monotonic clock that follows it."""

    def __init__(self) -> None:
        self.micros = time.time_ns() // 1_000
        self._skipped_seconds = 0.0

    def monotonic(self) -> float:
        """Return seconds; real time passes too, because waits for locks are real."""
        return time.monotonic() + self._skipped_seconds

    def pass_seconds(self, seconds: float) -> None:
        """Move both."""
        self._skipped_seconds += seconds
        self.micros += int(seconds * 1_000_000)


@pytest.fixture
def clocks() -> Clocks:
    """Clocks for the `engine`."""
    return Clocks()


@pytest.fixture(params=Concurrency, ids=lambda concurrency: concurrency.value)
def concurrency(request: pytest.FixtureRequest) -> Concurrency:
    """Each concurrency mode in turn, because both give the same guarantees."""
    return Concurrency(request.param)


@pytest.fixture
def engine(clocks: Clocks, concurrency: Concurrency) -> Iterator[Engine]:
    """An engine in memory, without a server."""
    storage = Storage()
    yield Engine(storage, lambda: clocks.micros, clocks.monotonic, concurrency=concurrency)
    storage.close()


@pytest.fixture(scope="session", params=Concurrency, ids=lambda concurrency: concurrency.value)
def host_of_each_concurrency(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a server in memory, one for each concurrency mode."""
    server = FirestoreServer(concurrency=request.param)
    yield f"127.0.0.1:{server.start()}"
    server.stop()


@pytest.fixture
def contended_db(host_of_each_concurrency: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[firestore.Client]:
    """An empty database on a server of each concurrency mode."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", host_of_each_concurrency)
    client = firestore.Client(project=f"demo-{uuid.uuid4().hex[:12]}")
    yield client
    client.close()
