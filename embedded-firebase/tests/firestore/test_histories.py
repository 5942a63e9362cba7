"""A concurrent history is equivalent to a serial one, in the order of commit times (strict serializability).

Each transaction notes what it read, what it wrote and when it was committed. The replay of all writes in the order of
commit times must give every read what it saw. That is stronger than the existence of some order, and simple to check.
HISTORY_TRANSACTIONS=1000 in the environment makes longer histories.
"""

import os
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from google.api_core import exceptions
from google.cloud import firestore
from google.cloud.firestore import FieldFilter

pytestmark = pytest.mark.embedded
THREADS = 8
TRANSACTIONS_PER_THREAD = int(os.environ.get("HISTORY_TRANSACTIONS", "25"))
IDS = [f"d{number}" for number in range(6)]

# The content of the collection: numbers by document id.
State = dict[str, int]
# The parameters of a query: the first number, the first number beyond, and a limit.
Asked = tuple[int, int, int | None]


@dataclass
class Event:
    """One commit, or one read-only transaction at the time that it saw."""

    at: datetime | None = None
    read: dict[str, int | None] = field(default_factory=dict)
    found: list[tuple[Asked, list[tuple[str, int]]]] = field(default_factory=list)
    written: dict[str, int | None] = field(default_factory=dict)
    read_only: bool = False


def select(state: State, asked: Asked) -> list[tuple[str, int]]:
    """Return the results that a query must have: by number, then by id."""
    least, below, limit = asked
    chosen = sorted((number, id_) for id_, number in state.items() if least <= number < below)
    return [(id_, number) for number, id_ in chosen[:limit]]


def explain(history: list[Event], initial: State) -> State:
    """Replay all commits in the order of their times, check every read against the state there, return the last."""
    state = dict(initial)
    committed = sorted((event for event in history if not event.read_only), key=lambda event: event.at)
    assert len({event.at for event in committed}) == len(committed), "two commits have one time"
    # A read-only transaction sees commits up to and including its time.
    for event in sorted(history, key=lambda event: (event.at, event.read_only)):
        for id_, number in event.read.items():
            assert state.get(id_) == number, f"read {id_} = {number}, where it was {state.get(id_)}, at {event.at}"
        for asked, found in event.found:
            assert select(state, asked) == found, f"{asked} at {event.at}"
        for id_, number in event.written.items():
            if number is None:
                state.pop(id_, None)
            else:
                state[id_] = number
    return state


