"""The official Node client against the embedded Firestore, where Node and the client are installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "node"
SECONDS = 50


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
@pytest.mark.skipif(
    not (FOLDER / "node_modules" / "@google-cloud" / "firestore").exists(),
    reason="the Node client is not installed: npm install --prefix embedded-firebase/tests/node",
)
class TestNodeClient:
    def test_node_tests_pass(self, firestore_host):
        """Each test in tests/node passes: documents, transactions, queries and listeners."""
        environment = {"PATH": os.environ["PATH"], "FIRESTORE_EMULATOR_HOST": firestore_host}
        command = ["node", "--test", "--test-reporter=spec", "client.test.js"]
        done = subprocess.run(command, cwd=FOLDER, env=environment, capture_output=True, text=True, timeout=SECONDS)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "fail 0" in done.stdout
