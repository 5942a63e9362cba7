"""The cost of a call: round trips and billed document operations are fixed by design."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from embedded_firebase.firestore.server import FirestoreServer
from imagegen.config import Settings
from imagegen.credits.records import EntryFilter, EntryType
from imagegen.credits.service import get_user_credits, grant, revoke_grant
from imagegen.generations.errors import GenerationFailed
from imagegen.kit.errors import TryAgain
from imagegen.webhooks.admission import SLOTS
from imagegen.webhooks.delivery import deliver
from tests.crash.costs import Cost, measured
from tests.generations.test_creation import create
from tests.world import AlwaysFails, World

pytestmark = pytest.mark.embedded


HOOK = "https://shop.example.com/hook"


class Hears:
    """A sender whose receiver answers at once."""

    def send(self, url: str, headers: Mapping[str, str], body: bytes, time_limit_seconds: float) -> int:
        return 204


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """A warm world: the catalog is loaded; Model A draws and Model B fails."""
    world = make_world(model_b=AlwaysFails())
    world.deps.catalog.current()
    world.account("ada", 100)
    return world


class TestCost:
    def test_create(self, world: World, server: FirestoreServer) -> None:
        """A success is four round trips, one document read and four writes."""
        cost = measured(server, world, lambda: create(world, "ada"))
        assert cost == Cost(round_trips=4, reads=1, writes=4)

    def test_create_with_a_key(self, world: World, server: FirestoreServer) -> None:
        """An idempotency key adds one read and no round trip."""
        cost = measured(server, world, lambda: create(world, "ada", "key-1"))
        assert cost == Cost(round_trips=4, reads=2, writes=4)

    def test_replay(self, world: World, server: FirestoreServer) -> None:
        """A replay reads two documents and writes nothing."""
        create(world, "ada", "key-1")
        cost = measured(server, world, lambda: create(world, "ada", "key-1"))
        assert cost == Cost(round_trips=3, reads=2, writes=0)

    def test_failed_model(self, world: World, server: FirestoreServer) -> None:
        """A failure is six round trips, refund included."""

        def fail() -> None:
            with suppress(GenerationFailed):
                create(world, "ada", model="Model B")

        assert measured(server, world, fail) == Cost(round_trips=6, reads=3, writes=6)

    def test_webhook(self, world: World, server: FirestoreServer) -> None:
        """A webhook to a prompt receiver is three document reads and one write: its account is read, not written."""
        deps = replace(world.deps, webhooks=Hears())
        (generation_id,) = [create(world, "ada", webhookUrl=HOOK).generation.generation_id]
        cost = measured(server, world, lambda: deliver(deps, generation_id))
        assert cost == Cost(round_trips=5, reads=3, writes=1)

    def test_webhook_of_a_slow_account(self, world: World, server: FirestoreServer) -> None:
        """A slot is two reads and two writes more."""
        deps = replace(world.deps, webhooks=Hears())
        world.db.document("webhookAccounts/ada").set({"slowUntil": world.clock() + timedelta(days=1)})
        (generation_id,) = [create(world, "ada", webhookUrl=HOOK).generation.generation_id]
        cost = measured(server, world, lambda: deliver(deps, generation_id))
        assert cost == Cost(round_trips=9, reads=5, writes=3)

    def test_a_deferred_webhook(self, world: World, server: FirestoreServer) -> None:
        """A webhook whose host fails is two reads and one write, and one that finds no slot is two reads."""
        deps = replace(world.deps, webhooks=Hears())
        generation_id = create(world, "ada", webhookUrl=HOOK).generation.generation_id
        until = world.clock() + timedelta(minutes=1)
        breakers = {"shop.example.com": {"failures": 5, "openUntil": until, "probe": None}}
        world.db.document("webhookAccounts/ada").set({"breakers": breakers})
        assert measured(server, world, lambda: deliver(deps, generation_id)) == Cost(round_trips=3, reads=2, writes=1)
        slots = {f"other{number}": until for number in range(SLOTS)}
        world.db.document("webhookAccounts/ada").set({"slots": slots, "slowUntil": until})

        def wait() -> None:
            with suppress(TryAgain):
                deliver(deps, generation_id)

        assert measured(server, world, wait) == Cost(round_trips=2, reads=2, writes=0)

    def test_grant(self, world: World, server: FirestoreServer) -> None:
        """A grant is three round trips, two reads and two writes."""
        cost = measured(server, world, lambda: grant(world.deps, "ada", 5, "bought", "key"))
        assert cost == Cost(round_trips=3, reads=2, writes=2)

    def test_revocation(self, world: World, server: FirestoreServer) -> None:
        """A revocation is three round trips, three reads and two writes."""
        entry_id = grant(world.deps, "ada", 5, "bought", "key").entry.entry_id
        cost = measured(server, world, lambda: revoke_grant(world.deps, "ada", entry_id.removesuffix("_grant")))
        assert cost == Cost(round_trips=3, reads=3, writes=2)

    def test_create_with_a_rate_limit(self, make_world: Callable[..., World], server: FirestoreServer) -> None:
        """A rate limit adds neither a round trip nor an operation."""
        world = make_world(settings=Settings(rate_limit_per_minute=60, rate_limit_burst=60))
        world.deps.catalog.current()
        world.account("bob", 5)
        cost = measured(server, world, lambda: create(world, "bob"))
        assert cost == Cost(round_trips=4, reads=1, writes=4)

    def test_get_user_credits(self, world: World, server: FirestoreServer) -> None:
        """Reading an account is two round trips and one read more than the page has entries."""
        for _ in range(5):
            create(world, "ada")
        cost = measured(server, world, lambda: get_user_credits(world.deps, "ada", 3, None))
        assert cost == Cost(round_trips=2, reads=4, writes=0)

    def test_get_user_credits_without_history(self, world: World, server: FirestoreServer) -> None:
        """An empty ledger is not queried."""
        cost = measured(server, world, lambda: get_user_credits(world.deps, "ada", 3, None))
        assert cost == Cost(round_trips=1, reads=1, writes=0)

    def test_get_user_credits_filtered(self, world: World, server: FirestoreServer) -> None:
        """A filter costs what it finds, not what the ledger holds; totals are a round trip and a read for each type."""
        for number in range(20):
            grant(world.deps, "ada", 5, "bought", f"key-{number}")
        create(world, "ada")
        which = EntryFilter(type=EntryType.DEDUCTION, created_after=world.clock() - timedelta(days=36_500))
        cost = measured(server, world, lambda: get_user_credits(world.deps, "ada", 3, None, which))
        assert cost == Cost(round_trips=2, reads=2, writes=0)
        cost = measured(server, world, lambda: get_user_credits(world.deps, "ada", 3, None, which, with_totals=True))
        assert cost == Cost(round_trips=3, reads=3, writes=0)
        cost = measured(server, world, lambda: get_user_credits(world.deps, "ada", 3, None, with_totals=True))
        assert cost == Cost(round_trips=6, reads=8, writes=0)
