"""createGenerationRequest over HTTP."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.answers import error_of, violations_of
from tests.world import World

PATH = "/createGenerationRequest"
KEY = {"Idempotency-Key": "key-1"}


class TestSuccess:
    def test_answers_id_price_and_picture(self, world: World, client: httpx.Client) -> None:
        """A success is 200 with exactly the three documented fields."""
        response = client.post(PATH, json=world.body(world.account("ada", 5), size="1024x1024"))
        assert response.status_code == 200
        (generation,) = world.generations()
        assert response.json() == {
            "generationRequestId": generation["id"],
            "deductedCredits": 3,
            "imageUrl": f"https://{world.db.project}.web.app/placeholders/model-a.png",
        }
        assert "Idempotent-Replayed" not in response.headers

    def test_each_model_has_its_own_placeholder(self, world: World, client: httpx.Client) -> None:
        """Model A and Model B answer different placeholder pictures."""
        ada = world.account("ada", 5)
        urls = [client.post(PATH, json=world.body(ada, model=m)).json()["imageUrl"] for m in ("Model A", "Model B")]
        assert urls[0] != urls[1]

    def test_a_replay_is_marked(self, world: World, client: httpx.Client) -> None:
        """A replay has the same body and the header `Idempotent-Replayed`."""
        body = world.body(world.account("ada", 5))
        first = client.post(PATH, json=body, headers=KEY)
        again = client.post(PATH, json=body, headers=KEY)
        assert again.json() == first.json()
        assert again.headers["Idempotent-Replayed"] == "true"
        assert world.credits("ada") == 4


class TestFailures:
    def test_a_failed_model(self, world: World, client: httpx.Client) -> None:
        """A model failure is a 500 that states that nothing was charged; its replay is marked."""
        world.db.document("modelSettings/model-a").set({"failureRate": 1})
        body = world.body(world.account("ada", 5), size="1024x1792")
        for replayed in (None, "true"):
            response = client.post(PATH, json=body, headers=KEY)
            assert response.headers.get("Idempotent-Replayed") == replayed
            error = error_of(response)
            assert (error["code"], error["status"], error["reason"]) == (500, "INTERNAL", "GENERATION_FAILED")
            assert "Nothing was charged" in error["message"]
            assert error["metadata"] == {
                "generationRequestId": world.generations()[0]["id"],
                "deductedCredits": "0",
                "refundedCredits": "4",
                "failureReason": "MODEL_ERROR",
            }
        assert world.credits("ada") == 5

    def test_too_few_credits(self, world: World, client: httpx.Client) -> None:
        """An account that cannot pay gets a 402 with its balance and the price."""
        error = error_of(client.post(PATH, json=world.body(world.account("ada", 1), size="1024x1024")))
        assert (error["code"], error["status"]) == (402, "FAILED_PRECONDITION")
        assert error["reason"] == "INSUFFICIENT_CREDITS"
        assert error["message"] == "Account 'ada' has 1 credit; this request costs 3."
        assert error["metadata"] == {"currentCredits": "1", "requiredCredits": "3"}

    def test_unknown_user(self, world: World, client: httpx.Client) -> None:
        """An unknown account is a 404."""
        error = error_of(client.post(PATH, json=world.body("nobody")))
        assert (error["code"], error["status"], error["reason"]) == (404, "NOT_FOUND", "USER_NOT_FOUND")

    def test_another_body_under_a_used_key(self, world: World, client: httpx.Client) -> None:
        """A key used for another request is a 422."""
        ada = world.account("ada", 5)
        client.post(PATH, json=world.body(ada), headers=KEY)
        error = error_of(client.post(PATH, json=world.body(ada, prompt="a hare"), headers=KEY))
        assert (error["code"], error["reason"]) == (422, "IDEMPOTENCY_KEY_REUSED")

    def test_a_running_request(self, world: World, client: httpx.Client) -> None:
        """While the first call with a key runs, a second is a 409 with Retry-After."""
        body = world.body(world.account("ada", 5))
        first = client.post(PATH, json=body, headers=KEY).json()
        reference = world.db.document(f"generationRequests/{first['generationRequestId']}")
        started_at = reference.get().create_time
        assert started_at is not None
        reference.update({"status": "pending", "leaseExpiresAt": started_at.replace(year=started_at.year + 1)})
        response = client.post(PATH, json=body, headers=KEY)
        error = error_of(response)
        assert (error["code"], error["status"], error["reason"]) == (409, "ABORTED", "REQUEST_IN_PROGRESS")
        assert response.headers["Retry-After"] == "5"
        assert {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "5s"} in error["details"]

    def test_an_internal_error_discloses_nothing(self, world: World, client: httpx.Client) -> None:
        """A corrupt account is a plain 500: the cause is in the log, not in the answer."""
        world.account("ada", -5)
        error = error_of(client.post(PATH, json=world.body("ada")))
        assert (error["code"], error["reason"], error["message"]) == (500, "INTERNAL", "An internal error occurred.")


class TestBadRequests:
    def test_names_each_bad_field(self, world: World, client: httpx.Client) -> None:
        """There is one violation per field that states what is allowed; nothing is charged."""
        body = world.body(world.account("ada", 5), model="Model Z", style="cubism", prompt=" ") | {"seed": 1}
        del body["color"]
        assert violations_of(client.post(PATH, json=body)) == {
            "model": "must be one of: Model A, Model B",
            "style": "must be one of: anime, oil painting",
            "color": "must be one of: neon, vintage",
            "prompt": "must be 1 to 2,000 characters after trimming, without control characters",
            "seed": "is not a field of this request",
        }
        assert world.generations() == []

    @pytest.mark.parametrize("user_id", ["", "a/b", ".", "..", "__x__", "a\x00b", "a\nb", "x" * 129, 7, None, ["ada"]])
    def test_refuses_ids_that_firestore_forbids(self, world: World, client: httpx.Client, user_id: object) -> None:
        """An id that is invalid in Firestore, or that would change the path, is refused."""
        assert violations_of(client.post(PATH, json=world.body("ada") | {"userId": user_id})).keys() == {"userId"}

    @pytest.mark.parametrize(("length", "status"), [(1, 200), (2000, 200), (2001, 400)])
    def test_bounds_the_prompt(self, world: World, client: httpx.Client, length: int, status: int) -> None:
        """A prompt has 1 to 2,000 characters after trimming."""
        body = world.body(world.account("ada", 5), prompt=f"  {'ü' * length}  ")
        assert client.post(PATH, json=body).status_code == status

    @pytest.mark.parametrize(
        ("content", "fault"),
        [
            (b"", "must be valid JSON in UTF-8"),
            (b"{", "must be valid JSON in UTF-8"),
            (b'{"userId": "\xff"}', "must be valid JSON in UTF-8"),
            (b"[]", "must be a JSON object"),
            (b'"userId"', "must be a JSON object"),
            (b'{"userId": "a", "userId": "b"}', "must not name a field twice"),
            (b'{"userId": NaN}', "must not hold NaN, which is not JSON"),
        ],
    )
    def test_refuses_a_body_that_is_no_json_object(self, client: httpx.Client, content: bytes, fault: str) -> None:
        """A body that is no JSON object is refused as a whole."""
        response = client.post(PATH, content=content, headers={"Content-Type": "application/json"})
        assert violations_of(response) == {"body": fault}

    @pytest.mark.parametrize("content", [b"[" * 8000 + b"]" * 8000, b'{"a":' * 2500 + b"1" + b"}" * 2500])
    def test_refuses_deep_json(self, client: httpx.Client, content: bytes) -> None:
        """JSON nested thousands of levels deep is a 400."""
        response = client.post(PATH, content=content, headers={"Content-Type": "application/json"})
        assert violations_of(response)

    def test_refuses_lone_surrogates(self, world: World, client: httpx.Client) -> None:
        """Text with a lone surrogate is refused before it reaches Firestore."""
        content = json.dumps(world.body(world.account("ada", 5), prompt="\ud800"))
        response = client.post(PATH, content=content, headers={"Content-Type": "application/json"})
        assert violations_of(response).keys() == {"prompt"}

    @pytest.mark.parametrize("length", [17_000, 4_000_000])
    def test_too_large(self, world: World, client: httpx.Client, length: int) -> None:
        """A body of more than 16 KiB is 413."""
        error = error_of(client.post(PATH, json=world.body("ada", prompt="x" * length)))
        assert (error["code"], error["reason"], error["metadata"]) == (413, "BODY_TOO_LARGE", {"limitBytes": "16384"})

    def test_too_large_without_a_length(self, client: httpx.Client) -> None:
        """A chunked body is measured too."""

        def chunks() -> Iterator[bytes]:
            for _ in range(20):
                yield b" " * 1024

        response = client.post(PATH, content=chunks(), headers={"Content-Type": "application/json"})
        assert error_of(response)["code"] == 413

    @pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
    def test_not_json(self, client: httpx.Client, content_type: str) -> None:
        """A body with another content type than JSON is a 415."""
        response = client.post(PATH, content=b"{}", headers={"Content-Type": content_type})
        assert (response.status_code, error_of(response)["reason"]) == (415, "UNSUPPORTED_MEDIA_TYPE")

    @pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "caf\u00e9\x85"])
    def test_bad_idempotency_key(self, world: World, client: httpx.Client, key: str) -> None:
        """A key has 1 to 255 printable ASCII characters."""
        headers = {b"Idempotency-Key": key.encode("latin-1")}
        response = client.post(PATH, json=world.body(world.account("ada", 5)), headers=headers)
        assert violations_of(response) == {"Idempotency-Key": "must be 1 to 255 printable ASCII characters"}

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
    def test_wrong_method(self, client: httpx.Client, method: str) -> None:
        """Other methods are a 405 that names POST."""
        response = client.request(method, PATH)
        assert (response.status_code, response.headers["Allow"]) == (405, "POST")
        assert error_of(response)["message"] == f"{method} is not allowed here; use POST."
