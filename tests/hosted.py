"""Owns the functions host that the HTTP tests call: the real main.py, on the test's own database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from pytest_mock import MockerFixture

from embedded_firebase.functions import host as hosts
from embedded_firebase.functions import server
from embedded_firebase.functions.discovery import discover
from embedded_firebase.functions.environment import set_environment
from embedded_firebase.functions.host import FunctionsHost, HostOptions
from embedded_firebase.functions.server import bind
from imagegen import production
from tests.identity_toolkit import IdentityToolkit
from tests.world import MASTER_SECRET, World

ROOT = Path(__file__).parent.parent


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """The database behind the host, with a catalog."""
    return make_world()


@pytest.fixture
def identity_toolkit() -> Iterator[IdentityToolkit]:
    """The accounts of Firebase Auth."""
    toolkit = IdentityToolkit()
    yield toolkit
    toolkit.stop()


@pytest.fixture
def service_account(
    identity_toolkit: IdentityToolkit, monkeypatch: pytest.MonkeyPatch, mocker: MockerFixture, tmp_path: Path
) -> None:
    """The functions have a service account, whose access tokens come from the stand-in."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(identity_toolkit.service_account(tmp_path)))
    # google-auth would ask Google for the account's regions, in a thread of its own.
    mocker.patch(
        "google.auth.credentials.CredentialsWithRegionalAccessBoundary._maybe_start_regional_access_boundary_refresh"
    )


@pytest.fixture
def sign_in(identity_toolkit: IdentityToolkit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Callers must sign in, with tokens of the Auth emulator; to be named before `client`."""
    monkeypatch.setenv("REQUIRE_AUTH", "true")
    monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", identity_toolkit.host)


@pytest.fixture
def client(world: World, firestore_host: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """A client of the host, with the functions' base URL; its models never fail, its queues run."""
    with bind("127.0.0.1", 0) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        environment: dict[str, str] = {}
        set_environment(environment, world.db.project, firestore_host, address)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("MODEL_FAILURE_RATE", "0")
        monkeypatch.setenv("WEBHOOK_SECRET", MASTER_SECRET)
        production._built.cache_clear()
        # A host serves one test, which would wait for its end.
        monkeypatch.setattr(hosts, "_POLL_SECONDS", 0.002)
        # Any origin, because the deployed functions answer CORS themselves.
        # No schedule, because a test would change when it runs at a full five minutes.
        options = HostOptions(any_origin=True, fire_schedules=False)
        host = FunctionsHost(discover(ROOT / "functions"), world.db.project, listener, options)
        host.start()
        # Without `verify`, an SSL context takes longer than the test.
        base_url = f"{host.url}/{world.db.project}/us-central1"
        with httpx.Client(base_url=base_url, timeout=20, verify=False) as http:
            yield http
        # The test has its answers: no request is on its way.
        monkeypatch.setattr(server, "_FIRST_BYTES_SECONDS", 0.0)
        host.stop(5)
    production.production().db.client.close()  # type: ignore[no-untyped-call]
    production._built.cache_clear()
