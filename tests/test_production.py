"""What a process logs when it starts."""

from __future__ import annotations

import json
from collections.abc import Iterator

import flask
import pytest

from imagegen import api, production
from imagegen.web import serving

pytestmark = pytest.mark.pure


@pytest.fixture(autouse=True)
def _new_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that has built nothing, in the emulator."""
    monkeypatch.setenv("FUNCTIONS_EMULATOR", "true")
    monkeypatch.setenv("GCLOUD_PROJECT", "demo-start")
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    production._built.cache_clear()
    yield
    production._built.cache_clear()


class TestProduction:
    def test_placeholders_are_logged(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A process that draws nothing says so, once."""
        production.production()
        production.production()
        (line,) = capsys.readouterr().out.splitlines()
        assert (json.loads(line)["severity"], "placeholder" in line) == ("WARNING", True)

    def test_with_a_store(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        """A process that stores pictures logs nothing."""
        monkeypatch.setenv("IMAGE_FOLDER", "images")
        production.production()
        assert capsys.readouterr().out == ""

    def test_without_a_bucket(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        """Deployed without a bucket, each call is a 500, and the log names the settings."""
        monkeypatch.delenv("FUNCTIONS_EMULATOR")
        with flask.Flask("x").test_request_context("/"):
            response = serving.answer(flask.request, api.OPENAPI, production.production)
        assert response.status_code == 500
        assert "IMAGE_BUCKET" not in response.get_data(as_text=True)
        assert "ValueError: IMAGE_BUCKET is empty" in json.loads(capsys.readouterr().err)["message"]
