"""Owns the outbox of webhooks: enqueues a delivery task for each webhook that is due, and records its outcome.

Must not know HTTP nor the message. Transactional outbox: the commit that ends a generation also marks its webhook as
due, so that a crash cannot lose it.
"""

from __future__ import annotations

from datetime import timedelta

from imagegen.deps import Deps
from imagegen.firebase.tasks import TaskQueueError
from imagegen.firebase.transactions import Transaction
from imagegen.generations import store
from imagegen.generations.records import Generation, WebhookState
from imagegen.kit import log

DELIVER_WEBHOOK = "deliverWebhook"
# The webhooks of one run; the next run takes the next ones.
_BATCH_SIZE = 200
# Longer than the queue retries a delivery.
_OVERDUE_AFTER = timedelta(hours=2)
# After a day a webhook is given up: otherwise undeliverable webhooks would fill each batch.
_GIVEN_UP_AFTER = timedelta(days=1)


def enqueue_webhook(deps: Deps, generation: Generation) -> None:
    """Enqueue the webhook of a generation that has just ended; if this fails, `enqueue_overdue_webhooks` repeats it."""
    if generation.webhook is not WebhookState.DUE:
        return
    try:
        deps.tasks.enqueue(DELIVER_WEBHOOK, {"generationRequestId": generation.generation_id})
    except TaskQueueError as error:
        log.warn(f"the queue did not confirm a webhook: {error}", generationRequestId=generation.generation_id)


def enqueue_overdue_webhooks(deps: Deps) -> int:
    """Enqueue overdue webhooks again, and give up those of more than a day ago; return the number of both.

    Raises:
        Unavailable: Firestore was not available.
    """
    now = deps.now()
    due = store.read_due_webhooks(deps.db, now - _OVERDUE_AFTER, _BATCH_SIZE)
    for generation in due:
        if generation.completed_at is not None and generation.completed_at <= now - _GIVEN_UP_AFTER:
            log.error("webhook given up: it was not delivered in a day", generationRequestId=generation.generation_id)
            end_webhook(deps, generation.generation_id, WebhookState.GIVEN_UP)
        else:
            # Written before the task is enqueued, so that a later or concurrent run does not enqueue it as well.
            store.write_webhook_enqueued_at(deps.db, generation.generation_id, now)
            enqueue_webhook(deps, generation)
    return len(due)


def end_webhook(deps: Deps, generation_id: str, state: WebhookState) -> None:
    """Record the outcome of a webhook; among concurrent deliveries, `delivered` wins over `given_up`.

    Raises:
        Unavailable: Firestore was not available.
    """

    def body(transaction: Transaction) -> None:
        current = store.read_generation_in(transaction, generation_id)
        if current is not None and (state is WebhookState.DELIVERED or current.webhook is WebhookState.DUE):
            store.write_webhook_state(transaction, generation_id, state)

    deps.db.transact(body)
