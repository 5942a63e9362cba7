"""Exchanges with Firestore: their deadlines, and the end of a transaction that is not committed."""

from collections.abc import Callable

import pytest
from google.cloud import firestore
from pytest_mock import MockerFixture

from embedded_firebase.firestore.errors import Code
from embedded_firebase.firestore.testing.counters import Counts
from embedded_firebase.firestore.testing.faults import DatabaseFaults
from imagegen.firebase import retries
from imagegen.firebase.database import Database
from imagegen.firebase.transactions import Transaction
from tests.firebase.test_retries import Time


class Refused(Exception):
    """What a body refuses with."""


@pytest.mark.embedded
class TestTransact:
    def test_a_refusal_rolls_back(self, db: firestore.Client, firestore_counts: Callable[[], Counts]) -> None:
        """A body that raises leaves no transaction open, whose locks others would wait for."""
        reference = db.document("c/a")

        def body(transaction: Transaction) -> None:
            transaction.read(reference)
            raise Refused

        with pytest.raises(Refused):
            Database(db, 3).transact(body)
        assert firestore_counts().calls == {"BeginTransaction": 1, "BatchGetDocuments": 1, "Rollback": 1}

    def test_a_failed_read_rolls_back_and_runs_again(
        self, db: firestore.Client, faults: DatabaseFaults, firestore_counts: Callable[[], Counts]
    ) -> None:
        """A read that fails for a moment ends its transaction and is read in another one."""
        reference = db.document("c/a")
        faults.fail(Code.INTERNAL, rpc="BatchGetDocuments")
        (fields,), _ = Database(db, 3).transact(lambda transaction: transaction.read(reference))
        assert fields is None
        calls = firestore_counts().calls
        assert (calls["BeginTransaction"], calls["Rollback"], calls["Commit"]) == (2, 1, 1)


@pytest.mark.pure
class TestDeadline:
    @pytest.mark.parametrize(("is_shared", "seconds"), [(False, [10.0, 10.0]), (True, [7.0, 3.0])])
    def test_is_of_each_exchange_or_of_all(self, mocker: MockerFixture, is_shared: bool, seconds: list[float]) -> None:
        """Each exchange has the whole time-out; with a shared deadline the next has what is left of it."""
        time = mocker.patch.object(retries, "time", Time())
        db = Database(mocker.sentinel.client, 10)
        db = db.all_within(7) if is_shared else db
        given: list[float] = []
        for _ in range(2):
            db.exchange(given.append)
            time.now += 4
        assert given == seconds
