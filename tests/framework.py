"""Owns a function in the server that it has in production: the functions framework with gunicorn, as a process.

Must not know what the function does. Linux only: memory is read from /proc.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.running_dev import free_port

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
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "functions_framework", "--target", function, "--host", "127.0.0.1", "--port", str(port)],
        cwd=folder,
        env=os.environ | _deployed() | dict(environment),
    )
    try:
        _await(process, port)
        yield Instance(port, process)
    finally:
        process.terminate()
        process.wait()


def _deployed() -> dict[str, str]:
    lines = (ROOT / "functions" / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _await(process: subprocess.Popen[bytes], port: int) -> None:
    while process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=60) as probe:
                probe.sendall(b"GET /__/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                if probe.recv(1):
                    return
        except ConnectionError:
            time.sleep(0.05)
    raise AssertionError(f"the functions framework ended with {process.returncode}")
