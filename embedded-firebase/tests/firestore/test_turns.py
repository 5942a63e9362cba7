"""Whose turn it is on contended keys."""

import threading
from concurrent.futures import ThreadPoolExecutor

from embedded_firebase.firestore.transactions.turns import CONTENDED_SECONDS, TURN_SECONDS, Turns

KEY = frozenset({"document"})
OTHER = frozenset({"other"})


class TestTurns:
    def test_without_a_conflict_there_is_no_wait(self):
        """A key without a conflict needs no turn."""
        turns = Turns()
        turns.take(b"a", KEY)
        turns.take(b"b", KEY)
        assert not turns

    def test_turns_are_taken_in_the_order_of_asking(self):
        """Each begins when the one before has ended."""
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
                while len(turns._queue) <= count:  # Ask one after another; a waiter is in the queue at once.
                    threading.Event().wait(0.001)
            assert order == []
            turns.leave(b"0")
        assert order == owners

    def test_different_keys_do_not_wait_for_each_other(self):
        """Only those who contend take turns."""
        turns = Turns()
        turns.note_conflict(KEY | OTHER)
        turns.take(b"a", KEY)
        turns.take(b"b", OTHER)
        turns.let_pass(b"c", frozenset({"third"}))
        assert len(turns._queue) == 2

    def test_a_silent_holder_is_passed_over(self):
        """A dead holder delays others by no more than its turn."""
        seconds = [0.0]
        turns = Turns(lambda: seconds[0])
        turns.note_conflict(KEY)
        turns.take(b"dead", KEY)
        seconds[0] += TURN_SECONDS
        turns.take(b"next", KEY)
        turns.let_pass(b"next", KEY)
        assert [turn.owner for turn in turns._queue] == [b"next"]

    def test_a_commit_waits_for_the_holder_whom_it_would_spoil(self):
        """It proceeds as soon as the turn ends."""
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

    def test_two_holders_never_wait_for_each_other(self):
        """A commit whose owner has a turn goes ahead at once, though it spoils another's."""
        turns = Turns(lambda: 0.0)
        turns.note_conflict(KEY | OTHER)
        turns.take(b"a", KEY)
        turns.take(b"b", OTHER)
        turns.let_pass(b"a", KEY | OTHER)
        turns.let_pass(b"b", KEY | OTHER)
        assert len(turns._queue) == 2

    def test_a_conflict_is_forgotten(self):
        """What was contended a while ago is free again."""
        seconds = [0.0]
        turns = Turns(lambda: seconds[0])
        turns.note_conflict(KEY)
        seconds[0] += CONTENDED_SECONDS
        turns.take(b"a", KEY)
        assert not turns
