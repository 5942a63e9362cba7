"""The deliveries of an account: listed, and sent again on demand."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from imagegen.firebase.identity import UNRESTRICTED, Caller
from imagegen.generations.errors import GenerationNotFound
from imagegen.generations.lookup import cancel_generation
from imagegen.generations.outbox import enqueue_overdue_webhooks
from imagegen.generations.records import WebhookState
from imagegen.kit.errors import InvalidRequest, RateLimited, TryAgain
from imagegen.webhooks.delivery import deliver
from imagegen.webhooks.errors import NoWebhook
from imagegen.webhooks.resending import list_deliveries, resend_webhook
from imagegen.webhooks.sender import WebhookFailed, WebhookRefused
from tests import tokens
from tests.answers import error_of, violations_of
from tests.generations.test_creation import create
from tests.generations.test_worker import submit
from tests.webhooks.test_deliver import HOOK, Heard, due, stored
from tests.world import World

ADA = Caller("ada")


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def world(make_world: Callable[..., World], heard: Heard) -> World:
    """A world that records its webhooks."""
    world = make_world()
    world = World(replace(world.deps, webhooks=heard), world.clock)
    world.account("ada", 50)
    return world


def ended(world: World, heard: Heard, error: Exception | None = None) -> str:
    """Create a generation and deliver its webhook once; a second has passed since the one before."""
    world.clock.advance(seconds=1)
    generation_id = create(world, "ada", webhookUrl=HOOK).generation.generation_id
    heard.error = error
    with suppress(TryAgain):
        deliver(world.deps, generation_id)
    heard.error = None
    return generation_id


class TestListDeliveries:
    def test_pages(self, world: World, heard: Heard) -> None:
        """The list has the account's webhooks of all states, newest first, page by page, and nothing else."""
        create(world, "ada")
        submit(world, "ada", webhookUrl=HOOK)
        world.account("bob", 5)
        create(world, "bob", webhookUrl=HOOK)
        delivered = ended(world, heard)
        failing = ended(world, heard, WebhookFailed("the receiver answered 500", 500))
        refused = ended(world, heard, WebhookRefused("the receiver answered 410 Gone", 410))
        found: list[str] = []
        token = None
        for size in (2, 1):
            page = list_deliveries(world.deps, "ada", None, 2, token)
            assert len(page.generations) == size
            found += [generation.generation_id for generation in page.generations]
            token = page.next_page_token
        assert (found, token) == ([refused, failing, delivered], None)

    def test_filtered_by_state(self, world: World, heard: Heard) -> None:
        """A state selects its webhooks; the token of a list is not that of another one."""
        delivered = ended(world, heard)
        failing = ended(world, heard, WebhookFailed("the receiver answered 500", 500))
        refused = ended(world, heard, WebhookRefused("gone", 410))
        for state, generation_id in zip(WebhookState, (failing, delivered, refused), strict=True):
            page = list_deliveries(world.deps, "ada", state, 1, None)
            assert [generation.generation_id for generation in page.generations] == [generation_id]
            for other in (None, *set(WebhookState) - {state}):
                with pytest.raises(InvalidRequest):
                    list_deliveries(world.deps, "ada", other, 1, page.next_page_token)
        assert list_deliveries(world.deps, "eve", None, 20, None).generations == []


