"""Owns asynchronous generations: enqueuing them, and processing a task.

Must not know HTTP nor how documents are written. Delivery is at-least-once, and can be late or lost: the generation's
document decides, not the task.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from imagegen.catalog.catalog import Catalog, Choice
from imagegen.config import Settings
from imagegen.deps import Deps
from imagegen.firebase.tasks import TaskQueueError
from imagegen.firebase.transactions import Transaction
from imagegen.generations import picture, store
from imagegen.generations.records import FailureReason, Generation, GenerationStatus, Stage
from imagegen.generations.settlement import Reservation, settle
from imagegen.images.records import Image
from imagegen.kit import log
from imagegen.kit.errors import InvalidRequest, TryAgain, Unavailable

PROCESS_GENERATION = "processGeneration"
# After this time a queued generation is enqueued again; each time after twice as long as the time before, so that a
# long queue does not grow by tasks that it has already.
_ENQUEUE_AGAIN_AFTER = timedelta(minutes=2)
# A repeated call enqueues the task again if that was not done for as long.
_REPEAT_AFTER = timedelta(minutes=1)
# Not MODEL_REFUSED and NOT_OFFERED: a retry would have the same outcome.
_RETRYABLE = {FailureReason.MODEL_ERROR, FailureReason.MODEL_TIMEOUT, FailureReason.STORAGE_ERROR}


def queued(settings: Settings, generation: Generation) -> Generation:
    """Return a new generation as one that is queued, and not begun by the call that creates it."""
    created_at = generation.created_at
    return replace(
        generation,
        started_at=None,
        attempts=0,
        lease_expires_at=_queued_until(settings, generation),
        enqueued_at=created_at,
        enqueue_again_at=created_at + _ENQUEUE_AGAIN_AFTER,
    )


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
    """Enqueue a generation again for a repeated call, whose first call may have died before it enqueued the task.

    At most once a minute, so that repeated calls are no way around the rate limit.

    Raises:
        Unavailable: Firestore was not available, or the queue did not confirm the task. There is no refund: the queue
            may have the task of the first call.
    """
    if not _is_due_for_repeat(generation, deps.now()):
        return
    current = store.read_current(deps.db, generation.generation_id)
    if current and _is_due_for_repeat(current[0], deps.now()) and not enqueue_again(deps, *current):
        raise Unavailable


def enqueue_again(deps: Deps, generation: Generation, updated_at: datetime) -> bool:
    """Enqueue the task of a queued generation again; return False if the queue did not confirm it.

    Nothing is enqueued if the generation has changed since `updated_at`. The time is written before the task is
    enqueued, so that of concurrent calls one enqueues it.
    """
    now = deps.now()
    waited = _ENQUEUE_AGAIN_AFTER
    if generation.enqueued_at is not None and generation.enqueue_again_at is not None:
        waited = generation.enqueue_again_at - generation.enqueued_at
    again = replace(generation, enqueued_at=now, enqueue_again_at=now + 2 * waited)
    return not store.queue_generation_if_unchanged(deps.db, again, updated_at) or _is_enqueued(deps, again)


def recover(deps: Deps, generation: Generation) -> Generation:
    """Take back or refund a generation whose lease has expired; return it as it is then.

    Raises:
        Unavailable: Firestore was not available.
    """
    current = store.read_current(deps.db, generation.generation_id)
    if current is None or not take_back(deps, *current):
        return settle(deps, Reservation(generation), FailureReason.LEASE_EXPIRED)
    return store.read_generation(deps.db, generation.generation_id) or generation


def take_back(deps: Deps, generation: Generation, updated_at: datetime) -> bool:
    """Put a generation whose worker has died back into the queue; return False if it has to be refunded instead.

    Its attempts or its time in the queue are used up, or a caller waited for it. Nothing is done, and True returned,
    if it has ended, or has changed since `updated_at`.
    """
    if generation.status is not GenerationStatus.PENDING:
        return True
    now = deps.now()
    queued_until = _queued_until(deps.settings, generation)
    is_queued = generation.enqueued_at is not None and generation.started_at is not None
    if not is_queued or generation.attempts >= deps.settings.model_attempts or queued_until <= now:
        return False
    waiting = replace(
        generation,
        started_at=None,
        lease_expires_at=queued_until,
        # A new fencing token: should the worker be alive, its failure must not end the generation.
        attempt_id=deps.new_id(),
        enqueued_at=now,
        enqueue_again_at=now + _ENQUEUE_AGAIN_AFTER,
    )
    if store.queue_generation_if_unchanged(deps.db, waiting, updated_at):
        log.warn("generation queued again after its lease", **picture.ids(generation))
        _is_enqueued(deps, waiting)
    return True


def process(deps: Deps, generation_id: str, *, is_last_delivery: bool = False) -> None:
    """Draw and settle a queued generation; do nothing if it has ended or does not exist.

    Raises:
        TryAgain: the model failed and can be retried, or another attempt holds the lease.
        Unavailable: Firestore was not available.
    """
    # Before the claim: if there is no catalog, no attempt and no lease is spent.
    catalog = deps.catalog.current()
    claimed = _claim(deps, generation_id)
    if claimed is None:
        return
    generation = claimed.generation
    may_try_again = generation.attempts < deps.settings.model_attempts and not is_last_delivery
    try:
        chosen = _choose(deps, generation, catalog)
    except Unavailable:
        if may_try_again and _requeue(deps, claimed):
            raise
        chosen = None
    outcome = FailureReason.NOT_OFFERED if chosen is None else picture.draw(deps, generation, chosen)
    if outcome in _RETRYABLE and may_try_again and _requeue(deps, claimed):
        raise TryAgain(f"attempt {generation.attempts} ended with {outcome}")
    ended = settle(deps, claimed, outcome)
    if isinstance(outcome, Image) and ended.status is not GenerationStatus.COMPLETED:
        picture.discard(deps, generation)


def _enqueue(deps: Deps, generation: Generation) -> None:
    deps.tasks.enqueue(PROCESS_GENERATION, {"generationRequestId": generation.generation_id})


def _is_due_for_repeat(generation: Generation, now: datetime) -> bool:
    enqueued_at = generation.enqueued_at
    return generation.stage is Stage.QUEUED and (enqueued_at is None or enqueued_at <= now - _REPEAT_AFTER)


def _is_enqueued(deps: Deps, generation: Generation) -> bool:
    try:
        _enqueue(deps, generation)
    except TaskQueueError as error:
        log.warn(f"the queue did not confirm a repeated generation: {error}", **picture.ids(generation))
        return False
    return True


def _choose(deps: Deps, generation: Generation, catalog: Catalog) -> Choice | None:
    """Return the items of a generation; None if they are not on offer any more.

    Raises:
        Unavailable: they are not in this catalog, and it could not be reloaded: the instance that charged for the
            generation may have had a newer one.
    """
    reads: list[Callable[[], Catalog]] = [lambda: catalog, deps.catalog.reloaded]
    for read in reads:
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
            enqueue_again_at=None,
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
    generation, now = claimed.generation, deps.now()
    queued_until = _queued_until(deps.settings, generation)
    if claimed.updated_at is None or queued_until <= now:
        return False
    # The queue delivers the task again. It is enqueued again only if the queue has lost it.
    again_at = now + _ENQUEUE_AGAIN_AFTER
    waiting = replace(
        generation, started_at=None, lease_expires_at=queued_until, enqueued_at=now, enqueue_again_at=again_at
    )
    return store.queue_generation_if_unchanged(deps.db, waiting, claimed.updated_at)


def _queued_until(settings: Settings, generation: Generation) -> datetime:
    return generation.created_at + timedelta(seconds=settings.queue_time_limit_seconds)
