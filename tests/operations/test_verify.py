"""`make verify` against the embedded Firestore."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from operations import verify
from tests.world import World


@pytest.fixture
def world(make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch) -> World:
    """A database that the command uses, with one account."""
    world = make_world()
    monkeypatch.setenv("GCLOUD_PROJECT", world.db.project)
    world.account("u", 10)
    return world


class TestMain:
    def test_sound_books_exit_with_0(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        """Sound books print a table without a breach, and nothing on stderr in a pipe."""
        assert verify.main([]) == 0
        output, errors = capsys.readouterr()
        assert [line.split() for line in output.splitlines()][-2:] == [["held", "credits", "10"], ["breaches", "0"]]
        assert errors == ""

    def test_a_breach_exits_with_1(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        """Each breach is one line with its kind and account."""
        world.db.document("users/u").update({"credits": 11})
        assert verify.main([]) == 1
        assert capsys.readouterr().out.splitlines()[-1].startswith("BALANCE_WRONG u: credits is 11")

    @pytest.mark.parametrize(
        ("name", "value"), [("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9099"), ("MODEL_ATTEMPTS", "0")]
    )
    def test_needs_no_setting_of_the_functions(
        self, world: World, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        """The audit uses none of the functions' settings, and a developer's shell may hold any."""
        monkeypatch.setenv(name, value)
        assert verify.main([]) == 0

    def test_prints_json(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        """--json prints figures and breaches as JSON."""
        world.db.document("users/u").update({"credits": 11})
        assert verify.main(["--json"]) == 1
        printed = json.loads(capsys.readouterr().out)
        assert (printed["figures"]["accounts"], printed["breaches"][0]["kind"]) == (1, "BALANCE_WRONG")

    def test_no_firestore(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """Without a Firestore there is one line, and an exit code that is neither sound nor breach."""
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
        assert verify.main([]) == 2
        assert capsys.readouterr().err.count("\n") == 1
