"""Turns of transactions on contended keys."""

import functools
import threading
from concurrent.futures import ThreadPoolExecutor

from embedded_firebase.firestore.transactions import turns as turns_module
from embedded_firebase.firestore.transactions.turns import CONTENDED_SECONDS, MAX_WAIT_SECONDS, TURN_SECONDS, Turns

KEY = frozenset({"document"})
OTHER = frozenset({"other"})


class TestTurns:
    def test_without_a_conflict_there_is_no_wait(self):
        """A key without a conflict needs no turn."""
        turns = Turns()
        turns.take(b"a", KEY)
        turns.take(b"b", KEY)
        assert not turns

    def test_turns_are_first_come_first_served(self):
        """Each turn begins when the one before has ended."""
        turns = Turns()
        turns.note_conflict(KEY)
        turns.take(b"0", KEY)
        order = []

        def work(owner: bytes) -> None:
            turns.take(owner, KEY)
            order.append(owner)
            turns.leave(owner)

        with ThreadPoolExecutor() as threads:
            owners = [b"1", b"2", b"3"]
            for count, owner in enumerate(owners, 1):
                threads.submit(work, owner)
                while len(turns._queue) <= count:  # Request turns one after another; a waiter is in the queue at once.
                    threading.Event().wait(0.001)
            assert order == []
            turns.leave(b"0")
        assert order == owners

    def test_different_keys_do_not_wait_for_each_other(self):
        """Only transactions with a common key take turns."""
        turns = Turns()
        turns.note_conflict(KEY | OTHER)
        turns.take(b"a", KEY)
        turns.take(b"b", OTHER)
        turns.let_pass(b"c", frozenset({"third"}))
        assert len(turns._queue) == 2

    def test_a_waiter_that_wakes_after_its_turn(self, monkeypatch):
        """On a loaded machine a turn may be granted and expire before its waiter runs again: it goes on without."""
        seconds = [0.0]
        turns = Turns(lambda: seconds[0])

        class Late(threading.Event):
            def wait(self, timeout=None):
                turns.leave(b"first")
                seconds[0] += MAX_WAIT_SECONDS
                turns.let_pass(b"third", KEY)
                return False

        turns.note_conflict(KEY)
        turns.take(b"first", KEY)
        monkeypatch.setattr(turns_module, "_Turn", functools.partial(turns_module._Turn, granted=Late()))
        turns.take(b"late", KEY)
        assert not turns

    def test_a_silent_holder_is_passed_over(self):
        """A dead holder delays others by at most its turn."""
        seconds = [0.0]
        turns = Turns(lambda: seconds[0])
        turns.note_conflict(KEY)
        turns.take(b"dead", KEY)
        seconds[0] += TURN_SECONDS
        turns.take(b"next", KEY)
        turns.let_pass(b"next", KEY)
        assert [turn.owner for turn in turns._queue] == [b"next"]

    def test_a_commit_waits_for_the_holder_it_would_abort(self):
        """It continues as soon as the turn ends."""
        turns = Turns()
        turns.note_conflict(KEY)
        turns.take(b"holder", KEY)
        passed = threading.Event()

        def commit() -> None:
            turns.let_pass(b"", KEY)
            passed.set()

        thread = threading.Thread(target=commit)
        thread.start()
        assert not passed.wait(TURN_SECONDS / 10)
        turns.leave(b"holder")
        assert passed.wait(TURN_SECONDS)
        thread.join()
        assert not turns._waiters

    def test_two_holders_never_wait_for_each_other(self):
        """A commit whose owner has a turn continues at once, even if it aborts another holder."""
        turns = Turns(lambda: 0.0)
        turns.note_conflict(KEY | OTHER)
        turns.take(b"a", KEY)
        turns.take(b"b", OTHER)
        turns.let_pass(b"a", KEY | OTHER)
        turns.let_pass(b"b", KEY | OTHER)
        assert len(turns._queue) == 2

    def test_a_conflict_expires(self):
        """A key without recent contention needs no turn."""
        seconds = [0.0]
        turns = Turns(lambda: seconds[0])
        turns.note_conflict(KEY)
        seconds[0] += CONTENDED_SECONDS
        turns.take(b"a", KEY)
        assert not turns
