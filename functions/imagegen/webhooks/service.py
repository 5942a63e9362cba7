"""Owns the delivery of webhooks, at least once, with retries.

Must not know HTTP nor how documents are written. The message id is the same in each delivery, so that receivers can
deduplicate.
"""

from __future__ import annotations

from imagegen.deps import Deps
from imagegen.generations import outbox
from imagegen.generations import store as generations_store
from imagegen.generations.lookup_schemas import GenerationAnswer
from imagegen.generations.records import Generation, WebhookState
from imagegen.kit import log
from imagegen.kit.errors import TryAgain
from imagegen.webhooks import signing, store
from imagegen.webhooks.schemas import WebhookMessage
from imagegen.webhooks.secrets import secrets_of
from imagegen.webhooks.sender import WebhookRefused


def deliver(deps: Deps, generation_id: str, *, is_last_attempt: bool) -> None:
    """Send the webhook of a generation, if it is due.

    Raises:
        TryAgain: the delivery failed and can be retried.
        WebhooksNotConfigured: there is no valid master secret; it can be retried once there is one.
        Unavailable: Firestore was not available.
    """
    generation = generations_store.read_generation(deps.db, generation_id)
    if generation is None or generation.webhook is not WebhookState.DUE or generation.webhook_url is None:
        return
    secrets = secrets_of(deps, store.read_account(deps.db, generation.user_id))
    body = _body(generation)
    headers = signing.signed_headers(secrets, f"msg_{generation_id}", deps.now(), body)
    state = WebhookState.DELIVERED
    try:
        deps.webhooks.send(generation.webhook_url, headers, body, deps.settings.webhook_time_limit_seconds)
    except Exception as error:  # Any error counts as a failed delivery: the last attempt must end the webhook.
        if not (is_last_attempt or isinstance(error, WebhookRefused)):
            raise TryAgain(f"webhook not delivered: {error!r}") from error
        log.warn(f"webhook given up: {error!r}", generationRequestId=generation_id, userId=generation.user_id)
        state = WebhookState.GIVEN_UP
    outbox.end_webhook(deps, generation_id, state)


def _body(generation: Generation) -> bytes:
    # The time is that of the event, so that the body is byte-equal in each delivery (Standard Webhooks 1.0.0).
    assert generation.completed_at is not None
    message = WebhookMessage(
        type=f"generation.{generation.stage}", timestamp=generation.completed_at, data=GenerationAnswer.of(generation)
    )
    return message.model_dump_json(by_alias=True).encode()
