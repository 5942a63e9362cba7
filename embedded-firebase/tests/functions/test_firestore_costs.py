"""The cost of this process at the embedded Firestore, without that of other clients."""

import time
import uuid
from collections.abc import Iterator

import grpc
import httpx
import pytest
from google.cloud import firestore

from embedded_firebase.firestore.server import FirestoreServer
from embedded_firebase.functions.firestore_costs import CostBetween, name_this_process


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an embedded Firestore for one test; channels are restored after the test."""
    for module in (grpc, grpc.aio):
        monkeypatch.setattr(module, "insecure_channel", module.insecure_channel)
    server = FirestoreServer()
    address = f"127.0.0.1:{server.start_with_http()}"
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", address)
    yield address
    server.stop()


@pytest.fixture
def other(address: str) -> Iterator[firestore.Client]:
    """A client from before the process got its name, like one in another process."""
    client = firestore.Client(project=f"demo-{uuid.uuid4().hex[:12]}")
    client.document("c/other").set({})
    yield client
    client.close()


@pytest.fixture
def cost_between(address: str, other: firestore.Client) -> CostBetween:
    """The function that measures the cost."""
    return name_this_process(address)


@pytest.fixture
def db(cost_between: CostBetween, other: firestore.Client) -> Iterator[firestore.Client]:
    """A client that this process opens afterwards, on the same database."""
    client = firestore.Client(project=other.project)
    yield client
    client.close()


class TestCostBetween:
    def test_counts_all_requests_of_this_process(self, cost_between: CostBetween, db: firestore.Client) -> None:
        """Documents, queries, aggregations and transactions between the two times are counted."""
        db.document("c/before").set({})
        started_at = time.time()
        batch = db.batch()
        for number in range(3):
            batch.set(db.document(f"c/{number}"), {"v": number})
        batch.commit()
        assert cost_between(started_at, time.time()) == {"reads": 0, "writes": 3}
        db.document("c/0").get()
        list(db.get_all([db.document("c/0"), db.document("c/nothing")]))
        assert len(list(db.collection("c").stream())) == 5
        db.collection("c").count().get()
        ended_at = time.time()
        db.document("c/after").set({})
        assert cost_between(started_at, ended_at) == {"reads": 9, "writes": 3}

    def test_other_clients_are_not_counted(
        self, cost_between: CostBetween, db: firestore.Client, other: firestore.Client, address: str
    ) -> None:
        """Requests of another process or a browser are not counted."""
        started_at = time.time()
        documents = f"http://{address}/v1/projects/{db.project}/databases/(default)/documents/c"
        assert httpx.get(documents, headers={"User-Agent": "browser"}).json()["documents"]
        other.document("c/a").set({})
        db.document("c/a").get()
        assert cost_between(started_at, time.time()) == {"reads": 1, "writes": 0}

    def test_other_channels_are_unchanged(self, cost_between: CostBetween, db: firestore.Client, address: str) -> None:
        """A channel to another address, even another spelling of it, has no process name."""
        started_at = time.time()
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("FIRESTORE_EMULATOR_HOST", address.replace("127.0.0.1", "localhost"))
            unnamed = firestore.Client(project=db.project)
        unnamed.document("c/a").set({})
        unnamed.close()
        assert cost_between(started_at, time.time()) == {"reads": 0, "writes": 0}

    def test_a_time_before_the_server(self, cost_between: CostBetween) -> None:
        """The cost since a time before the server's start is unknown."""
        assert cost_between(0, time.time()) is None

    def test_without_an_embedded_firestore(self, address: str) -> None:
        """Without an embedded Firestore the cost is unknown, and no error occurs."""
        assert name_this_process("127.0.0.1:1")(0, time.time()) is None
