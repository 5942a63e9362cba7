"""`make smoke` against the functions host, against hosts that are broken, and against a stand-in of Cloud Scheduler."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from operations import smoke
from tests import tokens
from tests.cloud_tasks import Tasks
from tests.receiver import Receiver
from tests.world import World

Run = Callable[..., tuple[int, dict[str, str], dict[str, str]]]
CHECKS = ["catalog", "account", "quote", "create", "webhook", "schedule"]


class Answers:
    """A server that answers each path with a status and a body, and the others with 404 in HTML, as Google does."""

    def __init__(self) -> None:
        self.by_path: dict[str, tuple[int, object]] = {}
        self.asked: list[str] = []
        answers = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self._answer()

            def _answer(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"] or 0))
                answers.asked.append(f"{self.command} {self.path}")
                status, body = answers.by_path.get(self.path.rpartition("/")[2], (404, "<h1>Not found</h1>"))
                content = (body if isinstance(body, str) else json.dumps(body)).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._serving = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._serving.start()
        self.port = self._server.server_port

    def stop(self) -> None:
        self._server.shutdown()
        self._serving.join()
        self._server.server_close()


@pytest.fixture
def answers() -> Iterator[Answers]:
    """A host, or a Cloud Scheduler, whose answers the test sets."""
    answers = Answers()
    yield answers
    answers.stop()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command on a port; return its exit code, and the outcome and the message of each check."""
    monkeypatch.setattr(smoke, "_POLL_SECONDS", 0.02)
    for name in ("ID_TOKEN", "WEBHOOK_URL"):
        monkeypatch.delenv(name, raising=False)

    def run_it(port: int | None, *arguments: str) -> tuple[int, dict[str, str], dict[str, str]]:
        monkeypatch.setenv("FUNCTIONS_PORT", str(port))
        capsys.readouterr()
        code = smoke.main([*arguments, "--json"])
        printed = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert printed["passed"] == (code == 0)
        outcomes = {check["name"]: check["outcome"] for check in printed["checks"]}
        assert list(outcomes) == CHECKS
        return code, outcomes, {check["name"]: check["message"] for check in printed["checks"]}

    return run_it


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Webhooks may go to this machine, as under `make dev`; to be named before `client`."""
    monkeypatch.setenv("WEBHOOK_ALLOW_LOOPBACK", "true")


class TestPasses:
    def test_on_a_host(self, loopback: None, client: httpx.Client, run: Run, world: World) -> None:
        """All checks pass, the webhook arrives at the host itself, and the account has what it had."""
        code, outcomes, messages = run(client.base_url.port)
        assert (code, set(outcomes.values())) == (0, {"passed"}), messages
        assert messages["webhook"].startswith("delivered to")
        (generation,) = world.generations()
        assert (generation["userId"], generation["status"], generation["webhook"]) == (
            "smoke",
            "completed",
            "delivered",
        )
        assert world.credits("smoke") == 0
        assert run(client.base_url.port)[0] == 0

    def test_in_a_pipe(
        self,
        loopback: None,
        client: httpx.Client,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """Without --json there is a line for each check, and no progress where stderr is no terminal."""
        monkeypatch.setenv("FUNCTIONS_PORT", str(client.base_url.port))
        assert smoke.main([]) == 0
        printed = capfd.readouterr()
        lines = [line.split() for line in printed.out.splitlines() if not line.startswith("{")]
        assert [line[:2] for line in lines] == [["passed", name] for name in CHECKS]
        assert "\r" not in printed.err

    def test_on_a_terminal(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """On a terminal the running check is shown, and erased in the end."""
        monkeypatch.setenv("FUNCTIONS_PORT", "1")
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        assert smoke.main([]) == 1
        shown = capsys.readouterr().err
        assert "catalog ..." in shown
        assert shown.endswith("\r\033[K")

    def test_with_a_token(
        self,
        loopback: None,
        sign_in: None,
        client: httpx.Client,
        run: Run,
        world: World,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Where callers must sign in, an administrator's token is needed, and what is wrong with another is said."""
        code, outcomes, messages = run(client.base_url.port)
        assert (code, outcomes["catalog"], outcomes["account"], outcomes["quote"]) == (1, "passed", "failed", "not run")
        assert "set ID_TOKEN" in messages["account"]
        monkeypatch.setenv("ID_TOKEN", tokens.unsigned(tokens.claims(world.db.project, "ada")))
        assert "claim admin: true" in run(client.base_url.port)[2]["account"]
        monkeypatch.setenv("ID_TOKEN", tokens.unsigned(tokens.claims(world.db.project, "root", admin=True)))
        assert run(client.base_url.port)[0] == 0


