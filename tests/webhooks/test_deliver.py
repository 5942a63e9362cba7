"""Webhooks: which events are sent, how often, and which URLs are refused."""

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from pytest_mock import MockerFixture

from embedded_firebase.firestore.errors import Code
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
from imagegen.webhooks.delivery import deliver
from imagegen.webhooks.errors import WebhooksNotConfigured
from imagegen.webhooks.sender import WebhookFailed, WebhookRefused, WebhookTimeout
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
        self.limits: list[float] = []
        self.error: Exception | None = None

    def send(self, url: str, headers: Mapping[str, str], body: bytes, time_limit_seconds: float) -> int:
        self.requests.append((headers, body))
        self.limits.append(time_limit_seconds)
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


def stored(world: World, generation_id: str) -> dict[str, Any]:
    """What is stored of a webhook."""
    fields = world.fields(f"generationRequests/{generation_id}")
    return {name: fields[name] for name in ("webhook", "webhookDueAt", "webhookDelivery")}


def be_slow(world: World) -> None:
    """Mark ada's account as slow."""
    world.db.document("webhookAccounts/ada").set({"slowUntil": world.clock() + timedelta(days=1)})


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
        deliver(world.deps, generation_id)
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
            world.clock.advance(seconds=7)
            with pytest.raises(TryAgain):
                deliver(world.deps, generation_id)
        (first, body), (second, again) = heard.requests
        assert body == again
        assert datetime.fromisoformat(json.loads(body)["timestamp"]) == ended_at
        assert first["webhook-id"] == second["webhook-id"]
        attempts = [int(headers["webhook-timestamp"]) for headers in (first, second)]
        assert attempts == [ended_at.timestamp() + 7, ended_at.timestamp() + 14]

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
            deliver(world.deps, generation_id)
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
            deliver(world.deps, due(world)[0])
        assert len(heard.sent) == 1

    def test_a_pending_or_unknown_generation(self, world: World, heard: Heard) -> None:
        """No webhook is sent for a pending or an unknown generation."""
        for generation_id in (submit(world, "ada", webhookUrl=HOOK).generation.generation_id, "nothing"):
            deliver(world.deps, generation_id)
        assert heard.sent == []

    def test_a_failed_enqueue(self, world: World, heard: Heard) -> None:
        """A task that the queue did not take does not affect the generation; the outbox repeats it."""
        world.queue.fails, world.queue.takes = True, False
        created = create(world, "ada", webhookUrl=HOOK)
        assert due(world) == []
        world.queue.fails, world.queue.takes = False, True
        world.clock.advance(minutes=10)
        assert enqueue_overdue_webhooks(world.deps) == 1
        assert due(world) == [created.generation.generation_id]
        world.check_books("ada")

    def test_a_success_is_final(self, world: World, heard: Heard) -> None:
        """Of two concurrent deliveries, a failure does not overwrite the success of the other."""
        create(world, "ada", webhookUrl=HOOK)
        (generation_id,) = due(world)

        class FailsLater:
            def send(self, *_: object) -> int:
                deliver(world.deps, generation_id)
                raise WebhookFailed("it answered 500", 500)

        deliver(replace(world.deps, webhooks=FailsLater()), generation_id)
        assert len(heard.sent) == 1
        found = stored(world, generation_id)
        assert (found["webhook"], found["webhookDueAt"], found["webhookDelivery"]["status"]) == ("delivered", None, 204)

    def test_a_success_wins_over_giving_up(self, world: World, heard: Heard) -> None:
        """Of two concurrent deliveries, a success overwrites that the other was refused."""
        create(world, "ada", webhookUrl=HOOK)
        (generation_id,) = due(world)

        class SucceedsLater:
            def send(self, *_: object) -> int:
                heard.error = WebhookRefused("gone", 410)
                deliver(world.deps, generation_id)
                assert stored(world, generation_id)["webhook"] == "given_up"
                return 200

        deliver(replace(world.deps, webhooks=SucceedsLater()), generation_id)
        assert stored(world, generation_id)["webhook"] == "delivered"

    @pytest.mark.parametrize(
        ("error", "status", "failure"),
        [
            (WebhookFailed("the receiver answered 500", 500), 500, "the receiver answered 500"),
            (WebhookFailed("shop cannot be resolved"), None, "shop cannot be resolved"),
            (ValueError("read length must be non-negative"), None, "read length must be non-negative"),
            (RuntimeError(), None, "RuntimeError"),
        ],
    )
    def test_a_failed_attempt(
        self, world: World, heard: Heard, error: Exception, status: int | None, failure: str
    ) -> None:
        """After any error of the sender the attempt is recorded, and the queue and then the outbox repeat it."""
        heard.error = error
        create(world, "ada", webhookUrl=HOOK)
        (generation_id,) = due(world)
        attempted_at = world.clock()
        with pytest.raises(TryAgain):
            deliver(world.deps, generation_id)
        assert stored(world, generation_id) == {
            "webhook": "due",
            "webhookDueAt": attempted_at + timedelta(minutes=10),
            "webhookDelivery": {
                "attempts": 1,
                "attemptedAt": attempted_at,
                "status": status,
                "failure": failure,
                "resentAt": None,
            },
        }
        heard.error = None
        world.clock.advance(seconds=2)
        deliver(world.deps, generation_id)
        found = stored(world, generation_id)
        assert (found["webhook"], found["webhookDueAt"]) == ("delivered", None)
        assert found["webhookDelivery"] == {
            "attempts": 2,
            "attemptedAt": world.clock(),
            "status": 204,
            "failure": None,
            "resentAt": None,
        }

    def test_given_up_after_three_days(self, world: World, heard: Heard) -> None:
        """A failed attempt gives a webhook up when its event is three days old, and not before."""
        heard.error = WebhookFailed("it answered 500", 500)
        create(world, "ada", webhookUrl=HOOK)
        (generation_id,) = due(world)
        world.clock.advance(days=3, seconds=-1)
        with pytest.raises(TryAgain):
            deliver(world.deps, generation_id)
        world.clock.advance(seconds=1)
        deliver(world.deps, generation_id)
        assert (stored(world, generation_id)["webhook"], stored(world, generation_id)["webhookDueAt"]) == (
            "given_up",
            None,
        )

    def test_a_receiver_that_is_down_for_a_day(self, world: World, heard: Heard) -> None:
        """A receiver that is down for a day gets its message within four hours once it is back, and no flood before."""
        heard.error = WebhookFailed("it answered 503", 503)
        created = create(world, "ada", webhookUrl=HOOK)
        back_at = world.clock() + timedelta(hours=24)
        while not heard.sent:
            tasks, world.queue.tasks[:] = due(world), []
            for generation_id in tasks:
                for pause_seconds in (0, 2, 4, 8, 16, 30, 30):
                    world.clock.advance(seconds=pause_seconds)
                    with suppress(TryAgain):
                        deliver(world.deps, generation_id)
                        break
            world.clock.advance(minutes=5)
            assert world.clock() < back_at + timedelta(hours=5)
            if world.clock() >= back_at:
                heard.error = None
            enqueue_overdue_webhooks(world.deps)
        assert world.clock() - back_at <= timedelta(hours=4, minutes=15)
        assert stored(world, created.generation.generation_id)["webhook"] == "delivered"
        assert 10 <= len(heard.requests) <= 30

    def test_refused(self, world: World, heard: Heard) -> None:
        """A webhook that can never be sent is given up at once."""
        heard.error = WebhookRefused("the receiver answered 410 Gone", 410)
        create(world, "ada", webhookUrl=HOOK)
        deliver(world.deps, due(world)[0])
        found = stored(world, due(world)[0])
        assert (found["webhook"], found["webhookDueAt"], found["webhookDelivery"]["status"]) == ("given_up", None, 410)

    def test_without_a_master_secret(self, world: World, heard: Heard, capsys: pytest.CaptureFixture[str]) -> None:
        """Without a master secret nothing is sent and no attempt is counted, and the operator is told."""
        create(world, "ada", webhookUrl=HOOK)
        with pytest.raises(WebhooksNotConfigured):
            deliver(replace(world.deps, webhook_secret=""), due(world)[0])
        assert (heard.requests, stored(world, due(world)[0])["webhookDelivery"]) == ([], None)
        assert re.search(r'"severity": "ERROR".*WEBHOOK_SECRET', capsys.readouterr().err)

    @pytest.mark.embedded
    def test_after_a_lost_answer_of_the_outcome(self, world: World, heard: Heard, faults: DatabaseFaults) -> None:
        """If the commit of an attempt is applied and its answer is lost, the attempt counts once."""
        heard.error = WebhookFailed("it answered 500", 500)
        create(world, "ada", webhookUrl=HOOK)
        faults.lose_answer()
        with pytest.raises(TryAgain):
            deliver(world.deps, due(world)[0])
        assert stored(world, due(world)[0])["webhookDelivery"]["attempts"] == 1
        assert world.fields("webhookAccounts/ada")["breakers"]["shop.example.com"]["failures"] == 1

    @pytest.mark.embedded
    @pytest.mark.parametrize("commit", [1, 2])
    def test_a_contended_account(self, world: World, heard: Heard, faults: DatabaseFaults, commit: int) -> None:
        """If only the account's document is contended, the queue retries the task, and is not slowed down by a 503."""
        be_slow(world)
        create(world, "ada", webhookUrl=HOOK)
        deps = replace(world.deps, db=world.deps.db.within(0.1))

        class Contends:
            def send(self, *_: object) -> int:
                faults.fail(Code.ABORTED, 1000)
                return 200

        if commit == 1:
            faults.fail(Code.ABORTED, 1000)
        with pytest.raises(TryAgain, match="contended"):
            deliver(replace(deps, webhooks=heard if commit == 1 else Contends()), due(world)[0])

    @pytest.mark.embedded
    def test_a_contended_mark(self, world: World, heard: Heard, faults: DatabaseFaults) -> None:
        """The same holds for the mark of a slow account, which many deliveries write at once."""
        create(world, "ada", webhookUrl=HOOK)
        heard.error = WebhookTimeout("no answer within 0.5 s")
        faults.fail(Code.ABORTED, 1000)
        with pytest.raises(TryAgain, match="contended"):
            deliver(replace(world.deps, db=world.deps.db.within(0.1)), due(world)[0])


