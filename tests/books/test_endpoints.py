"""verifyBooks through the functions host: pages of accounts, breaches, and invalid page tokens."""

import httpx
import pytest

from tests.world import World


class TestVerifyBooks:
    def test_pages(self, client: httpx.Client, world: World) -> None:
        """Pages visit each account once and count its documents."""
        for user_id in ("ada", "bob", "eve"):
            world.account(user_id, 5)
            client.post("/createGenerationRequest", json=world.body(user_id))
        first = client.get("/verifyBooks?pageSize=2").json()
        second = client.post("/verifyBooks", json={"pageSize": 2, "pageToken": first["nextPageToken"]}).json()
        assert [page["figures"]["accounts"] for page in (first, second)] == [2, 1]
        assert first["figures"]["deductedCredits"] == 2
        assert (first["breaches"], second["breaches"]) == ([], [])
        assert "nextPageToken" not in second

    def test_a_breach(self, client: httpx.Client, world: World) -> None:
        """An account with unexplained credits is named."""
        world.account("ada", 5)
        world.db.document("users/ada").update({"credits": 6})
        (breach,) = client.get("/verifyBooks").json()["breaches"]
        assert (breach["kind"], breach["userId"], breach["where"]) == ("BALANCE_WRONG", "ada", None)
        assert "5" in breach["message"]

    @pytest.mark.parametrize("token", ["!", "YS9i", "gICA", "A", "WyIiLCAiIl0=", "W1tdLCAxXQ==", "WyJhIiwgIngiXQ=="])
    def test_an_invalid_token(self, client: httpx.Client, token: str) -> None:
        """An invalid token is refused by the name of its field."""
        response = client.post("/verifyBooks", json={"pageToken": token})
        assert response.status_code == 400
        assert "pageToken" in response.json()["error"]["message"]
