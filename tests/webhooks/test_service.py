"""Webhooks: which events are sent, how often, and which URLs are refused."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from pytest_mock import MockerFixture

from embedded_firebase.firestore.testing.faults import DatabaseFaults
from imagegen.config import Settings
from imagegen.firebase.identity import Caller
from imagegen.generations.endpoints import read_request
from imagegen.generations.errors import GenerationFailed
from imagegen.generations.lookup import cancel_generation
from imagegen.generations.outbox import enqueue_overdue_webhooks
from imagegen.generations.recovery import reconcile
from imagegen.generations.worker import process
from imagegen.kit.errors import InvalidRequest, TryAgain
from imagegen.webhooks.sender import WebhookFailed, WebhookRefused
from imagegen.webhooks.service import deliver
from tests.generations.test_creation import create
from tests.generations.test_worker import submit
from tests.world import AlwaysFails, Does, World, refusal

MakeWorld = Callable[..., World]
HOOK = "https://shop.example.com/hook"


class Heard:
    """A sender that records deliveries, and fails as the test sets it."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, dict[str, Any]]] = []
        self.requests: list[tuple[Mapping[str, str], bytes]] = []
        self.error: Exception | None = None

    def send(self, url: str, headers: Mapping[str, str], body: bytes, time_limit_seconds: float) -> int:
        self.requests.append((headers, body))
        if self.error is not None:
            raise self.error
        self.sent.append((url, headers["webhook-id"], json.loads(body)))
        return 204


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def world(make_world: MakeWorld, heard: Heard) -> World:
    """A world that records its webhooks; Model B fails."""
    world = make_world(model_b=AlwaysFails())
    world = World(replace(world.deps, webhooks=heard), world.clock)
    world.account("ada", 10)
    return world


def due(world: World) -> list[str]:
    return [generation_id for function, generation_id in world.queue.tasks if function == "deliverWebhook"]


