"""Owns the Firestore that all tests run on, and the fixture that builds a world on it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from google.cloud import firestore

from embedded_firebase.firestore.server import FirestoreServer
from embedded_firebase.firestore.testing.faults import DatabaseFaults
from imagegen.config import Settings
from imagegen.providers.model import ImageModel
from tests.world import Clock, Draws, World, make_deps, write_catalog

pytest_plugins = ["tests.hosted"]

# A slow machine is not a failure.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "pure: needs no Firestore, no network and no clock")
    config.addinivalue_line(
        "markers", "long: more cases of the same, or details of the console; in `make test-long` only"
    )
    config.addinivalue_line(
        "markers", "embedded: needs what only the embedded Firestore has (faults, counters, its own address)"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if "FIRESTORE_EMULATOR_HOST" in os.environ:
        reason = "FIRESTORE_EMULATOR_HOST names another Firestore, which has no faults and no counters"
        for item in items:
            if item.get_closest_marker("embedded"):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def firestore_options() -> dict[str, Any]:
    """Refuse a query that production would refuse because the project's index file lacks its index."""
    return {"indexes": Path(__file__).parent.parent / "firestore.indexes.json", "require_indexes": True}


@pytest.fixture
def server(firestore_server: FirestoreServer) -> FirestoreServer:
    """The embedded Firestore itself, for tests that are marked `embedded`."""
    return firestore_server


@pytest.fixture
def db(firestore_client: firestore.Client) -> firestore.Client:
    """An empty database for one test."""
    return firestore_client


@pytest.fixture
def faults(firestore_faults: DatabaseFaults) -> DatabaseFaults:
    """Injects faults into the embedded Firestore."""
    return firestore_faults


@pytest.fixture
def make_world(db: firestore.Client) -> Callable[..., World]:
    """Build a world on the test's database with a small catalog; by default all models draw."""
    write_catalog(db)
    clock = Clock()
    numbers = itertools.count(1)

    def make(*, settings: Settings | None = None, **models: ImageModel) -> World:
        deps = make_deps(
            db,
            settings=settings or Settings(),
            now=clock,
            new_id=lambda: f"gen{next(numbers)}",
            image_models={"model-a": models.get("model_a", Draws()), "model-b": models.get("model_b", Draws())},
        )
        return World(deps, clock)

    return make
