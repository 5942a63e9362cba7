"""The secret of an account: who may read it, and how it is rotated."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest

from embedded_firebase.firestore.testing.faults import DatabaseFaults
from imagegen import production
from imagegen.webhooks.errors import WebhooksNotConfigured
from imagegen.webhooks.secrets import get_secrets, rotate_secret
from imagegen.webhooks.signing import Secrets, secret_of
from tests import tokens
from tests.answers import error_of, violations_of
from tests.world import MASTER_SECRET, World

KEY = {"Idempotency-Key": "rotation 1"}
ONE, TWO, THREE = (secret_of(MASTER_SECRET, "ada", version) for version in (1, 2, 3))


class TestRotateSecret:
    def test_both_sign_for_a_day(self, world: World) -> None:
        """The next version signs at once, and the previous one for 24 hours more."""
        assert get_secrets(world.deps, "ada") == Secrets(1, ONE)
        rotated, replayed = rotate_secret(world.deps, "ada", "key")
        world.clock.advance(hours=23, minutes=59)
        assert (rotated, replayed) == (get_secrets(world.deps, "ada"), False)
        assert (rotated.version, rotated.current, rotated.previous) == (2, TWO, ONE)
        world.clock.advance(minutes=1)
        assert rotated.previous_ends_at == world.clock()
        assert get_secrets(world.deps, "ada") == Secrets(2, TWO)
        assert get_secrets(world.deps, "bob").version == 1

    def test_a_retry_rotates_once(self, world: World) -> None:
        """A repeated call with its key is a replay, also later; another key rotates again."""
        rotate_secret(world.deps, "ada", "key")
        world.clock.advance(hours=48)
        assert rotate_secret(world.deps, "ada", "key") == (Secrets(2, TWO), True)
        again, replayed = rotate_secret(world.deps, "ada", "another key")
        assert (again.version, again.current, again.previous, replayed) == (3, THREE, TWO, False)

    def test_the_same_key_at_once(self, world: World) -> None:
        """Of concurrent calls with one key, one rotates."""
        with ThreadPoolExecutor(8) as clients:
            answers = list(clients.map(lambda _: rotate_secret(world.deps, "ada", "key"), range(8)))
        assert [rotated.version for rotated, _ in answers] == [2] * 8

    @pytest.mark.embedded
    def test_after_a_lost_answer(self, world: World, faults: DatabaseFaults) -> None:
        """A commit that was applied and lost its answer is the rotation of this call, and no replay."""
        faults.lose_answer()
        rotated, replayed = rotate_secret(world.deps, "ada", "key")
        assert (rotated.version, replayed) == (2, False)

    def test_without_a_master(self, world: World) -> None:
        """Without a master secret nothing is rotated."""
        with pytest.raises(WebhooksNotConfigured):
            rotate_secret(replace(world.deps, webhook_secret=""), "ada", "key")
        assert world.fields("webhookAccounts/ada") == {}

    def test_a_document_without_a_version(self, world: World) -> None:
        """A document that has other fields only stands for the first version."""
        world.db.document("webhookAccounts/ada").set({"rotatedAt": None})
        assert get_secrets(world.deps, "ada") == Secrets(1, ONE)


class TestHttp:
    def test_read_and_rotated(self, client: httpx.Client) -> None:
        """The functions answer the secrets, and are not cached."""
        first = client.get("/getWebhookSecret?userId=ada")
        assert first.json() == {
            "userId": "ada",
            "version": 1,
            "secret": ONE,
            "previousSecret": None,
            "previousSecretEndsAt": None,
        }
        assert first.headers["Cache-Control"] == "no-store"
        rotated = client.post("/rotateWebhookSecret", json={"userId": "ada"}, headers=KEY)
        replay = client.post("/rotateWebhookSecret", json={"userId": "ada"}, headers=KEY)
        assert (rotated.json()["secret"], rotated.json()["previousSecret"]) == (TWO, ONE)
        assert rotated.json()["previousSecretEndsAt"]
        assert "Idempotent-Replayed" not in rotated.headers
        assert (replay.json(), replay.headers["Idempotent-Replayed"]) == (rotated.json(), "true")
        assert client.post("/getWebhookSecret", json={"userId": "ada"}).json() == rotated.json()

    def test_a_rotation_needs_a_key(self, client: httpx.Client, world: World) -> None:
        """Without an Idempotency-Key nothing is rotated: a blind retry would rotate twice."""
        refused = client.post("/rotateWebhookSecret", json={"userId": "ada"})
        assert list(violations_of(refused)) == ["Idempotency-Key"]
        assert client.get("/rotateWebhookSecret?userId=ada").status_code == 405
        assert world.fields("webhookAccounts/ada") == {}

    def test_without_a_master(self, client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
        """If the operator has not set the master secret, the error says so."""
        monkeypatch.delenv("WEBHOOK_SECRET")
        production._built.cache_clear()
        for refused in (
            client.get("/getWebhookSecret?userId=ada"),
            client.post("/rotateWebhookSecret", json={"userId": "ada"}, headers=KEY),
        ):
            assert refused.status_code == 501
            assert error_of(refused)["reason"] == "WEBHOOKS_NOT_CONFIGURED"
            assert "WEBHOOK_SECRET" in refused.json()["error"]["message"]

    def test_who_may(self, world: World, sign_in: None, request: pytest.FixtureRequest) -> None:
        """The owner and an administrator may read and rotate a secret, another account may not."""
        client: httpx.Client = request.getfixturevalue("client")

        def statuses(uid: str, *, admin: bool = False) -> list[int]:
            token = tokens.unsigned(tokens.claims(world.db.project, uid, **({"admin": True} if admin else {})))
            headers = {"Authorization": f"Bearer {token}"} | KEY
            return [
                client.get("/getWebhookSecret?userId=ada", headers=headers).status_code,
                client.post("/rotateWebhookSecret", json={"userId": "ada"}, headers=headers).status_code,
            ]

        assert client.get("/getWebhookSecret?userId=ada").status_code == 401
        assert statuses("bob") == [403, 403]
        assert statuses("ada") == [200, 200]
        assert statuses("root", admin=True) == [200, 200]
