"""Owns the fixtures that give every test its own Firestore database; must not know what is tested with them.

pytest loads it by its entry point in every run, so heavy imports are deferred to the fixtures. One embedded server in
memory serves all tests of a process. Each test has its own project, which costs no round trip, so that tests are
isolated in documents, faults and counts, in any order and in parallel.

Where FIRESTORE_EMULATOR_HOST is set, tests run on the Firestore that it names, and those that use features of the
embedded one (its server, faults, counts) are skipped.
"""

from __future__ import annotations

import os
import sys
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


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting of the plugin to the configuration file."""
    parser.addini(
        "firestore_one_core_per_worker",
        type="bool",
        default=False,
        help="keep each worker of pytest-xdist, and the processes that it starts, on one core",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Keep a worker of pytest-xdist on one core, if the configuration asks for it."""
    worker = getattr(config, "workerinput", None)
    if worker and config.getini("firestore_one_core_per_worker"):
        keep_to_one_core(int(worker["workerid"].removeprefix("gw")))


def keep_to_one_core(number: int) -> None:
    """Keep this process, and those that it starts, on the core of this number, modulo the cores; not on macOS.

    A client and its Firestore in one process take turns under one GIL: on several cores half of their time goes into
    moving between them.
    """
    if sys.platform == "linux":
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[number % len(cores)]})


@pytest.fixture(scope="session")
def firestore_options() -> dict[str, Any]:
    """Arguments of `FirestoreServer`, such as `indexes` and `require_indexes`; override this fixture to set them."""
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
    """The address of the Firestore under test: from the environment, else the embedded one."""
    if _HOST_VARIABLE not in os.environ:
        request.getfixturevalue("firestore_server")
    return os.environ[_HOST_VARIABLE]


@pytest.fixture
def firestore_client(firestore_host: str) -> Iterator[firestore.Client]:
    """Google's client of an empty database for this test alone."""
    from google.cloud import firestore

    client = firestore.Client(project=f"demo-{uuid.uuid4().hex[:12]}")
    yield client
    client.close()  # type: ignore[no-untyped-call]


@pytest.fixture
def firestore_database(firestore_client: firestore.Client) -> str:
    """The resource name of the database of this test."""
    from embedded_firebase.firestore.values.paths import database_name

    return database_name(firestore_client.project)


@pytest.fixture
def firestore_faults(firestore_server: FirestoreServer, firestore_database: str) -> Iterator[DatabaseFaults]:
    """Faults on demand in the database of this test."""
    from embedded_firebase.firestore.testing.faults import DatabaseFaults

    faults = DatabaseFaults(firestore_server.faults, firestore_database)
    yield faults
    faults.clear()


@pytest.fixture
def firestore_counts(firestore_server: FirestoreServer, firestore_database: str) -> Callable[[], Counts]:
    """Returns the calls and billed operations in the database of this test since the last call."""
    last = firestore_server.counters.snapshot(firestore_database)

    def counts() -> Counts:
        nonlocal last
        before, last = last, firestore_server.counters.snapshot(firestore_database)
        return last - before

    return counts
