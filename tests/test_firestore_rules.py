"""Every rule of firestore.rules, on an embedded Firestore that enforces them, over gRPC and over REST."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embedded_firebase.firestore.messages import Document
from embedded_firebase.firestore.server import FirestoreServer
from embedded_firebase.firestore.testing.callers import (
    DATABASE,
    OWNER,
    ROOT,
    Grpc,
    Rest,
    counting,
    token,
    update,
    where,
)

pytestmark = pytest.mark.embedded
RULES = Path(__file__).parent.parent / "firestore.rules"
CATALOG = ["models", "styles", "colors", "sizes"]
ALICE, BOB, ADMIN = token("alice"), token("bob"), token("carol", admin=True)
# A user of a tenant with the same uid, and one who has signed in, but has no account yet.
TENANT, NEWCOMER = token("alice", firebase={"tenant": "shop-1"}), token("new")
UIDS = {None: "nobody", ALICE: "alice", BOB: "bob", ADMIN: "carol", TENANT: "alice", NEWCOMER: "new"}
EVERYONE = list(UIDS)
GENERATIONS = {"gen1": "alice", "gen2": "bob"}
DENIED = "PERMISSION_DENIED"
Call = Grpc | Rest
PATHS = [
    *(f"users/{uid}" for uid in ("alice", "bob")),
    *(f"users/{uid}/transactions/t1" for uid in ("alice", "bob")),
    *(f"generationRequests/{name}" for name in GENERATIONS),
    *(f"{collection}/one" for collection in CATALOG),
    "modelSettings/one",
    "weeklyReports/2026-W46",
    "audits/latest",
    *(f"webhookAccounts/{uid}" for uid in ("alice", "bob")),
    "anything/else",
]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server with the project's rules and a document at each path; these tests do not change it."""
    server = FirestoreServer(rules=RULES)
    documents = []
    for path in PATHS:
        owner = GENERATIONS.get(path.rpartition("/")[2], "nobody")
        documents.append(Document(name=f"{ROOT}/{path}", fields={"userId": {"string_value": owner}}))
    server.load(documents, "demo-rules")
    yield server.start_with_http()
    server.stop()


@pytest.fixture(params=[Grpc, Rest])
def call(request: pytest.FixtureRequest, port: int) -> Iterator[Call]:
    """A client of each protocol in turn."""
    client = request.param(port)
    yield client
    client.close()


def get(call: Call, path: str, authorization: str | None) -> str:
    """The status of reading one document, checked to be the same for both ways to read it."""
    one = call("GetDocument", {"name": f"{ROOT}/{path}"}, authorization)
    batch = call("BatchGetDocuments", {"database": DATABASE, "documents": [f"{ROOT}/{path}"]}, authorization)
    assert batch.status in (one.status, "OK" if one.status == "NOT_FOUND" else "")
    return one.status


def some(query: dict[str, Any], limit: int = 100) -> dict[str, Any]:
    """A query with a limit."""
    return query | {"structuredQuery": query["structuredQuery"] | {"limit": limit}}


class TestAccounts:
    def test_an_account_reads_its_own_document(self, call: Call) -> None:
        """An account reads only its own document; the `admin` claim does not change that."""
        assert get(call, "users/alice", ALICE) == "OK"
        assert [get(call, "users/alice", other) for other in (None, BOB, ADMIN, TENANT)] == [DENIED] * 4

    def test_the_existence_of_an_account_is_not_disclosed(self, call: Call) -> None:
        """Others' paths are denied alike, existing or not (existence oracle); one's own absence is NOT_FOUND."""
        existing = call("GetDocument", {"name": f"{ROOT}/users/bob"}, ALICE)
        absent = call("GetDocument", {"name": f"{ROOT}/users/nobody"}, ALICE)
        assert existing == absent
        assert existing.text == "Missing or insufficient permissions."
        assert get(call, "users/nobody", token("nobody")) == "NOT_FOUND"

    @pytest.mark.parametrize("caller", EVERYONE)
    def test_accounts_are_not_listed(self, call: Call, caller: str | None) -> None:
        """Accounts can be neither listed nor counted by a client."""
        page = {"parent": ROOT, "collectionId": "users", "pageSize": 1}
        assert call("RunQuery", some(where("users"), 1), caller).status == DENIED
        assert call("ListDocuments", page, caller).status == DENIED
        assert call("RunAggregationQuery", counting(some(where("users"), 1)), caller).status == DENIED


class TestLedger:
    def test_an_account_reads_its_own_ledger(self, call: Call) -> None:
        """An account reads its own ledger, single entries and lists; no other account does."""
        ledger = some(where("transactions", f"{ROOT}/users/alice"))
        page = {"parent": f"{ROOT}/users/alice", "collectionId": "transactions", "pageSize": 100}
        for caller, expected in ((ALICE, "OK"), (BOB, DENIED), (None, DENIED), (ADMIN, DENIED), (TENANT, DENIED)):
            assert get(call, "users/alice/transactions/t1", caller) == expected
            assert call("RunQuery", ledger, caller).status == expected
            assert call("ListDocuments", page, caller).status == expected
            assert call("RunAggregationQuery", counting(ledger), caller).status == expected

    def test_ledgers_are_not_read_across_accounts(self, call: Call) -> None:
        """A collection group query is denied, because it would include other accounts' entries."""
        assert call("RunQuery", some(where("transactions", groups=True)), ALICE).status == DENIED