class TestFails:
    def test_nothing_listens(self, run: Run) -> None:
        """Without a host each check fails or is not run."""
        code, outcomes, messages = run(1)
        assert code == 1
        assert list(outcomes.values()) == ["failed", *["not run"] * 4, "failed"]
        assert "cannot be reached" in messages["catalog"]
        assert "cannot be reached" in messages["schedule"]

    @pytest.mark.parametrize(
        ("status", "body", "said"),
        [
            (403, "<html>Forbidden</html>", "roles/run.invoker to allUsers"),
            (401, "<html>Unauthorized</html>", "roles/run.invoker to allUsers"),
            (404, "<html>Not found</html>", "there is no function getCatalog"),
            (500, "Internal Server Error", "could not start"),
            (503, "upstream connect error", "could not start"),
            (200, "<html>Welcome</html>", "check the project"),
            (500, {"error": {"message": "m", "details": [{"reason": "INTERNAL"}]}}, "roles/datastore.user"),
            (503, {"error": {"message": "m", "details": [{"reason": "UNAVAILABLE"}]}}, "no catalog in Firestore"),
        ],
        ids=lambda value: str(value)[:20],
    )
    def test_an_answer_of_the_platform(self, answers: Answers, run: Run, status: int, body: object, said: str) -> None:
        """An answer that is not the function's own is told from one that is, and each names what is missing."""
        answers.by_path["getCatalog"] = (status, body)
        code, outcomes, messages = run(answers.port)
        assert (code, outcomes["catalog"]) == (1, "failed")
        assert said in messages["catalog"]

    def test_no_queue(
        self, loopback: None, client: httpx.Client, run: Run, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """If tasks cannot be enqueued, the roles of enqueuing are named, and the credit is refunded."""
        monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", "127.0.0.1:1")
        code, outcomes, messages = run(client.base_url.port)
        assert (code, outcomes["create"], outcomes["webhook"]) == (1, "failed", "not run")
        assert "roles/cloudtasks.enqueuer" in messages["create"]
        assert "roles/iam.serviceAccountUser" in messages["create"]
        assert outcomes["schedule"] == "passed"
        assert world.credits("smoke") == 1

    def test_no_bucket(
        self, loopback: None, client: httpx.Client, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """If pictures cannot be stored, the role on the bucket is named."""
        (tmp_path / "file").touch()
        monkeypatch.setenv("MODEL_ATTEMPTS", "1")
        monkeypatch.setenv("IMAGE_FOLDER", str(tmp_path / "file" / "images"))
        code, outcomes, messages = run(client.base_url.port)
        assert (code, outcomes["create"]) == (1, "failed")
        assert "roles/storage.objectUser" in messages["create"]

    def test_a_queue_that_delivers_nothing(
        self, loopback: None, client: httpx.Client, run: Run, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """If Cloud Tasks may not call the function, its role is named, and the generation is cancelled."""
        queue = Tasks()
        monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", queue.host)
        code, outcomes, messages = run(client.base_url.port, "--time-limit", "0.2")
        queue.stop()
        assert (code, outcomes["create"]) == (1, "failed")
        assert "processGeneration" in messages["create"]
        assert "roles/run.invoker" in messages["create"]
        assert [generation["status"] for generation in world.generations()] == ["cancelled"]
        assert world.credits("smoke") == 1

    def test_a_receiver_that_fails(
        self, loopback: None, client: httpx.Client, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A receiver that answers no 2xx is named with its answer."""
        receiver = Receiver()
        receiver.status = 500
        monkeypatch.setenv("WEBHOOK_URL", receiver.url)
        code, outcomes, messages = run(client.base_url.port)
        receiver.stop()
        assert (code, outcomes["create"], outcomes["webhook"]) == (1, "passed", "failed")
        assert receiver.url in messages["webhook"]
        assert "500" in messages["webhook"]

    def test_no_secret(self, loopback: None, client: httpx.Client, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """If webhooks cannot be signed, the role for the secret is named."""
        monkeypatch.setenv("WEBHOOK_SECRET", "")
        code, outcomes, messages = run(client.base_url.port, "--time-limit", "1")
        assert (code, outcomes["create"], outcomes["webhook"]) == (1, "passed", "failed")
        assert "roles/secretmanager.secretAccessor" in messages["webhook"]


class TestScheduler:
    """Deployed, Cloud Scheduler runs the schedule, with the operator's credentials."""

    JOB = "firebase-schedule-reconcile-us-central1"

    @pytest.fixture
    def scheduler(self, answers: Answers, service_account: None, monkeypatch: pytest.MonkeyPatch) -> Answers:
        monkeypatch.setattr(smoke, "_SCHEDULER", f"http://127.0.0.1:{answers.port}")
        monkeypatch.setattr(smoke, "_POLL_SECONDS", 0.02)
        answers.by_path[self.JOB] = (200, {"lastAttemptTime": "before"})
        answers.by_path[f"{self.JOB}:run"] = (200, {})
        return answers

    def test_a_run(
        self,
        loopback: None,
        client: httpx.Client,
        scheduler: Answers,
        run: Run,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The job is run, and the checks of a deployed project pass once its attempt has ended well."""
        monkeypatch.setattr(smoke, "_functions_url", lambda project: str(client.base_url).rstrip("/"))
        statuses = iter(["before", "before", "after"])
        job = self.JOB

        class Changing(dict[str, Any]):
            def get(self, key: str, default: Any = None) -> Any:
                return (200, {"lastAttemptTime": next(statuses)}) if key == job else super().get(key, default)

        scheduler.by_path = Changing(scheduler.by_path)
        code, outcomes, messages = run(None, "--project", "shop")
        assert (code, outcomes["schedule"]) == (0, "passed"), messages
        path = f"/projects/shop/locations/us-central1/jobs/{self.JOB}"
        assert scheduler.asked == [f"GET {path}", f"POST {path}:run", f"GET {path}", f"GET {path}"]

    @pytest.mark.parametrize(
        ("found", "said"),
        [
            ({"lastAttemptTime": "after", "status": {"code": 7}}, "roles/run.invoker"),
            ({"lastAttemptTime": "after", "status": {"code": 16}}, "roles/run.invoker"),
            ({"lastAttemptTime": "after", "status": {"code": 13}}, "its log has the trace"),
            ({"lastAttemptTime": "before"}, "did not run"),
        ],
        ids=str,
    )
    def test_a_run_that_fails(self, scheduler: Answers, found: dict[str, Any], said: str) -> None:
        """The status of the attempt tells a missing role from a function that fails."""
        jobs = iter([{"lastAttemptTime": "before"}])
        job = self.JOB

        class Changing(dict[str, Any]):
            def get(self, key: str, default: Any = None) -> Any:
                return (200, next(jobs, found)) if key == job else super().get(key, default)

        scheduler.by_path = Changing(scheduler.by_path)
        with pytest.raises(smoke.Fault, match=said):
            smoke._run_by_scheduler("shop", 0.1, "reconcile")

    @pytest.mark.parametrize(
        ("status", "said"), [(403, "roles/cloudscheduler.admin"), (404, "no such job"), (401, "gcloud auth")]
    )
    def test_an_operator_without_the_role(self, scheduler: Answers, status: int, said: str) -> None:
        """What the operator lacks is told from what the functions lack."""
        scheduler.by_path[self.JOB] = (status, {})
        with pytest.raises(smoke.Fault, match=said):
            smoke._run_by_scheduler("shop", 0.1, "reconcile")

    def test_no_credentials(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without credentials the command that gets some is named."""
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/missing.json")
        with pytest.raises(smoke.Fault, match="gcloud auth application-default login"):
            smoke._run_by_scheduler("shop", 0.1, "reconcile")

    def test_the_url_of_a_deployed_project(self) -> None:
        """Deployed functions are called at their public URL."""
        assert smoke._functions_url("shop") == "https://us-central1-shop.cloudfunctions.net"
