"""Owns a `make dev` for one test, on free ports, and a shell in which commands reach it.

Must not know what the commands are.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
DEV_MODULE = "operations.dev"
FUNCTIONS_PATH = "/demo-imagegen/us-central1"
LIKE_CURL = Path(__file__).parent / "like_curl.py"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Dev:
    """A running `make dev` on its own ports, with the test's data folder."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.functions_port, self.firestore_port, self.hosting_port = free_port(), free_port(), free_port()
        self._environment = os.environ | {
            "FUNCTIONS_PORT": str(self.functions_port),
            "FIRESTORE_PORT": str(self.firestore_port),
            "HOSTING_PORT": str(self.hosting_port),
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'functions'}",
        }
        self._environment |= {"MODEL_FAILURE_RATE": "0"} | environment
        self._arguments = [sys.executable, "-m", DEV_MODULE, "--data", str(data)]
        self._environment.pop("FIRESTORE_EMULATOR_HOST", None)
        self.welcome = ""

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

    def await_ready(self) -> None:
        """Wait for the last line of the welcome."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.welcome += line
            if "a line for every function" in line:
                return
        raise AssertionError(f"make dev ended: {self.process.communicate()}")

    def paste(self, *blocks: str) -> list[str]:
        """Run blocks of commands that name the default ports in one shell; return what each prints.

        `make` sets nothing up and uses the interpreter of the tests. The first command that fails ends all.
        """
        script = "".join(f"{block}\nprintf '\\0'\n" for block in blocks)
        script = script.replace(":5001/", f":{self.functions_port}/").replace(":5000/", f":{self.hosting_port}/")
        script = f'make() {{ {shlex.join(make())} "$@"; }}\n{script}'
        if not shutil.which("curl"):
            script = f'curl() {{ {shlex.join([sys.executable, str(LIKE_CURL)])} "$@"; }}\n{script}'
        command = ["sh", "-ec", script]
        done = subprocess.run(command, cwd=ROOT, env=self._environment, capture_output=True, text=True, timeout=80)
        assert done.returncode == 0, done.stderr
        return done.stdout.split("\0")[:-1]

    def is_closed(self) -> bool:
        """Whether nothing listens on its ports."""
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


def make() -> list[str]:
    """Return a `make` that installs nothing and runs the interpreter of the tests."""
    up_to_date = [f"--old-file={sys.prefix}/{mark}" for mark in (".runtime", ".development")]
    return [shutil.which("make") or "make", "--no-print-directory", *up_to_date, f"VENV={sys.prefix}"]
