"""Owns `make conformance`: Google's own system tests of the Firestore client, run against the embedded Firestore.

Fetches the source distribution of the pinned client into a folder that git ignores, with a virtual environment of its
own, and runs the tests unchanged. Which of them run, and why others do not, is in plugin.py.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CACHE = ROOT / ".conformance"
PINS = ROOT.parent / "functions" / "requirements.txt"
SUITES = ("test_system.py", "test_system_async.py")
# The whole run takes about fifteen seconds, and the first, which installs, about a minute.
SUITE_SECONDS = 300
INSTALL_SECONDS = 300
SHOWN_OUTPUT_LINES = 400


def main() -> int:
    """Run both suites and print their results; 1 if a test failed."""
    parser = argparse.ArgumentParser(prog="make conformance", description=__doc__)
    parser.add_argument("--only", default="", metavar="EXPRESSION", help="run the tests that match, as pytest -k does")
    options = parser.parse_args()
    version = _pinned_version()
    python = _environment(version)
    tests = _source(version) / "tests" / "system"
    with _server() as host:
        try:
            records = {suite: _run(python, tests, suite, host, options.only) for suite in SUITES}
        except subprocess.TimeoutExpired as error:
            raise SystemExit(f"A suite did not end within {SUITE_SECONDS} s; its log is in {CACHE.name}.") from error
    print(f"Google's system tests of google-cloud-firestore {version}, against the embedded Firestore\n")
    return _report(records)


def _pinned_version() -> str:
    found = re.search(r"^google-cloud-firestore==(\S+)$", PINS.read_text(), re.MULTILINE)
    if found is None:
        raise SystemExit(f"{PINS} does not pin google-cloud-firestore.")
    return found[1]


def _environment(version: str) -> Path:
    """Create the virtual environment of the tests if it is missing, and return its Python."""
    venv = CACHE / "venv"
    stamp, wanted = venv / "installed.txt", PINS.read_text() + (HERE / "requirements.txt").read_text()
    python = venv / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"Setting up {venv.relative_to(ROOT)} ...", flush=True)
        _quietly([sys.executable, "-m", "venv", "--clear", str(venv)])
        client = f"google-cloud-firestore=={version}"
        _quietly([*_pip(python, "install"), "-c", str(PINS), client, "-r", str(HERE / "requirements.txt")])
        stamp.write_text(wanted)
    return python


def _source(version: str) -> Path:
    """Fetch the source distribution of the client if it is missing, and return its folder."""
    folder = CACHE / f"google_cloud_firestore-{version}"
    if not folder.exists():
        print(f"Fetching the source distribution of google-cloud-firestore {version} ...", flush=True)
        wanted = ["--no-binary", ":all:", "--no-deps", f"google-cloud-firestore=={version}"]
        _quietly([*_pip(Path(sys.executable), "download"), *wanted, "--dest", str(CACHE)])
        with tarfile.open(CACHE / f"{folder.name}.tar.gz") as archive:
            archive.extractall(CACHE, filter="data")
    return folder


def _pip(python: Path, command: str) -> list[str]:
    return [str(python), "-m", "pip", command, "--quiet", "--disable-pip-version-check"]


def _quietly(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


@contextmanager
def _server() -> Iterator[str]:
    """Start a fresh server as a user would, and yield its address."""
    command = [sys.executable, "-m", "embedded_firebase.cli.firestore", "--port", "0"]
    with (CACHE / "server.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None, "its output is a pipe"
        for line in process.stdout:
            if ready := re.match(r"Firestore ready on (\S+)", line):
                yield ready[1]
                return
        raise SystemExit(f"The server did not start:\n{(CACHE / 'server.log').read_text()}")
    finally:
        process.terminate()
        process.wait()


def _run(python: Path, tests: Path, suite: str, host: str, only: str) -> dict[str, Any]:
    """Run one suite and return the record that the plugin wrote of it."""
    record = CACHE / f"{suite}.json"
    record.unlink(missing_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(HERE),
        "FIRESTORE_EMULATOR_HOST": host,
        "GCLOUD_PROJECT": "demo-conformance",
        "CONFORMANCE_RECORD": str(record),
    }
    command = [str(python), "-m", "pytest", "-q", "-c", str(HERE / "pytest.ini"), "-p", "plugin", suite, "-k", only]
    with (CACHE / f"{suite}.log").open("w+") as log:
        done = subprocess.run(
            command, cwd=tests, env=environment, stdout=log, stderr=subprocess.STDOUT, timeout=SUITE_SECONDS
        )
        log.seek(0)
        output = log.read()
    if not record.exists():
        raise SystemExit(f"{suite} was not run:\n{output}")
    content: dict[str, Any] = json.loads(record.read_text())
    if done.returncode and (content["failed"] or not only):
        print("\n".join(output.splitlines()[-SHOWN_OUTPUT_LINES:]))
        content["failed"] = content["failed"] or ["the run itself; its last output is above"]
    return content


def _report(records: dict[str, dict[str, Any]]) -> int:
    for suite, record in records.items():
        print(suite)
        unmarked = len(record["ran_anyway"])
        print(f"    {len(record['passed']):3} passed, {unmarked} of them marked to be skipped on Google's own emulator")
        print(f"    {len(record['failed']):3} failed")
        for reason, count in sorted(record["left_out"].items()):
            print(f"    {count:3} left out, {reason}")
        print(f"    {record['pipeline_comparisons']:3} passed but for a comparison with a pipeline, which skips itself")
    print("test_pipeline_acceptance.py\n    all left out, pipelines: ExecutePipeline, Enterprise edition alone")
    failed = [f"{suite} {test}" for suite, record in records.items() for test in record["failed"]]
    passed = sum(len(record["passed"]) for record in records.values())
    left_out = sum(sum(record["left_out"].values()) for record in records.values())
    print(f"\n{passed} passed, {len(failed)} failed, {left_out} left out")
    for test in failed:
        print(f"FAILED {test}")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
