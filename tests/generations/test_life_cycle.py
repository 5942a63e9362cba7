"""The life of a generation through the functions host: queue, status, list, cancel, quote, catalog, webhook."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pytest_mock import MockerFixture

from imagegen import production
from imagegen.images.records import Image
from imagegen.providers.model import ImageRequest, ModelError
from imagegen.providers.simulated.model import SimulatedModel
from tests import tokens
from tests.answers import error_of, until
from tests.crash.mortal import abandon
from tests.world import World

ASYNC = {"Prefer": "respond-async"}


def ended(client: httpx.Client, url: str) -> dict[str, Any]:
    """The generation at a status URL, once it has ended."""

    def ask() -> dict[str, Any]:
        found: dict[str, Any] = client.get(url).json()
        return found

    return until(ask, lambda found: found["status"] not in {"queued", "processing"})


@pytest.fixture
def ada(world: World) -> str:
    return world.account("ada", 10)


class TestAsynchronous:
    def test_is_accepted_and_drawn(self, client: httpx.Client, world: World, ada: str) -> None:
        """`Prefer: respond-async` is a 202 with a status URL, and the picture is there soon."""
        response = client.post("/createGenerationRequest", json=world.body(ada, size="1024x1024"), headers=ASYNC)
        answer = response.json()
        assert response.status_code == 202
        assert response.headers["Preference-Applied"] == "respond-async"
        assert response.headers["Location"] == answer["statusUrl"]
        assert (answer["status"], answer["deductedCredits"]) == ("queued", 3)
        found = ended(client, answer["statusUrl"])
        assert (found["status"], found["creditsCharged"], found["progress"]) == ("completed", 3, 100)
        assert found["imageUrl"].endswith("/model-a.png")
        assert world.credits(ada) == 7
        world.check_books(ada)

    def test_a_replay_has_the_current_status(self, client: httpx.Client, world: World, ada: str) -> None:
        """The same key is answered 202 with the current status, and charged once."""
        headers = ASYNC | {"Idempotency-Key": "key"}
        first = client.post("/createGenerationRequest", json=world.body(ada), headers=headers).json()
        ended(client, first["statusUrl"])
        again = client.post("/createGenerationRequest", json=world.body(ada), headers=headers)
        assert (again.status_code, again.headers["Idempotent-Replayed"]) == (202, "true")
        assert again.json() == first | {"status": "completed"}
        assert world.credits(ada) == 9

    def test_a_failing_model_is_refunded(
        self, client: httpx.Client, world: World, ada: str, mocker: MockerFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """When all attempts of a model fail, the status is `failed` with its reason and the refund."""
        monkeypatch.setenv("MODEL_ATTEMPTS", "1")
        production._built.cache_clear()
        mocker.patch.object(SimulatedModel, "generate", side_effect=ModelError("no"))
        answer = client.post("/createGenerationRequest", json=world.body(ada), headers=ASYNC).json()
        found = ended(client, answer["statusUrl"])
        assert (found["status"], found["failureReason"], found["creditsRefunded"]) == ("failed", "MODEL_ERROR", 1)
        world.check_books(ada)

    def test_a_failed_attempt_is_retried_by_the_queue(
        self, client: httpx.Client, world: World, ada: str, mocker: MockerFixture
    ) -> None:
        """A failed attempt is delivered again by the queue."""
        answers = [ModelError("not now"), Image("https://images.example.com/second.png")]
        mocker.patch.object(SimulatedModel, "generate", side_effect=answers)
        answer = client.post("/createGenerationRequest", json=world.body(ada), headers=ASYNC).json()
        assert ended(client, answer["statusUrl"])["imageUrl"] == "https://images.example.com/second.png"
        world.check_books(ada)

    def test_a_task_of_a_leased_generation_is_a_409(self, client: httpx.Client, world: World, ada: str) -> None:
        """While another delivery draws, a task gets a 409, not a 503, at which the queue would slow down."""
        world.clock.now = datetime.now(UTC)
        abandon(world)
        (generation,) = world.generations()
        response = client.post("/processGeneration", json={"data": {"generationRequestId": generation["id"]}})
        assert (response.status_code, response.json()["error"]["status"]) == (409, "ABORTED")

    def test_without_a_queue(
        self, client: httpx.Client, world: World, ada: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """When the queue cannot be reached, the answer is a `QUEUE_ERROR` and the credits are back."""
        monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", "127.0.0.1:1")
        production._built.cache_clear()
        response = client.post("/createGenerationRequest", json=world.body(ada), headers=ASYNC)
        assert response.status_code == 500
        assert error_of(response)["metadata"]["failureReason"] == "QUEUE_ERROR"
        assert world.credits(ada) == 10
        world.check_books(ada)

    @pytest.mark.parametrize("prefer", ["respond-async, wait=10", "wait=10, Respond-Async", "respond-async;x=y"])
    def test_among_other_preferences(self, client: httpx.Client, world: World, ada: str, prefer: str) -> None:
        """The preference is found among others, in upper or lower case."""
        headers = {"Prefer": prefer}
        assert client.post("/createGenerationRequest", json=world.body(ada), headers=headers).status_code == 202

    @pytest.mark.parametrize("prefer", ["", "wait=10", "respond-asynchronously", "return=minimal"])
    def test_other_preferences(self, client: httpx.Client, world: World, ada: str, prefer: str) -> None:
        """Any other preference is ignored: the call waits for the picture."""
        headers = {"Prefer": prefer}
        assert client.post("/createGenerationRequest", json=world.body(ada), headers=headers).status_code == 200


class TestStatus:
    def test_an_etag(self, client: httpx.Client, world: World, ada: str) -> None:
        """A status that has not changed is a 304; for another ETag the answer is full."""
        created = client.post("/createGenerationRequest", json=world.body(ada)).json()
        url = f"/getGenerationStatus?generationRequestId={created['generationRequestId']}"
        first = client.get(url)
        again = client.get(url, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        other = client.get(url, headers={"If-None-Match": '"another"'})
        assert other.json() == first.json()

    def test_retry_after(self, client: httpx.Client, world: World, ada: str, mocker: MockerFixture) -> None:
        """Retry-After is set while a generation is pending, and not afterwards."""
        seen: list[httpx.Response] = []

        def look(_: object, request: ImageRequest) -> Image:
            seen.append(client.get(f"/getGenerationStatus?generationRequestId={request.generation_id}"))
            return Image("https://images.example.com/drawn.png")

        mocker.patch.object(SimulatedModel, "generate", look)
        created = client.post("/createGenerationRequest", json=world.body(ada)).json()
        seen.append(client.get(f"/getGenerationStatus?generationRequestId={created['generationRequestId']}"))
        assert [response.json()["status"] for response in seen] == ["processing", "completed"]
        assert [response.headers.get("Retry-After") for response in seen] == ["1", None]

    def test_an_unknown_generation(self, client: httpx.Client) -> None:
        """An unknown generation is a 404."""
        response = client.get("/getGenerationStatus?generationRequestId=nothing")
        assert (response.status_code, error_of(response)["reason"]) == (404, "GENERATION_NOT_FOUND")

    def test_foreign(self, client: httpx.Client, world: World, ada: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Another's generation is a 404 like an unknown one (existence oracle), and lists hold one's own."""
        generation_id = client.post("/createGenerationRequest", json=world.body(ada)).json()["generationRequestId"]
        monkeypatch.setenv("REQUIRE_AUTH", "true")
        monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9099")
        production._built.cache_clear()

        def asked(uid: str) -> list[int]:
            headers = {"Authorization": f"Bearer {tokens.unsigned(tokens.claims(world.db.project, uid))}"}
            body = {"generationRequestId": generation_id}
            return [
                client.get("/getGenerationStatus", params=body, headers=headers).status_code,
                client.get("/listGenerationRequests?userId=ada", headers=headers).status_code,
                client.get("/listGenerationRequests", headers=headers).status_code,
                client.post("/cancelGenerationRequest", json=body, headers=headers).status_code,
            ]

        assert asked("bob") == [404, 403, 403, 404]
        assert asked("ada") == [200, 200, 403, 409]
        assert client.get("/getGenerationStatus", params={"generationRequestId": generation_id}).status_code == 401
        assert client.get("/getCatalog").status_code == 200


