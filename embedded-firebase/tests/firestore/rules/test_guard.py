"""A server with rules: authentication, and that no RPC bypasses the rules, over gRPC and over REST."""

import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.cloud import firestore
from google.protobuf import json_format
from tests.firestore.http.conftest import Http
from tests.firestore.rules.test_parser import file

from embedded_firebase.firestore import messages
from embedded_firebase.firestore.errors import Code
from embedded_firebase.firestore.messages import Document
from embedded_firebase.firestore.rpc.rpcs import Rpcs
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
RULES = file(
    "match /notes/{id} {",
    "allow get, list, update, delete: if resource.data.owner == request.auth.uid;",
    "allow create: if request.resource.data.owner == request.auth.uid;",
    "}",
    "match /box/{id} { allow write: if request.auth != null; }",
    "match /{path=**}/open/{id} { allow read; }",
    "match /few/{id} { allow list: if request.query.limit <= 2; }",
    "match /kept/{id} { allow update: if request.resource.data.owner == resource.data.owner; allow get; }",
)
ALICE = token("alice")
DENIED = "PERMISSION_DENIED"
OWNERS = {"notes/a": "alice", "notes/b": "bob", "box/full": "bob", "kept/k": "bob", "x/y/open/z": "bob"}


def fields(**texts: str) -> dict[str, Any]:
    return {name: {"string_value": text} for name, text in texts.items()}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FirestoreServer, int]]:
    """A server with rules, and its port."""
    path = tmp_path_factory.mktemp("rules") / "firestore.rules"
    path.write_text(RULES)
    server = FirestoreServer(rules=path)
    yield server, server.start_with_http()
    server.stop()


@pytest.fixture
def port(shared: tuple[FirestoreServer, int]) -> int:
    """The port of the server, with a document at each path."""
    server, port = shared
    server.clear("demo-rules")
    server.load([Document(name=f"{ROOT}/{path}", fields=fields(owner=who)) for path, who in OWNERS.items()], "demo")
    server.load(list(server.documents("demo")), "demo-rules")
    return port


@pytest.fixture(params=[Grpc, Rest])
def call(request: pytest.FixtureRequest, port: int) -> Iterator[Grpc | Rest]:
    """A client of each protocol in turn."""
    client = request.param(port)
    yield client
    client.close()


