"""The outbox of webhooks: when it hands them to the queue, and a backlog of any size and state."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from embedded_firebase.functions.discovery import discover
from embedded_firebase.tasks.policies import RetryPolicy
from imagegen.firebase.retries import Deadline
from imagegen.generations import store
from imagegen.generations.outbox import (
    enqueue_overdue_webhooks,
    enqueue_webhook,
    handed_over_until,
    is_too_old,
    next_due_at,
    placed,
)
from imagegen.generations.records import Delivery
from imagegen.generations.recovery import reconcile
from tests.generations.test_creation import create
from tests.generations.test_worker import submit
from tests.hosted import ROOT
from tests.world import NOON, World

MakeWorld = Callable[..., World]
HOOK = "https://shop.example.com/hook"


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    world = make_world()
    world.account("ada", 50)
    return world


def due(world: World) -> list[str]:
    return [generation_id for function, generation_id in world.queue.tasks if function == "deliverWebhook"]


def backlog(world: World, count: int, *, user_id: str = "ada", prefix: str = "b", **changed: object) -> list[str]:
    """Copies of a due webhook, which were due a minute ago, in the order of their ids."""
    generation_id = create(world, "ada", webhookUrl=HOOK).generation.generation_id
    fields = world.fields(f"generationRequests/{generation_id}") | {"userId": user_id}
    world.db.document(f"generationRequests/{generation_id}").delete()
    world.queue.tasks.clear()
    ids = [f"{prefix}{number:04}" for number in range(count)]
    for start in range(0, count, 400):
        batch = world.db.batch()
        for number, copy in enumerate(ids[start : start + 400], start):
            due_at = world.clock() - timedelta(minutes=1) + timedelta(milliseconds=number)
            copied = fields | {"webhookDueAt": due_at} | changed
            batch.set(world.db.document(f"generationRequests/{copy}"), copied)
        batch.commit()
    return ids


class TestSchedule:
    @pytest.mark.parametrize(
        ("age", "pause"),
        [
            (timedelta(0), timedelta(minutes=10)),
            (timedelta(minutes=20), timedelta(minutes=10)),
            (timedelta(minutes=21), timedelta(minutes=10, seconds=30)),
            (timedelta(hours=4), timedelta(hours=2)),
            (timedelta(hours=8), timedelta(hours=4)),
            (timedelta(days=2), timedelta(hours=4)),
        ],
    )
    def test_backs_off(self, world: World, age: timedelta, pause: timedelta) -> None:
        """The pause is half of the webhook's age, from ten minutes to four hours."""
        generation = create(world, "ada", webhookUrl=HOOK).generation
        assert next_due_at(generation, NOON + age) == NOON + age + pause

    def test_ends(self, world: World) -> None:
        """A webhook is too old after three days, counted anew from when it was resent."""
        generation = create(world, "ada", webhookUrl=HOOK).generation
        assert not is_too_old(generation, NOON + timedelta(days=3, microseconds=-1))
        assert is_too_old(generation, NOON + timedelta(days=3))
        resent = Delivery(resent_at=NOON + timedelta(days=2))
        assert not is_too_old(replace(generation, delivery=resent), NOON + timedelta(days=4))

    def test_the_queue_ends_first(self) -> None:
        """The queue's retries end before the outbox hands a webhook over again."""
        (deliver,) = [f for f in discover(ROOT / "functions") if f.name == "deliverWebhook"]
        retries = vars(deliver.call)["__firebase_endpoint__"].taskQueueTrigger["retryConfig"]
        policy = RetryPolicy(
            max_attempts=retries["maxAttempts"],
            min_backoff_seconds=retries["minBackoffSeconds"],
            max_backoff_seconds=retries["maxBackoffSeconds"],
            max_doublings=retries["maxDoublings"],
        )
        pauses = [policy.backoff_seconds(failures) for failures in range(1, policy.max_attempts)]
        assert timedelta(minutes=5) < timedelta(seconds=sum(pauses)) < handed_over_until(NOON) - NOON


