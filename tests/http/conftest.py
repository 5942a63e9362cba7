"""Owns the functions host that the HTTP tests call: the real main.py, on the test's own database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from imagegen import deps

from emulator.functions_host import discover, serve, set_environment
from tests.world import World

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """The database behind the host, with a catalog."""
    return make_world()


@pytest.fixture
def client(world: World, firestore_host: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """A client of the host, whose base URL is where the functions are; its models never fail."""
    environment: dict[str, str] = {}
    set_environment(environment, world.db.project, firestore_host)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MODEL_FAILURE_RATE", "0")
    deps._build.cache_clear()
    server = serve(discover(ROOT / "functions"), world.db.project, "127.0.0.1", 0)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    base = f"http://127.0.0.1:{server.port}/{world.db.project}/us-central1"
    with httpx.Client(base_url=base, timeout=20) as http:
        yield http
    server.shutdown()
    serving.join()
    server.server_close()
    deps.production().db.close()
    deps._build.cache_clear()