class TestCallers:
    @pytest.mark.parametrize(
        "authorization",
        [
            "Basic abc",
            "Bearer ",
            "Bearer Owner",
            "Bearer a.b",
            "Bearer a.!!.c",
            "Bearer a.W10.c",
            token("alice", exp=1_000_000),
            token("alice", iat=996_400, exp=1_000_000),
            token("alice", exp="soon"),
            token("alice", exp=None),
            token("alice", exp=True),
            token("alice", exp=float("nan")),
            token(""),
            token("alice", sub=7),
            token("alice", odd="\ud800"),
        ],
    )
    def test_a_token_that_is_not_valid_is_refused(self, call, authorization):
        """An expired or malformed token, or one without a subject, is a 401 over HTTP, also for public documents."""
        assert call("GetDocument", {"name": f"{ROOT}/x/y/open/z"}, authorization).status == "UNAUTHENTICATED"
        assert call("RunQuery", where("open", groups=True), authorization).status == "UNAUTHENTICATED"

    def test_a_mock_token_does_not_expire(self, call):
        """SDKs make tokens for tests that were issued at 0 and expired an hour later; Google's emulator takes them."""
        mock = token("alice", iat=0, exp=3600)
        assert call("GetDocument", {"name": f"{ROOT}/notes/a"}, mock).status == "OK"
        assert call("GetDocument", {"name": f"{ROOT}/notes/b"}, mock).status == DENIED

    def test_a_call_without_a_token_is_not_signed_in(self, call):
        """A call without a token is bound by the rules."""
        assert call("GetDocument", {"name": f"{ROOT}/x/y/open/z"}).status == "OK"
        assert call("GetDocument", {"name": f"{ROOT}/notes/a"}).status == DENIED

    def test_without_rules_everyone_is_an_administrator(self):
        """Without rules every caller is an administrator, with any header."""
        server = FirestoreServer()
        port = server.start_with_http()
        clients = [Grpc(port), Rest(port)]
        statuses = [c("RunQuery", where("notes"), sent).status for c in clients for sent in (None, "Bearer ?", ALICE)]
        for client in clients:
            client.close()
        server.stop()
        assert statuses == ["OK"] * 6

    def test_googles_client_is_an_administrator(self, port, monkeypatch):
        """Google's client sends `Bearer owner` with documents, transactions, queries, batches and listeners."""
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{port}")
        client = firestore.Client(project="demo-rules")
        reference = client.document("closed/a")

        @firestore.transactional
        def increment(transaction: firestore.Transaction) -> None:
            value = reference.get(transaction=transaction).get("n")
            transaction.update(reference, {"n": value + 1})

        reference.set({"n": 1})
        increment(client.transaction())
        heard = threading.Event()
        watch = reference.on_snapshot(lambda *_: heard.set())
        assert heard.wait(20)
        watch.unsubscribe()
        assert [snapshot.to_dict() for snapshot in client.collection("closed").stream()] == [{"n": 2}]
        assert client.collection("closed").count().get()[0][0].value == 1
        assert "closed" in [collection.id for collection in client.collections()]
        assert [snapshot.id for snapshot in client.get_all([reference])] == ["a"]
        client.bulk_writer().close()
        client.close()


