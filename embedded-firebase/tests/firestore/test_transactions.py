"""Who a transaction is and how long it lives."""

import pytest

from embedded_firebase.firestore.errors import Code, EmulatorError
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
        """By its id, in its own database alone."""
        begun = transactions.begin(DATABASE, read_only=False)
        assert transactions.active(begun.id, DATABASE) is begun
        assert refused(transactions, begun.id, "projects/other/databases/(default)")

    @pytest.mark.parametrize("state", [State.COMMITTED, State.ABORTED, State.ROLLED_BACK])
    def test_a_finished_one_cannot_be_used(self, transactions, state):
        """However it ended."""
        begun = transactions.begin(DATABASE, read_only=False)
        transactions.finish(begun, state)
        assert refused(transactions, begun.id)

    def test_an_unknown_one_cannot_be_used(self, transactions):
        """An unknown id."""
        assert refused(transactions, b"unknown")

    def test_an_idle_one_expires(self, transactions, clock):
        """Every use gives it another minute."""
        begun = transactions.begin(DATABASE, read_only=False)
        for _ in range(2):
            clock.seconds += IDLE_SECONDS
            transactions.active(begun.id, DATABASE)
        clock.seconds += IDLE_SECONDS + 1
        assert refused(transactions, begun.id)

    def test_a_busy_one_expires_too(self, transactions, clock):
        """After four and a half minutes in all."""
        begun = transactions.begin(DATABASE, read_only=False)
        while clock.seconds < LIFETIME_SECONDS:
            transactions.active(begun.id, DATABASE)
            clock.seconds += IDLE_SECONDS / 2
        clock.seconds = LIFETIME_SECONDS + 1
        assert refused(transactions, begun.id)

    def test_one_that_repeats_another_knows_what_that_lost_on(self, transactions):
        """So that it can wait for its turn there before its first read."""
        first = transactions.begin(DATABASE, read_only=False)
        first.lost_on = frozenset({"document"})
        transactions.finish(first, State.ABORTED)
        second = transactions.begin(DATABASE, read_only=False, retry_of=first.id)
        assert second.predecessor_lost_on == {"document"}

    def test_one_that_repeats_another_is_as_old(self, transactions):
        """It keeps its rank, which decides who gives way."""
        first = transactions.begin(DATABASE, read_only=False)
        other = transactions.begin(DATABASE, read_only=False)
        transactions.finish(first, State.ABORTED)
        again = transactions.begin(DATABASE, read_only=False, retry_of=first.id)
        assert again.rank == first.rank < other.rank

    def test_readers_are_those_that_hold_locks(self, transactions):
        """Active read-write ones of a database that have read something."""
        begun = [transactions.begin(DATABASE, read_only=read_only) for read_only in (False, True, False)]
        elsewhere = transactions.begin("projects/other/databases/(default)", read_only=False)
        assert transactions.readers(DATABASE) == []
        for transaction in (*begun, elsewhere):
            transaction.read_time = 1
        assert transactions.readers(DATABASE) == [begun[0], begun[2]]
        transactions.finish(begun[0], State.COMMITTED)
        assert transactions.readers(DATABASE) == [begun[2]]
