"""What reconcile recovers: expired leases, tasks that the queue lost, pictures that were not delivered."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from pytest_mock import MockerFixture

from imagegen.config import Settings
from imagegen.firebase.identity import UNRESTRICTED
from imagegen.generations import recovery
from imagegen.generations import store as generations_store
from imagegen.generations.lookup import cancel_generation
from imagegen.generations.recovery import Recovered, Unsettled, reconcile
from imagegen.generations.settlement import end
from imagegen.generations.worker import process
from imagegen.images.records import Image
from imagegen.kit.errors import TryAgain, Unavailable
from imagegen.providers.model import ImageRequest, ModelError
from tests.crash.mortal import abandon
from tests.generations.test_creation import create
from tests.generations.test_worker import die_while_drawing, stage, submit, submitted
from tests.world import A_PICTURE, NOON, AlwaysFails, Does, Paints, World

MakeWorld = Callable[..., World]
PROCESS = "processGeneration"


class TestExpiredLeases:
    def test_are_refunded(self, make_world: MakeWorld) -> None:
        """A pending generation past its lease is failed and refunded; a second run finds none."""
        world = make_world()
        ada = world.account("ada", 5)
        abandon(world)
        abandon(world)
        world.clock.advance(seconds=180)
        assert reconcile(world.deps) == Recovered(refunded=2)
        assert reconcile(world.deps) == Recovered()
        assert world.credits(ada) == 5
        assert {generation["failureReason"] for generation in world.generations()} == {"LEASE_EXPIRED"}
        world.check_books(ada)

    def test_a_lease_that_lasts(self, make_world: MakeWorld) -> None:
        """A generation whose lease has not expired is left alone."""
        world = make_world()
        ada = world.account("ada", 5)
        create(world, ada)
        abandon(world)
        world.clock.advance(seconds=179)
        assert reconcile(world.deps) == Recovered()
        assert world.credits(ada) == 3

    def test_an_unreadable_document(self, make_world: MakeWorld, capsys: pytest.CaptureFixture[str]) -> None:
        """An unreadable document does not keep others from their refund; the run fails, so that it raises an alert."""
        world = make_world()
        ada = world.account("ada", 5)
        for _ in range(2):
            abandon(world)
        broken = world.generations()[0]["id"]
        world.db.document(f"generationRequests/{broken}").update({"failureReason": "BAD_LUCK"})
        world.clock.advance(seconds=181)
        with pytest.raises(Unsettled, match="1 records could not be recovered; 1 generations were refunded"):
            reconcile(world.deps)
        assert f"generationRequests/{broken} is corrupt" in capsys.readouterr().err
        assert world.credits(ada) == 4

    def test_a_refund_that_fails(self, make_world: MakeWorld, capsys: pytest.CaptureFixture[str]) -> None:
        """A refund that fails is logged, stops no other refund, and the run fails."""
        world = make_world()
        ada = world.account("ada", 5)
        abandon(world)
        broken = world.account("broken", -1)
        world.db.document(f"generationRequests/{world.generations()[0]['id']}").update({"userId": broken})
        abandon(world)
        world.clock.advance(seconds=180)
        for refunded in (1, 0):
            with pytest.raises(Unsettled, match=f"1 records .* {refunded} generations"):
                reconcile(world.deps)
            assert '"severity": "ERROR"' in capsys.readouterr().err
        assert world.credits(ada) == 4

    def test_more_broken_ones_in_front_than_a_page(self, make_world: MakeWorld, mocker: MockerFixture) -> None:
        """Records that cannot be recovered do not hide those behind them, however many they are."""
        mocker.patch.object(recovery, "_PAGE_SIZE", 2)
        world = make_world()
        ada = world.account("ada", 6)
        broken = world.account("broken", -1)
        for number in range(6):
            abandon(world)
            found = max(world.generations(), key=lambda each: str(each["leaseExpiresAt"]))["id"]
            changed: list[dict[str, Any]] = [{"userId": broken}, {"failureReason": "BAD_LUCK"}]
            if number < 5:
                world.db.document(f"generationRequests/{found}").update(changed[number % 2])
            world.clock.advance(seconds=1)
        world.clock.advance(seconds=181)
        with pytest.raises(Unsettled, match=r"5 records .* 1 generations"):
            reconcile(world.deps)
        assert world.credits(ada) == 1

    def test_an_account_that_is_contended(self, make_world: MakeWorld, mocker: MockerFixture) -> None:
        """An account for which Firestore is not available does not keep the others from their refunds."""
        mocker.patch.object(recovery, "_PAGE_SIZE", 2)
        world = make_world(settings=Settings(reconcile_threads=1))
        for user_id in ("ada", "bob"):
            world.account(user_id, 5)
        for _ in range(4):
            abandon(world)
            world.clock.advance(seconds=1)
        newest = max(world.generations(), key=lambda each: str(each["leaseExpiresAt"]))["id"]
        world.db.document(f"generationRequests/{newest}").update({"userId": "bob"})
        asked: list[str] = []

        def contended(deps: Any, reservation: Any, outcome: Any) -> Any:
            asked.append(reservation.generation.user_id)
            if asked[-1] == "ada":
                raise Unavailable
            return end(deps, reservation, outcome)

        mocker.patch.object(recovery, "end", contended)
        world.clock.advance(seconds=180)
        with pytest.raises(Unsettled, match=r"1 records .* 1 generations"):
            reconcile(world.deps)
        assert asked == ["ada", "bob"]
        assert (world.credits("ada"), world.credits("bob")) == (1, 6)

    def test_firestore_unavailable(self, make_world: MakeWorld, mocker: MockerFixture) -> None:
        """If Firestore is unavailable for a query, the run ends."""
        world = make_world()
        mocker.patch.object(generations_store, "_pages", side_effect=Unavailable)
        with pytest.raises(Unavailable):
            reconcile(world.deps)

    def test_the_time_limit(self, make_world: MakeWorld) -> None:
        """A run ends at its time limit, and the next one goes on."""
        world = make_world(settings=Settings(reconcile_time_limit_seconds=0))
        ada = world.account("ada", 5)
        abandon(world)
        world.clock.advance(seconds=180)
        assert reconcile(world.deps) == Recovered()
        assert world.credits(ada) == 4

    def test_overlapping_runs_refund_once(self, make_world: MakeWorld) -> None:
        """Overlapping runs settle each generation once."""
        world = make_world()
        ada = world.account("ada", 5)
        for _ in range(3):
            abandon(world)
        world.clock.advance(seconds=180)
        with ThreadPoolExecutor(5) as runs:
            list(runs.map(lambda _: reconcile(world.deps), range(5)))
        assert world.credits(ada) == 5
        assert len(world.ledger(ada)) == 6
        world.check_books(ada)

    def test_webhooks_come_after_all_refunds(self, make_world: MakeWorld) -> None:
        """A queue that hangs keeps no refund: the webhooks are enqueued when all refunds are done."""
        world = make_world()
        ada = world.account("ada", 5)
        for _ in range(2):
            abandon(world)
        for generation in world.generations():
            world.db.document(f"generationRequests/{generation['id']}").update({"webhookUrl": "https://example.com/h"})
        credits: list[int] = []
        enqueue = world.queue.enqueue

        def look(function: str, data: dict[str, str], delay_seconds: int = 0) -> None:
            credits.append(world.credits(ada))
            enqueue(function, data, delay_seconds)

        world.queue.enqueue = look  # type: ignore[method-assign]
        world.clock.advance(seconds=180)
        reconcile(world.deps)
        assert credits == [5, 5]
        assert sorted(world.queue.tasks) == sorted(("deliverWebhook", each["id"]) for each in world.generations())


class TestDeadWorkers:
    def test_go_back_to_the_queue(self, make_world: MakeWorld) -> None:
        """A generation whose worker died is queued again, with a task of its own, and then drawn."""
        world = make_world(model_a=Paints())
        ada = world.account("ada", 5)
        created = submit(world, ada)
        generation_id = created.generation.generation_id
        die_while_drawing(world, created)
        attempt_id = submitted(world, created).attempt_id
        world.queue.tasks.clear()
        world.clock.advance(seconds=181)
        assert reconcile(world.deps) == Recovered(taken_back=1)
        waiting = submitted(world, created)
        assert (waiting.started_at, waiting.attempts) == (None, 1)
        assert waiting.lease_expires_at == NOON + timedelta(hours=1)
        assert waiting.attempt_id != attempt_id
        assert world.queue.tasks == [(PROCESS, generation_id)]
        process(world.deps, generation_id)
        assert stage(world, created) == ("completed", None)
        assert submitted(world, created).attempts == 2
        world.check_books(ada)

    def test_overlapping_runs(self, make_world: MakeWorld, capsys: pytest.CaptureFixture[str]) -> None:
        """Of overlapping runs one queues the generation again: there is one task, and one line of the log."""
        world = make_world()
        created = submit(world, world.account("ada", 5))
        die_while_drawing(world, created)
        world.queue.tasks.clear()
        world.clock.advance(seconds=181)
        with ThreadPoolExecutor(5) as runs:
            list(runs.map(lambda _: reconcile(world.deps), range(5)))
        assert world.queue.tasks == [(PROCESS, created.generation.generation_id)]
        assert capsys.readouterr().out.count("queued again after its lease") == 1

    def test_the_last_attempt(self, make_world: MakeWorld) -> None:
        """A generation whose workers died at all its attempts is refunded."""
        world = make_world(settings=Settings(model_attempts=2))
        ada = world.account("ada", 5)
        created = submit(world, ada)
        for expected in (Recovered(taken_back=1), Recovered(refunded=1)):
            die_while_drawing(world, created)
            world.clock.advance(seconds=181)
            assert reconcile(world.deps) == expected
        assert stage(world, created) == ("failed", "LEASE_EXPIRED")
        world.check_books(ada)

    def test_the_end_of_the_hour(self, make_world: MakeWorld) -> None:
        """A worker that died when the time in the queue is over is not replaced."""
        world = make_world()
        ada = world.account("ada", 5)
        created = submit(world, ada)
        world.clock.advance(seconds=3599 - 180)
        die_while_drawing(world, created)
        world.clock.advance(seconds=181)
        assert reconcile(world.deps) == Recovered(refunded=1)
        world.check_books(ada)

    def test_a_synchronous_one(self, make_world: MakeWorld) -> None:
        """A generation whose caller waited is refunded, not queued."""
        world = make_world()
        ada = world.account("ada", 5)
        abandon(world)
        world.clock.advance(seconds=181)
        assert reconcile(world.deps) == Recovered(refunded=1)
        assert world.queue.tasks == []
        assert world.credits(ada) == 5

    def test_a_worker_that_is_alive(self, make_world: MakeWorld) -> None:
        """A worker that fails after its generation was queued again does not end it."""
        world = make_world()
        failures: list[str] = []

        def outlast_the_lease(request: ImageRequest) -> Image:
            if failures:
                return Image("https://images.example.com/second.png")
            failures.append("late")
            world.clock.advance(seconds=181)
            reconcile(world.deps)
            raise ModelError("too late to say")

        world.deps.image_models["model-a"].generate = outlast_the_lease  # type: ignore[method-assign]
        ada = world.account("ada", 5)
        created = submit(world, ada)
        process(world.deps, created.generation.generation_id, is_last_delivery=True)
        assert stage(world, created) == ("pending", None)
        process(world.deps, created.generation.generation_id)
        assert stage(world, created) == ("completed", None)
        world.check_books(ada)

    def test_a_replay(self, make_world: MakeWorld) -> None:
        """A repeated call finds a dead worker's generation queued again, as reconcile would."""
        world = make_world()
        ada = world.account("ada", 5)
        created = submit(world, ada, "key")
        die_while_drawing(world, created)
        world.queue.tasks.clear()
        world.clock.advance(seconds=181)
        again = submit(world, ada, "key")
        assert (again.generation.stage, again.generation.attempts) == ("queued", 1)
        assert world.queue.tasks == [(PROCESS, created.generation.generation_id)]
        process(world.deps, created.generation.generation_id)
        world.check_books(ada)


