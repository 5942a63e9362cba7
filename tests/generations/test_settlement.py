"""Settling generations, by themselves and by reconcile."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from pytest_mock import MockerFixture

from imagegen.generations import store as generations_store
from imagegen.generations.errors import GenerationFailed
from imagegen.generations.records import FailureReason
from imagegen.generations.settlement import Reservation, Unsettled, reconcile, settle
from imagegen.kit.errors import Unavailable
from tests.crash.mortal import abandon
from tests.generations.test_creation import create
from tests.world import NOON, Does, World

MakeWorld = Callable[..., World]


class TestReconcile:
    def test_refunds_what_is_overdue(self, make_world: MakeWorld) -> None:
        """A pending generation past its lease is failed and refunded; a second run finds none."""
        world = make_world()
        ada = world.account("ada", 5)
        abandon(world)
        abandon(world)
        world.clock.advance(seconds=180)
        assert reconcile(world.deps) == 2
        assert reconcile(world.deps) == 0
        assert world.credits(ada) == 5
        assert {generation["failureReason"] for generation in world.generations()} == {"LEASE_EXPIRED"}
        world.check_books(ada)

    def test_skips_a_document_that_it_cannot_read(self, make_world: MakeWorld) -> None:
        """One unreadable document does not keep other generations from their refund."""
        world = make_world()
        ada = world.account("ada", 5)
        for _ in range(2):
            abandon(world)
        broken = world.generations()[0]["id"]
        world.db.document(f"generationRequests/{broken}").update({"failureReason": "BAD_LUCK"})
        world.clock.advance(seconds=181)
        assert reconcile(world.deps) == 1
        assert world.credits(ada) == 4

    def test_leaves_a_generation_within_its_lease(self, make_world: MakeWorld) -> None:
        """A generation whose lease has not expired is left alone."""
        world = make_world()
        ada = world.account("ada", 5)
        create(world, ada)
        abandon(world)
        world.clock.advance(seconds=179)
        assert reconcile(world.deps) == 0
        assert world.credits(ada) == 3

    def test_a_failing_refund(self, make_world: MakeWorld, capsys: pytest.CaptureFixture[str]) -> None:
        """A refund that fails is logged, stops no other refund, and the run fails."""
        world = make_world()
        ada = world.account("ada", 5)
        abandon(world)
        broken = world.account("broken", -1)
        world.db.document(f"generationRequests/{world.generations()[0]['id']}").update({"userId": broken})
        abandon(world)
        world.clock.advance(seconds=180)
        for refunded in (1, 0):
            with pytest.raises(Unsettled, match=f"1 of {refunded + 1}"):
                reconcile(world.deps)
            assert '"severity": "ERROR"' in capsys.readouterr().err
        assert world.credits(ada) == 4

    def test_firestore_unavailable(self, make_world: MakeWorld, mocker: MockerFixture) -> None:
        """If Firestore is unavailable the run ends at once, because further refunds would fail too."""
        world = make_world()
        world.account("ada", 5)
        abandon(world)
        abandon(world)
        world.clock.advance(seconds=180)
        settle = mocker.patch("imagegen.generations.settlement.settle", side_effect=Unavailable)
        with pytest.raises(Unavailable):
            reconcile(world.deps)
        assert settle.call_count == 1

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


class TestSettle:
    def test_a_second_call_changes_nothing(self, make_world: MakeWorld) -> None:
        """Settling an ended generation changes nothing and returns how it ended."""
        world = make_world()
        ada = world.account("ada", 5)
        completed = create(world, ada).generation
        again = settle(world.deps, Reservation(completed), FailureReason.MODEL_ERROR)
        assert again == completed
        assert world.credits(ada) == 4

    def test_twenty_concurrent_calls_refund_once(self, make_world: MakeWorld) -> None:
        """Concurrent calls that settle one generation as failed write one refund."""

        def settle_as_failed() -> None:
            (pending,) = generations_store.read_expired_generations(world.deps.db, NOON + timedelta(hours=1), 2)
            with ThreadPoolExecutor(20) as clients:
                settled = clients.map(
                    lambda _: settle(world.deps, Reservation(pending), FailureReason.MODEL_ERROR), range(20)
                )
                statuses.extend(generation.status for generation in settled)

        statuses: list[str] = []
        world = make_world(model_a=Does(settle_as_failed))
        ada = world.account("ada", 5)
        with pytest.raises(GenerationFailed):
            create(world, ada)
        assert statuses == ["failed"] * 20
        assert len(world.ledger(ada)) == 2
        world.check_books(ada)
