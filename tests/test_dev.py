"""`make dev`: data persists, ports are free afterwards, a wrong setting is reported in one line."""

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.running_dev import Dev, free_port
from tests.tokens import claims, unsigned

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(90)]
REQUEST = {
    "userId": "testUser1",
    "model": "Model A",
    "style": "anime",
    "color": "neon",
    "size": "1024x1024",
    "prompt": "a fox",
}


@pytest.fixture
def make_dev(tmp_path: Path) -> Iterator[Callable[..., Dev]]:
    """Start `make dev` and wait until it is ready; stop it after the test."""
    started: list[Dev] = []

    def make(**environment: str) -> Dev:
        dev = Dev(tmp_path / "data", **environment)
        started.append(dev)
        dev.start()
        dev.await_ready()
        return dev

    yield make
    for dev in started:
        dev.stop()


def create(dev: Dev) -> int:
    """Buy a picture for three credits and return the HTTP status."""
    url = f"{dev.functions_url}/createGenerationRequest"
    return httpx.post(url, json=REQUEST, timeout=20, trust_env=False).status_code


def account(dev: Dev) -> Any:
    """Read the account that pays."""
    url = f"{dev.functions_url}/getUserCredits?userId=testUser1"
    return httpx.get(url, timeout=20, trust_env=False).json()


