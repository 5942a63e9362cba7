"""grantCredits through the functions host: its answer, its key, its replay, and the rate limit on the wire."""

import httpx
import pytest

from imagegen import config, production
from tests.answers import error_of
from tests.world import World

KEY = {"Idempotency-Key": "order-7"}


class TestGrantCredits:
    def test_answers_balance_and_entry(self, client: httpx.Client, world: World) -> None:
        """A grant opens the account and answers its balance; a replay is marked."""
        body = {"userId": "new", "credits": 20, "reason": "order 7"}
        first = client.post("/grantCredits", json=body, headers=KEY)
        again = client.post("/grantCredits", json=body, headers=KEY)
        answer = first.json()
        assert first.status_code == 200
        assert answer == again.json()
        assert answer == {
            "transactionId": world.ledger("new")[0]["id"],
            "userId": "new",
            "grantedCredits": 20,
            "currentCredits": 20,
        }
        assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (False, "true")
        world.check_books("new")

    def test_needs_a_key(self, client: httpx.Client, world: World) -> None:
        """A grant without an idempotency key is refused, naming the header: a retry could grant twice."""
        response = client.post("/grantCredits", json={"userId": "new", "credits": 20})
        (violation,) = response.json()["error"]["details"][1]["fieldViolations"]
        assert response.status_code == 400
        assert violation["field"] == "Idempotency-Key"
        assert violation["description"].startswith("is required")
        assert world.fields("users/new") == {}

    @pytest.mark.parametrize("credits", [0, -1, 1_000_001, 1.0, True, "5", None])
    def test_refuses_an_invalid_amount(self, client: httpx.Client, world: World, credits: object) -> None:
        """An amount is an integer from 1 to 1,000,000."""
        response = client.post("/grantCredits", json={"userId": "new", "credits": credits}, headers=KEY)
        (violation,) = response.json()["error"]["details"][1]["fieldViolations"]
        assert violation == {"field": "credits", "description": "must be an integer from 1 to 1,000,000"}
        assert world.fields("users/new") == {}

    def test_another_amount_with_the_same_key(self, client: httpx.Client) -> None:
        """A key identifies one grant: another amount is refused."""
        client.post("/grantCredits", json={"userId": "new", "credits": 20}, headers=KEY)
        response = client.post("/grantCredits", json={"userId": "new", "credits": 21}, headers=KEY)
        assert response.status_code == 422
        assert error_of(response)["reason"] == "IDEMPOTENCY_KEY_REUSED"


class TestRateLimit:
    def test_on_the_wire(self, client: httpx.Client, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """Too many requests are answered 429 with Retry-After."""
        monkeypatch.setenv("RATE_LIMIT_PER_MINUTE", "1")
        production._built.cache_clear()
        world.account("ada", 5)
        assert client.post("/createGenerationRequest", json=world.body("ada")).status_code == 200
        response = client.post("/createGenerationRequest", json=world.body("ada"))
        assert response.status_code == 429
        assert error_of(response)["reason"] == "RATE_LIMITED"
        assert 0 < int(response.headers["Retry-After"]) <= 60

    @pytest.mark.parametrize("given", ["-1", "1.5", "many", "99999999"])
    def test_an_invalid_limit_is_named(self, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
        """A limit that is not a number stops the functions and is named."""
        monkeypatch.setenv("RATE_LIMIT_PER_MINUTE", given)
        with pytest.raises(ValueError, match="RATE_LIMIT_PER_MINUTE"):
            config.load()
