"""Owns telling those who asked for it that a generation has ended: once at least, and again when it was not heard.

Knows neither HTTP nor how Firestore is written to. Telling twice is allowed: the message's id says that it is the same.
"""

from __future__ import annotations

from imagegen.deps import Deps
from imagegen.generations import outbox
from imagegen.generations import store as generations_store
from imagegen.generations.lookup_schemas import GenerationAnswer
from imagegen.generations.records import WebhookState
from imagegen.kit import log
from imagegen.kit.errors import TryAgain
from imagegen.webhooks.schemas import WebhookMessage
from imagegen.webhooks.sender import WebhookRefused


def deliver(deps: Deps, generation_id: str, *, is_last_attempt: bool) -> None:
    """Tell of a generation, unless that was done.

    Raises:
        TryAgain: it was not heard.
        Unavailable: Firestore was away.
    """
    generation = generations_store.read_generation(deps.db, generation_id)
    if generation is None or generation.webhook is not WebhookState.DUE or generation.webhook_url is None:
        return
    sent_at = deps.now()
    message = WebhookMessage(
        type=f"generation.{generation.stage}", timestamp=sent_at, data=GenerationAnswer.of(generation)
    )
    body = message.model_dump_json(by_alias=True).encode()
    state = WebhookState.DELIVERED
    try:
        deps.webhooks.send(generation.webhook_url, f"msg_{generation_id}", sent_at, body)
    except Exception as error:  # Of whatever kind: the last attempt is the last.
        if not (is_last_attempt or isinstance(error, WebhookRefused)):
            raise TryAgain(f"a webhook was not heard: {error!r}") from error
        log.warn(f"a webhook is given up: {error!r}", generationRequestId=generation_id, userId=generation.user_id)
        state = WebhookState.GIVEN_UP
    outbox.end(deps, generation_id, state)