class TestReads:
    def test_a_batch_is_read_only_if_all_of_it_is_allowed(self, call):
        """One forbidden document denies the whole batch."""
        for names, expected in ((["a"], "OK"), (["a", "b"], DENIED), (["a", "none"], DENIED)):
            request = {"database": DATABASE, "documents": [f"{ROOT}/notes/{name}" for name in names]}
            assert call("BatchGetDocuments", request, ALICE).status == expected

    def test_a_mask_does_not_bypass_the_rules(self, port):
        """The rules see the whole document, not only the masked fields."""
        http = Http(port)
        for name, status in (("a", 200), ("b", 403)):
            assert (
                http("GET", f"/v1/{ROOT}/notes/{name}?mask.fieldPaths=x", None, {"Authorization": ALICE}).status
                == status
            )

    def test_a_query_is_judged_by_its_filters(self, call):
        """A query needs an equality that the rule allows in every branch; an `in` with others' values is denied."""
        structured = where("notes")

        def status(filter_: dict[str, Any]) -> str:
            structured["structuredQuery"]["where"] = filter_
            return call("RunQuery", structured, ALICE).status

        def owner(op: str, *values: str) -> dict[str, Any]:
            texts = [{"stringValue": value} for value in values]
            operand = {"arrayValue": {"values": texts}} if op in ("IN", "NOT_IN") else texts[0]
            return {"fieldFilter": {"field": {"fieldPath": "owner"}, "op": op, "value": operand}}

        def joined(op: str, *filters: dict[str, Any]) -> dict[str, Any]:
            return {"compositeFilter": {"op": op, "filters": list(filters)}}

        assert status(owner("EQUAL", "alice")) == "OK"
        assert status(owner("IN", "alice")) == "OK"
        assert status(joined("OR", owner("EQUAL", "alice"), owner("EQUAL", "alice"))) == "OK"
        assert status(owner("IN", "alice", "bob")) == DENIED
        assert status(joined("OR", owner("EQUAL", "alice"), owner("EQUAL", "bob"))) == DENIED
        assert status(owner("NOT_EQUAL", "bob")) == DENIED
        assert status(owner("GREATER_THAN_OR_EQUAL", "alice")) == DENIED
        assert status(joined("AND", owner("GREATER_THAN", "a"), owner("EQUAL", "alice"))) == "OK"

    def test_a_query_that_matches_nothing_is_judged_as_one_that_matches_anything(self, call):
        """A list of nulls matches no document, so it has no branch to judge: default deny."""
        query = where("notes")
        nulls = {"arrayValue": {"values": [{"nullValue": None}]}}
        query["structuredQuery"]["where"] = {
            "fieldFilter": {"field": {"fieldPath": "owner"}, "op": "IN", "value": nulls}
        }
        assert call("RunQuery", query, ALICE).status == DENIED
        query["structuredQuery"]["from"][0]["collectionId"] = "open"
        assert call("RunQuery", query, ALICE).status == "OK"

    @pytest.mark.parametrize(("limit", "expected"), [(1, "OK"), (2, "OK"), (3, DENIED), (None, DENIED)])
    def test_a_rule_may_demand_a_limit(self, call, limit, expected):
        """A query, a count and a page have the limit that the caller wrote; without one it is an error."""
        query = where("few")
        page = {"parent": ROOT, "collectionId": "few"}
        if limit is not None:
            query["structuredQuery"]["limit"] = limit
            page["pageSize"] = limit
        assert call("RunQuery", query).status == expected
        assert call("RunAggregationQuery", counting(query)).status == expected
        assert call("ListDocuments", page).status == expected

    def test_a_collection_group_needs_a_rule_for_all_its_documents(self, call):
        """The rule must match at every depth."""
        assert "x/y/open/z" in call("RunQuery", where("open", groups=True)).text
        assert call("RunAggregationQuery", counting(where("open", groups=True))).status == "OK"
        assert call("RunQuery", where("notes", groups=True, owner="alice"), ALICE).status == DENIED

    @pytest.mark.parametrize(
        ("rpc", "request_"),
        [
            ("ListCollectionIds", {"parent": ROOT}),
            ("PartitionQuery", {"parent": ROOT, "partitionCount": 2}),
            ("ListDocuments", {"parent": ROOT, "collectionId": "open", "showMissing": True}),
        ],
    )
    def test_rpcs_without_a_rule_are_for_administrators(self, call, rpc, request_):
        """Collection ids, partitions and missing documents are for administrators only."""
        assert call(rpc, request_, ALICE).status == DENIED
        assert call(rpc, request_, OWNER).status in ("OK", "INVALID_ARGUMENT")

    def test_a_denied_read_ends_its_transaction(self, port):
        """Otherwise its commit would disclose whether the document has changed."""
        http, headers = Http(port), {"Authorization": ALICE}
        base = f"/v1/{DATABASE}/documents"
        begun = http("POST", f"{base}:beginTransaction", {}, headers).content["transaction"]
        request = {"documents": [f"{ROOT}/notes/b"], "transaction": begun}
        assert http("POST", f"{base}:batchGet", request, headers).status == 403
        ended = http("POST", f"{base}:commit", {"transaction": begun}, headers)
        assert ended.content["error"]["status"] == "INVALID_ARGUMENT"

    def test_a_transaction_on_own_documents_works(self, port):
        """An account may read and write its own document in a transaction."""
        http, headers = Http(port), {"Authorization": ALICE}
        base = f"/v1/{DATABASE}/documents"
        begun = http("POST", f"{base}:beginTransaction", {}, headers).content["transaction"]
        assert (
            http("POST", f"{base}:batchGet", {"documents": [f"{ROOT}/notes/a"], "transaction": begun}, headers).status
            == 200
        )
        assert (
            http(
                "POST", f"{base}:commit", {"transaction": begun, "writes": [update("notes/a", owner="eve")]}, headers
            ).status
            == 200
        )


