"""Asynchronous generations: queue, claim, retries, and tasks that are delivered too often or too late."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from google.cloud import firestore
from pytest_mock import MockerFixture

from embedded_firebase.firestore.testing.faults import DatabaseFaults
from imagegen.config import Settings
from imagegen.credits.errors import InsufficientCredits
from imagegen.generations import store as generations_store
from imagegen.generations.creation import Created, create_generation_request
from imagegen.generations.errors import GenerationFailed, RequestInProgress
from imagegen.generations.records import Generation, Stage
from imagegen.generations.recovery import reconcile
from imagegen.generations.worker import process
from imagegen.images.records import Image, Picture
from imagegen.kit.errors import IdempotencyKeyReused, TryAgain, Unavailable
from imagegen.providers.model import ImageRequest, ModelError, ModelRefusedError
from tests.crash.mortal import Killed, Process, dies_before
from tests.generations.test_creation import create
from tests.world import A_PICTURE, AlwaysFails, Does, Draws, Paints, World, make_deps

MakeWorld = Callable[..., World]


def submit(world: World, user_id: str, key: str | None = None, **changed: Any) -> Created:
    return create_generation_request(world.deps, world.order(user_id, **changed), key, respond_async=True)


def stage(world: World, created: Created) -> tuple[str, str | None]:
    """The status of a generation and its failure reason."""
    fields = world.fields(f"generationRequests/{created.generation.generation_id}")
    return fields["status"], fields["failureReason"]


class TestSubmit:
    def test_charges_and_queues(self, make_world: MakeWorld) -> None:
        """A queued generation is charged at once and enqueued once, and no model is asked."""
        model = Draws()
        world = make_world(model_a=model)
        ada = world.account("ada", 5)
        created = submit(world, ada)
        assert created.generation.stage is Stage.QUEUED
        assert world.credits(ada) == 4
        assert world.queue.tasks == [("processGeneration", created.generation.generation_id)]
        assert model.requests == []

    def test_refusals_queue_nothing(self, make_world: MakeWorld) -> None:
        """A request that the account cannot pay is not enqueued."""
        world = make_world()
        world.account("ada", 0)
        with pytest.raises(InsufficientCredits):
            submit(world, "ada")
        assert world.queue.tasks == []

    def test_a_replay_has_the_current_status(self, make_world: MakeWorld) -> None:
        """The same key finds the generation, queued and then completed, and enqueues no second task."""
        world = make_world()
        ada = world.account("ada", 5)
        first = submit(world, ada, "key")
        again = submit(world, ada, "key")
        assert (again.replayed, again.generation.stage) == (True, Stage.QUEUED)
        process(world.deps, first.generation.generation_id)
        assert submit(world, ada, "key").generation.stage is Stage.COMPLETED
        assert len(world.queue.tasks) == 1
        world.check_books(ada)

    def test_a_replay_of_a_failure_is_a_status(self, make_world: MakeWorld) -> None:
        """The same key finds a failed generation as a status, not as an error."""
        world = make_world(settings=Settings(model_attempts=1), model_a=AlwaysFails())
        ada = world.account("ada", 5)
        process(world.deps, submit(world, ada, "key").generation.generation_id)
        assert submit(world, ada, "key").generation.stage is Stage.FAILED

    def test_a_retry_enqueues_a_task_that_was_never_enqueued(self, make_world: MakeWorld) -> None:
        """If the process died between charge and queue, a retry with the key enqueues the task, a minute later."""
        world = make_world()
        ada = world.account("ada", 5)
        with Process(world, {"task": dies_before}) as mortal, pytest.raises(Killed):
            submit(replace(world, deps=mortal.deps), ada, "key")
        assert world.queue.tasks == []
        with pytest.raises(RequestInProgress):
            create(world, ada, "key")
        assert submit(world, ada, "key").replayed
        assert world.queue.tasks == []
        world.clock.advance(seconds=60)
        again = submit(world, ada, "key")
        assert (again.replayed, world.queue.tasks) == (True, [("processGeneration", again.generation.generation_id)])
        process(world.deps, again.generation.generation_id)
        assert stage(world, again) == ("completed", None)
        world.check_books(ada)

    def test_a_retry_that_the_queue_refuses(self, make_world: MakeWorld) -> None:
        """If the queue refuses the task again, the retry is a 503; the first task may still have arrived."""
        world = make_world()
        ada = world.account("ada", 5)
        first = submit(world, ada, "key")
        world.clock.advance(seconds=60)
        world.queue.fails = True
        with pytest.raises(Unavailable):
            submit(world, ada, "key")
        process(world.deps, first.generation.generation_id)
        assert submit(world, ada, "key").generation.stage is Stage.COMPLETED
        world.check_books(ada)

    def test_a_key_identifies_one_request(self, make_world: MakeWorld) -> None:
        """The same key with another body is refused, synchronous or not."""
        world = make_world()
        ada = world.account("ada", 5)
        submit(world, ada, "key")
        with pytest.raises(IdempotencyKeyReused):
            submit(world, ada, "key", prompt="a wolf")
        with pytest.raises(RequestInProgress):
            create(world, ada, "key")

    @pytest.mark.parametrize("takes", [True, False])
    def test_a_failed_enqueue_is_refunded(self, make_world: MakeWorld, takes: bool) -> None:
        """If enqueueing fails the credits are back at once; a task that was taken nevertheless does nothing."""
        model = Draws()
        world = make_world(model_a=model)
        ada = world.account("ada", 5)
        world.queue.fails, world.queue.takes = True, takes
        with pytest.raises(GenerationFailed) as failed:
            submit(world, ada, "key")
        assert failed.value.metadata["failureReason"] == "QUEUE_ERROR"
        assert world.credits(ada) == 5
        process(world.deps, failed.value.metadata["generationRequestId"])
        assert model.requests == []
        world.check_books(ada)
        with pytest.raises(GenerationFailed) as again:
            submit(world, ada, "key")
        assert again.value.metadata == failed.value.metadata
        assert again.value.headers == {"Idempotent-Replayed": "true"}

    def test_fifty_replays(self, make_world: MakeWorld) -> None:
        """Of fifty calls with one key within a minute the first enqueues a task, and of fifty more one."""
        world = make_world()
        ada = world.account("ada", 5)
        for tasks in (1, 2):
            with ThreadPoolExecutor(10) as callers:
                list(callers.map(lambda _: submit(world, ada, "key"), range(50)))
            assert len(world.queue.tasks) == tasks
            world.clock.advance(seconds=60)
        assert world.credits(ada) == 4


class TestProcess:
    def test_draws(self, make_world: MakeWorld) -> None:
        """A queued generation is drawn, stored and completed in four round trips."""
        world = make_world(model_a=Paints())
        ada = world.account("ada", 5)
        created = submit(world, ada)
        process(world.deps, created.generation.generation_id)
        fields = world.fields(f"generationRequests/{created.generation.generation_id}")
        assert (fields["status"], fields["attempts"]) == ("completed", 1)
        assert fields["imageUrl"] == f"https://images.example.com/{created.generation.generation_id}.png"
        world.check_books(ada)

    def test_a_redelivery_does_nothing(self, make_world: MakeWorld) -> None:
        """A task delivered again after the generation ended changes nothing, neither at once nor after its lease."""
        model = Paints()
        world = make_world(model_a=model)
        ada = world.account("ada", 5)
        created = submit(world, ada)
        process(world.deps, created.generation.generation_id)
        ended = submitted(world, created)
        for seconds in (0, 181):
            world.clock.advance(seconds=seconds)
            process(world.deps, created.generation.generation_id)
        assert model.asked == 1
        assert submitted(world, created) == ended
        assert stage(world, created) == ("completed", None)
        world.check_books(ada)

    def test_a_delivery_during_a_live_lease_is_refused(self, make_world: MakeWorld) -> None:
        """A task delivered while another draws changes nothing and is delivered again later."""
        found: list[str] = []

        def deliver_again() -> None:
            with pytest.raises(TryAgain):
                process(world.deps, created.generation.generation_id)
            found.append(world.fields(f"generationRequests/{created.generation.generation_id}")["attemptId"])

        world = make_world(model_a=Does(deliver_again))
        ada = world.account("ada", 5)
        created = submit(world, ada)
        process(world.deps, created.generation.generation_id)
        stored = world.fields(f"generationRequests/{created.generation.generation_id}")
        assert (stored["status"], [stored["attemptId"]]) == ("completed", found)
        world.check_books(ada)

    def test_twenty_concurrent_deliveries(self, make_world: MakeWorld) -> None:
        """Of concurrent deliveries of one task exactly one draws."""
        model = Paints()
        world = make_world(model_a=model)
        ada = world.account("ada", 5)
        created = submit(world, ada)

        def deliver(_: int) -> str:
            try:
                process(world.deps, created.generation.generation_id)
            except TryAgain:
                return "again"
            return "done"

        with ThreadPoolExecutor(20) as pool:
            list(pool.map(deliver, range(20)))
        assert model.asked == 1
        world.check_books(ada)

    def test_an_expired_claim_is_taken_over(self, make_world: MakeWorld) -> None:
        """A generation of a dead process is drawn by the next delivery after its lease has expired."""
        world = make_world(model_a=Paints())
        ada = world.account("ada", 5)
        created = submit(world, ada)
        die_while_drawing(world, created)
        with pytest.raises(TryAgain):
            process(world.deps, created.generation.generation_id)
        world.clock.advance(seconds=181)
        process(world.deps, created.generation.generation_id)
        assert stage(world, created) == ("completed", None)
        world.check_books(ada)

    def test_a_stored_picture_is_not_drawn_again(self, make_world: MakeWorld) -> None:
        """If a process died after storing its picture, the next attempt uses it and asks no model."""
        model = Paints()
        world = make_world(model_a=model)
        ada = world.account("ada", 5)
        created = submit(world, ada)
        world.deps.images.save(created.generation.generation_id, A_PICTURE)
        die_while_drawing(world, created)
        world.clock.advance(seconds=181)
        process(world.deps, created.generation.generation_id)
        assert stage(world, created) == ("completed", None)
        assert model.asked == 0

    def test_too_late(self, make_world: MakeWorld) -> None:
        """A task delivered after the queue's time limit finds the generation refunded."""
        model = Paints()
        world = make_world(model_a=model)
        ada = world.account("ada", 5)
        created = submit(world, ada)
        world.clock.advance(seconds=3601)
        process(world.deps, created.generation.generation_id)
        assert stage(world, created) == ("failed", "LEASE_EXPIRED")
        assert model.asked == 0
        world.check_books(ada)

    def test_reconcile_waits_for_the_queue(self, make_world: MakeWorld) -> None:
        """Reconcile refunds a queued generation after the queue's time limit, not after a lease."""
        world = make_world()
        ada = world.account("ada", 5)
        submit(world, ada)
        world.clock.advance(seconds=3599)
        assert reconcile(world.deps).refunded == 0
        world.clock.advance(seconds=1)
        assert reconcile(world.deps).refunded == 1
        assert world.credits(ada) == 5
        world.check_books(ada)

    def test_an_unknown_generation(self, make_world: MakeWorld) -> None:
        """A task for an unknown generation is dropped."""
        process(make_world().deps, "nothing")

    def test_an_option_that_was_disabled(self, make_world: MakeWorld) -> None:
        """If a style was disabled after the charge, the generation is refunded and no model is asked."""
        model = Paints()
        world = make_world(model_a=model)
        ada = world.account("ada", 5)
        created = submit(world, ada)
        world.db.document("styles/anime").update({"enabled": False})
        world.clock.advance(seconds=31)
        process(world.deps, created.generation.generation_id)
        assert stage(world, created) == ("failed", "NOT_OFFERED")
        assert model.asked == 0
        world.check_books(ada)

    def test_a_replay_while_it_ends(self, make_world: MakeWorld, mocker: MockerFixture) -> None:
        """A generation that ends between the two reads of a replay after its lease does not change any more."""
        world = make_world(model_a=Paints())
        created = submit(world, world.account("ada", 5), "key-1")
        generation_id = created.generation.generation_id
        with Process(world, {"model": dies_before}) as mortal, pytest.raises(Killed):
            process(mortal.deps, generation_id)
        world.clock.advance(seconds=181)
        read_current = generations_store.read_current

        def read_after_the_end(*given: Any) -> Any:
            process(world.deps, generation_id)
            return read_current(*given)

        mocker.patch.object(generations_store, "read_current", read_after_the_end)
        assert submit(world, "ada", "key-1").generation.stage is Stage.COMPLETED
        assert submitted(world, created).started_at is not None
        assert len(world.queue.tasks) == 1
        world.check_books("ada")

    def test_a_replay_after_the_catalog_changed(self, make_world: MakeWorld) -> None:
        """A queued generation is answered again, still pending, when its model is not sold any more."""
        world = make_world()
        first = submit(world, world.account("ada", 5), "key-1")
        world.db.document("models/model-a").update({"enabled": False})
        world.clock.advance(minutes=1)
        again = submit(world, "ada", "key-1")
        assert (again.generation.generation_id, again.generation.stage) == (
            first.generation.generation_id,
            Stage.QUEUED,
        )
        assert again.replayed

    def test_an_option_that_is_newer_than_the_cached_catalog(self, make_world: MakeWorld) -> None:
        """An option that another process sold from a newer catalog is drawn."""
        world = make_world()
        ada = world.account("ada", 9)
        seller = make_deps(world.db, new_id=world.deps.new_id, tasks=world.queue)
        world.deps.catalog.current()
        world.db.document("sizes/2048x2048").set({"name": "2048x2048", "credits": 4})
        created = submit(replace(world, deps=seller), ada, size="2048x2048")
        process(world.deps, created.generation.generation_id)
        assert stage(world, created) == ("completed", None)
        world.check_books(ada)

    def test_an_option_whose_id_is_the_name_of_another(self, make_world: MakeWorld) -> None:
        """An order keeps its canonical id, even if that id is the name of another entry."""
        draws = Draws()
        world = make_world(model_a=draws)
        ada = world.account("ada", 9)
        world.db.document("sizes/a").set({"name": "b", "credits": 1, "width": 64, "height": 64})
        world.db.document("sizes/b").set({"name": "Big", "credits": 4, "width": 2048, "height": 2048})
        process(world.deps, submit(world, ada, size="Big").generation.generation_id)
        assert [asked.width for asked in draws.requests] == [2048]
        assert world.credits(ada) == 5