class TestGenerations:
    def test_an_account_reads_its_own_generation(self, call: Call) -> None:
        """An account reads only its own generations; others are denied whether or not they exist."""
        statuses = [get(call, f"generationRequests/{name}", ALICE) for name in ("gen1", "gen2", "gen3")]
        assert statuses == ["OK", DENIED, DENIED]
        assert [get(call, "generationRequests/gen1", other) for other in (None, ADMIN, TENANT)] == [DENIED] * 3

    def test_a_list_must_be_of_its_own(self, call: Call) -> None:
        """Rules are not filters: a query that could match others' documents is denied even if it matches none."""
        own = some(where("generationRequests", userId="alice"))
        assert call("RunQuery", own, ALICE).status == "OK"
        assert call("RunAggregationQuery", counting(own), ALICE).status == "OK"
        assert "gen2" not in call("RunQuery", own, ALICE).text
        for query in (some(where("generationRequests")), some(where("generationRequests", userId="bob"))):
            assert call("RunQuery", query, ALICE).status == DENIED
            assert call("RunAggregationQuery", counting(query), ALICE).status == DENIED
        assert [call("RunQuery", own, other).status for other in (None, ADMIN, TENANT)] == [DENIED] * 3
        page = {"parent": ROOT, "collectionId": "generationRequests", "pageSize": 1}
        assert call("ListDocuments", page, ALICE).status == DENIED


class TestCatalog:
    @pytest.mark.parametrize("collection", CATALOG)
    @pytest.mark.parametrize("caller", [None, ALICE])
    def test_everyone_reads_it(self, call: Call, collection: str, caller: str | None) -> None:
        """The catalog is public, signed in or not."""
        assert get(call, f"{collection}/one", caller) == "OK"
        page = {"parent": ROOT, "collectionId": collection, "pageSize": 100}
        assert call("RunQuery", some(where(collection)), caller).status == "OK"
        assert call("ListDocuments", page, caller).status == "OK"


class TestLimits:
    @pytest.mark.parametrize("limit", [101, 1_000_000, None])
    @pytest.mark.parametrize(
        "query",
        [
            where("transactions", f"{ROOT}/users/alice"),
            where("generationRequests", userId="alice"),
            *(where(collection) for collection in CATALOG),
        ],
        ids=["transactions", "generationRequests", *CATALOG],
    )
    def test_a_list_needs_a_limit(self, call: Call, query: dict[str, Any], limit: int | None) -> None:
        """A query, a count or a page of more than 100 documents is denied, and so is one without a limit."""
        collection = query["structuredQuery"]["from"][0]["collectionId"]
        page: dict[str, Any] = {"parent": query["parent"], "collectionId": collection}
        if limit is not None:
            query, page = some(query, limit), page | {"pageSize": limit}
        assert call("RunQuery", query, ALICE).status == DENIED
        assert call("RunAggregationQuery", counting(query), ALICE).status == DENIED
        assert call("ListDocuments", page, ALICE).status == DENIED


class TestEverythingElse:
    @pytest.mark.parametrize(
        "path",
        [
            "weeklyReports/2026-W46",
            "audits/latest",
            "modelSettings/one",
            "webhookAccounts/alice",
            "anything/else",
            "models/one/deeper/x",
        ],
    )
    @pytest.mark.parametrize("caller", EVERYONE)
    def test_it_is_closed(self, call: Call, path: str, caller: str | None) -> None:
        """Reports, settings and webhooks are closed too, even to the `admin` claim: the functions serve them."""
        *parent, collection, _ = path.split("/")
        assert get(call, path, caller) == DENIED
        assert call("RunQuery", some(where(collection, "/".join([ROOT, *parent])), 1), caller).status == DENIED
        assert call("RunQuery", some(where(path.split("/")[0], groups=True), 1), caller).status == DENIED

    @pytest.mark.parametrize("caller", EVERYONE)
    @pytest.mark.parametrize("path", [*PATHS, *sorted({f"{path.rpartition('/')[0]}/new" for path in PATHS})])
    def test_no_client_writes(self, call: Call, path: str, caller: str | None) -> None:
        """No client creates, changes or deletes any document, not even its own: it could invent a price."""
        name = f"{ROOT}/{path}"
        parent, collection, document_id = name.rsplit("/", 2)
        own = {"fields": {"userId": {"stringValue": UIDS[caller]}}}
        creation = {"parent": parent, "collectionId": collection, "documentId": document_id, "document": own}
        writes = [update(path, userId=UIDS[caller])]
        assert call("Commit", {"database": DATABASE, "writes": writes}, caller).status == DENIED
        assert call("Commit", {"database": DATABASE, "writes": [{"delete": name}]}, caller).status == DENIED
        assert call("UpdateDocument", {"document": {"name": name} | own}, caller).status == DENIED
        assert call("CreateDocument", creation, caller).status == DENIED
        assert call("DeleteDocument", {"name": name}, caller).status == DENIED

    def test_an_administrator_of_the_server_is_not_bound(self, call: Call) -> None:
        """The functions use the server's administrator rights, which rules do not bind."""
        assert [get(call, path, OWNER) for path in PATHS] == ["OK"] * len(PATHS)
        assert call("RunQuery", where("users"), OWNER).status == "OK"
