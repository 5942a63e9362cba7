"""The README's commands, run against `make dev`'s own program, answer what the README says."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
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

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
FUNCTIONS_PATH = "/demo-imagegen/us-central1"
LIKE_CURL = Path(__file__).parent / "like_curl.py"
pytestmark = [pytest.mark.embedded, pytest.mark.timeout(90)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Dev:
    """A running `make dev` on ports of its own, with the data folder of a test."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.functions_port, self.firestore_port, self.hosting_port = free_port(), free_port(), free_port()
        self._environment = os.environ | {
            "FUNCTIONS_PORT": str(self.functions_port),
            "FIRESTORE_PORT": str(self.firestore_port),
            "HOSTING_PORT": str(self.hosting_port),
            "PYTHONPATH": str(ROOT),
        }
        self._environment |= {"MODEL_FAILURE_RATE": "0"} | environment
        self._arguments = [sys.executable, "-m", "operations.dev", "--data", str(data)]
        self._environment.pop("FIRESTORE_EMULATOR_HOST", None)

    @property
    def functions_url(self) -> str:
        return f"http://127.0.0.1:{self.functions_port}{FUNCTIONS_PATH}"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        self.process = subprocess.Popen(
            [*self._arguments, *arguments],
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return self.process

    def await_ready(self) -> str:
        """Wait for the last line of the welcome and return all of it."""
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if "README.md" in line:
                return "".join(lines)
        raise AssertionError(f"make dev ended: {self.process.communicate()}")

    def paste(self, *commands: str) -> list[Any]:
        """Run commands that name the default ports in one shell, and return the JSON that each prints."""
        script = "".join(f"{command}\nprintf '\\0'\n" for command in commands)
        script = script.replace(":5001/", f":{self.functions_port}/").replace(":5000/", f":{self.hosting_port}/")
        if not shutil.which("curl"):
            script = f'curl() {{ {shlex.join([sys.executable, str(LIKE_CURL)])} "$@"; }}\n{script}'
        finished = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, timeout=60)
        return [json.loads(answer) for answer in finished.stdout.split("\0")[:-1]]

    def curl(self, command: str) -> Any:
        """Run one command and return the JSON that it prints."""
        (answer,) = self.paste(command)
        return answer

    def is_closed(self) -> bool:
        """Whether nothing listens on either port."""
        for port in (self.functions_port, self.firestore_port, self.hosting_port):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return False
        return True

    def stop(self, number: int = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.communicate(timeout=20)
        return self.process.returncode


@pytest.fixture
def make_dev(tmp_path: Path) -> Iterator[Callable[..., Dev]]:
    """Start `make dev` and wait until it is ready; whatever is left is stopped after the test."""
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


def masked(answer: Any) -> Any:
    """The answer without what differs from run to run: ids, weeks and times."""
    text = re.sub(r"[0-9a-f]{32}", "ID", json.dumps(answer))
    text = re.sub(r"127\.0\.0\.1:\d+", "HOST", text)
    text = re.sub(r"\d{4}-W\d\d", "WEEK", text)
    return json.loads(re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text))


# Each block of curl lines, with the JSON that stands right below it.
CURL_LINES, ANSWERS = zip(*re.findall(r"```sh\n((?:ID=|curl)[^`]*)```\s*```json\n([^`]*)```", README), strict=True)
FAILED = next(block for block in re.findall(r"```json\n([^`]*)```", README) if "GENERATION_FAILED" in block)


class TestReadme:
    def test_the_curl_lines_answer_as_the_readme_says(self, make_dev: Callable[..., Dev]) -> None:
        """The curl lines, pasted one after the other, give the JSON that stands below each."""
        assert sum("curl " in block for block in re.findall(r"```sh\n([^`]*)```", README)) == len(CURL_LINES)
        for answered, answer in zip(make_dev().paste(*CURL_LINES), ANSWERS, strict=True):
            assert masked(answered) == masked(json.loads(answer))

    def test_the_lines_work_without_curl(self, make_dev: Callable[..., Dev], monkeypatch: pytest.MonkeyPatch) -> None:
        """The tests need no curl: where there is none, they ask the same by themselves."""
        dev = make_dev()
        monkeypatch.setattr(shutil, "which", lambda name: None)
        for answered, answer in zip(dev.paste(*CURL_LINES[:3]), ANSWERS[:3], strict=True):
            assert masked(answered) == masked(json.loads(answer))

    def test_a_failing_model_is_refunded_as_the_readme_says(self, make_dev: Callable[..., Dev]) -> None:
        """With a failure rate of 1 the first line gives the error that the README shows, and the ledger the refund."""
        dev = make_dev(MODEL_FAILURE_RATE="1")
        assert masked(dev.curl(CURL_LINES[0])) == masked(json.loads(FAILED))
        account = dev.curl(CURL_LINES[1])
        assert account["currentCredits"] == 100
        assert [entry["type"] for entry in account["transactions"]] == ["refund", "deduction"]

    def test_make_dev_prints_the_same_lines(self, tmp_path: Path) -> None:
        """The curl lines that `make dev` prints are the README's first two."""
        dev = Dev(tmp_path / "data")
        dev.start()
        printed = " ".join(dev.await_ready().split())
        dev.stop()
        assert printed.count("curl ") == 2
        for command in CURL_LINES[:2]:
            assert " ".join(command.replace(":5001/", f":{dev.functions_port}/").split()) in printed

    def test_every_make_target_it_names_exists(self) -> None:
        """A command in the README is a target of the Makefile."""
        makefile = (ROOT / "Makefile").read_text()
        for target in set(re.findall(r"`?make ([a-z][a-z-]+)", README)):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


