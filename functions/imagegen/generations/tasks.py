"""Owns the work of the queue and the schedule of generations. Must not know how they are triggered."""

from __future__ import annotations

from imagegen.config import JOB_DELIVERIES
from imagegen.deps import Deps
from imagegen.generations import outbox, recovery, worker


def process_generation(deps: Deps, generation_id: str, deliveries_before: int) -> None:
    """Draw a queued generation.

    Raises:
        TryAgain: the queue must deliver the task again.
        Unavailable: Firestore was not available.
    """
    worker.process(deps, generation_id, is_last_delivery=deliveries_before + 1 >= JOB_DELIVERIES)


def reconcile(deps: Deps) -> dict[str, int]:
    """Recover what has stuck, see `recovery.reconcile`, and enqueue overdue webhooks again; return the numbers.

    Raises:
        Unsettled: some generations could not be recovered; all other work is done.
        Unavailable: Firestore was not available.
    """
    try:
        run = recovery.reconcile(deps)
    finally:
        # A failed refund must not block webhooks. The run still fails, so that it raises an alert.
        webhooks = outbox.enqueue_overdue_webhooks(deps)
    return {
        "refunded": run.refunded,
        "takenBack": run.taken_back,
        "enqueued": run.enqueued,
        "picturesDeleted": run.pictures_deleted,
        "webhooksEnqueued": webhooks,
    }