class TestResendWebhook:
    @pytest.mark.parametrize("error", [None, WebhookRefused("gone", 410), WebhookFailed("it answered 500", 500)])
    def test_in_every_state(self, world: World, heard: Heard, error: Exception | None) -> None:
        """A delivered, a given-up and a due webhook is sent again, as the same message, and its attempts go on."""
        generation_id = ended(world, heard, error)
        world.queue.tasks.clear()
        resent = resend_webhook(world.deps, ADA, generation_id)
        assert (resent.webhook, due(world)) == (WebhookState.DUE, [generation_id])
        assert stored(world, generation_id)["webhookDueAt"] == world.clock() + timedelta(minutes=10)
        deliver(world.deps, generation_id)
        (first, body), (second, again) = heard.requests
        assert (first["webhook-id"], body) == (second["webhook-id"], again)
        assert stored(world, generation_id)["webhook"] == "delivered"
        assert stored(world, generation_id)["webhookDelivery"]["attempts"] == 2

    def test_a_repeated_call(self, world: World, heard: Heard) -> None:
        """A repeated call within a minute changes nothing and adds no task; after it, the webhook is sent again."""
        generation_id = ended(world, heard)
        world.queue.tasks.clear()
        first = resend_webhook(world.deps, ADA, generation_id)
        for _ in range(20):
            world.clock.advance(seconds=2)
            assert resend_webhook(world.deps, ADA, generation_id) == first
        deliver(world.deps, generation_id)
        world.clock.advance(seconds=19)
        assert resend_webhook(world.deps, ADA, generation_id).webhook is WebhookState.DELIVERED
        assert due(world) == [generation_id]
        world.clock.advance(seconds=1)
        assert resend_webhook(world.deps, ADA, generation_id).webhook is WebhookState.DUE
        assert len(due(world)) == 2

    def test_a_lost_task(self, world: World, heard: Heard) -> None:
        """If the process dies before it enqueues the task, the outbox hands it over."""
        generation_id = ended(world, heard)
        world.queue.takes = False
        resend_webhook(world.deps, ADA, generation_id)
        world.queue.takes = True
        world.queue.tasks.clear()
        world.clock.advance(minutes=10)
        assert enqueue_overdue_webhooks(world.deps) == 1
        assert due(world) == [generation_id]

    def test_an_old_one(self, world: World, heard: Heard) -> None:
        """A webhook of long ago has three days again, from when it was resent."""
        generation_id = ended(world, heard, WebhookRefused("gone", 410))
        world.clock.advance(days=30)
        resend_webhook(world.deps, ADA, generation_id)
        heard.error = WebhookFailed("it answered 500", 500)
        with pytest.raises(TryAgain):
            deliver(world.deps, generation_id)
        world.clock.advance(days=3)
        deliver(world.deps, generation_id)
        assert stored(world, generation_id)["webhook"] == "given_up"

    def test_to_a_failing_host(self, world: World, heard: Heard) -> None:
        """A resend probes a failing host at once."""
        generation_id = ended(world, heard)
        until = world.clock() + timedelta(hours=1)
        breakers = {"shop.example.com": {"failures": 9, "openUntil": until, "probe": None}}
        world.db.document("webhookAccounts/ada").set({"breakers": breakers})
        resend_webhook(world.deps, ADA, generation_id)
        deliver(world.deps, generation_id)
        assert stored(world, generation_id)["webhook"] == "delivered"
        assert world.fields("webhookAccounts/ada")["breakers"] == {}

    def test_is_no_amplifier(self, world: World, heard: Heard) -> None:
        """An account resends ten at once and ten a minute; one that is refused adds no task."""
        ids = [ended(world, heard) for _ in range(12)]
        world.queue.tasks.clear()
        for generation_id in ids[:10]:
            resend_webhook(world.deps, ADA, generation_id)
        with pytest.raises(RateLimited) as limited:
            resend_webhook(world.deps, UNRESTRICTED, ids[10])
        assert limited.value.retry_after_seconds == 6
        assert due(world) == ids[:10]
        world.clock.advance(seconds=6)
        resend_webhook(world.deps, ADA, ids[10])
        with pytest.raises(RateLimited):
            resend_webhook(world.deps, ADA, ids[11])

    def test_concurrent_calls(self, world: World, heard: Heard) -> None:
        """Concurrent calls for one webhook take one of the account's ten."""
        generation_id = ended(world, heard)
        with ThreadPoolExecutor(8) as clients:
            list(clients.map(lambda _: resend_webhook(world.deps, ADA, generation_id), range(12)))
        arrival_at = world.fields("webhookAccounts/ada")["resendArrivalAt"]
        assert arrival_at == world.clock() + timedelta(seconds=6)

    def test_without_a_webhook(self, world: World) -> None:
        """A generation without a webhook URL, or one that has not ended, has nothing to send."""
        for generation in (create(world, "ada"), submit(world, "ada", webhookUrl=HOOK)):
            with pytest.raises(NoWebhook):
                resend_webhook(world.deps, ADA, generation.generation.generation_id)
        assert due(world) == []

    def test_of_another_account(self, world: World, heard: Heard) -> None:
        """Another account's generation is not found; an administrator may resend it."""
        generation_id = ended(world, heard)
        for unknown, caller in ((generation_id, Caller("eve")), ("nothing", ADA)):
            with pytest.raises(GenerationNotFound):
                resend_webhook(world.deps, caller, unknown)
        assert resend_webhook(world.deps, UNRESTRICTED, generation_id).webhook is WebhookState.DUE


