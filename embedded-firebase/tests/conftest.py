"""Owns the Firestore that these tests run on: the plugin's fixtures under short names."""

from __future__ import annotations

import os

import hypothesis
import pytest
from google.cloud import firestore

from embedded_firebase.firestore.server import FirestoreServer
from embedded_firebase.firestore.testing.faults import DatabaseFaults

# A slow machine is not a failure.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: exhaustive; left out of the ordinary run")
    config.addinivalue_line(
        "markers", "embedded: needs what only the embedded Firestore has (faults, counters, its own address)"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if "FIRESTORE_EMULATOR_HOST" in os.environ:
        reason = "FIRESTORE_EMULATOR_HOST names another Firestore, which has no faults and no counters"
        for item in items:
            if item.get_closest_marker("embedded"):
                item.add_marker(pytest.mark.skip(reason=reason))


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
