"""Owns `make bench-cold`: the CPU time of the first call of each function in a new process.

Must not know how the functions work. A process imports main.py and answers one call, alternately with one that only
imports the libraries, or the same call of another checkout, so that a drift of the machine falls on both.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from google.cloud import firestore

from embedded_firebase.firestore.server import FirestoreServer
from tests.world import write_catalog

ROOT = Path(__file__).parents[2]
PROJECT = "demo-bench-cold"
# Medians of the same tree against itself differ by less than this.
MAX_RATIO = 1.05
LIBRARIES = "import firebase_functions.https_fn, google.cloud.firestore, pydantic"
CREATE = {"userId": "cold", "model": "Model A", "style": "anime", "color": "neon", "size": "512x512", "prompt": "a fox"}
GRANT = {"userId": "cold", "credits": 1, "reason": "cold"}
TASK = {"data": {"generationRequestId": "none"}}
# Function -> method, query or body, headers.
CALLS: dict[str, tuple[str, dict[str, object], dict[str, str]]] = {
    "createGenerationRequest": ("POST", {**CREATE}, {}),
    "getUserCredits": ("GET", {"userId": "cold"}, {}),
    "grantCredits": ("POST", {**GRANT}, {"Idempotency-Key": "cold"}),
    "getGenerationStatus": ("GET", {"generationRequestId": "none"}, {}),
    "listGenerationRequests": ("GET", {"userId": "cold"}, {}),
    "cancelGenerationRequest": ("POST", {"generationRequestId": "none"}, {}),
    "getCatalog": ("GET", {}, {}),
    "verifyBooks": ("GET", {}, {}),
    "getWeeklyReport": ("GET", {}, {}),
    "listWeeklyReports": ("GET", {}, {}),
    "openapi": ("GET", {}, {}),
    "processGeneration": ("POST", {**TASK}, {}),
    "deliverWebhook": ("POST", {**TASK}, {}),
    "reconcile": ("POST", {}, {}),
    "weeklyReport": ("POST", {}, {}),
}
CHILD = """
import json, sys
import flask, main
name, method, fields, headers = json.loads(sys.argv[1])
asked = {"query_string": fields} if method == "GET" else {"json": fields}
with flask.Flask("cold").test_request_context("/", method=method, headers=headers, **asked):
    response = getattr(main, name)(flask.request)
if response.status_code >= 500:
    sys.exit(f"{name} answered {response.status_code}: {response.get_data(as_text=True)}")
"""


def main() -> int:
    """Print a line for each function; return 1 if one is slower than in the other checkout."""
    parser = argparse.ArgumentParser(prog="make bench-cold", description=__doc__)
    parser.add_argument("--against", type=Path, help="another checkout; no function may be slower than there")
    parser.add_argument("--starts", type=int, default=11, help="processes of each kind (default: %(default)s)")
    options = parser.parse_args()
    slower = []
    with _firestore():
        for name, (method, fields, headers) in CALLS.items():
            call = json.dumps([name, method, fields, headers])
            ours, others = [], []
            for _ in range(options.starts):
                ours.append(cpu_seconds(ROOT, CHILD, call))
                others.append(
                    cpu_seconds(options.against, CHILD, call) if options.against else cpu_seconds(ROOT, LIBRARIES)
                )
            ratio = statistics.median(our / other for our, other in zip(ours, others, strict=True))
            of = "the other checkout" if options.against else "the libraries alone"
            print(f"{name:<26}{statistics.median(ours) * 1000:>6.0f} ms CPU  {ratio:.3f} of {of}", flush=True)
            if options.against and ratio > MAX_RATIO:
                slower.append(name)
    if slower:
        print(f"slower than in the other checkout, above {MAX_RATIO}: {', '.join(slower)}")
    return 1 if slower else 0


def cpu_seconds(checkout: Path, code: str, *arguments: str) -> float:
    """Run code in a new process in a checkout's folder and return its CPU time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"PYTHONPATH": str(checkout.resolve() / "functions")}
    subprocess.run(
        [sys.executable, "-c", code, *arguments], check=True, env=environment, cwd=checkout, stdout=subprocess.DEVNULL
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@contextmanager
def _firestore() -> Iterator[None]:
    server = FirestoreServer()
    os.environ |= {
        "FIRESTORE_EMULATOR_HOST": f"127.0.0.1:{server.start()}",
        "FUNCTIONS_EMULATOR": "true",
        "GCLOUD_PROJECT": PROJECT,
        "MODEL_FAILURE_RATE": "0",
    }
    db = firestore.Client(project=PROJECT)
    write_catalog(db)
    db.document("users/cold").set({"credits": 100_000, "openingCredits": 100_000, "ledgerCount": 0})
    yield
    server.stop()


if __name__ == "__main__":
    sys.exit(main())
