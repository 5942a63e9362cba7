"""Owns the Firestore that all tests run on, and the fixture that builds a world on it."""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Callable, Iterator

import pytest
from google.cloud import firestore
from imagegen.config import Settings
from imagegen.deps import Deps
from imagegen.image_models import ImageModel

from emulator.firestore.errors import Code, EmulatorError
from emulator.firestore.server import FirestoreServer
from tests.world import Clock, Draws, World, write_catalog


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "embedded: needs what only the embedded Firestore has (faults, counters, its own address)"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if "FIRESTORE_EMULATOR_HOST" in os.environ:
        reason = "FIRESTORE_EMULATOR_HOST names another Firestore, which has no faults and no counters"
        for item in items:
            if item.get_closest_marker("embedded"):
                item.add_marker(pytest.mark.skip(reason=reason))


_SERVERS: dict[str, FirestoreServer] = {}


@pytest.fixture(scope="session")
def firestore_host() -> Iterator[str]:
    """The address of a Firestore: what the environment names, else an embedded one for this test process."""
    if "FIRESTORE_EMULATOR_HOST" in os.environ:
        yield os.environ["FIRESTORE_EMULATOR_HOST"]
        return
    server = FirestoreServer()
    host = f"127.0.0.1:{server.start()}"
    _SERVERS[host] = server
    os.environ["FIRESTORE_EMULATOR_HOST"] = host
    os.environ["no_grpc_proxy"] = "127.0.0.1"  # noqa: SIM112 - gRPC knows it by this name alone.
    yield host
    del os.environ["FIRESTORE_EMULATOR_HOST"]
    server.stop()


@pytest.fixture
def server(firestore_host: str) -> FirestoreServer:
    """The embedded Firestore itself, for tests that are marked `embedded`."""
    return _SERVERS[firestore_host]


@pytest.fixture
def db(firestore_host: str) -> Iterator[firestore.Client]:
    """An empty database of the test's own."""
    client = firestore.Client(project=f"demo-{uuid.uuid4().hex[:12]}")
    yield client
    client.close()


class Faults:
    """Faults that only the test's own database meets."""

    def __init__(self, server: FirestoreServer, database: str) -> None:
        self._faults = server.faults
        self._database = database

    def fail(self, code: Code, count: int = 1, rpc: str = "Commit") -> None:
        """Refuse the next calls before they do anything."""
        self._faults.fail(rpc, code, count, database=self._database)

    def lose_answer(self, code: Code = Code.UNAVAILABLE, rpc: str = "Commit") -> None:
        """Do the work of the next call and answer with an error."""

        def answer() -> None:
            raise EmulatorError(code, "the answer is lost")

        self._faults.after(rpc, answer, database=self._database)

    def clear(self) -> None:
        """Let everything work again."""
        self._faults.clear(database=self._database)


@pytest.fixture
def faults(server: FirestoreServer, db: firestore.Client) -> Iterator[Faults]:
    """Faults on demand."""
    faults = Faults(server, f"projects/{db.project}/databases/(default)")
    yield faults
    faults.clear()


@pytest.fixture
def make_world(db: firestore.Client) -> Callable[..., World]:
    """Build a world on the test's database with a small catalog; models default to ones that draw."""
    write_catalog(db)
    clock = Clock()
    numbers = itertools.count(1)

    def make(*, settings: Settings | None = None, **models: ImageModel) -> World:
        deps = Deps(
            db=db,
            settings=settings or Settings(),
            now=clock,
            new_id=lambda: f"gen{next(numbers)}",
            image_models={"model-a": models.get("model_a", Draws()), "model-b": models.get("model_b", Draws())},
        )
        return World(deps, clock)

    return make
