"""Owns having somebody told that a generation has ended, by a task for each.

Knows neither HTTP nor how the message looks. That somebody is to be told is written together with the end, so that no
crash forgets it.
"""

from __future__ import annotations

from datetime import timedelta

from imagegen.deps import Deps
from imagegen.firebase.tasks import TaskQueueError
from imagegen.firebase.transactions import Transaction
from imagegen.generations import store
from imagegen.generations.records import Generation, WebhookState
from imagegen.kit import log

DELIVER = "deliverWebhook"
# What one run hands to the queue again; the next one goes on.
_ANNOUNCED_AT_ONCE = 200
# Older than any delivery that the queue may still be trying.
_FORGOTTEN_AFTER = timedelta(hours=2)
# Long after the last attempt: what is due still will never be told, and would keep its place before others.
_GIVEN_UP_AFTER = timedelta(days=1)


def announce(deps: Deps, generation: Generation) -> None:
    """Have somebody told of a generation that has just ended; where the queue fails, `announce_forgotten` does it."""
    if generation.webhook is not WebhookState.DUE:
        return
    try:
        deps.tasks.enqueue(DELIVER, {"generationRequestId": generation.generation_id})
    except TaskQueueError as error:
        log.warn(f"the queue did not take a webhook: {error}", generationRequestId=generation.generation_id)


def announce_forgotten(deps: Deps) -> int:
    """Hand to the queue again what was due for long, and give up what was for too long; return how many there were.

    Raises:
        Unavailable: Firestore was away.
    """
    now = deps.now()
    due = store.read_due_webhooks(deps.db, now - _FORGOTTEN_AFTER, _ANNOUNCED_AT_ONCE)
    for generation in due:
        if generation.completed_at is not None and generation.completed_at <= now - _GIVEN_UP_AFTER:
            log.error("a webhook is given up unheard", generationRequestId=generation.generation_id)
            end(deps, generation.generation_id, WebhookState.GIVEN_UP)
        else:
            # Before the queue has it, so that no run hands over what another one just has.
            store.write_announced(deps.db, generation.generation_id, now)
            announce(deps, generation)
    return len(due)


def end(deps: Deps, generation_id: str, state: WebhookState) -> None:
    """Write what became of a webhook; of several attempts at once, one that was heard has the last word.

    Raises:
        Unavailable: Firestore was away.
    """

    def body(transaction: Transaction) -> None:
        current = store.read_generation_in(transaction, generation_id)
        if current is not None and (state is WebhookState.DELIVERED or current.webhook is WebhookState.DUE):
            store.write_webhook_state(transaction, generation_id, state)

    deps.db.transact(body)
