"""Owns the servers under load: a Firestore that keeps its data on disk, and the functions host."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from google.cloud import firestore


class Servers:
    """A Firestore with the project's initial data, and its functions, on free local ports."""

    project = "demo-load"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._firestore, firestore_port = self._serve("embedded_firebase.cli.firestore", "0", self._storage())
        self._firestore_port = firestore_port
        self.firestore_host = f"127.0.0.1:{firestore_port}"
        self.functions_port = 0
        self.start_functions()
        os.environ["FIRESTORE_EMULATOR_HOST"] = self.firestore_host
        self.db = firestore.Client(project=self.project)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.db.close()  # type: ignore[no-untyped-call]
        for process in (self._functions, self._firestore):
            process.kill()
            process.communicate()

    def kill_functions(self) -> None:
        """Kill the functions host, as in a crash."""
        self._functions.kill()
        self._functions.wait()

    def start_functions(self) -> None:
        """Start it again at the same address, with the tasks that it had taken."""
        self._functions, self.functions_port = self._serve(
            "embedded_firebase.cli.functions",
            str(self.functions_port),
            ["--firestore", self.firestore_host, "--data", str(self._folder)],
        )

    def kill_firestore(self) -> None:
        """Kill Firestore, as in a crash."""
        self._firestore.kill()
        self._firestore.wait()

    def start_firestore(self) -> None:
        """Start it again at the same address, with the data that it had acknowledged."""
        self._firestore, _ = self._serve("embedded_firebase.cli.firestore", str(self._firestore_port), self._storage())

    def fire(self, name: str) -> None:
        """Fire a scheduled function."""
        path = f"functions/projects/{self.project}/triggers/us-central1-{name}-0"
        request = urllib.request.Request(f"http://127.0.0.1:{self.functions_port}/{path}", method="POST")
        with urllib.request.urlopen(request, timeout=120) as response:
            response.read()

    def _storage(self) -> list[str]:
        return ["--data", str(self._folder), "--import", "initial_data"]

    def _serve(self, module: str, port: str, arguments: list[str]) -> tuple[subprocess.Popen[str], int]:
        command = [sys.executable, "-m", module, "--project", self.project, "--port", port, "--until-stdin-closes"]
        log = (self._folder / f"{module}.log").open("a+")
        process = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=os.environ | {"MODEL_FAILURE_RATE": "0.05"},
        )
        assert process.stdout is not None
        ready = next(line for line in process.stdout if "ready on" in line)
        # The log of each call must not fill the pipe.
        subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
        return process, int(ready.rpartition(":")[2])
