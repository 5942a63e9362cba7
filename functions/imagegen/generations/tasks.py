"""Owns what the queue and the schedule of generations do when they fire. Must not know how they are called."""

from __future__ import annotations

from imagegen.config import JOB_DELIVERIES
from imagegen.deps import Deps
from imagegen.generations import outbox, settlement, worker


def process_generation(deps: Deps, generation_id: str, deliveries_before: int) -> None:
    """Draw a queued generation.

    Raises:
        TryAgain: the task is to be delivered again.
        Unavailable: Firestore was away.
    """
    worker.process(deps, generation_id, is_last_delivery=deliveries_before + 1 >= JOB_DELIVERIES)


def reconcile(deps: Deps) -> None:
    """Refund what dead processes left pending past its lease, and announce ends whose announcement was lost.

    Raises:
        Unsettled: some generations could not be refunded; all else is done.
        Unavailable: Firestore was away.
    """
    try:
        settlement.reconcile(deps)
    finally:
        # Webhooks do not wait for a refund that fails; the run still fails, so that an operator sees it.
        outbox.announce_forgotten(deps)
