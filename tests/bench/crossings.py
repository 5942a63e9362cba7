"""Owns counting the calls between the files of `functions/` in one createGenerationRequest, by a profile hook.

Must not know any file's name: it counts every call between two files.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from collections import Counter
from pathlib import Path
from types import FrameType

import flask
from google.cloud import firestore

from embedded_firebase.firestore.server import FirestoreServer
from tests.world import write_catalog

PROJECT = "demo-crossings"
FUNCTIONS = Path(__file__).parents[2] / "functions"
BODY = {
    "userId": "walker",
    "model": "Model A",
    "style": "anime",
    "color": "neon",
    "size": "512x512",
    "prompt": "a fox",
}


class Crossings:
    """Counts calls from one file of `functions/` into another, and those back into a file from below it."""

    def __init__(self) -> None:
        self.files: Counter[str] = Counter()
        self.crossings: Counter[tuple[str, str]] = Counter()
        self.returns: Counter[tuple[str, str, str]] = Counter()

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        """Handle one event of the interpreter."""
        name = _file(frame)
        if event != "call" or name is None:
            return
        stack = _stack(frame.f_back)
        self.files[name] += 1
        if stack and stack[0] != name:
            self.crossings[stack[0], name] += 1
            if name in stack:
                self.returns[stack[0], name, frame.f_code.co_qualname] += 1


def _file(frame: FrameType) -> str | None:
    path = Path(frame.f_code.co_filename)
    is_ours = path.is_relative_to(FUNCTIONS) and "venv" not in path.parts
    return str(path.relative_to(FUNCTIONS)) if is_ours else None


def _stack(frame: FrameType | None) -> list[str]:
    """Return the files of the callers, nearest first."""
    files = []
    while frame is not None:
        if name := _file(frame):
            files.append(name)
        frame = frame.f_back
    return files


def main() -> None:
    """Make a warm-up call, count a second one, and print the counts."""
    parser = argparse.ArgumentParser(prog="make bench-crossings", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    server = FirestoreServer()
    os.environ |= {
        "FIRESTORE_EMULATOR_HOST": f"127.0.0.1:{server.start()}",
        "FUNCTIONS_EMULATOR": "true",
        "GCLOUD_PROJECT": PROJECT,
        "MODEL_FAILURE_RATE": "0",
        "PLACEHOLDER_IMAGES": "true",
    }
    db = firestore.Client(project=PROJECT)
    write_catalog(db)
    db.document("users/walker").set({"credits": 10, "openingCredits": 10, "ledgerCount": 0})
    call()
    counted = Crossings()
    threading.setprofile(counted)
    sys.setprofile(counted)
    call()
    sys.setprofile(None)
    threading.setprofile(None)
    server.stop()
    if options.json:
        print(json.dumps({"files": len(counted.files), "crossings": sum(counted.crossings.values())}))
        return
    print(f"files entered: {len(counted.files)}; crossings: {sum(counted.crossings.values())}")
    for (source, target), count in counted.crossings.most_common():
        print(f"{count:4}  {source} -> {target}")
    print(f"back into a file from below: {sum(counted.returns.values())}")
    for (source, target, function), count in counted.returns.most_common():
        print(f"{count:4}  {source} -> {target}:{function}")


def call() -> None:
    """One createGenerationRequest, from the decorated function of main.py to its answer."""
    import main as functions

    app = flask.Flask(__name__)
    with app.test_request_context("/", method="POST", json=BODY):
        response = functions.createGenerationRequest(flask.request)
    if response.status_code != 200:
        raise SystemExit(f"answered {response.status_code}: {response.get_data(as_text=True)}")


if __name__ == "__main__":
    main()