class TestLostTasks:
    def test_are_enqueued_again(self, make_world: MakeWorld) -> None:
        """A task that was lost is enqueued again after 2 minutes, then after 4, 8, 16 and 32: five times in an hour."""
        world = make_world()
        ada = world.account("ada", 5)
        created = submit(world, ada)
        world.queue.tasks.clear()
        enqueued_after: list[int] = []
        for minute in range(1, 60):
            world.clock.advance(minutes=1)
            if reconcile(world.deps).enqueued:
                enqueued_after.append(minute)
        assert enqueued_after == [2, 6, 14, 30]
        assert world.queue.tasks == [(PROCESS, created.generation.generation_id)] * 4
        process(world.deps, created.generation.generation_id)
        world.check_books(ada)

    def test_not_while_it_is_drawn(self, make_world: MakeWorld) -> None:
        """A generation that is drawn, or has ended, is not enqueued again."""

        def reconcile_meanwhile() -> None:
            world.clock.advance(minutes=2)
            assert reconcile(world.deps) == Recovered()

        world = make_world(model_a=Does(reconcile_meanwhile))
        ada = world.account("ada", 5)
        created = submit(world, ada)
        process(world.deps, created.generation.generation_id)
        assert submitted(world, created).enqueue_again_at is None
        world.clock.advance(minutes=30)
        assert reconcile(world.deps) == Recovered()
        assert len(world.queue.tasks) == 1

    def test_between_attempts(self, make_world: MakeWorld) -> None:
        """A retry that the queue does not deliver is enqueued again 2 minutes later, and not before."""
        world = make_world(model_a=AlwaysFails())
        ada = world.account("ada", 5)
        created = submit(world, ada)
        with pytest.raises(TryAgain):
            process(world.deps, created.generation.generation_id)
        assert len(world.queue.tasks) == 1
        world.clock.advance(seconds=119)
        assert reconcile(world.deps) == Recovered()
        world.clock.advance(seconds=1)
        assert reconcile(world.deps) == Recovered(enqueued=1)

    def test_overlapping_runs(self, make_world: MakeWorld) -> None:
        """Of overlapping runs one enqueues the task."""
        world = make_world()
        submit(world, world.account("ada", 5))
        world.clock.advance(minutes=2)
        with ThreadPoolExecutor(5) as runs:
            list(runs.map(lambda _: reconcile(world.deps), range(5)))
        assert len(world.queue.tasks) == 2

    def test_a_queue_that_fails(self, make_world: MakeWorld) -> None:
        """A task that the queue does not confirm is not counted, and enqueued again later."""
        world = make_world()
        ada = world.account("ada", 5)
        created = submit(world, ada)
        world.queue.fails = True
        world.clock.advance(minutes=2)
        assert reconcile(world.deps) == Recovered()
        assert submitted(world, created).stage == "queued"
        world.queue.fails = False
        world.clock.advance(minutes=4)
        assert reconcile(world.deps) == Recovered(enqueued=1)


