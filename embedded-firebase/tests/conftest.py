"""Owns the Firestore that the emulator's own tests run on: one that answers without the index that a query needs.

These tests ask all kinds of queries; those of the project run on a server that requires its `firestore.indexes.json`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from embedded_firebase.firestore.server import FirestoreServer

_HOST_VARIABLE = "FIRESTORE_EMULATOR_HOST"
# Read before any fixture sets it: the address of another Firestore that all tests are to run on.
_OTHER_HOST = os.environ.get(_HOST_VARIABLE)


@pytest.fixture(scope="session")
def server_and_host() -> Iterator[tuple[FirestoreServer, str]]:
    """A server and its address."""
    server = FirestoreServer()
    yield server, f"127.0.0.1:{server.start()}"
    server.stop()


@pytest.fixture(scope="session")
def firestore_server(request: pytest.FixtureRequest) -> FirestoreServer:
    """The embedded Firestore of these tests."""
    if _OTHER_HOST is not None:
        pytest.skip(f"{_HOST_VARIABLE} names another Firestore, which has no faults and no counters")
    server: FirestoreServer = request.getfixturevalue("server_and_host")[0]
    return server


@pytest.fixture(scope="session")
def firestore_host(request: pytest.FixtureRequest) -> str:
    """The address of the Firestore of these tests."""
    return _OTHER_HOST or str(request.getfixturevalue("server_and_host")[1])


@pytest.fixture(scope="module", autouse=True)
def _host_is_named(firestore_host: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(_HOST_VARIABLE, firestore_host)
        yield
