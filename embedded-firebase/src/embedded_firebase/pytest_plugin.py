"""Owns the fixtures that give every test a Firestore database of its own; must not know of what is tested with them.

pytest finds it by itself wherever this distribution is installed, and loads it for every run; so what takes time to
import is imported by the fixtures, which only runs that use Firestore pay for. One embedded server in memory serves
all tests of a process. Each test has a project of its own, which costs no round trip to make, so that tests never see
each other's documents, faults or counts, in any order and in parallel.

Where FIRESTORE_EMULATOR_HOST is set, tests run on the Firestore that it names, and those that ask for what only the
embedded one has (its server, faults, counts) are skipped.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from google.cloud import firestore

    from embedded_firebase.firestore.server import FirestoreServer
    from embedded_firebase.firestore.testing.counters import Counts
    from embedded_firebase.firestore.testing.faults import DatabaseFaults

_HOST_VARIABLE = "FIRESTORE_EMULATOR_HOST"


@pytest.fixture(scope="session")
def firestore_options() -> dict[str, Any]:
    """What `FirestoreServer` is made with, for example `indexes` and `require_indexes`; override it to say so."""
    return {}


@pytest.fixture(scope="session")
def firestore_server(firestore_options: dict[str, Any]) -> Iterator[FirestoreServer]:
    """The embedded Firestore of this test process, which FIRESTORE_EMULATOR_HOST names while it runs."""
    if _HOST_VARIABLE in os.environ:
        pytest.skip(f"{_HOST_VARIABLE} names another Firestore, which has no faults and no counters")
    from embedded_firebase.firestore.server import FirestoreServer

    server = FirestoreServer(**firestore_options)
    os.environ[_HOST_VARIABLE] = f"127.0.0.1:{server.start()}"
    yield server
    del os.environ[_HOST_VARIABLE]
    server.stop()


@pytest.fixture(scope="session")
def firestore_host(request: pytest.FixtureRequest) -> str:
    """The address of a Firestore: what the environment names, else the embedded one."""
    if _HOST_VARIABLE not in os.environ:
        request.getfixturevalue("firestore_server")
    return os.environ[_HOST_VARIABLE]


@pytest.fixture
def firestore_client(firestore_host: str) -> Iterator[firestore.Client]:
    """Google's client of an empty database of the test's own."""
    from google.cloud import firestore

    client = firestore.Client(project=f"demo-{uuid.uuid4().hex[:12]}")
    yield client
    client.close()  # type: ignore[no-untyped-call]


@pytest.fixture
def firestore_database(firestore_client: firestore.Client) -> str:
    """The resource name of the test's own database."""
    from embedded_firebase.firestore.values.paths import database_name

    return database_name(firestore_client.project)


@pytest.fixture
def firestore_faults(firestore_server: FirestoreServer, firestore_database: str) -> Iterator[DatabaseFaults]:
    """Faults on demand in the test's own database."""
    from embedded_firebase.firestore.testing.faults import DatabaseFaults

    faults = DatabaseFaults(firestore_server.faults, firestore_database)
    yield faults
    faults.clear()


@pytest.fixture
def firestore_counts(firestore_server: FirestoreServer, firestore_database: str) -> Callable[[], Counts]:
    """Tells what was called and billed in the test's own database since the fixture was made or last asked."""
    last = firestore_server.counters.snapshot(firestore_database)

    def counts() -> Counts:
        nonlocal last
        before, last = last, firestore_server.counters.snapshot(firestore_database)
        return last - before

    return counts
