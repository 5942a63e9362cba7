"""Owns `make bench-memory`: the most memory that an instance takes, in the server of production.

Must not know how pictures are drawn or bodies are read. The instance has to stay below a share of what main.py asks
for, because Cloud Run ends one that exceeds it, with all calls in it. Linux only.
"""

from __future__ import annotations

import argparse
import http
import http.client
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from google.cloud import firestore

from tests.bench.__main__ import server_process
from tests.framework import ROOT, Instance, instance

PROJECT = "demo-imagegen"
FUNCTION = "createGenerationRequest"
MAX_SHARE = 0.7
# On a loaded machine some of 16 wait longer for their turn than a caller waits.
MIN_DRAWN = 0.5
_MEBIBYTE = 2**20
_CALLERS = 16
_BODY_BYTES = 32 * _MEBIBYTE
_USER = "testUser1"


def main() -> int:
    """Print the peak after each load; return 1 if it exceeds the bar, or if too few pictures were drawn."""
    parser = argparse.ArgumentParser(prog="make bench-memory", description=__doc__)
    parser.add_argument("--functions", type=Path, default=ROOT / "functions", help="the folder of another main.py")
    parser.add_argument("--rounds", type=int, default=6, help="of 16 pictures at once (default: %(default)s)")
    options = parser.parse_args()
    asked = asked_mebibytes(options.functions)
    bar = asked * MAX_SHARE
    with (
        tempfile.TemporaryDirectory() as images,
        server_process(
            "embedded_firebase.cli.firestore", "--project", PROJECT, "--import", str(ROOT / "initial_data")
        ) as port,
    ):
        environment = {
            "FIRESTORE_EMULATOR_HOST": f"127.0.0.1:{port}",
            "FUNCTIONS_EMULATOR": "true",
            "GCLOUD_PROJECT": PROJECT,
            "IMAGE_FOLDER": images,
            "MODEL_FAILURE_RATE": "0",
        }
        orders = largest_orders(environment["FIRESTORE_EMULATOR_HOST"])
        with instance(FUNCTION, environment, options.functions) as running:
            drawn = 0
            for number in range(options.rounds):
                drawn += at_once([next(orders) for _ in range(_CALLERS)], running)
                told(f"16 of the largest pictures at once, round {number + 1}", running)
            at_once([None] * _CALLERS, running)
            told("16 refused bodies of 32 MiB at once", running)
            drawn += at_once([next(orders) if number % 2 else None for number in range(_CALLERS)], running)
            peak = told("8 pictures and 8 such bodies at once", running)
    print(f"main.py asks for {asked} MiB; the bar is {MAX_SHARE:.0%} of it: {bar:.0f} MiB")
    wanted = options.rounds * _CALLERS + _CALLERS // 2
    print(f"{drawn} of {wanted} pictures were drawn in time; the bar is {MIN_DRAWN:.0%}")
    return 1 if peak > bar or drawn < wanted * MIN_DRAWN else 0


def asked_mebibytes(functions: Path) -> int:
    """Return the memory that a main.py asks for, as a deploy reads it; in a process of its own."""
    code = f"import main; print(main.{FUNCTION}.__firebase_endpoint__.availableMemoryMb)"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=functions, check=True, stdout=subprocess.PIPE, text=True, env=os.environ
    )
    return int(found.stdout)


def largest_orders(firestore_host: str) -> Iterator[Mapping[str, str]]:
    """Fill the account; yield requests for the largest size on offer, in all styles and colors in turn."""
    os.environ["FIRESTORE_EMULATOR_HOST"] = firestore_host
    db = firestore.Client(project=PROJECT)
    db.document(f"users/{_USER}").update({"credits": 10_000, "openingCredits": 10_000})
    sizes = [snapshot.to_dict() or {} for snapshot in db.collection("sizes").stream()]
    largest = max(sizes, key=lambda size: size["width"] * size["height"])["name"]
    styles, colors = ([snapshot.id for snapshot in db.collection(name).stream()] for name in ("styles", "colors"))
    return (
        {
            "userId": _USER,
            "model": f"Model {'AB'[number % 2]}",
            "style": styles[number % len(styles)],
            "color": colors[number % len(colors)],
            "size": largest,
            "prompt": f"prompt {number}",
        }
        for number in itertools.count()
    )


def at_once(orders: list[Mapping[str, str] | None], running: Instance) -> int:
    """Send an order, or a large body for None, on a connection each; return how many orders were drawn."""
    with ThreadPoolExecutor(len(orders)) as callers:
        statuses = list(callers.map(lambda order: _status(order, running), orders))
    return sum(
        status == http.HTTPStatus.OK for order, status in zip(orders, statuses, strict=True) if order is not None
    )


def told(load: str, running: Instance) -> float:
    """Print the peak until now, and return it in MiB."""
    peak = running.peak_bytes() / _MEBIBYTE
    print(f"{load:<52}{peak:>5.0f} MiB at most until now", flush=True)
    return peak


def _status(order: Mapping[str, str] | None, running: Instance) -> int:
    body = itertools.repeat(b" " * 65536, _BODY_BYTES // 65536) if order is None else [json.dumps(order).encode()]
    length = _BODY_BYTES if order is None else len(json.dumps(order).encode())
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=120)
    headers = {"Content-Type": "application/json", "Content-Length": str(length)}
    try:
        connection.request("POST", "/", body, headers)
        return connection.getresponse().status
    except (ConnectionError, http.client.HTTPException):
        # The rest of a large body may be cut, so that its caller cannot read the answer.
        return 0
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
