"""What the log contains of a call: its account and its request id, and no secret."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pytest_mock import MockerFixture

from imagegen import production
from imagegen.providers import model as providers_model
from imagegen.providers.simulated import model as simulated_model
from tests import tokens
from tests.world import World

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(client: httpx.Client, capsys: pytest.CaptureFixture[str]) -> Lines:
    """The lines logged since the last read, without the host's own lines."""
    # The first call of a process also logs what it starts with.
    production.production()

    def read() -> list[dict[str, Any]]:
        captured = capsys.readouterr()
        return [json.loads(line) for line in (captured.out + captured.err).splitlines() if '"function"' in line]

    return read


class TestCalls:
    def test_a_line_names_its_call(
        self, client: httpx.Client, world: World, mocker: MockerFixture, lines: Lines
    ) -> None:
        """Each line has the function, the request id and the account; the answer has the request id."""
        mocker.patch.object(simulated_model.SimulatedModel, "generate", side_effect=providers_model.ModelError("no"))
        world.account("ada", 5)
        lines()
        response = client.post("/createGenerationRequest", json=world.body("ada"))
        (line,) = lines()
        assert line["severity"] == "WARNING"
        assert line["function"] == "createGenerationRequest"
        assert line["userId"] == "ada"
        assert line["requestId"] == response.headers["X-Request-Id"]
        assert line["generationRequestId"] in response.text

    def test_a_callers_own_request_id(self, client: httpx.Client) -> None:
        """A caller's request id is used if it is safe for a log."""
        url = "/getUserCredits?userId=ada"
        assert client.get(url, headers={"X-Request-Id": "call-7"}).headers["X-Request-Id"] == "call-7"
        assert client.get(url, headers={"X-Request-Id": "{x}" * 50}).headers["X-Request-Id"] != "{x}" * 50

    def test_the_platforms_trace(self, client: httpx.Client, world: World, mocker: MockerFixture, lines: Lines) -> None:
        """A line has the platform's trace, which groups the lines of a call."""
        mocker.patch.object(simulated_model.SimulatedModel, "generate", side_effect=providers_model.ModelError("no"))
        world.account("ada", 5)
        headers = {"X-Cloud-Trace-Context": "105445aa7843bc8bf206b12000100000/1;o=1"}
        lines()
        client.post("/createGenerationRequest", json=world.body("ada"), headers=headers)
        (line,) = lines()
        trace = f"projects/{world.db.project}/traces/105445aa7843bc8bf206b12000100000"
        assert line["logging.googleapis.com/trace"] == trace

    def test_calls_do_not_mix(self, client: httpx.Client, world: World, mocker: MockerFixture, lines: Lines) -> None:
        """Fields that one call adds to its lines are not on the lines of the next."""
        mocker.patch.object(simulated_model.SimulatedModel, "generate", side_effect=providers_model.ModelError("no"))
        for user_id in ("ada", "bob"):
            client.post("/createGenerationRequest", json=world.body(world.account(user_id, 5)))
        assert [line["userId"] for line in lines() if line["severity"] == "WARNING"] == ["ada", "bob"]


