"""What the queue of webhooks does with a delivery: the last attempt is known as such."""

from collections.abc import Callable

import pytest

from imagegen.config import WEBHOOK_ATTEMPTS
from imagegen.kit.errors import TryAgain
from imagegen.webhooks.sender import WebhookFailed
from imagegen.webhooks.tasks import deliver_webhook
from tests.generations.test_creation import create
from tests.webhooks.test_service import HOOK, Heard, due
from tests.world import World, make_deps

MakeWorld = Callable[..., World]


class TestDeliverWebhook:
    @pytest.mark.parametrize(
        ("deliveries_before", "state"), [(WEBHOOK_ATTEMPTS - 2, "due"), (WEBHOOK_ATTEMPTS - 1, "given_up")]
    )
    def test_only_the_last_attempt_gives_up(self, make_world: MakeWorld, deliveries_before: int, state: str) -> None:
        """A webhook that fails is tried until its last attempt, and is then given up."""
        made = make_world()
        heard = Heard()
        heard.error = WebhookFailed("away")
        world = World(make_deps(made.db, now=made.clock, new_id=made.deps.new_id, webhooks=heard), made.clock)
        world.account("ada", 5)
        create(world, "ada", webhookUrl=HOOK)
        (generation_id,) = due(world)
        if state == "due":
            with pytest.raises(TryAgain):
                deliver_webhook(world.deps, generation_id, deliveries_before)
        else:
            deliver_webhook(world.deps, generation_id, deliveries_before)
        assert world.fields(f"generationRequests/{generation_id}")["webhook"] == state