class TestAnnounced:
    def test_without_a_url(self, world: World) -> None:
        """Without a webhook URL nothing is enqueued."""
        create(world, "ada")
        assert due(world) == []
        assert enqueue_overdue_webhooks(world.deps) == 0

    def test_a_picture(self, world: World, heard: Heard) -> None:
        """A completed generation is sent to its URL, as its status shows it."""
        created = create(world, "ada", webhookUrl=HOOK)
        (generation_id,) = due(world)
        deliver(world.deps, generation_id, is_last_attempt=False)
        ((url, message_id, message),) = heard.sent
        assert (url, message_id) == (HOOK, f"msg_{created.generation.generation_id}")
        assert message["type"] == "generation.completed"
        assert message["data"]["imageUrl"] == created.generation.image_url
        assert message["data"]["status"] == "completed"

    def test_a_message_is_the_same_in_each_delivery(self, world: World, heard: Heard) -> None:
        """In a retry body and id are the same, with the time of the event; the header has the time of the attempt."""
        create(world, "ada", webhookUrl=HOOK)
        (generation_id,) = due(world)
        heard.error = WebhookFailed("it answered 500")
        ended_at = world.clock()
        for _ in range(2):
            with pytest.raises(TryAgain):
                deliver(world.deps, generation_id, is_last_attempt=False)
            world.clock.advance(seconds=7)
        (first, body), (second, again) = heard.requests
        assert body == again
        assert datetime.fromisoformat(json.loads(body)["timestamp"]) == ended_at
        assert first["webhook-id"] == second["webhook-id"]
        attempts = [int(headers["webhook-timestamp"]) for headers in (first, second)]
        assert attempts == [ended_at.timestamp(), ended_at.timestamp() + 7]

    def test_every_way_to_end(self, world: World, heard: Heard, mocker: MockerFixture) -> None:
        """A failure, a cancellation and a refund after the lease are sent too, also of asynchronous generations."""
        with pytest.raises(GenerationFailed):
            create(world, "ada", model="Model B", webhookUrl=HOOK)
        cancelled = submit(world, "ada", webhookUrl=HOOK).generation.generation_id
        cancel_generation(world.deps, Caller("ada"), cancelled)
        process(world.deps, submit(world, "ada", webhookUrl=HOOK).generation.generation_id)
        submit(world, "ada", webhookUrl=HOOK)
        world.clock.advance(seconds=3600)
        reconcile(world.deps)
        for generation_id in due(world):
            deliver(world.deps, generation_id, is_last_attempt=False)
        told = [message["type"].removeprefix("generation.") for _, _, message in heard.sent]
        assert told == ["failed", "cancelled", "completed", "failed"]
        world.check_books("ada")

    @pytest.mark.embedded
    def test_after_a_lost_answer(self, world: World, faults: DatabaseFaults) -> None:
        """If the commit that ends a generation lost its answer, the webhook is enqueued at once all the same."""
        world.deps.image_models["model-a"] = Does(faults.lose_answer)  # type: ignore[index]
        completed = create(world, "ada", webhookUrl=HOOK).generation.generation_id
        cancelled = submit(world, "ada", webhookUrl=HOOK).generation.generation_id
        faults.lose_answer()
        cancel_generation(world.deps, Caller("ada"), cancelled)
        assert due(world) == [completed, cancelled]
        world.check_books("ada")

    def test_a_redelivery_sends_once(self, world: World, heard: Heard) -> None:
        """A task that is delivered twice sends one webhook."""
        create(world, "ada", webhookUrl=HOOK)
        for _ in range(2):
            deliver(world.deps, due(world)[0], is_last_attempt=False)
        assert len(heard.sent) == 1

    def test_a_pending_or_unknown_generation(self, world: World, heard: Heard) -> None:
        """No webhook is sent for a pending or an unknown generation."""
        for generation_id in (submit(world, "ada", webhookUrl=HOOK).generation.generation_id, "nothing"):
            deliver(world.deps, generation_id, is_last_attempt=False)
        assert heard.sent == []

    def test_a_failed_enqueue(self, world: World, heard: Heard) -> None:
        """A task that the queue did not take is enqueued again later; the generation is not affected."""
        world.queue.fails, world.queue.takes = True, False
        created = create(world, "ada", webhookUrl=HOOK)
        assert due(world) == []
        world.queue.fails, world.queue.takes = False, True
        assert enqueue_overdue_webhooks(world.deps) == 0
        world.clock.advance(hours=2)
        assert enqueue_overdue_webhooks(world.deps) == 1
        assert due(world) == [created.generation.generation_id]
        world.check_books("ada")

    def test_a_lost_task_is_enqueued_again(self, world: World) -> None:
        """After reconcile enqueued a lost task again, the next run leaves it some time."""
        create(world, "ada", webhookUrl=HOOK)
        world.clock.advance(hours=2)
        assert [enqueue_overdue_webhooks(world.deps) for _ in range(3)] == [1, 0, 0]
        assert len(due(world)) == 2
        world.clock.advance(hours=2)
        assert enqueue_overdue_webhooks(world.deps) == 1

    def test_a_success_is_final(self, world: World, heard: Heard) -> None:
        """Of two concurrent deliveries, a failure does not overwrite the success of the other."""
        create(world, "ada", webhookUrl=HOOK)
        (generation_id,) = due(world)

        class GivesUpLater:
            def send(self, *_: object) -> int:
                deliver(world.deps, generation_id, is_last_attempt=False)
                raise WebhookFailed("it answered 500")

        deliver(replace(world.deps, webhooks=GivesUpLater()), generation_id, is_last_attempt=True)
        assert len(heard.sent) == 1
        assert world.fields(f"generationRequests/{generation_id}")["webhook"] == "delivered"

    def test_a_failed_delivery(self, world: World, heard: Heard) -> None:
        """A failed delivery is retried, and the webhook fails after the last attempt."""
        heard.error = WebhookFailed("it answered 500")
        create(world, "ada", webhookUrl=HOOK)
        (generation_id,) = due(world)
        with pytest.raises(TryAgain):
            deliver(world.deps, generation_id, is_last_attempt=False)
        deliver(world.deps, generation_id, is_last_attempt=True)
        assert world.fields(f"generationRequests/{generation_id}")["webhook"] == "given_up"
        world.clock.advance(hours=2)
        assert enqueue_overdue_webhooks(world.deps) == 0

    @pytest.mark.parametrize("error", [ValueError("read length must be non-negative"), RuntimeError("?")])
    def test_a_sender_that_breaks(self, world: World, heard: Heard, error: Exception) -> None:
        """After any exception of the sender the webhook is retried, and fails after the last attempt."""
        heard.error = error
        create(world, "ada", webhookUrl=HOOK)
        (generation_id,) = due(world)
        with pytest.raises(TryAgain):
            deliver(world.deps, generation_id, is_last_attempt=False)
        deliver(world.deps, generation_id, is_last_attempt=True)
        assert world.fields(f"generationRequests/{generation_id}")["webhook"] == "given_up"

    def test_due_for_too_long(self, world: World) -> None:
        """A webhook that is due for a day is given up, so that it does not delay later ones."""
        old = create(world, "ada", webhookUrl=HOOK).generation.generation_id
        world.clock.advance(hours=22)
        young = create(world, "ada", webhookUrl=HOOK).generation.generation_id
        world.clock.advance(hours=2)
        world.queue.tasks.clear()
        assert enqueue_overdue_webhooks(world.deps) == 2
        assert due(world) == [young]
        assert world.fields(f"generationRequests/{old}")["webhook"] == "given_up"

    def test_refused(self, world: World, heard: Heard) -> None:
        """A webhook that can never be sent fails at once."""
        heard.error = WebhookRefused("it must be https")
        create(world, "ada", webhookUrl=HOOK)
        deliver(world.deps, due(world)[0], is_last_attempt=False)
        assert world.fields(f"generationRequests/{due(world)[0]}")["webhook"] == "given_up"