class TestEnqueueWebhook:
    def test_many_of_an_account(self, world: World) -> None:
        """Those of one account that are enqueued together are eight a second, and the others' are not delayed."""
        ada = create(world, "ada", webhookUrl=HOOK).generation
        bob = replace(ada, user_id="bob")
        world.queue.delays_seconds.clear()
        for generation, place in placed([ada] * 9 + [bob] + [ada] * 200):
            enqueue_webhook(world.deps, generation, place)
        assert world.queue.delays_seconds == [0] * 8 + [1] + [0] + [number // 8 for number in range(9, 200)]

    def test_after_an_outage(self, world: World) -> None:
        """The webhooks of many generations that a reconcile refunds are paced too."""
        for _ in range(9):
            submit(world, "ada", webhookUrl=HOOK)
        world.queue.delays_seconds.clear()
        world.clock.advance(hours=1)
        reconcile(world.deps)
        assert sorted(world.queue.delays_seconds) == [0] * 8 + [1]


class TestEnqueueOverdueWebhooks:
    def test_at_its_time(self, world: World) -> None:
        """A webhook is handed over again ten minutes after the last time, and not before."""
        (generation_id,) = [create(world, "ada", webhookUrl=HOOK).generation.generation_id]
        world.queue.tasks.clear()
        for _ in range(2):
            world.clock.advance(minutes=10, seconds=-1)
            assert (enqueue_overdue_webhooks(world.deps), due(world)) == (0, [])
            world.clock.advance(seconds=1)
            assert (enqueue_overdue_webhooks(world.deps), due(world)) == (1, [generation_id])
            assert (enqueue_overdue_webhooks(world.deps), due(world)) == (0, [generation_id])
            world.queue.tasks.clear()

    def test_after_three_days(self, world: World) -> None:
        """A webhook that is due for three days is given up."""
        old = create(world, "ada", webhookUrl=HOOK).generation.generation_id
        world.clock.advance(days=3, minutes=-1)
        young = create(world, "ada", webhookUrl=HOOK).generation.generation_id
        world.clock.advance(minutes=10)
        world.queue.tasks.clear()
        assert enqueue_overdue_webhooks(world.deps) == 2
        assert due(world) == [young]
        fields = world.fields(f"generationRequests/{old}")
        assert (fields["webhook"], fields["webhookDueAt"]) == ("given_up", None)

    @pytest.mark.parametrize(
        ("state", "resent_at"), [("delivered", None), ("due", NOON + timedelta(days=3))], ids=["delivered", "resent"]
    )
    def test_changed_since_it_was_read(
        self, world: World, monkeypatch: pytest.MonkeyPatch, state: str, resent_at: datetime | None
    ) -> None:
        """A webhook that is delivered or resent while the outbox gives it up stays so."""
        old = create(world, "ada", webhookUrl=HOOK).generation.generation_id
        world.clock.advance(days=3)
        changed = {"webhook": state, "webhookDelivery.resentAt": resent_at}
        pages = store.due_webhooks

        def changed_meanwhile(*arguments: Any) -> Iterator[store.Page]:
            for page in pages(*arguments):
                world.db.document(f"generationRequests/{old}").update(changed)
                yield page

        monkeypatch.setattr(store, "due_webhooks", changed_meanwhile)
        assert enqueue_overdue_webhooks(world.deps) == 1
        assert world.fields(f"generationRequests/{old}")["webhook"] == state

    def test_corrupt_ones_in_front(self, world: World) -> None:
        """A page and more of corrupt documents in front does not hold up the others."""
        backlog(world, 250, prefix="a", status="nonsense")
        good = backlog(world, 3, user_id="bob", webhookDueAt=world.clock())
        assert enqueue_overdue_webhooks(world.deps) == 3
        assert sorted(due(world)) == good

    def test_a_backlog_of_one_account(self, world: World) -> None:
        """The backlog of one account does not hold up others in the same run; what exceeds its share is postponed."""
        backlog(world, 450, prefix="a")
        good = backlog(world, 3, user_id="bob", webhookDueAt=world.clock())
        assert enqueue_overdue_webhooks(world.deps) == 453
        enqueued = set(due(world))
        assert set(good) < enqueued
        # Eight a second, so that they cannot fill the queue.
        assert sorted(world.queue.delays_seconds[-203:]) == sorted([0] * 3 + [number // 8 for number in range(200)])
        assert len(enqueued) == 203
        waiting = world.fields("generationRequests/a0449")
        assert (waiting["webhook"], waiting["webhookDueAt"]) == ("due", world.clock() + timedelta(minutes=10))
        assert enqueue_overdue_webhooks(world.deps) == 0

    def test_one_that_fails(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """A webhook that cannot be written does not hold up the others, and is not counted."""
        ids = backlog(world, 3)
        write = store.write_webhook_due_at

        def failing(db: Any, generation_id: str, due_at: datetime) -> None:
            if generation_id == ids[0]:
                raise ValueError("no")
            write(db, generation_id, due_at)

        monkeypatch.setattr(store, "write_webhook_due_at", failing)
        assert enqueue_overdue_webhooks(world.deps) == 2
        assert sorted(due(world)) == ids[1:]

    def test_its_time(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """When its time is over it ends, also within a page; the next run goes on."""
        backlog(world, 250)
        write, written = store.write_webhook_due_at, []
        allows = Deadline.allows

        def count(*arguments: Any) -> None:
            written.append(arguments)
            write(*arguments)

        monkeypatch.setattr(store, "write_webhook_due_at", count)
        monkeypatch.setattr(Deadline, "allows", lambda self, pause: len(written) < 100 and allows(self, pause))
        first = enqueue_overdue_webhooks(world.deps)
        assert 100 <= first < 200
        monkeypatch.setattr(Deadline, "allows", allows)
        assert (enqueue_overdue_webhooks(world.deps), enqueue_overdue_webhooks(world.deps)) == (250 - first, 0)
