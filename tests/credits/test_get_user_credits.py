"""getUserCredits over HTTP."""

from datetime import datetime

import httpx
import pytest

from tests.answers import error_of, violations_of
from tests.world import World

PATH = "/getUserCredits"


@pytest.fixture
def ada(world: World, client: httpx.Client) -> str:
    """An account with three deductions."""
    ada = world.account("ada", 10)
    for _ in range(3):
        assert client.post("/createGenerationRequest", json=world.body(ada)).status_code == 200
    return ada


class TestSuccess:
    def test_answers_balance_and_ledger(self, world: World, client: httpx.Client, ada: str) -> None:
        """Balance and entries have exactly the documented fields, newest first."""
        answer = client.get(PATH, params={"userId": ada}).json()
        assert answer.keys() == {"currentCredits", "transactions"}
        assert answer["currentCredits"] == 7
        newest = answer["transactions"][0]
        last = world.ledger(ada)[-1]
        assert datetime.fromisoformat(newest.pop("timestamp")) == last["timestamp"]
        assert newest == {
            "id": last["id"],
            "type": "deduction",
            "credits": 1,
            "balanceAfter": 7,
            "generationRequestId": last["generationRequestId"],
            "reason": None,
        }
        assert len(answer["transactions"]) == 3

    def test_get_and_post_answer_the_same(self, client: httpx.Client, ada: str) -> None:
        """A body accepts the same fields as a query."""
        asked: dict[str, str | int] = {"userId": ada, "pageSize": 2}
        assert client.get(PATH, params=asked).json() == client.post(PATH, json=asked).json()

    def test_pages(self, client: httpx.Client, ada: str) -> None:
        """A token leads to the next page; the last has none."""
        first = client.get(PATH, params={"userId": ada, "pageSize": 2}).json()
        token = {"pageToken": first["nextPageToken"]}
        second = client.get(PATH, params={"userId": ada, "pageSize": 2, **token}).json()
        assert [len(page["transactions"]) for page in (first, second)] == [2, 1]
        assert "nextPageToken" not in second

    def test_filters_and_totals(self, client: httpx.Client, ada: str) -> None:
        """Entries are filtered by type and time, and added up where that is asked for."""
        asked = {"userId": ada, "type": "deduction", "createdAfter": "2020-01-01T01:00:00+01:00", "pageSize": "2"}
        answer = client.get(PATH, params=asked | {"totals": "true"}).json()
        assert answer["totals"] == {"deduction": {"entries": 3, "credits": 3}}
        token = {"pageToken": answer["nextPageToken"]}
        second = client.get(PATH, params=asked | token).json()
        assert [len(page["transactions"]) for page in (answer, second)] == [2, 1]
        assert second.keys() == {"currentCredits", "transactions"}
        nothing = {"userId": ada, "type": "grant", "createdBefore": "2020-01-02T00:00:00Z", "totals": True}
        answer = client.post(PATH, json=nothing).json()
        assert answer == {"currentCredits": 7, "transactions": [], "totals": {"grant": {"entries": 0, "credits": 0}}}

    def test_an_entry_without_a_generation_says_null(self, world: World, client: httpx.Client) -> None:
        """A grant has `null` as its generation."""
        world.account("eve", 5)
        world.db.document("users/eve").update({"ledgerCount": 1})
        world.db.document("users/eve/transactions/g_grant").set(
            {
                "type": "grant",
                "credits": 5,
                "sequence": 1,
                "balanceAfter": 5,
                "generationRequestId": None,
                "reason": "welcome",
                "timestamp": datetime.fromisoformat("2026-11-01T00:00:00Z"),
            }
        )
        (entry,) = client.get(PATH, params={"userId": "eve"}).json()["transactions"]
        assert entry == {
            "id": "g_grant",
            "type": "grant",
            "credits": 5,
            "balanceAfter": 5,
            "generationRequestId": None,
            "reason": "welcome",
            "timestamp": "2026-11-01T00:00:00Z",
        }

    def test_a_refund_has_its_reason(self, world: World, client: httpx.Client) -> None:
        """A refund names its generation and the reason of the failure."""
        ada = world.account("ada", 10)
        world.db.document("modelSettings/model-a").set({"failureRate": 1})
        assert client.post("/createGenerationRequest", json=world.body(ada)).status_code == 500
        refund, deduction, *_ = client.get(PATH, params={"userId": ada}).json()["transactions"]
        assert (refund["type"], refund["reason"]) == ("refund", "MODEL_ERROR")
        assert refund["generationRequestId"] == deduction["generationRequestId"]


class TestFailures:
    def test_unknown_user(self, client: httpx.Client) -> None:
        """An unknown account is a 404."""
        assert error_of(client.get(PATH, params={"userId": "nobody"}))["code"] == 404

    @pytest.mark.parametrize(
        ("asked", "field"),
        [
            ({}, "userId"),
            ({"userId": "a/b"}, "userId"),
            ({"userId": "ada", "pageSize": "0"}, "pageSize"),
            ({"userId": "ada", "pageSize": "201"}, "pageSize"),
            ({"userId": "ada", "pageSize": "many"}, "pageSize"),
            ({"userId": "ada", "pageSize": "1" * 5000}, "pageSize"),
            ({"userId": "ada", "page": "2"}, "page"),
            ({"userId": ["ada", "bob"]}, "userId"),
            ({"userId": "ada", "type": "gift"}, "type"),
            ({"userId": "ada", "type": "GRANT"}, "type"),
            ({"userId": "ada", "createdAfter": "yesterday"}, "createdAfter"),
            ({"userId": "ada", "createdAfter": "2026-11-16T00:00:00"}, "createdAfter"),
            ({"userId": "ada", "createdBefore": "1700000000"}, "createdBefore"),
            ({"userId": "ada", "totals": "yes"}, "totals"),
            ({"userId": "ada", "totals": "1"}, "totals"),
        ],
    )
    def test_bad_query(self, client: httpx.Client, asked: dict[str, str], field: str) -> None:
        """Each bad parameter is named; a parameter given twice is bad too."""
        assert violations_of(client.get(PATH, params=asked)).keys() == {field}

    def test_bad_page_token(self, client: httpx.Client, ada: str) -> None:
        """An invalid page token is a 400."""
        assert violations_of(client.get(PATH, params={"userId": ada, "pageToken": "mine"})).keys() == {"pageToken"}

    @pytest.mark.parametrize("page_size", ["2", True, 2.5, None])
    def test_a_body_accepts_numbers(self, client: httpx.Client, page_size: object) -> None:
        """A page size in JSON is a number."""
        assert violations_of(client.post(PATH, json={"userId": "ada", "pageSize": page_size})).keys() == {"pageSize"}

    @pytest.mark.parametrize("totals", ["true", 1, None])
    def test_a_body_accepts_booleans(self, client: httpx.Client, totals: object) -> None:
        """Whether there are totals is a boolean in JSON."""
        assert violations_of(client.post(PATH, json={"userId": "ada", "totals": totals})).keys() == {"totals"}

    def test_wrong_method(self, client: httpx.Client) -> None:
        """Only GET and POST are allowed."""
        response = client.delete(PATH)
        assert (response.status_code, response.headers["Allow"]) == (405, "GET, POST")
