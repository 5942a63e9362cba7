"""Counts of calls, and of the operations that production would bill."""

import threading
import time

import pytest
from google.cloud import firestore
from google.cloud.firestore import FieldFilter

from embedded_firebase.firestore.errors import EmulatorError
from embedded_firebase.firestore.testing.counters import MAX_OPERATIONS, Counters, Counts

pytestmark = pytest.mark.embedded


class TestCounters:
    def test_a_difference_counts_the_calls_between(self):
        """RPCs without a call in between are left out."""
        counters = Counters()
        counters.count_call("Commit", "a")
        before = counters.snapshot()
        counters.count_call("RunQuery", "a")
        counters.count_reads("a", 3)
        counters.count_changes("b", writes=2, deletes=1)
        assert counters.snapshot() - before == Counts({"RunQuery": 1}, 3, 2, 1)
        assert counters.snapshot("a") - before == Counts({"RunQuery": 1}, 3, 0, 0)

    def test_round_trips_count_all_rpcs(self):
        """Round trips are the calls of all RPCs together."""
        assert Counts({"Commit": 2, "RunQuery": 1}).round_trips == 3

    def test_between_two_times(self):
        """Calls between two times are counted for one client, while others are served."""
        counters = Counters()

        def serve(client: str, reads: int) -> None:
            counters.count_call("Commit", "a", client)
            counters.count_reads("a", reads)
            counters.count_changes("a", writes=1, deletes=2)

        serve("me", 1)
        started_at = time.time()
        other = threading.Thread(target=serve, args=("other", 20))
        counters.count_call("Commit", "a", "me")
        other.start()
        other.join()
        counters.count_reads("a", 300)
        ended_at = time.time()
        serve("me", 4000)
        assert counters.between(started_at, ended_at, "me") == Counts(reads=300)
        assert counters.between(started_at, ended_at, "other") == Counts(reads=20, writes=1)
        assert counters.between(started_at, time.time(), "me") == Counts(reads=4300, writes=1)

    def test_evicted_operations_are_an_error(self):
        """Operations that are no longer stored are an error, not a number that is too small."""
        before = time.time()
        counters = Counters()
        started_at = time.time()
        counters.count_reads("a", 1)
        for unknown in (before, float("nan")):
            with pytest.raises(EmulatorError, match="too long ago"):
                counters.between(unknown, time.time(), "")
        assert counters.between(started_at, time.time(), "") == Counts(reads=1)
        for _ in range(MAX_OPERATIONS):
            counters.count_reads("a", 1)
        with pytest.raises(EmulatorError, match="too long ago"):
            counters.between(started_at, time.time(), "")


class TestBilling:
    @pytest.fixture
    def spent(self, db, server, database):
        """Returns the cost of the calls since the last one."""
        batch = db.batch()
        for number in range(3):
            batch.set(db.document(f"c/{number}"), {"v": number})
        batch.commit()
        last = server.counters.snapshot(database)

        def cost() -> Counts:
            nonlocal last
            since, last = last, server.counters.snapshot(database)
            return last - since

        return cost

    def test_reads(self, db, spent):
        """A document got or missing is one read, each result is one, a query without results is one.

        What queries match are index entries, of which a read pays for a thousand when they are counted only.
        """
        list(db.get_all([db.document("c/0"), db.document("c/missing")]))
        assert spent() == Counts({"BatchGetDocuments": 1}, 2, 0, 0)
        list(db.collection("c").stream())
        assert spent() == Counts({"RunQuery": 1}, 3, 0, 0, 3)
        list(db.collection("c").offset(1).limit(1).stream())
        assert spent() == Counts({"RunQuery": 1}, 2, 0, 0, 2)
        list(db.collection("c").where(filter=FieldFilter("v", ">", 9)).stream())
        assert spent() == Counts({"RunQuery": 1}, 1, 0, 0, 0)
        db.collection("c").count().get()
        assert spent() == Counts({"RunAggregationQuery": 1}, 1, 0, 0, 3)

    def test_writes(self, db, spent):
        """Each write and each delete counts; a commit that fails costs nothing but its call."""
        batch = db.batch()
        batch.update(db.document("c/0"), {"v": firestore.Increment(1)})
        batch.delete(db.document("c/1"))
        batch.commit()
        assert spent() == Counts({"Commit": 1}, 0, 1, 1)
        with pytest.raises(Exception, match="already exists"):
            db.document("c/0").create({})
        assert spent() == Counts({"Commit": 1}, 0, 0, 0)

    def test_a_transaction(self, db, spent):
        """A transaction costs the calls Begin, read and Commit."""

        @firestore.transactional
        def body(transaction):
            document = db.document("c/0")
            document.get(transaction=transaction)
            transaction.update(document, {"v": 7})

        body(db.transaction())
        assert spent() == Counts({"BeginTransaction": 1, "BatchGetDocuments": 1, "Commit": 1}, 1, 1, 0)
