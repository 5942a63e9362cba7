"""Pessimistic concurrency control: who waits, and for how long."""

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

# Much less than the silence that breaks a lock, yet enough for a commit that does not wait.
AT_ONCE_SECONDS = locks.SILENCE_SECONDS / 2


@pytest.fixture
def concurrency() -> Concurrency:
    """All tests here are about locks."""
    return Concurrency.PESSIMISTIC


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as threads:
        yield threads


def is_waiting(engine: Engine, future: Future) -> bool:
    """Wait until a commit waits, and tell whether it does; it may be done instead."""
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
    def test_a_writer_waits_until_the_reader_has_ended(self, engine, threads, end):
        """Then it proceeds at once; both succeed."""
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

    def test_a_batch_of_single_writes_waits_too(self, engine, threads):
        """Each of them may change what was read."""
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
    def test_a_query_locks_what_it_would_see(self, engine, threads, change):
        """Also documents that it has not seen yet: no phantom, and no transaction is aborted."""
        engine.commit(DATABASE, [put("c/high", 7), put("c/low", 1)])
        session = Session(engine)
        assert session.find(least=5) == [7]
        writer = threads.submit(engine.commit, DATABASE, [change])
        assert is_waiting(engine, writer)
        session.commit(put("other/x", 1))
        writer.result(AT_ONCE_SECONDS)

    def test_a_query_locks_no_more_than_it_would_see(self, engine):
        """Other documents of its collection are free."""
        engine.commit(DATABASE, [put("c/high", 7), put("c/low", 1)])
        session = Session(engine)
        session.find(least=5)
        assert seconds_of(engine.commit, DATABASE, [put("c/low", 2), put("d/high", 9)]) < AT_ONCE_SECONDS
        session.commit(put("other/x", 1))

    def test_readers_share(self, engine):
        """Only writers of its read set wait for a reader: not other readers, nor read-only transactions."""
        engine.commit(DATABASE, [put("c/a", 1)])
        first = Session(engine)
        first.read("c/a")
        Session(engine, TransactionOptions(read_only={})).read("c/a")
        assert seconds_of(Session(engine).read, "c/a") < AT_ONCE_SECONDS
        assert held(engine, "c/a") == [1]

    def test_a_read_only_transaction_locks_nothing(self, engine):
        """It has its snapshot."""
        session = Session(engine, TransactionOptions(read_only={}))
        session.read("c/a")
        assert seconds_of(engine.commit, DATABASE, [put("c/a", 1)]) < AT_ONCE_SECONDS

    def test_a_write_without_effect_does_not_wait(self, engine):
        """The read set stays unchanged."""
        engine.commit(DATABASE, [put("c/a", 1)])
        session = Session(engine)
        session.read("c/a")
        assert seconds_of(engine.commit, DATABASE, [put("c/a", 1)]) < AT_ONCE_SECONDS
        session.commit(put("c/a", 2))

    def test_later_reads_see_the_present(self, engine):
        """Locked documents cannot have changed, so concurrent commits of others do not conflict."""
        engine.commit(DATABASE, [put("c/a", 1), put("c/b", 1)])
        session = Session(engine)
        session.read("c/a")
        engine.commit(DATABASE, [put("c/b", 2)])
        assert session.read("c/b") == [2]
        assert session.find() == [1, 2]
        session.commit(put("c/a", 3))


class TestCircles:
    def test_of_two_that_wait_for_each_other_the_younger_gives_way(self, engine, threads):
        """At once, though the older one was first to wait."""
        older, younger = Session(engine), Session(engine)
        older.read("c/a")
        younger.read("c/a")
        first = threads.submit(older.commit, put("c/a", 1))
        assert is_waiting(engine, first)
        assert seconds_of(code, younger.commit, put("c/a", 2)) < AT_ONCE_SECONDS
        first.result(AT_ONCE_SECONDS)
        assert held(engine, "c/a") == [1]

    def test_the_younger_gives_way_also_while_it_waits(self, engine, threads):
        """Its commit, which was waiting, is aborted as soon as the older one asks."""
        older, younger = Session(engine), Session(engine)
        older.read("c/a")
        younger.read("c/a")
        loser = threads.submit(code, younger.commit, put("c/a", 2))
        assert is_waiting(engine, loser)
        assert seconds_of(older.commit, put("c/a", 1)) < AT_ONCE_SECONDS
        assert loser.result(AT_ONCE_SECONDS) is Code.ABORTED
        assert held(engine, "c/a") == [1]

    def test_a_larger_circle_is_found(self, engine, threads):
        """Three that each write what the next has read: the youngest gives way and the others commit."""
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

    def test_one_that_repeats_another_is_as_old_as_that(self, engine, threads):
        """So that no transaction starves."""
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
    def test_a_silent_holder_loses_its_lock_after_a_moment(self, engine):
        """The writer goes ahead, and the holder is aborted when it comes back."""
        session = Session(engine)
        session.read("c/a")
        waited = seconds_of(engine.commit, DATABASE, [put("c/a", 1)])
        assert locks.SILENCE_SECONDS / 2 < waited < 3 * locks.SILENCE_SECONDS
        assert code(session.commit, put("c/a", 2)) is Code.ABORTED

    def test_an_idle_holder_is_not_waited_for(self, engine, clocks):
        """Its moment has passed before."""
        session = Session(engine)
        session.read("c/a")
        clocks.pass_seconds(1)
        assert seconds_of(engine.commit, DATABASE, [put("c/a", 1)]) < AT_ONCE_SECONDS
        assert code(session.commit, put("c/a", 2)) is Code.ABORTED

    def test_who_lost_a_lock_sees_one_state_still(self, engine, clocks):
        """That of its last read before."""
        engine.commit(DATABASE, [put("c/a", 1), put("c/b", 1)])
        session = Session(engine)
        session.read("c/a")
        clocks.pass_seconds(1)
        engine.commit(DATABASE, [put("c/a", 2), put("c/b", 2)])
        assert session.read("c/a", "c/b") == [1, 1]
        assert session.find() == [1, 1]

    def test_waiting_for_a_busy_holder_is_bounded(self, engine, threads, monkeypatch):
        """One that keeps on reading loses its locks too."""
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

    def test_when_too_many_wait_locks_are_broken_at_once(self, engine, monkeypatch):
        """So that the threads that are left can serve the holders."""
        monkeypatch.setattr(locks, "MAX_WAITERS", 0)
        session = Session(engine)
        session.read("c/a")
        assert seconds_of(engine.commit, DATABASE, [put("c/a", 1)]) < AT_ONCE_SECONDS