class TestMakeDev:
    @pytest.mark.long
    def test_keeps_what_was_written(self, make_dev: Callable[..., Dev]) -> None:
        """Data that was written is there again after a restart, until a reset."""
        dev = make_dev()
        create(dev)
        assert dev.stop() == 0
        dev.start()
        dev.await_ready()
        assert account(dev)["currentCredits"] == 97
        assert dev.stop() == 0
        dev.start("--reset")
        dev.await_ready()
        assert account(dev)["currentCredits"] == 100

    @pytest.mark.parametrize(
        "number", [signal.SIGINT, *(pytest.param(n, marks=pytest.mark.long) for n in (signal.SIGTERM, signal.SIGKILL))]
    )
    def test_frees_its_ports(self, make_dev: Callable[..., Dev], number: int) -> None:
        """Both ports are free soon after it ends, by any signal."""
        dev = make_dev()
        dev.stop(number)
        deadline = time.monotonic() + 40
        while not dev.is_closed():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    @pytest.mark.long
    def test_other_origins_may_not_call(self, make_dev: Callable[..., Dev]) -> None:
        """Without REQUIRE_AUTH callers do not authenticate, so that pages of other origins are refused (CSRF)."""
        dev = make_dev(REQUIRE_AUTH="false")
        answer = httpx.get(f"{dev.functions_url}/getCatalog", headers={"Origin": "https://elsewhere.example"})
        assert answer.status_code == 403

    def test_a_developer_signs_in_as_anyone(self, make_dev: Callable[..., Dev]) -> None:
        """With REQUIRE_AUTH and no Auth emulator any account signs in here, but from no page of another origin."""
        dev = make_dev(REQUIRE_AUTH="true", FIREBASE_AUTH_EMULATOR_HOST="")
        assert "signs in as any account" in dev.welcome
        base = f"http://127.0.0.1:{dev.functions_port}"
        path = f"{base}/identitytoolkit.googleapis.com/v1/accounts:signInWithPassword"
        tokens = [
            httpx.post(path, json={"email": "testUser1", "password": password}).json()["idToken"]
            for password in ("", "admin")
        ]
        asked = [
            httpx.get(f"{dev.functions_url}/{name}", headers={"Authorization": f"Bearer {token}"}).status_code
            for token in tokens
            for name in ("getUserCredits?userId=testUser1", "listWeeklyReports")
        ]
        assert asked == [200, 403, 200, 200]
        assert httpx.get(f"{dev.functions_url}/listWeeklyReports").status_code == 401
        elsewhere = {"Origin": "https://elsewhere.example"}
        refused = httpx.post(path, json={"email": "testUser1", "password": "admin"}, headers=elsewhere)
        assert refused.status_code == 403
        assert "Access-Control-Allow-Origin" not in refused.headers
        for url in (dev.functions_url, f"http://127.0.0.1:{dev.hosting_port}/api"):
            headers = elsewhere | {"Authorization": f"Bearer {tokens[1]}"}
            assert httpx.get(f"{url}/listWeeklyReports", headers=headers).status_code == 403

    @pytest.mark.long
    def test_an_auth_emulator_is_left_to_sign_in(self, make_dev: Callable[..., Dev]) -> None:
        """With an Auth emulator its accounts are those that can sign in."""
        dev = make_dev(REQUIRE_AUTH="true", FIREBASE_AUTH_EMULATOR_HOST="127.0.0.1:9099")
        assert "signs in as any account" not in dev.welcome
        path = "/identitytoolkit.googleapis.com/v1/accounts:signInWithPassword"
        answer = httpx.post(f"http://127.0.0.1:{dev.functions_port}{path}", json={"email": "a", "password": ""})
        assert answer.status_code == 404

    def test_other_origins_cannot_forge_a_token(self, make_dev: Callable[..., Dev]) -> None:
        """With the Auth emulator tokens are unsigned: a page of another origin is refused, whatever it sends."""
        dev = make_dev(REQUIRE_AUTH="true", FIREBASE_AUTH_EMULATOR_HOST="127.0.0.1:9099")
        forged = unsigned(claims("demo-imagegen", "root", admin=True))
        headers = {"Origin": "https://elsewhere.example", "Authorization": f"Bearer {forged}"}
        for url in (dev.functions_url, f"http://127.0.0.1:{dev.hosting_port}/api"):
            answer = httpx.get(f"{url}/listWeeklyReports", headers=headers)
            assert answer.status_code == 403
            assert "https://elsewhere.example" in answer.text
            from_the_console = httpx.get(
                f"{url}/getCatalog", headers={"Origin": f"http://127.0.0.1:{dev.hosting_port}"}
            )
            assert from_the_console.status_code == 200

    def test_a_taken_port_is_reported_in_one_line(self, tmp_path: Path) -> None:
        """A port in use is named together with the variable that changes it."""
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            process = Dev(tmp_path / "data", FIRESTORE_PORT=str(port)).start()
            output, errors = process.communicate(timeout=20)
        assert (process.returncode, output) == (1, "")
        assert errors.count("\n") == 1
        assert f"port {port}" in errors
        assert "FIRESTORE_PORT" in errors

    @pytest.mark.parametrize(
        "value", ["http", *(pytest.param(n, marks=pytest.mark.long) for n in ("0", "70000", "-1"))]
    )
    def test_an_invalid_port_is_reported_in_one_line(self, tmp_path: Path, value: str) -> None:
        """A value that is not a port number is named with its variable."""
        process = Dev(tmp_path / "data", FUNCTIONS_PORT=value).start()
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 1
        assert errors == f"make dev: FUNCTIONS_PORT is {value!r}; it must be a port from 1 to 65535\n"

    @pytest.mark.parametrize(
        ("name", "value", "allowed"),
        [
            ("MODEL_FAILURE_RATE", "often", "a number from 0 to 1"),
            ("MODEL_FAILURE_RATE", "nan", "a number from 0 to 1"),
            ("MODEL_ATTEMPTS", "0", "an integer from 1 to 9"),
            ("PLACEHOLDER_IMAGES", "2", "true or false"),
        ],
    )
    def test_a_bad_setting_is_reported(self, tmp_path: Path, name: str, value: str, allowed: str) -> None:
        """An invalid setting is refused at the start, not at every call."""
        process = Dev(tmp_path / "data", **{name: value}).start()
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 1
        assert errors == f"make dev: {name} is {value!r}; it must be {allowed}\n"

    def test_equal_ports_are_reported_in_one_line(self, tmp_path: Path) -> None:
        """Two servers cannot share a port."""
        port = str(free_port())
        process = Dev(tmp_path / "data", FUNCTIONS_PORT=port, FIRESTORE_PORT=port).start()
        _, errors = process.communicate(timeout=20)
        assert errors == f"make dev: FUNCTIONS_PORT and FIRESTORE_PORT are both {port}; they must differ\n"

    @pytest.mark.long
    def test_a_proxy_in_the_environment_is_ignored(self, make_dev: Callable[..., Dev]) -> None:
        """Servers on this machine are reached directly."""
        dev = make_dev(http_proxy="http://127.0.0.1:1", https_proxy="http://127.0.0.1:1")
        assert account(dev)["currentCredits"] == 100

    @pytest.mark.long
    def test_each_call_has_its_firestore_cost(self, make_dev: Callable[..., Dev]) -> None:
        """The host records the Firestore cost of each call; looking at the data meanwhile adds nothing to it."""
        dev = make_dev()
        calls, data = f"http://127.0.0.1:{dev.hosting_port}/__/calls", f"http://127.0.0.1:{dev.firestore_port}"
        create(dev)
        is_over = threading.Event()

        def poll() -> None:
            while not is_over.is_set():
                documents = f"{data}/v1/projects/demo-imagegen/databases/(default)/documents/users"
                assert httpx.get(documents, headers={"Authorization": "Bearer owner"}).status_code == 200

        with ThreadPoolExecutor() as pool:
            polling = pool.submit(poll)
            create(dev)
            account(dev)
            is_over.set()
            polling.result()
        read, created, first = httpx.get(calls).json()["calls"]
        assert read["firestore"] == {"reads": 3, "writes": 0}
        assert created["firestore"] == {"reads": 1, "writes": 4}
        # The first call also reads the catalog: 16 documents, and the settings of both models.
        assert first["firestore"] == {"reads": 19, "writes": 4}

    @pytest.mark.long
    @pytest.mark.long
    def test_a_reset_removes_only_its_own_data(self, make_dev: Callable[..., Dev], tmp_path: Path) -> None:
        """A folder that was named by mistake loses no file."""
        dev = make_dev()
        dev.stop()
        (tmp_path / "data" / "letter.txt").write_text("dear")
        dev.start("--reset")
        dev.await_ready()
        assert (tmp_path / "data" / "letter.txt").exists()

    def test_kill_9_of_everything_loses_no_charge(self, make_dev: Callable[..., Dev]) -> None:
        """An answered request is still charged and completed after a kill -9 of all processes."""
        dev = make_dev()
        answered = [create(dev) for _ in range(10)]
        dev.stop(signal.SIGKILL)
        deadline = time.monotonic() + 40
        while not dev.is_closed():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        dev.start()
        dev.await_ready()
        found = account(dev)
        assert answered == [200] * 10
        assert found["currentCredits"] == 70
        assert len(found["transactions"]) == 10
