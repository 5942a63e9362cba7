"""README.md is correct: options, URLs and examples."""

import inspect
import json
import os
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
ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
EXAMPLES = re.findall(r"```python\n(.+?)```", README, re.DOTALL)


class TestReadme:
    def test_it_names_every_option(self):
        """It lists exactly the options."""
        offered = set()
        for name in ("firestore", "functions", "export"):
            command = [sys.executable, "-m", f"embedded_firebase.cli.{name}", "--help"]
            text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=True).stdout
            offered |= set(re.findall(r"--[a-z-]+", text)) - {"--help", "--until-stdin-closes"}
        assert set(re.findall(r"`(--[a-z-]+)", README)) == offered

    def test_it_names_every_url(self):
        """It lists exactly the emulator's own URLs, and every verb of the REST surface."""
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

    def test_its_faults_are_accepted(self):
        """Each line with curl works unchanged."""
        bodies = re.findall(r"curl \$url -d '(.+)'", README)
        assert len(bodies) == 4
        server = FirestoreServer()
        http_client = Http(server.start_with_http())
        answers = [http_client("POST", "/emulator/v1/faults", json.loads(body)) for body in bodies]
        server.stop()
        assert [answer.status for answer in answers] == [200] * 4

    @pytest.mark.parametrize("code", [code for code in EXAMPLES if code.startswith("def test_")])
    def test_its_tests_pass(self, request, code):
        """Its example tests pass, with the fixtures that they name."""
        defined = {}
        exec(code, defined)
        (test,) = (value for name, value in defined.items() if name.startswith("test_"))
        test(*map(request.getfixturevalue, inspect.signature(test).parameters))

    @pytest.mark.parametrize("code", [code for code in EXAMPLES if not code.startswith("def test_")])
    def test_its_other_examples_run(self, tmp_path, monkeypatch, code):
        """Its other examples run in a folder with the files that they name."""
        (tmp_path / "firestore.indexes.json").write_text("{}")
        (tmp_path / "firestore.rules").write_text("rules_version = '2';\nservice cloud.firestore {}\n")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(os, "environ", dict(os.environ))
        started = []
        start = FirestoreServer.start
        monkeypatch.setattr(FirestoreServer, "start", lambda self: (started.append(self), start(self))[1])
        defined = {}
        exec(code, defined)
        if "call" in defined:
            defined["call"].close()
        assert started
        for server in started:
            server.stop()
