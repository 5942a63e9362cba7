"""Owns a function in the server that it has in production: the functions framework with gunicorn, as a process.

Must not know what the function does. Linux only: memory is read from /proc.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Instance:
    """A running instance of one function: its port, and its processes."""

    port: int
    process: subprocess.Popen[bytes]

    def connect(self) -> socket.socket:
        """Return a new connection, whose reads end after a minute."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def peak_bytes(self) -> int:
        """Return the most memory that the instance had: the peak of the worker, and what the arbiter has by itself."""
        (worker,) = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        own = re.findall(r"^Private_\w+: +(\d+) kB", Path(f"/proc/{self.process.pid}/smaps_rollup").read_text(), re.M)
        (peak,) = re.findall(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{worker}/status").read_text(), re.M)
        return (sum(map(int, own)) + int(peak)) * 1024


@contextmanager
def instance(function: str, environment: Mapping[str, str], folder: Path = ROOT / "functions") -> Iterator[Instance]:
    """Run a function of main.py in `folder`, with the variables that `functions/.env` sets in production."""
    command = [sys.executable, "-m", "functions_framework", "--target", function, "--host", "127.0.0.1", "--port", "0"]
    # The server logs its port.
    environment = os.environ | _deployed() | dict(environment) | {"GUNICORN_LOG_LEVEL": "info"}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            yield Instance(_port(process, log.fileno()), process)
        finally:
            process.terminate()
            process.wait()


def _deployed() -> dict[str, str]:
    lines = (ROOT / "functions" / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _port(process: subprocess.Popen[bytes], log: int) -> int:
    while process.poll() is None:
        text = os.pread(log, 65536, 0).decode()
        if "Booting worker" in text and (found := re.search(r"Listening at: http://127\.0\.0\.1:(\d+) ", text)):
            return int(found[1])
        time.sleep(0.05)
    raise AssertionError(f"the functions framework ended: {os.pread(log, 65536, 0).decode()}")
