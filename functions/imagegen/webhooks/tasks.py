"""Owns the work of the queue of webhooks. Must not know how it is triggered."""

from __future__ import annotations

from imagegen.deps import Deps
from imagegen.webhooks import delivery


def deliver_webhook(deps: Deps, generation_id: str, _deliveries_before: int) -> None:
    """Send the webhook of a generation that has ended. The queue's last delivery is no special one: the outbox goes on.

    Raises:
        TryAgain: the queue must deliver the task again.
        WebhooksNotConfigured: there is no valid master secret.
        Unavailable: Firestore was not available.
    """
    delivery.deliver(deps, generation_id)