class TestCatalog:
    def test_without_a_catalog_no_attempt_is_spent(self, make_world: MakeWorld, mocker: MockerFixture) -> None:
        """If the catalog cannot be loaded, the task is delivered again and the generation is not claimed."""
        world = make_world(model_a=Draws())
        ada = world.account("ada", 5)
        created = submit(world, ada)
        mocker.patch.object(world.deps.catalog, "current", side_effect=Unavailable)
        with pytest.raises(Unavailable):
            process(world.deps, created.generation.generation_id)
        assert (submitted(world, created).stage, submitted(world, created).attempts) == ("queued", 0)

    def test_an_item_that_only_a_reload_would_show(self, make_world: MakeWorld, mocker: MockerFixture) -> None:
        """If an item is not in the cached catalog and the reload fails, the generation waits: it is not refunded."""
        world = make_world()
        ada = world.account("ada", 9)
        created = submit(world, ada)
        world.db.document(f"generationRequests/{created.generation.generation_id}").update({"size": "2048x2048"})
        world.db.document("sizes/2048x2048").set({"name": "2048x2048", "credits": 4})
        reload = mocker.patch.object(world.deps.catalog, "_load", side_effect=Unavailable)
        with pytest.raises(Unavailable):
            process(world.deps, created.generation.generation_id)
        assert stage(world, created) == ("pending", None)
        mocker.stop(reload)
        process(world.deps, created.generation.generation_id)
        assert stage(world, created) == ("completed", None)