class TestList:
    def test_filters_and_pages(self, client: httpx.Client, world: World, ada: str) -> None:
        """A list is filtered by display names and paged."""
        for style in ("anime", "oil painting", "oil painting"):
            client.post("/createGenerationRequest", json=world.body(ada, style=style))
        url = "/listGenerationRequests"
        given: dict[str, Any] = {"userId": ada, "style": "Oil Painting", "status": "completed", "pageSize": 1}
        first = client.get(url, params=given).json()
        second = client.post(url, json=given | {"pageToken": first["nextPageToken"]}).json()
        listed = [*first["generations"], *second["generations"]]
        assert [generation["style"] for generation in listed] == ["oil-painting"] * 2
        assert len({generation["generationRequestId"] for generation in listed}) == 2

    def test_dates(self, client: httpx.Client, world: World, ada: str) -> None:
        """A list is bounded by times in any time zone."""
        client.post("/createGenerationRequest", json=world.body(ada))
        given = {"userId": ada, "createdAfter": "2020-01-01T01:00:00+01:00"}
        assert len(client.get("/listGenerationRequests", params=given).json()["generations"]) == 1
        given["createdBefore"] = "2020-01-02T00:00:00Z"
        assert client.get("/listGenerationRequests", params=given).json() == {"generations": []}

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("status", "pending"),
            ("createdAfter", "yesterday"),
            ("createdAfter", "2026-11-16T00:00:00"),
            ("createdBefore", "1e400"),
            ("createdBefore", "1700000000"),
            ("createdBefore", "0001-01-01T00:00:00+14:00"),
            ("pageSize", "0"),
            ("pageSize", "101"),
            ("pageToken", "x"),
            ("model", ""),
        ],
    )
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_invalid_filters(self, client: httpx.Client, field: str, value: str, method: str) -> None:
        """An invalid filter is refused by name."""
        given = {"userId": "ada", field: value}
        path = "/listGenerationRequests"
        response = client.get(path, params=given) if method == "GET" else client.post(path, json=given)
        assert response.status_code == 400
        (violation,) = response.json()["error"]["details"][1]["fieldViolations"]
        assert violation["field"] == field


