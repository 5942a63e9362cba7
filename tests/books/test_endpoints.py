"""verifyBooks through the functions host: pages of accounts, breaches, and page tokens that are none."""

import httpx
import pytest

from tests.world import World


class TestVerifyBooks:
    def test_pages(self, client: httpx.Client, world: World) -> None:
        """Pages look at each account once and say what they held."""
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
        """Credits out of nowhere are named with their account."""
        world.account("ada", 5)
        world.db.document("users/ada").update({"credits": 6})
        (breach,) = client.get("/verifyBooks").json()["breaches"]
        assert (breach["kind"], breach["userId"], breach["where"]) == ("BALANCE_WRONG", "ada", None)
        assert "5" in breach["message"]

    @pytest.mark.parametrize("token", ["!", "YS9i", "gICA", "A", "WyIiLCAiIl0=", "W1tdLCAxXQ==", "WyJhIiwgIngiXQ=="])
    def test_a_token_that_is_not_ours(self, client: httpx.Client, token: str) -> None:
        """What is no token of this list is refused by name."""
        response = client.post("/verifyBooks", json={"pageToken": token})
        assert response.status_code == 400
        assert "pageToken" in response.json()["error"]["message"]
