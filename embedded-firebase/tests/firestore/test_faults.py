"""Injected faults, alone and through Google's client."""

import time

import pytest
from google.api_core import exceptions

from embedded_firebase.firestore.errors import Code, EmulatorError
from embedded_firebase.firestore.testing.faults import Faults

pytestmark = pytest.mark.embedded
DATABASE = "projects/p/databases/(default)"


def outcome(faults: Faults, rpc: str = "Commit", database: str = DATABASE, *, after: bool = False) -> Code | None:
    try:
        faults.meet(rpc, database, after=after)
    except EmulatorError as error:
        return error.code
    return None


class TestFaults:
    def test_each_call_uses_one_fault(self):
        """Faults are used in the order of their creation, and the rest wait for later calls."""
        faults = Faults()
        faults.abort_commits(2)
        faults.fail("Commit", Code.NOT_FOUND)
        faults.fail("RunQuery", Code.UNAVAILABLE)
        assert [outcome(faults) for _ in range(4)] == [Code.ABORTED, Code.ABORTED, Code.NOT_FOUND, None]
        assert outcome(faults, "RunQuery") is Code.UNAVAILABLE

    def test_databases_have_separate_faults(self):
        """A fault may be limited to one database, and cleared for one."""
        faults = Faults()
        faults.abort_commits(1, database=DATABASE)
        faults.abort_commits(1, database="projects/other/databases/(default)")
        assert outcome(faults, database="projects/third/databases/(default)") is None
        faults.clear(database=DATABASE)
        assert outcome(faults) is None
        assert outcome(faults, database="projects/other/databases/(default)") is Code.ABORTED

    def test_before_and_after(self):
        """A callback can run before or after a call, once or on every call."""
        faults = Faults()
        ran = []
        faults.before("Commit", lambda: ran.append("before"), None)
        faults.after("Commit", lambda: ran.append("after"))
        for _ in range(2):
            faults.meet("Commit", DATABASE, after=False)
            faults.meet("Commit", DATABASE, after=True)
        assert ran == ["before", "after", "before"]
        faults.clear()
        assert outcome(faults) is None
        assert len(ran) == 3


class TestThroughTheClient:
    def test_a_lost_answer_is_resent_and_refused(self, db, server, database):
        """The client silently resends a create, and the applied write looks refused."""
        server.faults.drop_answer(database=database)
        before = server.counters.snapshot(database)
        with pytest.raises(exceptions.AlreadyExists):
            db.document("c/a").create({"v": 1})
        assert db.document("c/a").get().to_dict() == {"v": 1}
        assert (server.counters.snapshot(database) - before).calls["Commit"] == 2

    def test_a_lost_answer_of_a_transaction_is_not_applied_twice(self, db, server, database):
        """The same Commit of the same transaction is refused the second time."""
        document = db.document("c/a")
        document.set({"v": 0})
        transaction = db.transaction()
        transaction._begin()
        document.get(transaction=transaction)
        transaction.update(document, {"v": 1})
        server.faults.drop_answer(database=database)
        with pytest.raises(exceptions.InvalidArgument, match="no longer valid"):
            transaction._commit()
        assert document.get().to_dict() == {"v": 1}

    def test_a_failed_call_does_nothing(self, db, server, database):
        """A failed call is refused before its work."""
        server.faults.fail("Commit", Code.PERMISSION_DENIED, database=database)
        with pytest.raises(exceptions.PermissionDenied, match="on demand"):
            db.document("c/a").set({"v": 1})
        assert not db.document("c/a").get().exists

    def test_a_streamed_call_can_fail_too(self, db, server, database):
        """A streamed read fails with the code too."""
        server.faults.fail("BatchGetDocuments", Code.PERMISSION_DENIED, database=database)
        with pytest.raises(exceptions.PermissionDenied):
            db.document("c/a").get()

    def test_a_delayed_call_takes_its_time(self, db, server, database):
        """A delayed call takes at least the requested time."""
        server.faults.delay("Commit", 0.05, 1, database=database)
        started = time.monotonic()
        db.document("c/a").set({"v": 1})
        assert time.monotonic() - started >= 0.05

    def test_an_aborted_transaction_is_run_again_by_the_client(self, db, server, database):
        """After three aborts the client's fourth attempt succeeds."""
        from google.cloud import firestore

        runs = []

        @firestore.transactional
        def body(transaction):
            runs.append(1)
            transaction.set(db.document("c/a"), {"v": len(runs)})

        server.faults.abort_commits(3, database=database)
        body(db.transaction())
        assert db.document("c/a").get().to_dict() == {"v": 4}
