"""Webhooks through the functions host and its queue."""

from collections.abc import Iterator

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from imagegen import production
from tests.answers import until
from tests.receiver import Receiver
from tests.world import World

ASYNC = {"Prefer": "respond-async"}


@pytest.fixture
def ada(world: World) -> str:
    return world.account("ada", 10)


class TestWebhook:
    @pytest.fixture
    def receiver(self) -> Iterator[Receiver]:
        receiver = Receiver()
        yield receiver
        receiver.stop()

    def test_is_delivered_by_the_queue(
        self, client: httpx.Client, world: World, ada: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A webhook is delivered once, signed, with the generation."""
        monkeypatch.setenv("WEBHOOK_ALLOW_LOOPBACK", "true")
        production._built.cache_clear()
        body = world.body(ada, webhookUrl=receiver.url)
        answer = client.post("/createGenerationRequest", json=body, headers=ASYNC).json()
        ((headers, content),) = until(lambda: receiver.received, len)
        secret = client.get(f"/getWebhookSecret?userId={ada}").json()["secret"]
        message = Webhook(secret).verify(content, headers)
        assert message["type"] == "generation.completed"
        assert message["data"]["generationRequestId"] == answer["generationRequestId"]
        path = f"generationRequests/{answer['generationRequestId']}"
        assert until(lambda: world.fields(path)["webhook"], lambda state: state != "due") == "delivered"

    @pytest.mark.long
    def test_to_a_slow_receiver(
        self, client: httpx.Client, world: World, ada: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A receiver that needs a second is cut off once, and is then given the time: the same message comes twice."""
        monkeypatch.setenv("WEBHOOK_ALLOW_LOOPBACK", "true")
        production._built.cache_clear()
        receiver.delay_seconds = 1
        answer = client.post("/createGenerationRequest", json=world.body(ada, webhookUrl=receiver.url)).json()
        path = f"generationRequests/{answer['generationRequestId']}"
        assert until(lambda: world.fields(path)["webhook"], lambda state: state != "due") == "delivered"
        (first, body), (second, again) = receiver.received
        assert (first["webhook-id"], body) == (second["webhook-id"], again)
        assert world.fields(path)["webhookDelivery"]["attempts"] == 1
        account = world.fields(f"webhookAccounts/{ada}")
        assert (account["slots"], account["breakers"], account["slowUntil"] is not None) == ({}, {}, True)

    def test_never_to_this_machine(
        self, client: httpx.Client, world: World, ada: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without the development setting no webhook is sent to this machine, under any name (SSRF)."""
        production._built.cache_clear()
        refused = client.post("/createGenerationRequest", json=world.body(ada, webhookUrl=receiver.url))
        assert (refused.status_code, "webhookUrl" in refused.text) == (400, True)
        body = world.body(ada, webhookUrl=f"https://localhost:{receiver.port}/")
        created = client.post("/createGenerationRequest", json=body).json()
        path = f"generationRequests/{created['generationRequestId']}"
        assert until(lambda: world.fields(path)["webhook"], lambda state: state != "due") == "given_up"
        assert receiver.received == []
