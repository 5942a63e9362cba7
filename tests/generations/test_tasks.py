"""What the queue of generations does with a delivery: the last one is known as such."""

from collections.abc import Callable

import pytest

from imagegen.config import JOB_DELIVERIES, Settings
from imagegen.generations.tasks import process_generation
from imagegen.kit.errors import TryAgain
from tests.generations.test_worker import stage, submit
from tests.world import AlwaysFails, World

MakeWorld = Callable[..., World]


class TestProcessGeneration:
    def test_a_failed_attempt_is_delivered_again(self, make_world: MakeWorld) -> None:
        """Before the last delivery a failed attempt goes back to the queue."""
        world = make_world(model_a=AlwaysFails())
        created = submit(world, world.account("ada", 5))
        with pytest.raises(TryAgain):
            process_generation(world.deps, created.generation.generation_id, JOB_DELIVERIES - 2)
        assert stage(world, created) == ("pending", None)

    def test_the_last_delivery_ends_it(self, make_world: MakeWorld) -> None:
        """After the last delivery the queue asks no more: the generation has failed and is refunded."""
        world = make_world(model_a=AlwaysFails(), settings=Settings(model_attempts=JOB_DELIVERIES - 1))
        ada = world.account("ada", 5)
        created = submit(world, ada)
        process_generation(world.deps, created.generation.generation_id, JOB_DELIVERIES - 1)
        assert stage(world, created) == ("failed", "MODEL_ERROR")
        world.check_books(ada)
