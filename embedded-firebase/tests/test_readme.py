"""What emulator/README.md says is so."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from embedded_firebase.firestore.http.control import URLS
from embedded_firebase.firestore.http.rest import ROUTES
from embedded_firebase.firestore.server import FirestoreServer
from tests.firestore.http.conftest import Http

pytestmark = pytest.mark.embedded
ROOT = Path(__file__).parents[2]
README = (ROOT / "emulator" / "README.md").read_text()


class TestReadme:
    def test_it_names_every_option(self):
        """And none that is not there."""
        offered = set()
        for module in ("emulator", "embedded_firebase.cli.functions"):
            command = [sys.executable, "-m", module, "--help"]
            text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=True).stdout
            offered |= set(re.findall(r"--[a-z-]+", text)) - {"--help", "--until-stdin-closes"}
        assert set(re.findall(r"`(--[a-z-]+)", README)) == offered

    def test_it_names_every_url(self):
        """Of the emulator's own, and every verb of the REST surface."""
        named = {(method, path) for method, path in re.findall(r"`([A-Z]+) (/emulator/v1/[^`?]+)", README)}
        shown = {"project": "{p}", "database": "{d}"}
        served = {
            (method, re.sub(r"<(\w+)>", lambda variable: shown[variable[1]], rule.rule))
            for rule in URLS.iter_rules()
            for method in (rule.methods or set()) - {"HEAD"}
        }
        assert named == served
        verbs = {template.rpartition(":")[2] for _, template, _ in ROUTES if not template.endswith(("}", "**"))}
        assert {f":{verb}" for verb in verbs} - {":executePipeline"} <= set(re.findall(r"`(:\w+)`", README))

    def test_its_faults_are_taken(self):
        """Each line of curl as it stands."""
        bodies = re.findall(r"curl \$url -d '(.+)'", README)
        assert len(bodies) == 4
        server = FirestoreServer()
        http_client = Http(server.start_with_http())
        answers = [http_client("POST", "/emulator/v1/faults", json.loads(body)) for body in bodies]
        server.stop()
        assert [answer.status for answer in answers] == [200] * 4

    def test_its_example_is_a_test_that_passes(self, firestore_client, firestore_faults, firestore_counts):
        """As a test with these fixtures."""
        (code,) = re.findall(r"```python\n(.+?)```", README, re.DOTALL)
        world: dict[str, object] = {}
        exec(code, world)
        world["test_a_lost_answer"](firestore_client, firestore_faults, firestore_counts)
