"""The functions host beside the real Firebase CLI, on a small project; skipped without the CLI."""

import contextlib
import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.cli.test_firebase_cli import EMULATORS, FIREBASE, ROOT, free_ports, pytestmark, running

__all__ = ["pytestmark"]

SAMPLE = ROOT / "embedded-firebase" / "tests" / "functions" / "sample.py"


class Project:
    """The sample as a Firebase project in its own folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen = folder / "seen.jsonl"
        functions = folder / "functions"
        functions.mkdir()
        shutil.copy(SAMPLE, functions / "main.py")
        # The CLI recognizes the language by this file.
        shutil.copy(ROOT / "functions" / "requirements.txt", functions)
        (functions / "venv").symlink_to(ROOT / "functions" / "venv")
        (functions / ".env").write_text("GREETING='one # two'\nATTEMPTS=4\n")
        (functions / ".env.demo").write_text('GREETING="the project\'s"\n')
        self._ports = dict(zip([*EMULATORS, "ours"], free_ports(len(EMULATORS) + 1), strict=True))
        emulators: dict[str, object] = {name: {"host": "127.0.0.1", "port": self._ports[name]} for name in EMULATORS}
        emulators["ui"] = {"enabled": False}
        config = {"functions": {"source": "functions", "runtime": "python311"}, "emulators": emulators}
        (folder / "firebase.json").write_text(json.dumps(config))

    @contextlib.contextmanager
    def served(self, by_the_cli: bool) -> Iterator[httpx.Client]:
        """Run it under the CLI, with its tasks emulator, or on our host, and yield a client."""
        environment = {"SEEN": str(self._seen), "HANG": str(self.folder / "hang")}
        if by_the_cli:
            port, ready = self._ports["functions"], "All emulators ready"
            command = [str(FIREBASE), "emulators:start", "--project", "demo", "--only", "functions,tasks"]
            environment |= {"CI": "1", "XDG_CONFIG_HOME": str(self.folder / "settings")}
        else:
            port, ready = self._ports["ours"], "Functions ready"
            command = [
                sys.executable,
                "-m",
                "embedded_firebase.cli.functions",
                "--source",
                str(self.folder / "functions"),
            ]
            command += ["--project", "demo", "--port", str(port)]
        with (
            running(command, ready, self.folder if by_the_cli else ROOT, environment),
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
        ):
            yield client

    def take_numbers(self, count: int) -> set[int]:
        """Wait until this many different tasks were recorded, and forget them."""
        # A task may come twice: the CLI's emulator resends one while a worker starts.
        while len(numbers := self._numbers()) < count:
            time.sleep(0.05)
        self._seen.unlink()
        return numbers

    def _numbers(self) -> set[int]:
        lines = self._seen.read_text().splitlines() if self._seen.exists() else []
        return {seen["number"] for seen in map(json.loads, lines) if "number" in seen}


CALLS = [
    ("GET", "/demo/europe-west1/echo"),
    ("POST", "/demo/europe-west1/echo/a/b?seconds=0"),
    ("GET", "/demo/us-central1/echo"),
    ("GET", "/demo/us-central1/nothing/at/all"),
    ("GET", "/demo/us-central1/nightly"),
    ("GET", "/"),
    ("GET", "/demo"),
    ("POST", "/other/us-central1/enqueue"),
    ("GET", "/functions/projects/demo/triggers/us-central1-old-0"),
    ("POST", "/functions/projects/demo/triggers/us-central1-old"),
    ("POST", "/functions/projects/demo/triggers/us-central1-old-0"),
]


class TestSample:
    def test_is_served_as_by_the_cli(self, tmp_path: Path) -> None:
        """URLs, statuses, texts and parameters are the same, and so are enqueued and delivered tasks."""
        project = Project(tmp_path)
        found = []
        for by_the_cli in (True, False):
            with project.served(by_the_cli) as client:
                answers = [client.request(method, path) for method, path in CALLS]
                ids = client.get("/demo/us-central1/enqueue?count=5").json()
                numbers = project.take_numbers(5)
            found.append(([(answer.status_code, answer.text) for answer in answers], len(set(ids)), numbers))
        assert found[0] == found[1]
        assert json.loads(found[0][0][1][1]) == {"method": "POST", "path": "/a/b", "greeting": "the project's"}
