"""The functions host as a program: serving, logging, code changes and crashes."""

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from embedded_firebase.functions.server import bind

SAMPLE = Path(__file__).parent / "sample.py"
TASKS = "/projects/demo/locations/us-central1/queues/work/tasks"
pytestmark = pytest.mark.timeout(120)


class Host:
    """A host of the sample project in its own folder, with a parent process."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "functions"
        self.source.mkdir()
        shutil.copy(SAMPLE, self.source / "main.py")
        self._folder = folder
        self.seen, self.hang = folder / "seen.jsonl", folder / "hang"
        self.url = ""

    def start(self, *arguments: str, **environment: str) -> "Host":
        """Start it, and wait until it serves."""
        command = [sys.executable, "-m", "embedded_firebase.cli.functions", "--until-stdin-closes", "--project", "demo"]
        command += ["--source", str(self.source), "--port", self.url.rpartition(":")[2] or "0"]
        self.process = subprocess.Popen(
            [*command, "--data", str(self._folder / "data"), *arguments],
            env=os.environ | {"SEEN": str(self.seen), "HANG": str(self.hang)} | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reading = threading.Thread(target=self._read)
        self._reading.start()
        self.url = "http://" + self.await_line("Functions ready on ").split()[-1]
        return self

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))

    def await_line(self, text: str) -> str:
        """Wait for the next line of its output that holds a text, and return it."""
        while text not in (line := self._lines.get(timeout=30)):
            pass
        return line

    def get(self, path: str, method: str = "GET") -> httpx.Response:
        return httpx.request(method, self.url + path, timeout=60)

    def saw(self) -> list[dict[str, Any]]:
        """What the functions recorded."""
        return [json.loads(line) for line in self.seen.read_text().splitlines()] if self.seen.exists() else []

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal unless it has ended, wait for the end and return the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(30)
        self._reading.join()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe
            pipe.close()
        return code


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A host that the test starts; it is ended after the test."""
    host = Host(tmp_path)
    yield host
    host.end(signal.SIGKILL)


def await_true(reached: Callable[[], bool]) -> None:
    """Wait until a condition is true."""
    while not reached():
        time.sleep(0.02)


class TestOrigins:
    @pytest.mark.parametrize(("auth_emulator", "status"), [("", 200), ("127.0.0.1:9099", 403)])
    def test_pages_of_any_origin(self, host: Host, auth_emulator: str, status: int) -> None:
        """With --any-origin pages of others may call, but not with an Auth emulator: they could forge a token."""
        host.start("--any-origin", FIREBASE_AUTH_EMULATOR_HOST=auth_emulator)
        url = f"{host.url}/demo/europe-west1/echo"
        assert httpx.get(url, headers={"Origin": "https://elsewhere.example"}).status_code == status
        assert httpx.get(url, headers={"Origin": "http://localhost:5000"}).status_code == 200