class Listener:
    """A listen stream of one caller."""

    def __init__(self, port: int, authorization: str | None) -> None:
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self._requests: queue.SimpleQueue[messages.ListenRequest | None] = queue.SimpleQueue()
        method = "/google.firestore.v1.Firestore/Listen"
        kind = messages.ListenResponse.FromString
        listen = self._channel.stream_stream(method, lambda sent: sent.SerializeToString(), kind)
        metadata = [] if authorization is None else [("authorization", authorization)]
        self._responses = listen(iter(self._requests.get, None), metadata=metadata, timeout=20)

    def add(self, target_id: int, *paths: str, **query: Any) -> None:
        """Listen to documents by their paths, or to a query."""
        about = {"query": query} if query else {"documents": {"documents": [f"{ROOT}/{path}" for path in paths]}}
        target = {"targetId": target_id, **about}
        request = messages.ListenRequest(database=DATABASE)
        self._requests.put(json_format.ParseDict({"addTarget": target}, request))

    def snapshot(self) -> list[tuple[Any, ...]]:
        """What comes up to the next snapshot of all targets: documents by their ids, and removed targets' codes."""
        heard: list[tuple[Any, ...]] = []
        while True:
            response = next(self._responses)
            kind = response.WhichOneof("response_type")
            change = response.target_change
            if kind == "target_change":
                if change.HasField("cause"):
                    heard.append((*change.target_ids, grpc_code(change.cause.code)))
                    return heard
                if not change.target_ids and change.HasField("read_time"):
                    return heard
            elif kind == "document_change":
                heard.append(("changed", response.document_change.document.name.rpartition("/")[2]))
            else:
                heard.append((kind, getattr(response, kind).document.rpartition("/")[2]))

    def close(self) -> None:
        """End the stream."""
        self._requests.put(None)
        self._responses.cancel()
        self._channel.close()


def grpc_code(number: int) -> str:
    """The name of a status."""
    return Code(number).name


@pytest.fixture
def listen(port: int) -> Iterator[Callable[[str | None], Listener]]:
    """Opens listen streams of callers."""
    opened: list[Listener] = []

    def open_(authorization: str | None) -> Listener:
        opened.append(Listener(port, authorization))
        return opened[-1]

    yield open_
    for listener in opened:
        listener.close()


class TestListen:
    def write(self, port: int, *writes: dict[str, Any]) -> None:
        assert Rest(port)("Commit", {"database": DATABASE, "writes": list(writes)}, OWNER).status == "OK"

    def test_own_documents_are_followed(self, port, listen):
        """A caller hears of the documents that a rule lets it get, also when they come into being."""
        alice = listen(ALICE)
        alice.add(1, "notes/a")
        assert alice.snapshot() == [("changed", "a")]
        self.write(port, update("notes/a", owner="alice", text="t"))
        assert alice.snapshot() == [("changed", "a")]

    def test_others_documents_are_denied(self, listen):
        """The target is removed, whether or not its document exists; the others of the stream stay."""
        alice = listen(ALICE)
        alice.add(1, "notes/a")
        assert alice.snapshot() == [("changed", "a")]
        for target_id, path in ((2, "notes/b"), (3, "notes/none"), (4, "box/full")):
            alice.add(target_id, path)
            assert alice.snapshot() == [(target_id, DENIED)]
        alice.add(5, "notes/a", "notes/b")
        assert alice.snapshot() == [(5, DENIED)]

    def test_a_document_that_changes_hands_is_no_longer_shown(self, port, listen):
        """The rule is evaluated for each change: the target is removed before the caller sees the new content."""
        alice = listen(ALICE)
        alice.add(1, "notes/a")
        alice.add(2, "kept/k")
        assert [alice.snapshot(), alice.snapshot()] == [[("changed", "a")], [("changed", "k")]]
        self.write(port, update("notes/a", owner="bob", text="secret"))
        assert alice.snapshot() == [(1, DENIED)]
        assert alice.snapshot() == []
        self.write(port, update("notes/a", owner="alice"))
        self.write(port, update("kept/k", owner="bob", text="t"))
        assert alice.snapshot() == [("changed", "k")]

    def test_a_query_is_judged_by_its_filters(self, port, listen):
        """A query that may only find own documents is followed; any other is denied."""
        alice, anonymous = listen(ALICE), listen(None)
        alice.add(1, **where("notes", owner="alice"))
        assert alice.snapshot() == [("changed", "a")]
        alice.add(2, **where("notes"))
        assert alice.snapshot() == [(2, DENIED)]
        self.write(port, update("notes/new", owner="alice"), update("notes/b", owner="bob", text="t"))
        assert alice.snapshot() == [("changed", "new")]
        self.write(port, update("notes/new", owner="bob"))
        assert alice.snapshot() == [("document_remove", "new")]
        anonymous.add(1, **where("notes", owner="alice"))
        assert anonymous.snapshot() == [(1, DENIED)]
        anonymous.add(2, **where("open", groups=True))
        assert anonymous.snapshot() == [("changed", "z")]

    def test_a_token_that_is_not_valid_ends_the_stream(self, listen):
        """It is UNAUTHENTICATED, as for any other call."""
        listener = listen("Bearer a.b")
        listener.add(1, "x/y/open/z")
        with pytest.raises(grpc.RpcError) as error:
            listener.snapshot()
        assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED


class TestWrites:
    def commit(self, call: Grpc | Rest, *writes: dict[str, Any]) -> str:
        return call("Commit", {"database": DATABASE, "writes": list(writes)}, ALICE).status

    def test_each_kind_of_write_has_its_method(self, call):
        """A write is judged as create or update, depending on the document's existence, or as delete."""
        assert self.commit(call, update("notes/new", owner="alice")) == "OK"
        assert self.commit(call, update("notes/new2", owner="bob")) == DENIED
        assert self.commit(call, update("notes/a", owner="alice", text="t")) == "OK"
        assert self.commit(call, update("notes/b", owner="alice")) == DENIED
        assert self.commit(call, {"delete": f"{ROOT}/notes/b"}) == DENIED
        assert self.commit(call, {"delete": f"{ROOT}/notes/a"}) == "OK"

    def test_a_commit_is_all_or_nothing(self, call, port):
        """One forbidden write fails the whole commit, also for a document that the commit itself creates."""
        assert self.commit(call, update("box/new", owner="x"), update("notes/b", owner="x")) == DENIED
        assert self.commit(call, update("notes/n", owner="alice"), update("notes/n", owner="bob")) == "OK"
        assert call("GetDocument", {"name": f"{ROOT}/box/new"}, OWNER).status == "NOT_FOUND"
        assert "bob" in call("GetDocument", {"name": f"{ROOT}/notes/n"}, OWNER).text

    def test_a_precondition_discloses_nothing(self, call):
        """Permission is checked first: existing and missing documents are denied alike (existence oracle)."""
        for path in ("notes/b", "notes/none"):
            for exists in (True, False):
                write = {**update(path, owner="bob"), "currentDocument": {"exists": exists}}
                assert self.commit(call, write) == DENIED
                deletion = {"delete": f"{ROOT}/{path}", "currentDocument": {"exists": exists}}
                assert self.commit(call, deletion) == DENIED
        for path, owner in (("notes/a", "alice"), ("kept/k", "bob")):
            allowed = {**update(path, owner=owner), "currentDocument": {"exists": False}}
            assert self.commit(call, allowed) == "ALREADY_EXISTS"

    def test_a_verification_needs_permission_to_read(self, port):
        """Its precondition would disclose the version of a document (oracle)."""
        call = Rest(port)
        for path, readable in (("notes/a", True), ("kept/k", True), ("notes/b", False), ("notes/none", False)):
            for exists in (True, False):
                verification = {"verify": f"{ROOT}/{path}", "currentDocument": {"exists": exists}}
                expected = ("OK" if exists else "ALREADY_EXISTS") if readable else DENIED
                assert self.commit(call, verification) == expected

    def test_transforms_and_masks_are_seen(self, call):
        """The rules judge the document as it would be stored."""
        masked = {**update("kept/k", text="t"), "updateMask": {"fieldPaths": ["text"]}}
        transform = {"fieldPath": "owner", "setToServerValue": "REQUEST_TIME"}
        assert self.commit(call, masked) == "OK"
        assert self.commit(call, {**masked, "updateTransforms": [transform]}) == DENIED
        assert (
            self.commit(call, {"transform": {"document": f"{ROOT}/kept/k", "fieldTransforms": [transform]}}) == DENIED
        )
        assert self.commit(call, update("kept/k", text="t")) == DENIED

    def test_a_batch_write_answers_each(self, call):
        """A forbidden write of a batch does not affect the others."""
        writes = [update("box/one", v="1"), update("notes/b", owner="alice")]
        heard = call("BatchWrite", {"database": DATABASE, "writes": writes}, ALICE)
        assert heard.status == "OK"
        assert "Missing or insufficient permissions." in heard.text
        assert call("GetDocument", {"name": f"{ROOT}/box/one"}, OWNER).status == "OK"
        assert "bob" in call("GetDocument", {"name": f"{ROOT}/notes/b"}, OWNER).text

    def test_a_writer_without_read_permission_gets_only_what_it_sent(self, port):
        """A masked update does not answer the other fields."""
        url = f"/v1/{ROOT}/box/full?updateMask.fieldPaths=text"
        sent = {"text": {"stringValue": "t"}}
        answer = Http(port)("PATCH", url, {"fields": sent}, {"Authorization": ALICE})
        assert (answer.status, answer.content["fields"]) == (200, sent)
        stored = Http(port)("GET", f"/v1/{ROOT}/box/full", None, {"Authorization": OWNER}).content["fields"]
        assert stored == {"owner": {"stringValue": "bob"}, **sent}

    def test_a_write_stream_obeys_the_rules(self, port):
        """The first forbidden commit ends the stream."""
        channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        kind = messages.WriteResponse.FromString
        write = channel.stream_stream("/google.firestore.v1.Firestore/Write", lambda s: s.SerializeToString(), kind)
        refused = messages.WriteRequest(writes=[{"update": {"name": f"{ROOT}/notes/b"}}])
        answers = write(iter([messages.WriteRequest(database=DATABASE), refused]), metadata=[("authorization", ALICE)])
        assert next(answers).stream_id
        with pytest.raises(grpc.RpcError) as error:
            next(answers)
        channel.close()
        assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED


