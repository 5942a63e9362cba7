"""Death at every step of a rotation, a delivery and a resend: repeated, each ends as if it had not died."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from imagegen.deps import Deps
from imagegen.firebase.identity import UNRESTRICTED
from imagegen.generations.outbox import enqueue_overdue_webhooks
from imagegen.kit.errors import TryAgain
from imagegen.webhooks.delivery import deliver
from imagegen.webhooks.resending import resend_webhook
from imagegen.webhooks.secrets import rotate_secret
from imagegen.webhooks.sender import WebhookFailed
from tests.crash.mortal import Fate, Killed, Process, Status, dies_after, dies_before, is_sent_twice, loses_the_answer
from tests.crash.test_death import new_world
from tests.generations.test_creation import create
from tests.webhooks.test_deliver import HOOK, Heard, stored
from tests.world import World

pytestmark = pytest.mark.embedded
Call = Callable[[Deps], object]
FATES = {
    "dies before": dies_before,
    "dies after": dies_after,
    "loses the answer": loses_the_answer(Status.UNAVAILABLE),
    "is sent twice": is_sent_twice,
}


class Case:
    """A world with a due webhook, and the call that is killed."""

    def __init__(self, world: World, name: str) -> None:
        self.heard = Heard()
        self.world = World(replace(world.deps, webhooks=self.heard), world.clock)
        self.generation_id = create(self.world, "ada", webhookUrl=HOOK).generation.generation_id
        self.call: Call = lambda deps: deliver(deps, self.generation_id)
        account = self.world.db.document("webhookAccounts/ada")
        now = world.clock()
        match name:
            case "rotation":
                self.call = lambda deps: rotate_secret(deps, "ada", "key")
            case "delivery in a slot":
                account.set({"slowUntil": now + timedelta(days=1)})
            case "probe":
                breaker = {"failures": 5, "openUntil": now, "probe": None}
                account.set({"breakers": {"shop.example.com": breaker}})
            case "failed delivery":
                self.heard.error = WebhookFailed("the receiver answered 500", 500)
            case "resend":
                deliver(self.world.deps, self.generation_id)
                self.call = lambda deps: resend_webhook(deps, UNRESTRICTED, self.generation_id)
            case "outbox":
                world.clock.advance(minutes=10)
                self.call = enqueue_overdue_webhooks

    def finish(self) -> None:
        """Repeat the call as its caller would, and let the queue and the outbox go on."""
        self.heard.error = None
        self.world.clock.advance(seconds=31)
        with suppress(TryAgain):
            self.call(self.world.deps)
        self.world.clock.advance(hours=4)
        self.world.queue.tasks.clear()
        enqueue_overdue_webhooks(self.world.deps)
        for _, generation_id in self.world.queue.tasks:
            deliver(self.world.deps, generation_id)


# What is stored of the account in the end.
CASES: dict[str, dict[str, object]] = {
    "rotation": {"secretVersion": 2},
    "delivery": {},
    "delivery in a slot": {"slots": {}},
    "probe": {"breakers": {}},
    "failed delivery": {"breakers": {}, "slots": {}},
    "resend": {},
    "outbox": {},
}


def run(name: str, fates: dict[int | str, Fate]) -> list[str]:
    """Make a call with faults, and everything that follows; return its steps."""
    with new_world() as world:
        case = Case(world, name)
        with Process(case.world, fates) as process, suppress(Killed, TryAgain):
            case.call(process.deps)
        case.finish()
        found = stored(case.world, case.generation_id)
        assert (found["webhook"], found["webhookDueAt"], found["webhookDelivery"]["status"]) == ("delivered", None, 204)
        # At least once; once more for each death at most.
        assert len(case.heard.sent) in ((1, 2, 3) if name == "resend" else (1, 2))
        fields = case.world.fields("webhookAccounts/ada")
        assert {field: fields.get(field, {}) for field in CASES[name]} == CASES[name]
        case.world.check_books("ada")
        return process.steps


# Of this call every fate, and this fate of every call, is in each run; the others are `long`.
REPRESENTATIVE = ("delivery", "dies after")


class TestDeath:
    @pytest.mark.parametrize(
        ("name", "fate"),
        [
            pytest.param(name, fate, marks=() if {name, fate} & {*REPRESENTATIVE} else pytest.mark.long)
            for name, fate in itertools.product(CASES, FATES)
        ],
    )
    def test_at_every_step(self, firestore_host: str, subtests: pytest.Subtests, name: str, fate: str) -> None:
        """Wherever a process dies or loses an answer, the webhook is delivered, and a secret is rotated once."""
        steps = run(name, {})
        # Only an RPC is resent, or has an answer that can be lost and asked for again.
        numbers = [n for n, step in enumerate(steps, 1) if fate.startswith("dies") or step not in ("task", "webhook")]
        assert numbers
        for number in numbers:
            with subtests.test(f"step {number}, {steps[number - 1]}"):
                run(name, {number: FATES[fate]})