class TestPictures:
    def late(self, make_world: MakeWorld) -> World:
        """A world whose model draws only after its lease, when reconcile has refunded the generation."""

        class Late(Paints):
            def generate(self, request: ImageRequest) -> Any:
                world.clock.advance(seconds=181)
                reconcile(world.deps)
                return super().generate(request)

        world = make_world(settings=Settings(model_attempts=1), model_a=Late())
        world.account("ada", 5)
        return world

    def test_a_late_one_is_deleted_at_once(self, make_world: MakeWorld) -> None:
        """A picture that comes after the refund is deleted."""
        world = self.late(make_world)
        created = submit(world, "ada")
        process(world.deps, created.generation.generation_id)
        assert stage(world, created) == ("failed", "LEASE_EXPIRED")
        assert world.shelf.pictures == {}
        world.check_books("ada")

    def test_one_that_could_not_be_deleted(self, make_world: MakeWorld) -> None:
        """A picture that could not be deleted is deleted later, and its record is then left alone."""
        world = make_world()
        ada = world.account("ada", 5)
        abandon(world)
        generation_id = world.generations()[0]["id"]
        world.shelf.save(generation_id, A_PICTURE)
        world.clock.advance(seconds=180)
        reconcile(world.deps)
        world.clock.advance(seconds=299)
        assert reconcile(world.deps) == Recovered()
        world.shelf.fails = True
        world.clock.advance(seconds=1)
        assert reconcile(world.deps) == Recovered()
        world.shelf.fails = False
        assert reconcile(world.deps) == Recovered(pictures_deleted=1)
        assert world.shelf.pictures == {}
        assert reconcile(world.deps) == Recovered()
        world.check_books(ada)

    def test_a_delivered_one_stays(self, make_world: MakeWorld) -> None:
        """The picture of a completed generation is never deleted."""
        world = make_world(model_a=Paints())
        ada = world.account("ada", 5)
        created = submit(world, ada)
        for _ in range(2):
            process(world.deps, created.generation.generation_id)
        world.clock.advance(days=1)
        assert reconcile(world.deps) == Recovered()
        assert list(world.shelf.pictures) == [created.generation.generation_id]

    def test_a_late_one_under_another_url(self, make_world: MakeWorld) -> None:
        """An attempt that is late does not delete the picture that another one delivered, though its URL differs."""
        world = make_world(model_a=Paints())
        ada = world.account("ada", 5)
        paints = world.deps.image_models["model-a"]

        class Overtaken:
            def generate(self, request: ImageRequest) -> Any:
                world.deps.image_models["model-a"].generate = paints.generate  # type: ignore[method-assign]
                world.clock.advance(seconds=181)
                process(world.deps, request.generation_id)
                world.shelf._image = lambda generation_id: Image("https://elsewhere.example.com/")  # type: ignore[method-assign]
                return paints.generate(request)

        world.deps.image_models["model-a"] = Overtaken()  # type: ignore[index]
        created = submit(world, ada)
        process(world.deps, created.generation.generation_id)
        assert stage(world, created) == ("completed", None)
        assert list(world.shelf.pictures) == [created.generation.generation_id]

    def test_of_a_cancelled_generation(self, make_world: MakeWorld) -> None:
        """A picture whose worker died after storing it is deleted if the generation is cancelled."""
        world = make_world()
        ada = world.account("ada", 5)
        created = submit(world, ada)
        die_while_drawing(world, created)
        world.shelf.save(created.generation.generation_id, A_PICTURE)
        world.clock.advance(seconds=181)
        reconcile(world.deps)
        cancel_generation(world.deps, UNRESTRICTED, created.generation.generation_id)
        world.clock.advance(minutes=5)
        assert reconcile(world.deps) == Recovered(pictures_deleted=1)
        assert world.shelf.pictures == {}
        world.check_books(ada)

    def test_a_failure_without_a_picture(self, make_world: MakeWorld) -> None:
        """A model that failed at its only attempt has stored none: there is nothing to delete."""
        world = make_world(settings=Settings(model_attempts=1), model_a=AlwaysFails())
        ada = world.account("ada", 5)
        created = submit(world, ada)
        process(world.deps, created.generation.generation_id)
        assert submitted(world, created).delete_picture_at is None

    def test_one_that_may_have_been_stored(self, make_world: MakeWorld) -> None:
        """An upload that failed may have been applied: it is deleted later."""
        world = make_world(settings=Settings(model_attempts=1), model_a=Paints())
        ada = world.account("ada", 5)
        world.shelf.fails = True
        created = submit(world, ada)
        process(world.deps, created.generation.generation_id)
        assert stage(world, created) == ("failed", "STORAGE_ERROR")
        assert submitted(world, created).delete_picture_at == NOON + timedelta(minutes=5)
        world.check_books(ada)
