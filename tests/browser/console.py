"""Owns a `make dev` for the browser, on free ports with temporary data, and the path of the browser.

Must not know any page.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
PROJECT = "demo-imagegen"
# No host name resolves, so that every request to another machine fails.
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
_START_SECONDS = 40
_STOP_SECONDS = 15


def chromium() -> str | None:
    """Return where Debian's Chromium is, None where there is none."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium")


@dataclass(frozen=True)
class Console:
    """A running `make dev`: the address of its site, and those of the servers behind it."""

    url: str
    functions_host: str
    firestore_host: str

    def call(self, function: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
        """POST to a function through the site."""
        headers = {"Content-Type": "application/json"} | headers
        request = urllib.request.Request(f"{self.url}/api/{function}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as response:
            answer: dict[str, Any] = json.load(response)
            return answer

    def document(self, path: str) -> dict[str, Any]:
        """Return the fields of a document of the embedded Firestore, as its REST API shows them."""
        url = f"http://{self.firestore_host}/v1/projects/{PROJECT}/databases/(default)/documents/{path}"
        request = urllib.request.Request(url, headers={"Authorization": "Bearer owner"})
        with urllib.request.urlopen(request, timeout=30) as response:
            fields: dict[str, Any] = json.load(response).get("fields", {})
            return fields

    def write(self, collection: str, documents: dict[str, dict[str, str]]) -> None:
        """Write documents of strings to the embedded Firestore."""
        root = f"projects/{PROJECT}/databases/(default)/documents"
        writes = [
            {
                "update": {
                    "name": f"{root}/{collection}/{document_id}",
                    "fields": {name: {"stringValue": text} for name, text in fields.items()},
                }
            }
            for document_id, fields in documents.items()
        ]
        headers = {"Authorization": "Bearer owner", "Content-Type": "application/json"}
        url = f"http://{self.firestore_host}/v1/{root}:commit"
        request = urllib.request.Request(url, json.dumps({"writes": writes}).encode(), headers)
        urllib.request.urlopen(request, timeout=30).close()

    def fill_with_history(self) -> None:
        """Run what `make history` runs."""
        environment = _environment() | {"FIRESTORE_EMULATOR_HOST": self.firestore_host}
        command = [sys.executable, "-m", "operations.history"]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=60)


@contextmanager
def running(data: Path, root: Path = ROOT, **settings: str) -> Iterator[Console]:
    """Start `make dev` in a folder with these environment variables, and stop it afterwards."""
    functions, firestore, hosting = _free_ports(3)
    ports = {"FUNCTIONS_PORT": functions, "FIRESTORE_PORT": firestore, "HOSTING_PORT": hosting}
    environment = _environment() | {name: str(port) for name, port in ports.items()} | settings
    process = subprocess.Popen(
        [sys.executable, "-m", "operations.dev", "--data", str(data)],
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: list[str] = []
    is_ready = threading.Event()
    reader = threading.Thread(target=_read, args=(process, lines, is_ready))
    reader.start()
    try:
        if not is_ready.wait(_START_SECONDS) or process.poll() is not None:
            raise RuntimeError(f"make dev did not start:\n{''.join(lines)}")
        yield Console(f"http://127.0.0.1:{hosting}", f"127.0.0.1:{functions}", f"127.0.0.1:{firestore}")
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join()
        assert process.stdout
        process.stdout.close()


def _read(process: subprocess.Popen[str], lines: list[str], is_ready: threading.Event) -> None:
    assert process.stdout
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Everything is running"):
            is_ready.set()
    # The process ended: the wait for it ends too.
    is_ready.set()


def _environment() -> dict[str, str]:
    # Neither another Firestore nor settings of the developer.
    dropped = {"FIRESTORE_EMULATOR_HOST", "FIREBASE_AUTH_EMULATOR_HOST", "REQUIRE_AUTH", "RATE_LIMIT_PER_MINUTE"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    path = os.pathsep.join(filter(None, [str(ROOT), str(ROOT / "functions"), os.environ.get("PYTHONPATH")]))
    return kept | {"PYTHONPATH": path, "MODEL_FAILURE_RATE": "0"}


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
