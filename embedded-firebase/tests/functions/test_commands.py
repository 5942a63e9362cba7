"""A project's commands can be run from a page of this machine only."""

from pathlib import Path

import pytest
from werkzeug.test import Client

from embedded_firebase.hosting import commands


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A client of a command that prints its caller, and fails."""
    (tmp_path / "told.py").write_text("import os, sys; print(os.environ['WHO']); sys.exit(3)")
    return Client(commands.run("told", {"WHO": "ada", "PYTHONPATH": str(tmp_path)}))


class TestRun:
    def test_runs_a_module(self, client: Client) -> None:
        """A POST runs the module and answers its exit code and output."""
        response = client.post("/", headers={"Origin": "http://127.0.0.1:5000"})
        assert (response.status_code, response.json) == (200, {"exitCode": 3, "output": "ada\n"})

    @pytest.mark.parametrize("origin", ["https://shop.example.com", "null", "http://127.0.0.1.example.com"])
    def test_pages_of_other_origins(self, client: Client, origin: str) -> None:
        """A page of another origin runs nothing (CSRF)."""
        assert client.post("/", headers={"Origin": origin}).status_code == 403

    def test_other_methods(self, client: Client) -> None:
        """A GET runs nothing."""
        assert (client.get("/").status_code, client.get("/").headers["Allow"]) == (405, "POST")
