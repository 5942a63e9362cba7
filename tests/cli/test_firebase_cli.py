"""The functions under the real Firebase CLI, against the test's own Firestore; skipped without the CLI."""

import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagegen.kit.weeks import Week
from tests.world import World

ROOT = Path(__file__).parent.parent.parent
FIREBASE = os.environ.get("FIREBASE_CLI") or shutil.which("firebase")
EMULATORS = ["functions", "auth", "hub", "logging", "tasks", "eventarc"]
STOP_SECONDS = 20

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(
        not FIREBASE,
        reason="the Firebase CLI is not here (npm install firebase-tools, then FIREBASE_CLI=path/to/firebase)",
    ),
]


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """The database behind the CLI's functions, with a catalog and an account of ten credits."""
    world = make_world()
    world.account("ada", 10)
    return world


class Project:
    """A copy of the Firebase project in its own folder, because the CLI writes beside the project."""

    def __init__(self, folder: Path, world: World) -> None:
        self.folder = folder
        self.name = world.db.project
        self.ports = dict(zip(EMULATORS, free_ports(len(EMULATORS)), strict=True))
        functions = folder / "functions"
        shutil.copytree(
            ROOT / "functions", functions, ignore=shutil.ignore_patterns("venv", "__pycache__", ".env.local")
        )
        (functions / "venv").symlink_to(ROOT / "functions" / "venv")
        config = json.loads((ROOT / "firebase.json").read_text())
        config["emulators"] |= {name: {"host": "127.0.0.1", "port": port} for name, port in self.ports.items()}
        # `emulators:start` downloads the Emulator UI unless the file disables it.
        config["emulators"]["ui"] = {"enabled": False}
        (folder / "firebase.json").write_text(json.dumps(config))

    @property
    def trigger(self) -> str:
        return f"/functions/projects/{self.name}/triggers/us-central1-weeklyReport-0"

    @contextlib.contextmanager
    def emulators(self, *options: str, failure_rate: str = "0") -> Iterator[httpx.Client]:
        """Run `firebase emulators:start` and yield a client of its functions emulator."""
        # The CLI prefers its files to the shell's environment, and creates this one with the default if it is missing.
        (self.folder / "functions" / ".env.local").write_text(f"MODEL_FAILURE_RATE={failure_rate}\n")
        command = [str(FIREBASE), "emulators:start", "--project", self.name, *options]
        # CI skips the message of the day; the CLI keeps its own settings under XDG_CONFIG_HOME.
        environment = {"CI": "1", "XDG_CONFIG_HOME": str(self.folder / "settings")}
        with running(command, "All emulators ready", self.folder, environment) as said:
            # It prints this even when no function could be loaded.
            assert "Loaded functions definitions" in said, said
            with httpx.Client(base_url=f"http://127.0.0.1:{self.ports['functions']}", timeout=30) as client:
                yield client

    @contextlib.contextmanager
    def our_host(self) -> Iterator[httpx.Client]:
        """Run our own functions host on the same database and yield a client of it."""
        (port,) = free_ports(1)
        command = [sys.executable, "-m", "embedded_firebase.cli.functions", "--project", self.name, "--port", str(port)]
        command += ["--firestore", os.environ["FIRESTORE_EMULATOR_HOST"]]
        with (
            running(command, "Functions ready", ROOT, {"MODEL_FAILURE_RATE": "0"}),
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
        ):
            yield client


