"""The identity and the lifetime of transactions."""

import pytest

from embedded_firebase.firestore.errors import Code, EmulatorError
from embedded_firebase.firestore.transactions import transactions as transactions_module
from embedded_firebase.firestore.transactions.transactions import IDLE_SECONDS, LIFETIME_SECONDS, State, Transactions

DATABASE = "projects/p/databases/(default)"


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def transactions(clock):
    return Transactions(clock)


def refused(transactions, id_, database=DATABASE):
    with pytest.raises(EmulatorError) as caught:
        transactions.active(id_, database)
    return caught.value.code is Code.INVALID_ARGUMENT


class TestTransactions:
    def test_an_active_one_is_found(self, transactions):
        """It is found by its id, only in its own database."""
        begun = transactions.begin(DATABASE, read_only=False)
        assert transactions.active(begun.id, DATABASE) is begun
        assert refused(transactions, begun.id, "projects/other/databases/(default)")

    @pytest.mark.parametrize("state", [State.COMMITTED, State.ABORTED, State.ROLLED_BACK])
    def test_a_finished_one_cannot_be_used(self, transactions, state):
        """It does not matter how the transaction ended."""
        begun = transactions.begin(DATABASE, read_only=False)
        transactions.finish(begun, state)
        assert refused(transactions, begun.id)

    def test_the_last_finished_ones_are_remembered(self, transactions, monkeypatch):
        """A bounded number, so that a server does not grow with each transaction."""
        monkeypatch.setattr(transactions_module, "MAX_FINISHED", 2)
        ended = [transactions.begin(DATABASE, read_only=False) for _ in range(3)]
        for each in ended:
            transactions.finish(each, State.COMMITTED)
        assert [transactions.known(each.id, DATABASE) for each in ended[1:]] == ended[1:]
        with pytest.raises(EmulatorError):
            transactions.known(ended[0].id, DATABASE)

    def test_an_unknown_one_cannot_be_used(self, transactions):
        """An unknown id is refused."""
        assert refused(transactions, b"unknown")

    def test_an_idle_one_expires(self, transactions, clock):
        """Every use extends its life by a minute."""
        begun = transactions.begin(DATABASE, read_only=False)
        for _ in range(2):
            clock.seconds += IDLE_SECONDS
            transactions.active(begun.id, DATABASE)
        clock.seconds += IDLE_SECONDS + 1
        assert refused(transactions, begun.id)

    def test_a_busy_one_expires_too(self, transactions, clock):
        """A transaction lives for four and a half minutes at most."""
        begun = transactions.begin(DATABASE, read_only=False)
        while clock.seconds < LIFETIME_SECONDS:
            transactions.active(begun.id, DATABASE)
            clock.seconds += IDLE_SECONDS / 2
        clock.seconds = LIFETIME_SECONDS + 1
        assert refused(transactions, begun.id)

    def test_a_retry_knows_the_conflict_of_its_first_attempt(self, transactions):
        """It can wait for its turn on the same keys before its first read."""
        first = transactions.begin(DATABASE, read_only=False)
        first.lost_on = frozenset({"document"})
        transactions.finish(first, State.ABORTED)
        second = transactions.begin(DATABASE, read_only=False, retry_of=first.id)
        assert second.predecessor_lost_on == {"document"}

    def test_a_retry_keeps_its_age(self, transactions):
        """The age decides which transaction is aborted."""
        first = transactions.begin(DATABASE, read_only=False)
        other = transactions.begin(DATABASE, read_only=False)
        transactions.finish(first, State.ABORTED)
        again = transactions.begin(DATABASE, read_only=False, retry_of=first.id)
        assert again.rank == first.rank < other.rank

    def test_readers_are_those_that_hold_locks(self, transactions):
        """Readers are active read-write transactions of a database that have read."""
        begun = [transactions.begin(DATABASE, read_only=read_only) for read_only in (False, True, False)]
        elsewhere = transactions.begin("projects/other/databases/(default)", read_only=False)
        assert transactions.readers(DATABASE) == []
        for transaction in (*begun, elsewhere):
            transaction.read_time = 1
        assert transactions.readers(DATABASE) == [begun[0], begun[2]]
        transactions.finish(begun[0], State.COMMITTED)
        assert transactions.readers(DATABASE) == [begun[2]]
