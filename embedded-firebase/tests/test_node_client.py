"""The official clients for JavaScript against the embedded Firestore, where Node and the clients are installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from embedded_firebase.firestore.server import FirestoreServer

FOLDER = Path(__file__).parent / "node"
SECONDS = 50
PACKAGES = ("@google-cloud/firestore", "@firebase/rules-unit-testing", "firebase")
MISSING = [name for name in ("node",) if shutil.which(name) is None]
MISSING += [name for name in PACKAGES if not (FOLDER / "node_modules" / name).exists()]
NEEDS_CLIENTS = pytest.mark.skipif(
    bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (npm ci --prefix embedded-firebase/tests/node)"
)


def run(script: str, host: str) -> None:
    """Run the tests of a script in tests/node against the Firestore at an address."""
    environment = {"PATH": os.environ["PATH"], "FIRESTORE_EMULATOR_HOST": host}
    command = ["node", "--test", "--test-reporter=spec", script]
    done = subprocess.run(command, cwd=FOLDER, env=environment, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fail 0" in done.stdout
    assert "pass 0" not in done.stdout


@pytest.mark.skipif(os.environ.get("CI") != "true", reason="a developer may do without Node")
def test_continuous_integration_has_the_clients():
    """There the tests below are not left out."""
    assert not MISSING


@NEEDS_CLIENTS
def test_node_client(firestore_host):
    """Each test of the Node client passes: documents, transactions, queries and listeners."""
    run("client.test.js", firestore_host)


@NEEDS_CLIENTS
@pytest.mark.embedded
def test_web_sdk():
    """Each test of the web SDK passes: transactions that only read, mock users, listeners under rules."""
    server = FirestoreServer()
    port = server.start_with_http()
    try:
        run("web.test.js", f"127.0.0.1:{port}")
    finally:
        server.stop()