class TestFailures:
    def test_a_failed_model_is_retried(self, make_world: MakeWorld) -> None:
        """A failing model is asked MODEL_ATTEMPTS times, and then the generation is refunded."""
        world = make_world(settings=Settings(model_attempts=3), model_a=AlwaysFails())
        ada = world.account("ada", 5)
        created = submit(world, ada)
        for _ in range(2):
            with pytest.raises(TryAgain):
                process(world.deps, created.generation.generation_id)
            assert submitted(world, created).stage is Stage.QUEUED
            assert world.credits(ada) == 4
        process(world.deps, created.generation.generation_id)
        assert stage(world, created) == ("failed", "MODEL_ERROR")
        assert submitted(world, created).attempts == 3
        world.check_books(ada)

    def test_a_retry_waits_in_the_queue(self, make_world: MakeWorld) -> None:
        """Between attempts it has the time in the queue that it had, and no task more: the queue has it still."""
        world = make_world(model_a=AlwaysFails())
        ada = world.account("ada", 5)
        created = submit(world, ada)
        queued_until = created.generation.lease_expires_at
        tasks = list(world.queue.tasks)
        for _ in range(2):
            world.clock.advance(minutes=5)
            with pytest.raises(TryAgain):
                process(world.deps, created.generation.generation_id)
            assert submitted(world, created).lease_expires_at == queued_until
            assert world.queue.tasks == tasks

    def test_a_failure_after_the_hour_is_final(self, make_world: MakeWorld) -> None:
        """A model that fails when the time in the queue is over is not asked again: the charge is refunded at once."""
        world = make_world()
        ada = world.account("ada", 5)
        created = submit(world, ada)
        world.clock.advance(minutes=59)

        def fail_late(request: ImageRequest) -> Image:
            world.clock.advance(minutes=1)
            raise ModelError("no picture")

        world.deps.image_models["model-a"].generate = fail_late  # type: ignore[method-assign]
        process(world.deps, created.generation.generation_id)
        assert stage(world, created) == ("failed", "MODEL_ERROR")
        assert submitted(world, created).attempts == 1
        world.check_books(ada)

    def test_a_document_without_attempts(self, make_world: MakeWorld) -> None:
        """A document of an earlier version had one attempt, which was begun when it was charged."""
        world = make_world()
        ada = world.account("ada", 5)
        created = create(world, ada)
        document = world.db.document(f"generationRequests/{created.generation.generation_id}")
        document.update({"attempts": firestore.DELETE_FIELD})
        assert submitted(world, created).attempts == 1

    def test_the_last_delivery_is_the_last_attempt(self, make_world: MakeWorld) -> None:
        """If a model fails at the queue's last delivery the generation is refunded, even with attempts left."""
        world = make_world(model_a=AlwaysFails())
        ada = world.account("ada", 5)
        created = submit(world, ada)
        process(world.deps, created.generation.generation_id, is_last_delivery=True)
        assert stage(world, created) == ("failed", "MODEL_ERROR")
        world.check_books(ada)

    @pytest.mark.parametrize("attempts", [0, 10])
    def test_attempts_have_bounds(self, attempts: int) -> None:
        """MODEL_ATTEMPTS is at least one, and less than the deliveries of a task."""
        with pytest.raises(ValueError, match="model_attempts must be from 1 to 9"):
            Settings(model_attempts=attempts)

    def test_a_refusal_is_final(self, make_world: MakeWorld) -> None:
        """A model that refuses a prompt is not asked again (not retryable)."""
        world = make_world(model_a=AlwaysFails(ModelRefusedError("no")))
        ada = world.account("ada", 5)
        created = submit(world, ada)
        process(world.deps, created.generation.generation_id)
        assert stage(world, created) == ("failed", "MODEL_REFUSED")
        world.check_books(ada)

    def test_a_store_that_fails(self, make_world: MakeWorld) -> None:
        """A picture that cannot be stored is retried, and finally refunded."""
        world = make_world(settings=Settings(model_attempts=2), model_a=Paints())
        world.shelf.fails = True
        ada = world.account("ada", 5)
        created = submit(world, ada)
        with pytest.raises(TryAgain):
            process(world.deps, created.generation.generation_id)
        process(world.deps, created.generation.generation_id)
        assert stage(world, created) == ("failed", "STORAGE_ERROR")
        world.check_books(ada)

    def test_a_process_that_stood_still(self, make_world: MakeWorld) -> None:
        """A picture that is drawn after its lease is not stored: recovery may have deleted what was there already."""

        class StandsStill(Paints):
            def generate(self, request: ImageRequest) -> Picture:
                world.clock.advance(seconds=world.deps.settings.lease_seconds)
                return super().generate(request)

        world = make_world(model_a=StandsStill())
        ada = world.account("ada", 5)
        created = submit(world, ada)
        process(world.deps, created.generation.generation_id, is_last_delivery=True)
        assert world.shelf.pictures == {}
        assert stage(world, created) == ("failed", "MODEL_TIMEOUT")
        world.check_books(ada)

    def test_a_failure_does_not_end_what_another_attempt_draws(self, make_world: MakeWorld) -> None:
        """An attempt that fails after its lease leaves the generation to the attempt that has it now."""
        world = make_world()

        def be_overtaken(request: ImageRequest) -> Image:
            world.clock.advance(seconds=181)
            # The other attempt begins to draw, and does not end in this test.
            with Process(world, {"model": dies_before}) as other, pytest.raises(Killed):
                process(other.deps, request.generation_id)
            raise ModelRefusedError("too late to say")

        world.deps.image_models["model-a"].generate = be_overtaken  # type: ignore[method-assign]
        ada = world.account("ada", 5)
        created = submit(world, ada)
        process(world.deps, created.generation.generation_id)
        assert submitted(world, created).stage is Stage.PROCESSING
        assert (world.credits(ada), submitted(world, created).attempts) == (4, 2)

    def test_a_failure_after_a_takeover_ends_nothing(self, make_world: MakeWorld) -> None:
        """A model that fails after its lease was taken over does not end the other attempt."""
        world = make_world(settings=Settings(model_attempts=2))
        outcomes: list[str] = []

        def be_overtaken(request: ImageRequest) -> Image:
            if not outcomes:
                outcomes.append("overtaken")
                world.clock.advance(seconds=181)
                process(world.deps, request.generation_id)
                raise ModelRefusedError("too late to say")
            return Image("https://images.example.com/second.png")

        world.deps.image_models["model-a"].generate = be_overtaken  # type: ignore[method-assign]
        ada = world.account("ada", 5)
        created = submit(world, ada)
        process(world.deps, created.generation.generation_id)
        assert stage(world, created) == ("completed", None)
        world.check_books(ada)

    @pytest.mark.embedded
    def test_a_lost_answer_of_the_claim(self, make_world: MakeWorld, faults: DatabaseFaults) -> None:
        """A claim whose answer was lost is recognized by its attempt id."""
        model = Paints()
        world = make_world(model_a=model)
        ada = world.account("ada", 5)
        created = submit(world, ada)
        faults.lose_answer()
        process(world.deps, created.generation.generation_id)
        assert stage(world, created) == ("completed", None)
        assert (model.asked, submitted(world, created).attempts) == (1, 1)
        world.check_books(ada)

    @pytest.mark.embedded
    def test_a_lost_answer_of_the_requeue(self, make_world: MakeWorld, faults: DatabaseFaults) -> None:
        """If a requeue's answer is lost and cannot be confirmed, the generation fails and is refunded."""
        world = make_world(model_a=Does(lambda: fail_after(faults)))
        ada = world.account("ada", 5)
        created = submit(world, ada)
        process(world.deps, created.generation.generation_id)
        assert stage(world, created) == ("failed", "MODEL_ERROR")
        world.check_books(ada)


def fail_after(faults: DatabaseFaults) -> None:
    """Fail as a model, with the answer of the next commit lost."""
    faults.lose_answer()
    raise ModelError("no")


def die_while_drawing(world: World, created: Created) -> None:
    """Begin a generation and die."""
    with Process(world, {"model": dies_before}) as mortal, pytest.raises(Killed):
        process(mortal.deps, created.generation.generation_id)


def submitted(world: World, created: Created) -> Generation:
    """A generation as it is stored."""
    found = generations_store.read_generation(world.deps.db, created.generation.generation_id)
    assert found is not None
    return found
