"""The secrets of accounts, and the signatures made with them."""

import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from imagegen.webhooks.errors import WebhooksNotConfigured
from imagegen.webhooks.signing import Secrets, secret_of, signed_headers
from tests.world import MASTER_SECRET, NOON

pytestmark = pytest.mark.pure
BODY = b'{"type":"generation.completed"}'


class TestSecretOf:
    def test_each_account_and_version_has_its_own(self) -> None:
        """The secrets of two accounts, or of two versions, differ; the same ones are the same."""
        named = [("ada", 1), ("ada", 2), ("bob", 1), ("1/ada", 1), ("da", 11), ("ada/1", 1), ("é" * 128, 1)]
        secrets = {secret_of(MASTER_SECRET, user_id, version) for user_id, version in named}
        assert len(secrets) == len(named)
        assert secret_of(MASTER_SECRET, "ada", 1) in secrets
        assert MASTER_SECRET not in secrets

    def test_is_a_secret_of_the_standard(self) -> None:
        """A secret has the prefix and 32 bytes; it is the HMAC-SHA256 of a label, so that it never changes."""
        secret = secret_of(MASTER_SECRET, "ada", 1)
        assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
        assert secret == "whsec_pv+LZKU4djc5lRyHv/lsuH3Ai9vRAveqwfGTh1q6Y70="

    def test_another_master(self) -> None:
        """Another master secret gives other secrets."""
        other = "whsec_" + base64.b64encode(b"another one of twenty-six!").decode()
        assert secret_of(other, "ada", 1) != secret_of(MASTER_SECRET, "ada", 1)

    @pytest.mark.parametrize("space", ["\n", "\r\n", " ", "\n\n"])
    def test_space_around_the_master(self, space: str) -> None:
        """A newline or space around the master secret is harmless: it gives the same secrets."""
        assert secret_of(f"{space}{MASTER_SECRET}{space}", "ada", 1) == secret_of(MASTER_SECRET, "ada", 1)

    @pytest.mark.parametrize(
        "master",
        ["", "whsec_", "secret", "whsec_???", "whsec_é", MASTER_SECRET.removeprefix("whsec_")]
        + ["whsec_" + base64.b64encode(bytes(length)).decode() for length in (0, 5, 23, 65)],
    )
    def test_an_invalid_master(self, master: str) -> None:
        """Without a valid master secret there is no secret, and the error names what the operator must set."""
        with pytest.raises(WebhooksNotConfigured, match="WEBHOOK_SECRET"):
            secret_of(master, "ada", 1)

    @pytest.mark.parametrize("length", [24, 64])
    def test_the_shortest_and_the_longest_master(self, length: int) -> None:
        """A master secret has 24 to 64 bytes."""
        assert secret_of("whsec_" + base64.b64encode(bytes(length)).decode(), "ada", 1)


class TestSignedHeaders:
    def test_follow_the_standard(self) -> None:
        """The Standard Webhooks library verifies a signature, and refuses another body and another account's secret."""
        ada, bob = (secret_of(MASTER_SECRET, user_id, 1) for user_id in ("ada", "bob"))
        headers = signed_headers(Secrets(1, ada), "msg_1", datetime.now(UTC), BODY)
        assert Webhook(ada).verify(BODY, headers) == {"type": "generation.completed"}
        with pytest.raises(WebhookVerificationError):
            Webhook(ada).verify(BODY + b" ", headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(bob).verify(BODY, headers)

    def test_during_a_rotation(self) -> None:
        """While two secrets sign, a receiver may have either of them."""
        old, new, other = (secret_of(MASTER_SECRET, "ada", version) for version in (1, 2, 3))
        headers = signed_headers(Secrets(2, new, old, NOON), "msg_1", datetime.now(UTC), BODY)
        assert headers["webhook-signature"].count("v1,") == 2
        for secret in (old, new):
            assert Webhook(secret).verify(BODY, headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(other).verify(BODY, headers)


class TestSecrets:
    def test_are_in_no_log(self) -> None:
        """The text of the secrets does not show them."""
        assert "whsec" not in repr(Secrets(2, "whsec_new", "whsec_old", NOON))