class Worker:
    """One client: runs random operations with unique numbers, and records them."""

    def __init__(self, db: firestore.Client, seed: int) -> None:
        self.collection = db.collection("c")
        self.db = db
        self.random = random.Random(seed)
        self.history: list[Event] = []
        self.given_up = 0
        self._next = seed * 1_000_000

    def work(self) -> None:
        kinds: list[Callable[[], Event]] = [self.read_and_write] * 6 + [self.read_only, self.blind_write, self.batch]
        for _ in range(TRANSACTIONS_PER_THREAD):
            try:
                self.history.append(self.random.choice(kinds)())
            except ValueError as error:
                if not isinstance(error.__cause__, exceptions.Aborted):
                    raise
                # Google's client gives up after five attempts.
                self.given_up += 1

    def read_and_write(self) -> Event:
        event = Event()
        plan = self.random.getrandbits(32)

        @firestore.transactional
        def body(transaction: firestore.Transaction) -> None:
            chosen = random.Random(plan)
            event.read, event.found, event.written = {}, [], {}
            self._look(event, transaction, chosen)
            for id_ in chosen.sample(IDS, chosen.randint(1, 2)):
                event.written[id_] = None if event.written and chosen.random() < 0.3 else self._number()
                if event.written[id_] is None:
                    transaction.delete(self.collection.document(id_))
                else:
                    transaction.set(self.collection.document(id_), {"n": event.written[id_]})

        transaction = self.db.transaction()
        body(transaction)
        event.at = transaction.write_results[0].update_time
        return event

    def read_only(self) -> Event:
        event = Event(read_only=True)

        @firestore.transactional
        def body(transaction: firestore.Transaction) -> None:
            self._look(event, transaction, self.random)

        body(self.db.transaction(read_only=True))
        return event

    def blind_write(self) -> Event:
        event = Event(written={self.random.choice(IDS): self._number()})
        ((id_, number),) = event.written.items()
        event.at = self.collection.document(id_).set({"n": number}).update_time
        return event

    def batch(self) -> Event:
        event = Event(written={id_: self._number() for id_ in self.random.sample(IDS, 2)})
        batch = self.db.batch()
        for id_, number in event.written.items():
            batch.set(self.collection.document(id_), {"n": number})
        event.at = batch.commit()[0].update_time
        return event

    def _look(self, event: Event, transaction: firestore.Transaction, chosen: random.Random) -> None:
        for _ in range(chosen.randint(1, 2)):
            if chosen.random() < 0.6:
                for found in self.db.get_all(
                    [self.collection.document(id_) for id_ in chosen.sample(IDS, chosen.randint(1, 3))],
                    transaction=transaction,
                ):
                    event.read[found.id] = found.get("n") if found.exists else None
                    event.at = found.read_time
            else:
                self._search(event, transaction, chosen)

    def _search(self, event: Event, transaction: firestore.Transaction, chosen: random.Random) -> None:
        least = chosen.randrange(THREADS + 1) * 1_000_000
        asked = (least, least + 4_000_000, chosen.choice([None, 1, 2]))
        query = self.collection.where(filter=FieldFilter("n", ">=", asked[0])).where(
            filter=FieldFilter("n", "<", asked[1])
        )
        query = query.limit(asked[2]) if asked[2] else query
        found = query.get(transaction=transaction)
        event.found.append((asked, [(document.id, document.get("n")) for document in found]))
        if found:
            event.at = found[0].read_time
        elif event.at is None:
            # The client shows no read time of an empty answer: a missing document provides it.
            event.at = self.collection.document("none").get(transaction=transaction).read_time

    def _number(self) -> int:
        self._next += 1
        return self._next


class TestHistories:
    def test_commit_order_explains_every_read(self, contended_db):
        """Document reads and queries agree, in read-write and read-only transactions, with blind writes and batches."""
        initial = {id_: number for number, id_ in enumerate(IDS[:3], 1)}
        for id_, number in initial.items():
            contended_db.document(f"c/{id_}").set({"n": number})
        workers = [Worker(contended_db, seed) for seed in range(1, THREADS + 1)]
        started = time.monotonic()
        with ThreadPoolExecutor(THREADS) as threads:
            for done in [threads.submit(worker.work) for worker in workers]:
                done.result()
        history = [event for worker in workers for event in worker.history]
        given_up = sum(worker.given_up for worker in workers)
        print(f"{len(history)} in {time.monotonic() - started:.1f} s, {given_up} given up")
        last = explain(history, initial)
        assert {found.id: found.get("n") for found in contended_db.collection("c").stream()} == last
        assert given_up <= len(history) // 20

    def test_the_check_finds_a_lost_update(self):
        """Two transactions that both read 1 and both wrote cannot be serialized."""
        at = [datetime(2026, 1, 1, second=second, tzinfo=UTC) for second in (1, 2)]
        history = [Event(moment, read={"a": 1}, written={"a": 2}) for moment in at]
        with pytest.raises(AssertionError, match="read a = 1, where it was 2"):
            explain(history, {"a": 1})

    def test_the_check_finds_a_phantom(self):
        """A query that missed a document cannot be serialized."""
        at = datetime(2026, 1, 1, tzinfo=UTC)
        with pytest.raises(AssertionError):
            explain([Event(at, found=[((0, 9, None), [("a", 1)])])], {"a": 1, "b": 2})


class TestContention:
    def test_twenty_threads_increment_one_counter(self, contended_db):
        """All succeed within the client's five attempts."""
        counter = contended_db.document("c/counter")
        counter.set({"n": 0})
        start = threading.Barrier(21)

        def increment() -> None:
            @firestore.transactional
            def body(transaction: firestore.Transaction) -> None:
                transaction.update(counter, {"n": counter.get(transaction=transaction).get("n") + 1})

            start.wait()
            body(contended_db.transaction())

        with ThreadPoolExecutor(20) as threads:
            futures = [threads.submit(increment) for _ in range(20)]
            start.wait()
            for future in futures:
                future.result()
        assert counter.get().get("n") == 20