class TestCaller:
    @pytest.fixture
    def signed(self, world: World, sign_in: None) -> Callable[..., dict[str, str]]:
        """Callers must sign in; return the header of a caller's token."""

        def header(uid: str, **claims: Any) -> dict[str, str]:
            return {"Authorization": f"Bearer {tokens.unsigned(tokens.claims(world.db.project, uid, **claims))}"}

        return header

    def test_a_signed_in_caller(
        self,
        world: World,
        mocker: MockerFixture,
        signed: Callable[..., dict[str, str]],
        client: httpx.Client,
        lines: Lines,
    ) -> None:
        """Each line of a call has the uid of its caller; the call of an account has no further line."""
        mocker.patch.object(simulated_model.SimulatedModel, "generate", side_effect=providers_model.ModelError("no"))
        world.account("ada", 5)
        lines()
        client.post("/createGenerationRequest", json=world.body("ada"), headers=signed("ada"))
        assert [(line["severity"], line["callerUid"]) for line in lines()] == [("WARNING", "ada")]

    def test_a_refused_caller(
        self,
        world: World,
        mocker: MockerFixture,
        signed: Callable[..., dict[str, str]],
        client: httpx.Client,
        lines: Lines,
    ) -> None:
        """A line of a call that fails unexpectedly has the uid of its caller too."""
        mocker.patch("imagegen.credits.store.read_account_at", side_effect=RuntimeError("broken"))
        lines()
        client.get("/getUserCredits?userId=ada", headers=signed("ada"))
        assert [line["callerUid"] for line in lines()] == ["ada"]

    def test_an_administrators_calls(
        self, world: World, signed: Callable[..., dict[str, str]], client: httpx.Client, lines: Lines
    ) -> None:
        """Each call of an administrator is a line, with its uid and what it was for, also if the call is refused."""
        world.account("ada", 5)
        root = signed("root", admin=True)
        lines()
        granted = {"userId": "ada", "credits": 3}
        assert client.post("/grantCredits", json=granted, headers=root | {"Idempotency-Key": "k"}).status_code == 200
        assert client.post("/createGenerationRequest", json=world.body("ada"), headers=root).status_code == 200
        (generation,) = world.generations()
        cancel = {"generationRequestId": generation["id"]}
        assert client.post("/cancelGenerationRequest", json=cancel, headers=root).status_code == 409
        found = [line for line in lines() if line["message"] == "called by an administrator"]
        assert [
            (line["function"], line["callerUid"], line.get("userId"), line.get("generationRequestId")) for line in found
        ] == [
            ("grantCredits", "root", "ada", None),
            ("createGenerationRequest", "root", "ada", generation["id"]),
            ("cancelGenerationRequest", "root", None, generation["id"]),
        ]

    def test_without_sign_in(self, client: httpx.Client, world: World, lines: Lines) -> None:
        """Where callers need not sign in, there is no caller to name, and no line for an administrator's call."""
        lines()
        client.post("/grantCredits", json={"userId": "ada", "credits": 3}, headers={"Idempotency-Key": "k"})
        (line,) = lines()
        assert "callerUid" not in line


class TestSecrets:
    def test_prompts(self, client: httpx.Client, world: World, mocker: MockerFixture, lines: Lines) -> None:
        """A prompt that a provider repeats in its error, in any encoding, is not logged."""
        world.account("ada", 5)
        prompt = 'something nobody else "should" read'
        for error in (
            providers_model.ModelError(f"refused: {prompt}"),
            providers_model.ModelError(f"refused: {json.dumps(prompt)}"),
            providers_model.ModelError(f"too long: {prompt[:15]}..."),
            RuntimeError(f"broke on {prompt!r}"),
        ):
            mocker.patch.object(simulated_model.SimulatedModel, "generate", side_effect=error)
            assert client.post("/createGenerationRequest", json=world.body("ada", prompt=prompt)).status_code == 500
        logged = lines()
        assert len(logged) == 4
        assert "something" not in json.dumps(logged)
        assert "ModelError" in logged[0]["message"]
        assert "MODEL_ERROR" in logged[0]["message"]
        assert "RuntimeError" in logged[3]["message"]
        assert "_drawn" in logged[3]["message"]

    def test_tokens(
        self, client: httpx.Client, world: World, mocker: MockerFixture, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A token is not logged, even with an unexpected error."""
        world.account("ada", 5)
        token = tokens.unsigned(tokens.claims(world.db.project, "ada"))
        mocker.patch("imagegen.credits.store.read_account_at", side_effect=RuntimeError("broken"))
        headers = {"Authorization": f"Bearer {token}", "X-Firebase-AppCheck": token}
        assert client.get("/getUserCredits?userId=ada", headers=headers).status_code == 500
        captured = capsys.readouterr()
        assert "broken" in captured.err
        assert token not in captured.out + captured.err
