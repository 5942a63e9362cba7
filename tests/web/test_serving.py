"""Headers and URLs of answers that no feature decides."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import flask
import httpx
import pytest
from pytest_mock import MockerFixture

from imagegen.generations import creation
from imagegen.kit.errors import Unavailable
from imagegen.web import serving
from tests.world import World


class TestHeaders:
    def test_of_private_answers(self, client: httpx.Client, world: World) -> None:
        """No cache keeps an account's answer, nor an error; browsers do not guess their types."""
        ada = world.account("ada", 5)
        answers = [
            (200, client.get(f"/getUserCredits?userId={ada}")),
            (200, client.post("/createGenerationRequest", json=world.body(ada))),
            (202, client.post("/createGenerationRequest", json=world.body(ada), headers={"Prefer": "respond-async"})),
            (404, client.get("/getUserCredits?userId=bob")),
            (400, client.get("/getUserCredits")),
            (405, client.put("/getUserCredits")),
        ]
        for status, answer in answers:
            assert answer.status_code == status
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"

    def test_of_public_answers(self, client: httpx.Client) -> None:
        """What may be cached, its revalidation and the health probe have no sniffed type either."""
        first = client.get("/getCatalog")
        again = client.get("/getCatalog", headers={"If-None-Match": first.headers["ETag"]})
        probed = client.get("/getCatalog/__/health")
        assert [answer.status_code for answer in (first, again, probed)] == [200, 304, 200]
        for answer in (first, again, probed):
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers.get("Cache-Control") != "no-store"

    @pytest.mark.pure
    def test_of_an_error(self) -> None:
        """An error of a schedule is rendered with the same headers."""
        headers = serving.render(Unavailable()).headers
        assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")


class TestTime:
    def test_a_call_begins_before_its_body_is_read(
        self, client: httpx.Client, world: World, mocker: MockerFixture
    ) -> None:
        """The time that the body took is taken from the time for the picture."""
        create = mocker.spy(creation, "create_generation_request")
        read: list[datetime] = []
        json_object = serving.json_object

        def reads(request: flask.Request) -> dict[str, Any]:
            read.append(datetime.now(UTC))
            return json_object(request)

        mocker.patch.object(serving, "json_object", reads)
        began = datetime.now(UTC)
        client.post("/createGenerationRequest", json=world.body(world.account("ada", 5)))
        assert began <= create.call_args.kwargs["called_at"] <= read[0]


@pytest.mark.pure
class TestFunctionUrl:
    @pytest.mark.parametrize(
        ("emulated", "url"),
        [
            ("", "https://us-central1-demo.cloudfunctions.net/getGenerationStatus"),
            ("true", "http://127.0.0.1:5001/demo/us-central1/getGenerationStatus"),
        ],
    )
    def test_scheme(self, emulated: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Deployed, it is https whatever the request says, whose host a caller chooses; the emulator has no TLS."""
        monkeypatch.setenv("FUNCTIONS_EMULATOR", emulated)
        monkeypatch.setenv("GCLOUD_PROJECT", "demo")
        with flask.Flask("x").test_request_context("/", base_url="http://127.0.0.1:5001"):
            request: Any = flask.request
            assert serving._function_url(request, "getGenerationStatus") == url