class TestEveryRpc:
    def test_without_a_rule_no_rpc_discloses_or_changes_anything(self, tmp_path):
        """Every RPC of the protocol about documents is denied or refused, new ones included."""
        path = tmp_path / "firestore.rules"
        path.write_text(file())
        server = FirestoreServer(rules=path)
        server.load([Document(name=f"{ROOT}/notes/a", fields=fields(owner="alice"))], "demo-rules")
        client = Grpc(server.start_with_http())
        document = {"name": f"{ROOT}/notes/a"}
        requests: dict[str, dict[str, Any]] = {
            "GetDocument": document,
            "ListDocuments": {"parent": ROOT, "collectionId": "notes"},
            "CreateDocument": {"parent": ROOT, "collectionId": "notes", "documentId": "n", "document": {}},
            "UpdateDocument": {"document": document},
            "DeleteDocument": document,
            "BatchGetDocuments": {"database": DATABASE, "documents": [document["name"]]},
            "Commit": {"database": DATABASE, "writes": [update("notes/a")]},
            "RunQuery": where("notes"),
            "RunAggregationQuery": counting(where("notes")),
            "PartitionQuery": where("notes", groups=True),
            "ListCollectionIds": {"parent": ROOT},
        }
        statuses = {rpc: client(rpc, request, ALICE).status for rpc, request in requests.items()}
        batch = client("BatchWrite", {"database": DATABASE, "writes": [update("notes/a")]}, ALICE)
        client.close()
        left = list(server.documents("demo-rules"))
        server.stop()
        # These disclose nothing about documents, answer each write by itself, or are tested as streams above.
        others = {"BeginTransaction", "Rollback", "BatchWrite", "ExecutePipeline", "Write", "Listen"}
        served = {name.title().replace("_", "") for name in vars(Rpcs) if not name.startswith("_")} - {"Handler"}
        assert served == requests.keys() | others
        assert set(statuses.values()) == {DENIED}
        assert batch.status == "OK"
        assert [document.fields["owner"].string_value for document in left] == ["alice"]