class TestMakeDev:
    def test_keeps_what_was_written(self, make_dev: Callable[..., Dev]) -> None:
        """What was written is there again on the next start, until a reset."""
        dev = make_dev()
        dev.curl(CURL_LINES[0])
        assert dev.stop() == 0
        dev.start()
        dev.await_ready()
        assert dev.curl(CURL_LINES[1])["currentCredits"] == 97
        assert dev.stop() == 0
        dev.start("--reset")
        dev.await_ready()
        assert dev.curl(CURL_LINES[1])["currentCredits"] == 100

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
    def test_leaves_nothing_behind(self, make_dev: Callable[..., Dev], number: int) -> None:
        """However it is ended, both ports are free soon after."""
        dev = make_dev()
        dev.stop(number)
        deadline = time.monotonic() + 10
        while not dev.is_closed():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    @pytest.mark.parametrize(("required", "is_refused"), [("true", False), ("false", True)])
    def test_other_origins_may_call_where_callers_sign_in(
        self, make_dev: Callable[..., Dev], required: str, is_refused: bool
    ) -> None:
        """With REQUIRE_AUTH the functions authenticate callers; without, pages of other origins are refused (CSRF)."""
        dev = make_dev(REQUIRE_AUTH=required)
        answer = httpx.get(f"{dev.functions_url}/getCatalog", headers={"Origin": "https://elsewhere.example"})
        assert ("https://elsewhere.example" in answer.text) is is_refused

    def test_a_taken_port_is_one_line(self, tmp_path: Path) -> None:
        """A port that is in use is named with the variable that chooses another."""
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

    @pytest.mark.parametrize("value", ["http", "0", "70000", "-1"])
    def test_a_senseless_port_is_one_line(self, tmp_path: Path, value: str) -> None:
        """A value that is no port is named too."""
        process = Dev(tmp_path / "data", FUNCTIONS_PORT=value).start()
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 1
        assert errors == f"make dev: FUNCTIONS_PORT is {value!r}; it must be a port from 1 to 65535\n"

    @pytest.mark.parametrize("rate", ["often", "2", "-0.1", "nan"])
    def test_a_senseless_rate_is_one_line(self, tmp_path: Path, rate: str) -> None:
        """A failure rate that makes no sense is said at the start, not with every call."""
        process = Dev(tmp_path / "data", MODEL_FAILURE_RATE=rate).start()
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 1
        assert errors == f"make dev: MODEL_FAILURE_RATE is {rate!r}; it must be a number from 0 to 1\n"

    def test_equal_ports_are_one_line(self, tmp_path: Path) -> None:
        """Two parts cannot share a port."""
        port = str(free_port())
        process = Dev(tmp_path / "data", FUNCTIONS_PORT=port, FIRESTORE_PORT=port).start()
        _, errors = process.communicate(timeout=20)
        assert errors == f"make dev: FUNCTIONS_PORT and FIRESTORE_PORT are both {port}; choose two\n"

    def test_a_proxy_in_the_environment_is_not_asked(self, make_dev: Callable[..., Dev]) -> None:
        """What runs on this machine is reached directly."""
        dev = make_dev(http_proxy="http://127.0.0.1:1", https_proxy="http://127.0.0.1:1")
        assert httpx.get(f"{dev.functions_url}/getUserCredits?userId=testUser1", trust_env=False).status_code == 200

    def test_calls_say_what_they_cost(self, make_dev: Callable[..., Dev]) -> None:
        """The host remembers what each call cost at Firestore, and who looks at the data meanwhile costs nothing."""
        dev = make_dev()
        calls, data = f"http://127.0.0.1:{dev.hosting_port}/__/calls", f"http://127.0.0.1:{dev.firestore_port}"
        dev.curl(CURL_LINES[0])
        is_over = threading.Event()

        def poll() -> None:
            while not is_over.is_set():
                documents = f"{data}/v1/projects/demo-imagegen/databases/(default)/documents/users"
                assert httpx.get(documents, headers={"Authorization": "Bearer owner"}).status_code == 200

        with ThreadPoolExecutor() as pool:
            polling = pool.submit(poll)
            dev.curl(CURL_LINES[0])
            dev.curl(CURL_LINES[1])
            is_over.set()
            polling.result()
        read, created, first = httpx.get(calls).json()["calls"]
        assert read["firestore"] == {"reads": 3, "writes": 0}
        assert created["firestore"] == {"reads": 1, "writes": 4}
        # The first one reads the catalog too.
        assert first["firestore"] == {"reads": 17, "writes": 4}

    def test_a_reset_removes_nothing_else(self, make_dev: Callable[..., Dev], tmp_path: Path) -> None:
        """A folder that was named by mistake loses nothing."""
        dev = make_dev()
        dev.stop()
        (tmp_path / "data" / "letter.txt").write_text("dear")
        dev.start("--reset")
        dev.await_ready()
        assert (tmp_path / "data" / "letter.txt").exists()

    def test_kill_9_of_everything_loses_no_charge(self, make_dev: Callable[..., Dev]) -> None:
        """An answered request is still charged and completed after a kill -9 of the whole."""
        dev = make_dev()
        body = json.loads(re.findall(r"-d '(.*?)'", CURL_LINES[0], re.DOTALL)[0])
        with httpx.Client(base_url=dev.functions_url) as client:
            answered = [client.post("/createGenerationRequest", json=body).status_code for _ in range(10)]
        dev.stop(signal.SIGKILL)
        deadline = time.monotonic() + 10
        while not dev.is_closed():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        dev.start()
        dev.await_ready()
        account = dev.curl(CURL_LINES[1])
        assert answered == [200] * 10
        assert account["currentCredits"] == 70
        assert len(account["transactions"]) == 10
