"""Owns what the tests of the embedded Firestore share beside the server and database of all tests."""

import time
from collections.abc import Iterator

import pytest
from google.cloud import firestore

from emulator.firestore.engine import Engine
from emulator.firestore.storage import Storage


@pytest.fixture
def database(db: firestore.Client) -> str:
    """The resource name of the test's own database."""
    return f"projects/{db.project}/databases/(default)"


class Clocks:
    """A wall clock in microseconds and a monotonic one in seconds that stand still until a test moves them."""

    def __init__(self) -> None:
        self.micros = time.time_ns() // 1_000
        self.seconds = 0.0

    def pass_seconds(self, seconds: float) -> None:
        """Move both."""
        self.seconds += seconds
        self.micros += int(seconds * 1_000_000)


@pytest.fixture
def clocks() -> Clocks:
    """Clocks for the `engine`."""
    return Clocks()


@pytest.fixture
def engine(clocks: Clocks) -> Iterator[Engine]:
    """An engine in memory, without a server."""
    storage = Storage()
    yield Engine(storage, lambda: clocks.micros, lambda: clocks.seconds)
    storage.close()
