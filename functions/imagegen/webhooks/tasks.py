"""Owns the work of the queue of webhooks. Must not know how it is triggered."""

from __future__ import annotations

from imagegen.config import WEBHOOK_ATTEMPTS
from imagegen.deps import Deps
from imagegen.webhooks import service


def deliver_webhook(deps: Deps, generation_id: str, deliveries_before: int) -> None:
    """Send the webhook of a generation that has ended.

    Raises:
        TryAgain: the queue must deliver the task again.
        Unavailable: Firestore was not available.
    """
    service.deliver(deps, generation_id, is_last_attempt=deliveries_before + 1 >= WEBHOOK_ATTEMPTS)
