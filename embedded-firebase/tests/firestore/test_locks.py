"""Pessimistic concurrency control: which commits wait, and for how long."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from tests.firestore.sessions import DATABASE, Session, code, name, put, values

from embedded_firebase.firestore.errors import Code
from embedded_firebase.firestore.messages import TransactionOptions, Write
from embedded_firebase.firestore.transactions import locks
from embedded_firebase.firestore.transactions.engine import Engine
from embedded_firebase.firestore.transactions.transactions import Concurrency
from embedded_firebase.firestore.transactions.views import Consistency

# Much less than the silence that breaks a lock, and enough for a commit that does not wait.
AT_ONCE_SECONDS = locks.SILENCE_SECONDS / 2


@pytest.fixture
def concurrency() -> Concurrency:
    """All tests here use locks."""
    return Concurrency.PESSIMISTIC


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as threads:
        yield threads


def is_waiting(engine: Engine, future: Future) -> bool:
    """Wait until a commit blocks and return True, or False if it ended instead."""
    while not future.done():
        with engine._storage.lock:
            if engine._control._locks._waiters:
                return True
        time.sleep(0.001)
    return False


def seconds_of(call, *arguments) -> float:
    started = time.monotonic()
    call(*arguments)
    return time.monotonic() - started


def held(engine: Engine, *paths: str) -> list[int | None]:
    return values(engine.get(DATABASE, [name(path) for path in paths], Consistency())[0])


class TestWaiting:
    @pytest.mark.parametrize("end", ["commit", "rollback"])
    def test_a_writer_waits_for_the_end_of_the_reader(self, engine, threads, end):
        """It continues at once when the reader ends; both succeed."""
        session = Session(engine)
        session.read("c/a")
        writer = threads.submit(engine.commit, DATABASE, [put("c/a", 1)])
        assert is_waiting(engine, writer)
        if end == "commit":
            session.commit(put("c/b", 2))
        else:
            engine.rollback(DATABASE, session.id)
        writer.result(AT_ONCE_SECONDS)
        assert held(engine, "c/a", "c/b") == [1, 2 if end == "commit" else None]
        assert not engine._control._locks._waiters

    def test_a_batch_of_single_writes_waits_too(self, engine, threads):
        """Each write of the batch may change a document that was read."""
        session = Session(engine)
        session.read("c/b")
        writer = threads.submit(engine.write_each, DATABASE, [put("c/a", 1), put("c/b", 1)])
        assert is_waiting(engine, writer)
        session.commit(put("c/b", 2))
        writer.result(AT_ONCE_SECONDS)
        assert held(engine, "c/a", "c/b") == [1, 1]

    @pytest.mark.parametrize(
        "change",
        [put("c/new", 5), put("c/low", 5), put("c/high", 0), put("c/high", 8), Write(delete=name("c/high"))],
        ids=["created", "moved in", "moved out", "changed", "deleted"],
    )
    def test_a_query_locks_its_results(self, engine, threads, change):
        """Documents that would enter the results are locked too: no phantom, and no transaction is aborted."""
        engine.commit(DATABASE, [put("c/high", 7), put("c/low", 1)])
        session = Session(engine)
        assert session.find(least=5) == [7]
        writer = threads.submit(engine.commit, DATABASE, [change])
        assert is_waiting(engine, writer)
        session.commit(put("other/x", 1))
        writer.result(AT_ONCE_SECONDS)

    def test_a_query_locks_only_its_results(self, engine):
        """Other documents of its collection are not locked."""
        engine.commit(DATABASE, [put("c/high", 7), put("c/low", 1)])
        session = Session(engine)
        session.find(least=5)
        assert seconds_of(engine.commit, DATABASE, [put("c/low", 2), put("d/high", 9)]) < AT_ONCE_SECONDS
        session.commit(put("other/x", 1))

    def test_readers_share_locks(self, engine):
        """Only writers wait for a reader: not other readers, nor read-only transactions."""
        engine.commit(DATABASE, [put("c/a", 1)])
        first = Session(engine)
        first.read("c/a")
        Session(engine, TransactionOptions(read_only={})).read("c/a")
        assert seconds_of(Session(engine).read, "c/a") < AT_ONCE_SECONDS
        assert held(engine, "c/a") == [1]

    def test_a_read_only_transaction_locks_nothing(self, engine):
        """A read-only transaction reads its snapshot."""
        session = Session(engine, TransactionOptions(read_only={}))
        session.read("c/a")
        assert seconds_of(engine.commit, DATABASE, [put("c/a", 1)]) < AT_ONCE_SECONDS

    def test_a_write_without_effect_does_not_wait(self, engine):
        """A write that changes nothing does not conflict with a read."""
        engine.commit(DATABASE, [put("c/a", 1)])
        session = Session(engine)
        session.read("c/a")
        assert seconds_of(engine.commit, DATABASE, [put("c/a", 1)]) < AT_ONCE_SECONDS
        session.commit(put("c/a", 2))

    def test_later_reads_see_the_current_state(self, engine):
        """Locked documents cannot have changed, so other commits do not conflict."""
        engine.commit(DATABASE, [put("c/a", 1), put("c/b", 1)])
        session = Session(engine)
        session.read("c/a")
        engine.commit(DATABASE, [put("c/b", 2)])
        assert session.read("c/b") == [2]
        assert session.find() == [1, 2]
        session.commit(put("c/a", 3))


class TestCircles:
    def test_the_younger_of_two_in_a_deadlock_is_aborted(self, engine, threads):
        """It is aborted at once, even if the older one waited first."""
        older, younger = Session(engine), Session(engine)
        older.read("c/a")
        younger.read("c/a")
        first = threads.submit(older.commit, put("c/a", 1))
        assert is_waiting(engine, first)
        assert seconds_of(code, younger.commit, put("c/a", 2)) < AT_ONCE_SECONDS
        first.result(AT_ONCE_SECONDS)
        assert held(engine, "c/a") == [1]

    def test_the_younger_is_aborted_while_it_waits(self, engine, threads):
        """Its waiting commit is aborted as soon as the older one waits for it (deadlock)."""
        older, younger = Session(engine), Session(engine)
        older.read("c/a")
        younger.read("c/a")
        loser = threads.submit(code, younger.commit, put("c/a", 2))
        assert is_waiting(engine, loser)
        assert seconds_of(older.commit, put("c/a", 1)) < AT_ONCE_SECONDS
        assert loser.result(AT_ONCE_SECONDS) is Code.ABORTED
        assert held(engine, "c/a") == [1]

    def test_a_deadlock_of_three_is_found(self, engine, threads):
        """Each writes what the next has read: the youngest is aborted and the others commit."""
        sessions = [Session(engine) for _ in range(3)]
        for session, path in zip(sessions, ("c/a", "c/b", "c/c"), strict=True):
            session.read(path)
        started = time.monotonic()
        waiting = [
            threads.submit(session.try_to_commit, put(path, 1))
            for session, path in zip(sessions, ("c/b", "c/c", "c/a"), strict=True)
        ]
        assert [future.result(1) for future in waiting] == [True, True, False]
        assert time.monotonic() - started < locks.SILENCE_SECONDS

    def test_a_retry_has_the_age_of_its_first_attempt(self, engine, threads):
        """A retry keeps its age, so that no transaction starves."""
        first, second = Session(engine), Session(engine)
        first.read("c/a")
        second.read("c/a")
        loser = threads.submit(code, second.commit, put("c/a", 2))
        assert is_waiting(engine, loser)
        first.commit(put("c/a", 1))
        assert loser.result(AT_ONCE_SECONDS) is Code.ABORTED
        newcomer = Session(engine)
        again = Session(engine, TransactionOptions(read_write={"retry_transaction": second.id}))
        newcomer.read("d/a")
        again.read("d/a")
        loser = threads.submit(code, newcomer.commit, put("d/a", 1))
        assert is_waiting(engine, loser)
        again.commit(put("d/a", 2))
        assert loser.result(AT_ONCE_SECONDS) is Code.ABORTED


class TestBrokenLocks:
    def test_a_silent_holder_loses_its_lock(self, engine):
        """The writer continues after a short wait, and the holder is aborted at its commit."""
        session = Session(engine)
        session.read("c/a")
        waited = seconds_of(engine.commit, DATABASE, [put("c/a", 1)])
        assert locks.SILENCE_SECONDS / 2 < waited < 3 * locks.SILENCE_SECONDS
        assert code(session.commit, put("c/a", 2)) is Code.ABORTED

    def test_an_idle_holder_is_not_waited_for(self, engine, clocks):
        """A holder that has been silent for long enough loses its lock at once."""
        session = Session(engine)
        session.read("c/a")
        clocks.pass_seconds(1)
        assert seconds_of(engine.commit, DATABASE, [put("c/a", 1)]) < AT_ONCE_SECONDS
        assert code(session.commit, put("c/a", 2)) is Code.ABORTED

    def test_a_transaction_that_lost_a_lock_still_sees_one_snapshot(self, engine, clocks):
        """Its reads stay at the time of its last read before."""
        engine.commit(DATABASE, [put("c/a", 1), put("c/b", 1)])
        session = Session(engine)
        session.read("c/a")
        clocks.pass_seconds(1)
        engine.commit(DATABASE, [put("c/a", 2), put("c/b", 2)])
        assert session.read("c/a", "c/b") == [1, 1]
        assert session.find() == [1, 1]

    def test_waiting_for_a_busy_holder_is_bounded(self, engine, threads, monkeypatch):
        """A holder that keeps on reading loses its locks too."""
        monkeypatch.setattr(locks, "MAX_WAIT_SECONDS", 0.2)
        session = Session(engine)
        session.read("c/a")
        done = threading.Event()

        def read_on() -> None:
            while not done.wait(locks.SILENCE_SECONDS / 10):
                session.read("c/b")

        reading = threads.submit(read_on)
        assert 0.15 < seconds_of(engine.commit, DATABASE, [put("c/a", 1)]) < 0.5
        done.set()
        reading.result(1)

    def test_with_too_many_waiters_locks_are_broken_at_once(self, engine, monkeypatch):
        """Free threads remain to serve the holders."""
        monkeypatch.setattr(locks, "MAX_WAITERS", 0)
        session = Session(engine)
        session.read("c/a")
        assert seconds_of(engine.commit, DATABASE, [put("c/a", 1)]) < AT_ONCE_SECONDS
