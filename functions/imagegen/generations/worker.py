"""Owns generations that are drawn later: handing them to the queue, and what the queue's function does with one.

Knows neither HTTP nor how Firestore is written to. A task may be delivered twice, late or never; what counts is how
the generation stands.
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

PROCESS = "processGeneration"
# A model that refuses a prompt refuses it again; what is no longer offered will not be by the next try.
_RETRYABLE = {FailureReason.MODEL_ERROR, FailureReason.MODEL_TIMEOUT, FailureReason.STORAGE_ERROR}


def submit(deps: Deps, reservation: Reservation) -> Generation:
    """Hand a charged generation to the queue; give the credits back at once when it is not sure that the queue has it.

    Raises:
        Unavailable: Firestore was away while they were to be given back; they are, after the queue's time limit.
    """
    generation = reservation.generation
    try:
        _enqueue(deps, generation)
    except TaskQueueError as error:
        log.error(f"the queue did not take a generation: {error}", **picture.ids(generation))
        # Should the queue have it after all, the task finds a generation that has ended.
        return settle(deps, reservation, FailureReason.QUEUE_ERROR)
    return generation


def submit_again(deps: Deps, generation: Generation) -> None:
    """Hand a generation that nobody has begun to the queue once more: its caller may have died before it did.

    Raises:
        Unavailable: it is not sure that the queue has it; nothing is given back, since it may have had it before.
    """
    try:
        _enqueue(deps, generation)
    except TaskQueueError as error:
        log.warn(f"the queue did not take a generation again: {error}", **picture.ids(generation))
        raise Unavailable from None


def process(deps: Deps, generation_id: str, *, is_last_delivery: bool = False) -> None:
    """Draw a queued generation and end it; do nothing when it has ended or is not there.

    Raises:
        TryAgain: the model failed and may be asked again, or somebody else is drawing it.
        Unavailable: Firestore was away.
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
        log.warn("a picture came after its generation had ended", **picture.ids(generation))


def _enqueue(deps: Deps, generation: Generation) -> None:
    deps.tasks.enqueue(PROCESS, {"generationRequestId": generation.generation_id})


def _choose(deps: Deps, generation: Generation) -> Choice | None:
    # The instance that sold it may have known a newer catalog.
    for read in (deps.catalog.current, deps.catalog.reloaded):
        with suppress(InvalidRequest):
            return read().choose(generation.names())
    return None


def _claim(deps: Deps, generation_id: str) -> Reservation | None:
    """Begin a generation, which starts its lease; None when there is nothing to draw."""
    attempt_id = deps.new_id()
    now = deps.now()

    def body(transaction: Transaction) -> tuple[Generation | None, bool]:
        current = store.read_generation_in(transaction, generation_id)
        # After a lost answer, the own attempt is found.
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
        log.error("a task for a generation that is not there", generationRequestId=generation_id)
        return None
    if current.attempt_id == attempt_id and current.status is GenerationStatus.PENDING:
        return Reservation(current, updated_at if begun else None)
    if current.status is GenerationStatus.PENDING:
        if current.lease_expires_at > now:
            raise TryAgain("somebody else is drawing it")
        settle(deps, Reservation(current), FailureReason.LEASE_EXPIRED)
    return None


def _requeue(deps: Deps, claimed: Reservation) -> bool:
    """Let a generation wait for its next attempt; False when that is not sure or its time in the queue is over."""
    generation = claimed.generation
    queued_until = generation.created_at + timedelta(seconds=deps.settings.queue_time_limit_seconds)
    if claimed.updated_at is None or queued_until <= deps.now():
        return False
    waiting = replace(generation, started_at=None, lease_expires_at=queued_until)
    return store.requeue_generation_if_unchanged(deps.db, waiting, claimed.updated_at)