class TestAnyAccount:
    def test_is_not_for_other_machines(self) -> None:
        """Where other machines reach the host, they could act as anyone: it does not start."""
        command = [sys.executable, "-m", "embedded_firebase.cli.functions", "--any-account", "--host", "0.0.0.0"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert ended.returncode == 2
        assert "--any-account is not for a --host that other machines reach" in ended.stderr


class TestServes:
    def test_as_the_firebase_cli_does(self, host: Host) -> None:
        """URLs, statuses and texts are those of the CLI, and each call is logged in one readable line."""
        host.start()
        answer = host.get("/demo/europe-west1/echo/a/b?seconds=0").json()
        assert (answer["method"], answer["path"]) == ("GET", "/a/b")
        assert host.await_line("echoing")[9:] == "INFO    echoing path=/a/b"
        assert host.await_line("GET").startswith("INFO    GET echo/a/b 200 ", 9)
        valid = "valid functions are: europe-west1-echo, us-central1-enqueue, us-central1-nightly-0"
        for path, method, absent in (
            ("/demo/us-central1/nothing", "GET", "us-central1-nothing"),
            ("/demo/us-central1/echo", "GET", "us-central1-echo"),
            ("/functions/projects/demo/triggers/us-central1-weekly-0", "POST", "us-central1-weekly-0"),
        ):
            response = host.get(path, method)
            assert response.status_code == 404
            assert response.text.startswith(f"Function {absent} does not exist, {valid}")
        for path in ("/", "/demo", "/other/us-central1/enqueue", "/functions/projects/demo/triggers/us-central1-old-0"):
            response = host.get(path)
            assert (response.status_code, response.text) == (404, "Not Found")
        assert host.get("/functions/projects/demo/triggers/us-central1-old-0", "POST").status_code == 200
        assert host.saw() == [{"job": None}]
        assert host.end() == 0

    def test_a_function_can_enqueue(self, host: Host) -> None:
        """A function enqueues with Firebase's client; the environment names the queue, with or without a proxy."""
        host.start(http_proxy="http://127.0.0.1:1")
        with httpx.Client(trust_env=False) as client:
            (task_id,) = client.get(f"{host.url}/demo/us-central1/enqueue").json()
        assert host.await_line("task ").startswith(f"INFO    task {task_id} retry 0 work 200 ", 9)
        assert host.saw() == [{"number": 0, "attempt": "0"}]

    def test_logs_as_json(self, host: Host) -> None:
        """With --json each log entry is one JSON object, as on the platform."""
        host.start("--json")
        host.get("/demo/europe-west1/echo")
        assert json.loads(host.await_line("echoing")) == {"severity": "INFO", "path": "/", "message": "echoing"}
        assert json.loads(host.await_line("GET"))["severity"] == "INFO"

    def test_the_environment(self, host: Host) -> None:
        """Parameters come from the `.env` files by precedence, and the shell overrides them."""
        (host.source / ".env").write_text("GREETING=file\n")
        (host.source / ".env.demo").write_text("GREETING=project\n")
        host.start()
        assert host.get("/demo/europe-west1/echo").json()["greeting"] == "project"
        host.end()
        host.start(GREETING="shell")
        assert host.get("/demo/europe-west1/echo").json()["greeting"] == "shell"


class TestCodeChange:
    def change(self, host: Host, old: str, new: str) -> None:
        main = host.source / "main.py"
        main.write_text(main.read_text().replace(old, new))

    def test_serves_the_new_code(self, host: Host) -> None:
        """New code is served without a manual restart: running calls finish first, new ones wait."""
        host.start()
        with ThreadPoolExecutor(8) as callers:
            slow = callers.submit(host.get, "/demo/europe-west1/echo?seconds=2")
            host.await_line("echoing")
            self.change(host, '"greeting": GREETING.value', '"greeting": "changed"')
            greetings = []
            while greetings[-8:] != ["changed"] * 8:
                answers = callers.map(host.get, ["/demo/europe-west1/echo"] * 8)
                greetings += [answer.json()["greeting"] for answer in answers]
            assert slow.result().json()["greeting"] == "none"
        assert set(greetings) <= {"none", "changed"}
        assert host.await_line("changed; restarting").endswith("functions/main.py changed; restarting")

    def test_the_environment_too(self, host: Host) -> None:
        """A changed `.env` file is read again, and a removed variable is unset."""
        (host.source / ".env").write_text("GREETING=first\n")
        host.start()
        for text, greeting in (("GREETING=second\n", "second"), ("# nothing\n", "none")):
            (host.source / ".env").write_text(text)
            host.await_line("Functions ready on ")
            assert host.get("/demo/europe-west1/echo").json()["greeting"] == greeting

    def test_code_that_cannot_be_loaded(self, host: Host) -> None:
        """The error is logged with its line and answered to callers, and the host waits for the next change."""
        host.start()
        self.change(host, "def echo(", "def echo)(")
        host.await_line("SyntaxError: ")
        host.await_line("Functions ready on ")
        for path in ("/demo/europe-west1/echo", TASKS):
            response = host.get(path)
            assert response.status_code == 503
            assert response.text.startswith("The functions could not be loaded: SyntaxError: ")
        self.change(host, "def echo)(", "def echo(")
        host.await_line("Functions ready on ")
        assert host.get("/demo/europe-west1/echo").status_code == 200

    def test_tasks_survive(self, host: Host) -> None:
        """A task that was enqueued before a change is delivered after it."""
        host.start()
        host.get("/demo/us-central1/enqueue?delay=1&count=3")
        self.change(host, '"done"', '"done anew"')
        await_true(lambda: len(host.saw()) == 3)
        assert sorted(seen["number"] for seen in host.saw()) == [0, 1, 2]


class TestSite:
    def test_is_served_beside_the_functions(self, host: Host, tmp_path: Path) -> None:
        """The site of a `firebase.json` has its own port, also after a reload."""
        (tmp_path / "public").mkdir()
        (tmp_path / "public" / "index.html").write_text("<p>hello")
        rewrite = {"source": "/api/**", "function": "echo", "region": "europe-west1"}
        config = tmp_path / "firebase.json"
        config.write_text(json.dumps({"hosting": {"public": "public", "rewrites": [rewrite]}}))
        with bind("127.0.0.1", 0) as free:
            port = str(free.getsockname()[1])
        host.start("--config", str(config), "--hosting-port", port)
        assert httpx.get(f"http://127.0.0.1:{port}/").text == "<p>hello"
        assert httpx.get(f"http://127.0.0.1:{port}/api/x?seconds=0").json()["path"] == "/api/x"
        (host.source / ".env").write_text("GREETING=changed\n")
        host.await_line("Functions ready on ")
        assert httpx.get(f"http://127.0.0.1:{port}/api/x").json()["greeting"] == "changed"


class TestKilled:
    def test_loses_no_task(self, host: Host) -> None:
        """Of 300 tasks each is executed, although the host is killed half-way and restarted."""
        host.hang.touch()
        host.start()
        assert len(host.get("/demo/us-central1/enqueue?count=300").json()) == 300
        host.hang.unlink()
        await_true(lambda: len(host.saw()) > 100)
        host.end(signal.SIGKILL)
        assert len({seen["number"] for seen in host.saw()}) < 300
        host.start()
        await_true(lambda: not host.get(TASKS).json()["tasks"])
        assert {seen["number"] for seen in host.saw()} == set(range(300))
        # Only tasks in progress at the kill may run twice, at most 8.
        assert len(host.saw()) <= 308

    def test_redelivers_unanswered_tasks(self, host: Host) -> None:
        """A task whose delivery was not answered is delivered again at once, as another attempt."""
        host.hang.touch()
        host.start()
        host.get("/demo/us-central1/enqueue")
        await_true(lambda: len(host.saw()) == 1)
        host.end(signal.SIGKILL)
        host.hang.unlink()
        host.start()
        host.await_line("task ")
        assert host.saw() == [{"number": 0, "attempt": "0"}, {"number": 0, "attempt": "1"}]
        assert host.get(TASKS).json() == {"tasks": []}

    def test_a_hanging_task_does_not_delay_the_end(self, host: Host) -> None:
        """The host ends within seconds after SIGTERM, and the next one delivers the task."""
        host.hang.touch()
        host.start()
        host.get("/demo/us-central1/enqueue")
        await_true(lambda: len(host.saw()) == 1)
        assert host.end() == 0
        host.hang.unlink()
        host.start()
        host.await_line("task ")
        assert [seen["attempt"] for seen in host.saw()] == ["0", "1"]


class TestEnds:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_on_a_signal(self, host: Host, number: int) -> None:
        """Ctrl-C and SIGTERM end it without a traceback, after running calls have finished."""
        host.start()
        with ThreadPoolExecutor(1) as callers:
            slow = callers.submit(host.get, "/demo/europe-west1/echo?seconds=0.5")
            host.await_line("echoing")
            assert host.end(number) == 0
            assert slow.result().status_code == 200
        assert not [line for line in host._lines.queue if "Traceback" in line]

    def test_with_its_parent(self, host: Host) -> None:
        """It ends when its standard input closes, as when its parent is killed, also after a code change."""
        host.start()
        (host.source / ".env").write_text("GREETING=changed\n")
        host.await_line("Functions ready on ")
        assert host.process.stdin
        host.process.stdin.close()
        assert host.process.wait(30) == 0

    def test_if_the_port_is_taken(self, host: Host) -> None:
        """A port in use is a one-line error."""
        host.start()
        command = [sys.executable, "-m", "embedded_firebase.cli.functions", "--source", str(host.source)]
        command += ["--port", host.url.rpartition(":")[2]]
        second = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert second.returncode == 1
        assert second.stderr.count("\n") == 1
        assert "is taken or not allowed" in second.stderr