class TestCancel:
    def test_a_queued_generation(self, client: httpx.Client, world: World, ada: str, mocker: MockerFixture) -> None:
        """A generation that waits for its next attempt is cancelled and refunded; a second call answers the same."""
        mocker.patch.object(SimulatedModel, "generate", side_effect=ModelError("no"))
        answer = client.post("/createGenerationRequest", json=world.body(ada), headers=ASYNC).json()
        body = {"generationRequestId": answer["generationRequestId"]}
        # Cancelling before the end of the first attempt is a conflict.
        until(lambda: world.generations()[0], lambda found: found["attempts"] == 1 and found["startedAt"] is None)
        for _ in range(2):
            response = client.post("/cancelGenerationRequest", json=body)
            assert (response.status_code, response.json()["status"]) == (200, "cancelled")
        assert world.credits(ada) == 10
        world.check_books(ada)

    def test_an_ended_generation(self, client: httpx.Client, world: World, ada: str) -> None:
        """Cancelling an ended generation is a conflict."""
        created = client.post("/createGenerationRequest", json=world.body(ada)).json()
        response = client.post("/cancelGenerationRequest", json={"generationRequestId": created["generationRequestId"]})
        assert (response.status_code, error_of(response)["reason"]) == (409, "GENERATION_ENDED")
        assert error_of(response)["metadata"]["status"] == "completed"


class TestQuote:
    def test_a_price(self, client: httpx.Client, world: World, ada: str) -> None:
        """`validateOnly` makes all checks, answers the price and changes nothing."""
        before = world.fields(f"users/{ada}")
        body = world.body(ada, size="1024x1792") | {"validateOnly": True}
        response = client.post("/createGenerationRequest", json=body, headers={"Idempotency-Key": "key"})
        assert response.json() == {"validateOnly": True, "costCredits": 4, "currentCredits": 10}
        assert world.fields(f"users/{ada}") == before
        assert world.generations() == []
        # The key is not used up.
        body["validateOnly"] = False
        assert client.post("/createGenerationRequest", json=body, headers={"Idempotency-Key": "key"}).status_code == 200

    def test_refusals(self, client: httpx.Client, world: World) -> None:
        """A quote is refused for the same reasons as a request."""
        world.account("poor", 0)
        given = {"validateOnly": True}
        url = "/createGenerationRequest"
        assert client.post(url, json=world.body("poor") | given).status_code == 402
        assert client.post(url, json=world.body("nobody") | given).status_code == 404
        assert client.post(url, json=world.body("poor", style="cubism") | given).status_code == 400
        assert client.post(url, json=world.body("poor") | {"validateOnly": "yes"}).status_code == 400