RULES_URL = "/emulator/v1/projects/{}:securityRules"


def rules_of(*lines: str) -> dict[str, Any]:
    return {"rules": {"files": [{"name": "firestore.rules", "content": file(*lines)}]}}


class TestReplacement:
    @pytest.fixture(params=[Grpc, Rest])
    def both(self, request: pytest.FixtureRequest) -> Iterator[tuple[Http, Grpc | Rest]]:
        """A server without rules, and a client of it."""
        server = FirestoreServer()
        port = server.start_with_http()
        client = request.param(port)
        yield Http(port), client
        client.close()
        server.stop()

    def test_rules_are_put(self, both):
        """They bind the callers of their project from then on, and can be replaced."""
        http, call = both
        request = {"database": DATABASE, "documents": [f"{ROOT}/notes/a"]}
        other = "projects/demo-other/databases/(default)"
        elsewhere = {"database": other, "documents": [f"{other}/documents/notes/a"]}
        assert call("BatchGetDocuments", request).status == "OK"
        for allowed, expected in (("false", DENIED), ("true", "OK"), ("request.auth != null", DENIED)):
            rules = rules_of(f"match /notes/{{id}} {{ allow get: if {allowed}; }}")
            assert http("PUT", RULES_URL.format("demo-rules"), rules).status == 200
            assert call("BatchGetDocuments", request).status == expected
            assert call("BatchGetDocuments", elsewhere).status == "OK"
        assert call("BatchGetDocuments", request, OWNER).status == "OK"
        assert call("BatchGetDocuments", request, ALICE).status == "OK"

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"rules": {"files": []}},
            {"rules": {"files": [{"content": 7}]}},
            {"rules": {"files": [{"content": ""}, {"content": ""}]}},
            {"rules": []},
            {"rules": {"files": [{"content": "service cloud.firestore {"}]}},
        ],
    )
    def test_rules_that_cannot_be_read_change_nothing(self, both, body):
        """They are INVALID_ARGUMENT, with the line and column of a mistake, and the earlier ones stay."""
        http, call = both
        url = RULES_URL.format("demo-rules")
        assert http("PUT", url, rules_of("match /notes/{id} { allow get: if false; }")).status == 200
        answer = http("PUT", url, body)
        assert (answer.status, answer.content["error"]["status"]) == (400, "INVALID_ARGUMENT")
        assert call("GetDocument", {"name": f"{ROOT}/notes/a"}).status == DENIED


class TestCommandLine:
    def test_rules_that_cannot_be_read_stop_the_start(self, tmp_path):
        """The error names the file, the line and the column."""
        path = tmp_path / "firestore.rules"
        path.write_text(file("match /a/{x} { allow read: if exists(x); }"))
        command = [sys.executable, "-m", "embedded_firebase.cli.firestore", "--port", "0", "--rules", str(path)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert ended.returncode == 1
        assert f"Rules file {path}: line 4, column 31: " in ended.stderr

    def test_a_missing_file_stops_the_start(self, tmp_path):
        """A missing rules file is an error, because starting without it would leave the data open."""
        with pytest.raises(ValueError, match="Rules file"):
            FirestoreServer(rules=tmp_path / "none")
