"""Settling generations."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from pytest_mock import MockerFixture

from imagegen.config import Settings
from imagegen.firebase.database import Database
from imagegen.generations import store as generations_store
from imagegen.generations.errors import GenerationFailed
from imagegen.generations.records import FailureReason, Generation
from imagegen.generations.settlement import Reservation, settle
from imagegen.kit.errors import Unavailable
from tests.generations.test_creation import create
from tests.world import NOON, Does, World

MakeWorld = Callable[..., World]


class TestSettle:
    def test_a_second_call_changes_nothing(self, make_world: MakeWorld) -> None:
        """Settling an ended generation changes nothing and returns how it ended."""
        world = make_world()
        ada = world.account("ada", 5)
        completed = create(world, ada).generation
        again = settle(world.deps, Reservation(completed), FailureReason.MODEL_ERROR)
        assert again == completed
        assert world.credits(ada) == 4

    def test_two_exchanges_share_the_time_of_one(self, make_world: MakeWorld, mocker: MockerFixture) -> None:
        """The first commit of a picture gets half of the time, and the transaction after it the other half.

        Else a call whose Firestore goes away under its model takes 3 + 3 + 3 + 3 s, beyond the promised 10.
        """
        seconds: list[float] = []

        def unknown(db: Database, ended: Generation, updated_at: datetime) -> bool:
            seconds.append(db.timeout_seconds)
            return False

        def transact(db: Database, body: object) -> object:
            seconds.append(db.timeout_seconds)
            raise Unavailable

        def go_away() -> None:
            mocker.patch.object(generations_store, "end_generation_if_unchanged", unknown)
            mocker.patch.object(Database, "transact", transact)

        world = make_world(settings=Settings(firestore_timeout_seconds=3), model_a=Does(go_away))
        with pytest.raises(Unavailable):
            create(world, world.account("ada", 5))
        assert seconds == [1.5, 1.5]

    def test_twenty_concurrent_calls_refund_once(self, make_world: MakeWorld) -> None:
        """Concurrent calls that settle one generation as failed write one refund."""

        def settle_as_failed() -> None:
            expired = generations_store.expired_generations(world.deps.db, NOON + timedelta(hours=1), 2)
            ((pending, _),) = next(expired).generations
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