@pytest.fixture
def project(tmp_path: Path, world: World) -> Project:
    """The Firebase project, under the name of the test's own database."""
    return Project(tmp_path, world)


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as open_sockets:
        sockets = [open_sockets.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


@contextlib.contextmanager
def running(command: list[str], ready: str, folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """Run a command, yield its output until it is ready, and end it and its children in any case."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    rest = threading.Thread(target=process.stdout.read)
    try:
        said = "".join(itertools.takewhile(lambda line: ready not in line, process.stdout))
        rest.start()
        assert process.poll() is None, said
        yield said
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if rest.ident:
            rest.join()
        process.stdout.close()


def answer(response: httpx.Response) -> tuple[int, str, dict[str, str]]:
    """The caller's view of an answer: without headers of the server and the connection."""
    own = {"server", "x-powered-by", "date", "connection", "keep-alive", "transfer-encoding", "x-request-id"}
    return response.status_code, response.text, {k: v for k, v in response.headers.items() if k not in own}


def without_effect(world: World) -> list[tuple[int, dict[str, Any]]]:
    """A status, and a call that gets it and changes nothing."""
    create, credits = ("createGenerationRequest", "getUserCredits")
    valid = world.body("ada")
    preflight = {
        "Origin": "http://localhost:3000",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type, idempotency-key",
    }
    return [
        (200, {"method": "GET", "url": credits, "params": {"userId": "ada"}}),
        (200, {"method": "POST", "url": credits, "json": {"userId": "ada"}}),
        (200, {"method": "GET", "url": f"{credits}/", "params": {"userId": "ada"}}),
        (200, {"method": "OPTIONS", "url": create, "headers": preflight}),
        (200, {"method": "GET", "url": f"{create}/__/health"}),
        (400, {"method": "POST", "url": create, "json": valid | {"size": "1x1", "color": "beige"}}),
        (400, {"method": "POST", "url": create, "content": "{", "headers": {"Content-Type": "application/json"}}),
        (402, {"method": "POST", "url": create, "json": valid | {"userId": "poor"}}),
        (404, {"method": "POST", "url": create, "json": valid | {"userId": "nobody"}}),
        (405, {"method": "GET", "url": create}),
        (413, {"method": "POST", "url": create, "json": valid | {"prompt": "x" * 20_000}}),
        (415, {"method": "POST", "url": create, "content": "a fox"}),
    ]


class TestFunctions:
    def test_answer_as_on_our_host(self, project: Project, world: World) -> None:
        """Every call gets the same status, headers and body from the CLI and from our host."""
        world.account("poor", 0)
        path = f"/{project.name}/us-central1"
        first: dict[str, Any] = {"json": world.body("ada"), "headers": {"Idempotency-Key": "one"}}
        with project.emulators("--only", "functions") as cli, project.our_host() as host:
            created = cli.post(f"{path}/createGenerationRequest", **first)
            assert (created.status_code, created.json()["deductedCredits"]) == (200, 1)
            replayed = host.post(f"{path}/createGenerationRequest", **first)
            assert (replayed.headers["Idempotent-Replayed"], replayed.text) == ("true", created.text)
            for status, call in without_effect(world):
                call["url"] = f"{path}/{call['url']}"
                by_cli, by_host = answer(cli.request(**call)), answer(host.request(**call))
                assert (status, by_cli) == (by_cli[0], by_host), call
            assert cli.get(f"{path}/nothing").status_code == host.get(f"{path}/nothing").status_code == 404
        assert world.credits("ada") == 9
        world.check_books("ada")

    def test_a_failing_model_refunds(self, project: Project, world: World) -> None:
        """MODEL_FAILURE_RATE in functions/.env.local reaches the functions, and a failure charges nothing."""
        with project.emulators("--only", "functions", failure_rate="1") as cli:
            response = cli.post(f"/{project.name}/us-central1/createGenerationRequest", json=world.body("ada"))
        assert response.status_code == 500
        assert "Nothing was charged" in response.json()["error"]["message"]
        assert [entry["type"] for entry in world.ledger("ada")] == ["deduction", "refund"]
        assert world.credits("ada") == 10
        world.check_books("ada")

    def test_the_trigger_fires_the_weekly_report(self, project: Project, world: World) -> None:
        """The trigger URL writes the report of the last whole week and answers so."""
        with project.emulators("--only", "functions") as cli:
            response = cli.post(project.trigger)
        assert (response.status_code, response.json()) == (200, {"reportStatus": "success"})
        (report,) = world.db.collection("weeklyReports").stream()
        assert report.id == Week.of(datetime.now(UTC)).back(1).week_id


class TestAuth:
    def test_the_accounts_load(self, project: Project) -> None:
        """The Auth emulator loads the four accounts of initial_data, and the functions work beside it."""
        imported = f"--import={ROOT / 'initial_data'}"
        with project.emulators("--only", "functions,auth", imported) as cli:
            auth = f"http://127.0.0.1:{project.ports['auth']}/identitytoolkit.googleapis.com/v1"
            listing = f"{auth}/projects/{project.name}/accounts:batchGet"
            accounts = cli.get(listing, headers={"Authorization": "Bearer owner"}).json()["users"]
            sign_in = {"email": "testuser1@example.com", "password": "password"}
            signed_in = cli.post(f"{auth}/accounts:signInWithPassword", params={"key": "any"}, json=sign_in).json()
            balance = cli.get(f"/{project.name}/us-central1/getUserCredits", params={"userId": "ada"}).json()
        assert {account["localId"] for account in accounts} == {"testUser1", "testUser2", "user123", "emptyUser"}
        assert signed_in["localId"] == "testUser1"
        assert balance["currentCredits"] == 10


class TestAsynchronously:
    def test_a_generation_is_queued_and_drawn(self, project: Project, world: World) -> None:
        """Under the CLI's task queue a request is answered 202 and drawn, as its status URL shows."""
        path = f"/{project.name}/us-central1/createGenerationRequest"
        headers = {"Prefer": "respond-async", "Idempotency-Key": "key"}
        with project.emulators("--only", "functions,tasks") as client:
            response = client.post(path, json=world.body("ada"), headers=headers)
            assert response.status_code == 202, response.text
            answer = response.json()
            deadline = time.monotonic() + 30
            while (found := client.get(answer["statusUrl"]).json())["status"] in {"queued", "processing"}:
                assert time.monotonic() < deadline
                time.sleep(0.2)
            again = client.post(path, json=world.body("ada"), headers=headers)
        assert found["status"] == "completed"
        assert again.json() == answer | {"status": "completed"}
        assert world.credits("ada") == 9
        world.check_books("ada")