class TestHttp:
    @pytest.fixture
    def world(self, make_world: Callable[..., World]) -> World:
        """The world behind the host."""
        return make_world()

    def test_listed_and_resent(self, client: httpx.Client, world: World) -> None:
        """The functions answer deliveries; the fields of an attempt are null before the first one."""
        world.account("ada", 5)
        generation_id = submit(world, "ada", webhookUrl=HOOK).generation.generation_id
        cancel_generation(world.deps, ADA, generation_id)
        (listed,) = client.get("/listWebhookDeliveries?userId=ada&state=due").json()["deliveries"]
        assert listed == {
            "generationRequestId": generation_id,
            "webhookUrl": HOOK,
            "type": "generation.cancelled",
            "timestamp": "2026-11-18T12:00:00Z",
            "state": "due",
            "attempts": 0,
            "lastAttemptAt": None,
            "lastStatus": None,
            "lastFailure": None,
            "nextAttemptAt": "2026-11-18T12:10:00Z",
        }
        resent = client.post("/resendWebhook", json={"generationRequestId": generation_id})
        assert (resent.status_code, resent.json()["state"]) == (200, "due")

    def test_refused(self, client: httpx.Client, world: World) -> None:
        """Each invalid field is a violation; a generation that is not there is a 404, one without a webhook a 409."""
        world.account("ada", 5)
        generation_id = create(world, "ada").generation.generation_id
        for query, field in (
            ("userId=ada&state=lost", "state"),
            ("userId=a/b", "userId"),
            ("userId=ada&pageSize=101", "pageSize"),
            ("userId=ada&pageSize=0", "pageSize"),
            ("userId=ada&pageToken=x", "pageToken"),
        ):
            assert list(violations_of(client.get(f"/listWebhookDeliveries?{query}"))) == [field]
        for body, reason in (
            ({"generationRequestId": "nothing"}, "GENERATION_NOT_FOUND"),
            ({"generationRequestId": generation_id}, "NO_WEBHOOK"),
            ({"generationRequestId": "a/b"}, "INVALID_REQUEST"),
        ):
            assert error_of(client.post("/resendWebhook", json=body))["reason"] == reason

    def test_who_may(self, world: World, sign_in: None, request: pytest.FixtureRequest) -> None:
        """The owner and an administrator may list and resend; for others a list is a 403, a generation a 404."""
        client: httpx.Client = request.getfixturevalue("client")
        world.account("ada", 5)
        generation_id = create(world, "ada", webhookUrl=HOOK).generation.generation_id
        wanted = {"": [401, 401], "bob": [403, 404], "ada": [200, 200], "root": [200, 200]}
        for uid, statuses in wanted.items():
            claims = tokens.claims(world.db.project, uid, **({"admin": True} if uid == "root" else {}))
            headers = {"Authorization": f"Bearer {tokens.unsigned(claims)}"} if uid else {}
            answers = [
                client.get("/listWebhookDeliveries?userId=ada", headers=headers),
                client.post("/resendWebhook", json={"generationRequestId": generation_id}, headers=headers),
            ]
            assert [answer.status_code for answer in answers] == statuses