class TestRequest:
    @pytest.mark.parametrize(
        "url",
        [
            "",
            "x",
            "ftp://example.com/",
            "https://",
            "https:///hook",
            "https://user:word@example.com/",
            "https://example.com/#here",
            "https://exa mple.com/",
            "https://example.com\\@127.0.0.1/",
            "https://example.com:0/",
            "https://example.com:99999/",
            "https://[::1/",
            "https://exämple.com/",
            "https://example.com/" + "x" * 2048,
            "javascript:alert(1)",
            "http://shop.example.com/hook",
            "http://93.184.216.34/",
            "http://127.0.0.1/",
            "https://127.0.0.1/",
            "https://[::1]:8443/",
            "https://10.0.0.1/",
            "https://169.254.169.254/",
            "https://[fd00::1]/",
        ],
    )
    def test_invalid_urls(self, world: World, url: str) -> None:
        """A URL that no webhook will ever be sent to is a violation, listed with the others."""
        with pytest.raises(InvalidRequest) as refused:
            read_request(world.deps, world.body("ada", webhookUrl=url, prompt=""))
        assert refusal(refused)["webhookUrl"] == "must be a public https URL of at most 2,048 characters"
        assert set(refusal(refused)) == {"webhookUrl", "prompt"}

    @pytest.mark.parametrize(
        ("url", "anywhere"),
        [
            (HOOK, True),
            ("https://93.184.216.34/hook", True),
            ("https://[2606:2800:220:1:248:1893:25c8:1946]/", True),
            ("http://127.0.0.1:3000/hook", False),
            ("http://localhost:3000/hook", False),
            ("https://[::1]/", False),
        ],
    )
    def test_this_machine_in_development(self, make_world: MakeWorld, url: str, anywhere: bool) -> None:
        """With the development setting this machine is allowed, and the internet is always allowed."""
        for allow_loopback in {True, not anywhere}:
            world = make_world(settings=Settings(webhook_allow_loopback=allow_loopback))
            assert read_request(world.deps, world.body("ada", webhookUrl=url)).webhook_url == url
        world = make_world(settings=Settings(webhook_allow_loopback=True))
        with pytest.raises(InvalidRequest):
            read_request(world.deps, world.body("ada", webhookUrl="http://10.0.0.1/"))