class TestShares:
    def test_a_prompt_receiver(self, world: World, heard: Heard) -> None:
        """A delivery of an account that was never slow has half a second, and writes nothing of the account."""
        create(world, "ada", webhookUrl=HOOK)
        deliver(world.deps, due(world)[0])
        assert (heard.limits, world.fields("webhookAccounts/ada")) == ([0.5], {})

    def test_a_slow_receiver(self, world: World, heard: Heard) -> None:
        """After half a second a delivery is cut off, which is no attempt; the next one has a slot and ten seconds."""
        create(world, "ada", webhookUrl=HOOK)
        (generation_id,) = due(world)
        heard.error = WebhookTimeout("no answer within 0.5 s")
        with pytest.raises(TryAgain):
            deliver(world.deps, generation_id)
        assert stored(world, generation_id)["webhookDelivery"] is None
        assert world.fields("webhookAccounts/ada") == {"slowUntil": world.clock() + timedelta(days=1)}
        heard.error = None
        deliver(world.deps, generation_id)
        assert heard.limits == [0.5, 10]
        assert stored(world, generation_id)["webhook"] == "delivered"
        assert world.fields("webhookAccounts/ada")["slots"] == {}

    def test_a_timeout_in_a_slot(self, world: World, heard: Heard) -> None:
        """A delivery that has a slot and times out is a failed attempt, and frees the slot."""
        be_slow(world)
        create(world, "ada", webhookUrl=HOOK)
        heard.error = WebhookTimeout("no answer within 10 s")
        with pytest.raises(TryAgain):
            deliver(world.deps, due(world)[0])
        assert stored(world, due(world)[0])["webhookDelivery"]["failure"] == "no answer within 10 s"
        account = world.fields("webhookAccounts/ada")
        assert (account["slots"], account["breakers"]["shop.example.com"]["failures"]) == ({}, 1)

    def test_no_more_than_the_share(self, world: World, heard: Heard) -> None:
        """While four deliveries of a slow account are under way, another one waits; nothing is sent or counted."""
        be_slow(world)
        ids = [create(world, "ada", webhookUrl=HOOK).generation.generation_id for _ in range(5)]
        sending: list[str] = []

        class Nested:
            def send(self, *_: object) -> int:
                sending.append("")
                if len(sending) < 4:
                    deliver(nested, ids[len(sending)])
                else:
                    with pytest.raises(TryAgain, match="slots"):
                        deliver(nested, ids[4])
                return 200

        nested = replace(world.deps, webhooks=Nested())
        deliver(nested, ids[0])
        states = [stored(world, generation_id)["webhook"] for generation_id in ids]
        assert (states, len(sending)) == (["delivered"] * 4 + ["due"], 4)
        assert stored(world, ids[4])["webhookDelivery"] is None
        assert world.fields("webhookAccounts/ada")["slots"] == {}

    def test_a_failing_host(self, world: World, heard: Heard) -> None:
        """After five failures the host is not called for a minute; a deferred webhook is due later, without attempt."""
        first = create(world, "ada", webhookUrl=HOOK).generation.generation_id
        heard.error = WebhookFailed("it answered 500", 500)
        for _ in range(4):
            with pytest.raises(TryAgain):
                deliver(world.deps, first)
        # The task ends with the fifth: the outbox has the webhook.
        deliver(world.deps, first)
        second = create(world, "ada", webhookUrl=HOOK).generation.generation_id
        deliver(world.deps, second)
        assert (len(heard.requests), stored(world, second)["webhookDelivery"]) == (5, None)
        assert stored(world, second)["webhookDueAt"] == world.clock() + timedelta(minutes=10)
        # Other hosts of the account, and the same host for other accounts, are called.
        heard.error = None
        deliver(world.deps, create(world, "ada", webhookUrl="https://other.example.com/").generation.generation_id)
        world.account("bob", 5)
        deliver(world.deps, create(world, "bob", webhookUrl=HOOK).generation.generation_id)
        assert len(heard.sent) == 2
        world.clock.advance(minutes=1)
        deliver(world.deps, second)
        assert stored(world, second)["webhook"] == "delivered"
        assert world.fields("webhookAccounts/ada")["breakers"] == {}

    def test_a_breaker_that_is_open_for_longer(self, world: World) -> None:
        """A deferred webhook is due when the breaker is half-open, if that is later than its back-off."""
        create(world, "ada", webhookUrl=HOOK)
        open_until = world.clock() + timedelta(hours=1)
        breaker = {"failures": 20, "openUntil": open_until, "probe": None}
        world.db.document("webhookAccounts/ada").set({"breakers": {"shop.example.com": breaker}})
        deliver(world.deps, due(world)[0])
        assert stored(world, due(world)[0])["webhookDueAt"] == open_until


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
