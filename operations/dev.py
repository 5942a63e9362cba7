"""Owns `make dev`: starts and stops the embedded Firestore and the functions host; data persists between runs.

Must not know what they do.
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from embedded_firebase.functions.environment import read_files
from imagegen import config

PROJECT = "demo-imagegen"
_STOP_SECONDS = 5

_WELCOME = """
Everything is running; Ctrl-C stops it.

  Functions   {functions}
  Console     http://127.0.0.1:{hosting_port}
  Firestore   FIRESTORE_EMULATOR_HOST=127.0.0.1:{firestore_port}  (data in {data})

Try it:

  curl -X POST {functions}/createGenerationRequest \\
    -H 'Content-Type: application/json' \\
    -d '{{"userId": "testUser1", "model": "Model A", "style": "anime", "color": "neon",
         "size": "1024x1024", "prompt": "a fox in the snow"}}'

  curl '{functions}/getUserCredits?userId=testUser1'

A POST to {triggers}weeklyReport-0 makes the weekly report.
docs/api.md has a line for every function.
"""

_ANY_ACCOUNT = """REQUIRE_AUTH is set without an Auth emulator (FIREBASE_AUTH_EMULATOR_HOST):
on this machine the console signs in as any account, or as an administrator, without a password.
"""


class PortTaken(Exception):
    """A port is already in use."""


def main() -> None:
    """Start all processes, print their URLs, and stop them on Ctrl-C, on SIGTERM, or when one of them ends."""
    parser = argparse.ArgumentParser(
        prog="python -m operations.dev",
        description="Run the embedded Firestore, the functions and the site. "
        "Ports come from FUNCTIONS_PORT, FIRESTORE_PORT and HOSTING_PORT.",
    )
    parser.add_argument("--data", type=Path, default=Path(".emulator_data"), help="the folder of the data")
    parser.add_argument(
        "--import",
        dest="source",
        type=Path,
        default=Path("initial_data"),
        help="the export that a new database imports",
    )
    parser.add_argument("--reset", action="store_true", help="delete the data first")
    options = parser.parse_args()
    try:
        firestore_port = _free_port("FIRESTORE_PORT", 8080)
        functions_port = _free_port("FUNCTIONS_PORT", 5001)
        hosting_port = _free_port("HOSTING_PORT", 5000)
        _check_distinct(FUNCTIONS_PORT=functions_port, FIRESTORE_PORT=firestore_port, HOSTING_PORT=hosting_port)
        # No project has the id of this one, so that no token of Google's is valid: without an Auth emulator the host
        # signs in. Either issues tokens that are unsigned, so that pages of other origins may not call.
        any_account = ["--any-account"] if _settings().require_auth else []
    except (PortTaken, ValueError) as error:
        sys.exit(f"make dev: {error}")
    if options.reset:
        for pattern in ("firestore.sqlite3*", "tasks.sqlite3*", "images/*.png"):
            for file in options.data.glob(pattern):
                file.unlink()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))
    with ExitStack() as running:
        kept = ("--data", options.data, "--import", options.source)
        firestore = _start(
            running, "embedded_firebase.cli.firestore", "--port", firestore_port, *kept, "--rules", "firestore.rules"
        )
        firestore_host = f"127.0.0.1:{firestore_port}"
        images = options.data.resolve() / "images"
        os.environ["IMAGE_FOLDER"] = str(images)
        os.environ["IMAGE_BASE_URL"] = f"http://127.0.0.1:{functions_port}/files"
        # For development: webhooks may go to loopback, and are signed with a public key that protects nothing.
        os.environ.setdefault("WEBHOOK_ALLOW_LOOPBACK", "true")
        os.environ.setdefault("WEBHOOK_SECRET", "whsec_bWFrZSBkZXYgc2lnbnMgd2l0aCB0aGlz")
        os.environ["SITE_URL"] = f"http://127.0.0.1:{hosting_port}"
        functions = _start(
            running,
            "embedded_firebase.cli.functions",
            *("--port", functions_port, "--firestore", firestore_host, "--data", options.data),
            *("--files", images, "--config", "firebase.json", "--hosting-port", hosting_port),
            *("--run", "history=operations.history"),
            *any_account,
        )
        _await_ready(firestore, firestore_port)
        _await_ready(functions, functions_port)
        _await_ready(functions, hosting_port)
        if any_account and not os.environ.get("FIREBASE_AUTH_EMULATOR_HOST"):
            print(_ANY_ACCOUNT, flush=True)  # noqa: T201 - the output of the command.
        print(_welcome(firestore_port, functions_port, hosting_port, options.data), flush=True)  # noqa: T201 - the output of the command.
        while firestore.poll() is None and functions.poll() is None:
            time.sleep(0.2)
        sys.exit("make dev: a process ended unexpectedly; see its output above")


def _welcome(firestore_port: int, functions_port: int, hosting_port: int, data: Path) -> str:
    base = f"http://127.0.0.1:{functions_port}"
    return _WELCOME.format(
        functions=f"{base}/{PROJECT}/us-central1",
        triggers=f"{base}/functions/projects/{PROJECT}/triggers/us-central1-",
        firestore_port=firestore_port,
        hosting_port=hosting_port,
        data=data,
    )


def _free_port(variable: str, default: int, environment: Mapping[str, str] = os.environ) -> int:
    given = environment.get(variable, "") or str(default)
    if not given.isdecimal() or not 1 <= int(given) <= 65535:
        raise ValueError(f"{variable} is {given!r}; it must be a port from 1 to 65535")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(given)))
        except OSError as error:
            raise PortTaken(
                f"port {given} is not available ({error.strerror}); choose another one with {variable}=..."
            ) from None
    return int(given)


def _check_distinct(**ports: int) -> None:
    for (name, port), (other, same) in itertools.combinations(ports.items(), 2):
        if port == same:
            raise ValueError(f"{name} and {other} are both {port}; they must differ")


def _settings() -> config.Settings:
    """Load the settings as the functions do: fail fast at the start, instead of in every call."""
    before = dict(os.environ)
    os.environ |= read_files(Path("functions"), PROJECT) | before | {"FUNCTIONS_EMULATOR": "true"}
    try:
        return config.load()
    finally:
        # Restored, because the functions host reads the files itself, and again after each change.
        os.environ.clear()
        os.environ |= before


def _start(running: ExitStack, module: str, *arguments: object) -> subprocess.Popen[bytes]:
    # A new session: Ctrl-C reaches only this process, which then stops the others in order. The pipe to stdin closes
    # when this process ends, even by SIGKILL, and the started process then stops itself.
    process = subprocess.Popen(
        [sys.executable, "-m", module, "--project", PROJECT, "--until-stdin-closes", *map(str, arguments)],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    running.callback(_stop, process)
    return process


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _await_ready(process: subprocess.Popen[bytes], port: int) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    sys.exit("make dev: a process could not start; see its output above")


if __name__ == "__main__":
    main()
