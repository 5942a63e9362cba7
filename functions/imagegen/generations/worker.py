"""Owns asynchronous generations: enqueuing them, and processing a task.

Must not know HTTP nor how documents are written. Delivery is at-least-once, and can be late or lost: the generation's
document decides, not the task.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from imagegen.catalog.catalog import Choice
from imagegen.deps import Deps
from imagegen.firebase.tasks import TaskQueueError
from imagegen.firebase.transactions import Transaction
from imagegen.generations import picture, store
from imagegen.generations.records import FailureReason, Generation, GenerationStatus
from imagegen.generations.settlement import Reservation, settle
from imagegen.images.records import Image
from imagegen.kit import log
from imagegen.kit.errors import InvalidRequest, TryAgain, Unavailable

PROCESS_GENERATION = "processGeneration"
# Not MODEL_REFUSED and NOT_OFFERED: a retry would have the same outcome.
_RETRYABLE = {FailureReason.MODEL_ERROR, FailureReason.MODEL_TIMEOUT, FailureReason.STORAGE_ERROR}


def submit(deps: Deps, reservation: Reservation) -> Generation:
    """Enqueue a charged generation; refund it at once if the queue does not confirm the task.

    Raises:
        Unavailable: Firestore was not available for the refund; it is refunded after the queue's time limit.
    """
    generation = reservation.generation
    try:
        _enqueue(deps, generation)
    except TaskQueueError as error:
        log.error(f"the queue did not confirm a generation: {error}", **picture.ids(generation))
        # If the queue has the task nevertheless, the task finds an ended generation and does nothing.
        return settle(deps, reservation, FailureReason.QUEUE_ERROR)
    return generation


def submit_again(deps: Deps, generation: Generation) -> None:
    """Enqueue a generation again that has had no attempt: the first call may have died before it enqueued the task.

    Raises:
        Unavailable: the queue did not confirm the task. No refund: the queue may have the task of the first call.
    """
    try:
        _enqueue(deps, generation)
    except TaskQueueError as error:
        log.warn(f"the queue did not confirm a repeated generation: {error}", **picture.ids(generation))
        raise Unavailable from None


def process(deps: Deps, generation_id: str, *, is_last_delivery: bool = False) -> None:
    """Draw and settle a queued generation; do nothing if it has ended or does not exist.

    Raises:
        TryAgain: the model failed and can be retried, or another attempt holds the lease.
        Unavailable: Firestore was not available.
    """
    claimed = _claim(deps, generation_id)
    if claimed is None:
        return
    generation = claimed.generation
    chosen = _choose(deps, generation)
    outcome = FailureReason.NOT_OFFERED if chosen is None else picture.draw(deps, generation, chosen)
    may_try_again = generation.attempts < deps.settings.model_attempts and not is_last_delivery
    if outcome in _RETRYABLE and may_try_again and _requeue(deps, claimed):
        raise TryAgain(f"attempt {generation.attempts} ended with {outcome}")
    ended = settle(deps, claimed, outcome)
    if isinstance(outcome, Image) and ended.image_url != outcome.url:
        log.warn("picture discarded: the generation had already ended", **picture.ids(generation))


def _enqueue(deps: Deps, generation: Generation) -> None:
    deps.tasks.enqueue(PROCESS_GENERATION, {"generationRequestId": generation.generation_id})


def _choose(deps: Deps, generation: Generation) -> Choice | None:
    # The instance that charged for it may have had a newer catalog in its cache.
    for read in (deps.catalog.current, deps.catalog.reloaded):
        with suppress(InvalidRequest):
            return read().choose(generation.names())
    return None


def _claim(deps: Deps, generation_id: str) -> Reservation | None:
    """Claim a generation for a new attempt, with a new lease; None if there is nothing to draw."""
    attempt_id = deps.new_id()
    now = deps.now()

    def body(transaction: Transaction) -> tuple[Generation | None, bool]:
        current = store.read_generation_in(transaction, generation_id)
        # The body can run again after a lost response, and then finds its own attempt.
        if current is None or current.status is not GenerationStatus.PENDING or current.attempt_id == attempt_id:
            return current, False
        is_overdue = current.lease_expires_at <= now
        if current.started_at is not None and not is_overdue:
            return current, False
        if is_overdue and (current.started_at is None or current.attempts >= deps.settings.model_attempts):
            return current, False
        begun = replace(
            current,
            started_at=now,
            lease_expires_at=now + timedelta(seconds=deps.settings.lease_seconds),
            attempt_id=attempt_id,
            attempts=current.attempts + 1,
        )
        store.begin_generation(transaction, begun)
        return begun, True

    (current, begun), updated_at = deps.db.transact(body)
    if current is None:
        log.error("task dropped: its generation does not exist", generationRequestId=generation_id)
        return None
    if current.attempt_id == attempt_id and current.status is GenerationStatus.PENDING:
        return Reservation(current, updated_at if begun else None)
    if current.status is GenerationStatus.PENDING:
        if current.lease_expires_at > now:
            raise TryAgain("another attempt holds the lease")
        settle(deps, Reservation(current), FailureReason.LEASE_EXPIRED)
    return None


def _requeue(deps: Deps, claimed: Reservation) -> bool:
    """Put a generation back into the queue; return False if its time there is over or the commit is not confirmed."""
    generation = claimed.generation
    queued_until = generation.created_at + timedelta(seconds=deps.settings.queue_time_limit_seconds)
    if claimed.updated_at is None or queued_until <= deps.now():
        return False
    waiting = replace(generation, started_at=None, lease_expires_at=queued_until)
    return store.requeue_generation_if_unchanged(deps.db, waiting, claimed.updated_at)
