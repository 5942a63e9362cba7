"""Owns the use case of creating a generation: validate, reserve, call the model, settle; replay by idempotency key.

Must not know HTTP nor how documents are written.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from imagegen.credits import store as credits_store
from imagegen.credits.errors import InsufficientCredits, UserNotFound
from imagegen.credits.records import Account
from imagegen.deps import Deps
from imagegen.firebase.transactions import Transaction
from imagegen.generations import limits, picture, store, worker
from imagegen.generations.errors import GenerationCancelled, GenerationFailed, RequestInProgress
from imagegen.generations.records import FailureReason, Generation, GenerationStatus, Order
from imagegen.generations.settlement import reserve, settle
from imagegen.images.records import Image
from imagegen.kit import idempotency, log
from imagegen.kit.errors import IdempotencyKeyReused, InvalidRequest, Unavailable

_MAX_RETRY_AFTER_SECONDS = 5


@dataclass(frozen=True)
class Quote:
    """The price of an order, and the balance of its account."""

    cost_credits: int
    current_credits: int


@dataclass(frozen=True)
class Created:
    """A completed or pending generation, and whether an earlier call with the same idempotency key created it."""

    generation: Generation
    replayed: bool


def quote(deps: Deps, order: Order) -> Quote:
    """Make all checks of an order and return its price; charge nothing.

    Raises:
        InvalidRequest, UserNotFound, InsufficientCredits: the order would be refused with this error.
        RateLimited: a quote takes a token of the account's rate limit, as an order does.
        Unavailable: Firestore was not available.
    """
    chosen = deps.catalog.current().choose(order.names())
    credits = _admitted(deps, order.user_id).credits
    if credits < chosen.cost_credits:
        raise InsufficientCredits(order.user_id, credits, chosen.cost_credits)
    return Quote(chosen.cost_credits, credits)


def _admitted(deps: Deps, user_id: str) -> Account:
    """Read an account, and take a token of its rate limit; without a limit it is one read and no transaction."""

    def body(transaction: Transaction) -> Account:
        account, _ = store.read_in(transaction, user_id, None)
        if account is None:
            raise UserNotFound(user_id)
        admitted = limits.admit(deps.settings, account, now)
        credits_store.write_limits(transaction, admitted)
        return admitted

    now = deps.now()
    if deps.settings.rate_limit_per_minute:
        return deps.db.transact(body)[0]
    account = credits_store.read_account(deps.db, user_id)
    if account is None:
        raise UserNotFound(user_id)
    return account


def create_generation_request(
    deps: Deps,
    order: Order,
    idempotency_key: str | None = None,
    *,
    respond_async: bool = False,
    called_at: datetime | None = None,
    administrator_uid: str | None = None,
) -> Created:
    """Charge for a picture and draw it; complete the generation, or refund it.

    With an idempotency key, a repeated call returns the result of the first one, even if the catalog has changed since.
    With `respond_async` the picture is drawn by a task, and the returned generation may be pending. Otherwise the
    picture has what is left of the call's time limit, which began at `called_at` (by default, now). The charge's entry
    keeps `administrator_uid`, who acts for the account.

    Raises:
        InvalidRequest: a name is not in the catalog.
        UserNotFound, InsufficientCredits, RateLimited, TooManyUnderWay: nothing was charged.
        GenerationFailed: the model failed and the charge was refunded, in this call or in the one that is replayed.
        GenerationCancelled: it was cancelled while it was queued.
        GenerationDeleted: the generation of this key has been deleted since.
        RequestInProgress: an earlier call with the key is still running.
        IdempotencyKeyReused: the key was used with another order.
        Unavailable: Firestore was not available; a charge is refunded after the lease.
    """
    attempt_id, now = deps.new_id(), deps.now()
    generation_id = attempt_id if idempotency_key is None else idempotency.id_of(order.user_id, idempotency_key)
    fingerprint = None if idempotency_key is None else _fingerprint(order)
    log.add(generationRequestId=generation_id)
    try:
        chosen = deps.catalog.current().choose(order.names())
    except InvalidRequest:
        existing = None if idempotency_key is None else store.read_generation(deps.db, generation_id)
        if existing is None:
            raise
        return _replay(deps, existing, fingerprint, respond_async=respond_async)
    settings = deps.settings
    until = None if respond_async else _picture_due_at(deps, called_at or now)
    pending = Generation(
        generation_id=generation_id,
        user_id=order.user_id,
        model=chosen.model.item_id,
        style=chosen.style.item_id,
        color=chosen.color.item_id,
        size=chosen.size.item_id,
        prompt=order.prompt,
        status=GenerationStatus.PENDING,
        credits_charged=chosen.cost_credits,
        created_at=now,
        started_at=now,
        lease_expires_at=now + timedelta(seconds=settings.lease_seconds),
        attempt_id=attempt_id,
        idempotency_fingerprint=fingerprint,
        webhook_url=order.webhook_url,
    )
    pending = worker.queued(settings, pending) if respond_async else pending
    reservation = reserve(deps, pending, may_exist=idempotency_key is not None, administrator_uid=administrator_uid)
    if reservation.generation.attempt_id != attempt_id:
        return _replay(deps, reservation.generation, fingerprint, respond_async=respond_async)
    if respond_async:
        submitted = worker.submit(deps, reservation)
        return (
            Created(submitted, False)
            if submitted.status is GenerationStatus.PENDING
            else _created_or_raise(deps, submitted)
        )
    outcome = picture.draw(deps, reservation.generation, chosen, until)
    return _created_or_raise(deps, settle(deps, reservation, outcome), outcome=outcome)


def _picture_due_at(deps: Deps, called_at: datetime) -> datetime:
    """Return when a caller who waits needs the picture.

    Raises:
        Unavailable: too little time is left to charge for it.
    """
    settings = deps.settings
    due_at = called_at + timedelta(seconds=settings.call_time_limit_seconds - settings.settling_seconds)
    if (due_at - deps.now()).total_seconds() < settings.drawing_seconds:
        log.warn("refused: what comes before the charge took too long")
        raise Unavailable
    return due_at


def _replay(deps: Deps, existing: Generation, fingerprint: str | None, *, respond_async: bool) -> Created:
    if existing.idempotency_fingerprint != fingerprint:
        raise IdempotencyKeyReused
    now = deps.now()
    if existing.status is GenerationStatus.PENDING and existing.lease_expires_at <= now:
        existing = worker.recover(deps, existing)
    worker.submit_again(deps, existing)
    # A call whose task was not enqueued has been answered with this error.
    if respond_async and existing.failure_reason is not FailureReason.QUEUE_ERROR:
        return Created(existing, True)
    if existing.status is GenerationStatus.PENDING:
        remaining_seconds = math.ceil((existing.lease_expires_at - now).total_seconds())
        raise RequestInProgress(existing.generation_id, min(max(remaining_seconds, 1), _MAX_RETRY_AFTER_SECONDS))
    return _created_or_raise(deps, existing, replayed=True)


def _created_or_raise(
    deps: Deps, generation: Generation, *, outcome: Image | FailureReason | None = None, replayed: bool = False
) -> Created:
    if generation.status is GenerationStatus.COMPLETED:
        return Created(generation, replayed)
    if isinstance(outcome, Image):
        picture.discard(deps, generation)
    if generation.status is GenerationStatus.CANCELLED:
        raise GenerationCancelled(generation.generation_id, generation.credits_refunded)
    reason = generation.failure_reason or FailureReason.MODEL_ERROR
    raise GenerationFailed(generation.generation_id, generation.credits_refunded, reason, replayed=replayed)


def _fingerprint(order: Order) -> str:
    # Absent fields are left out, so that a new optional field does not change the fingerprints of old requests.
    given = {name: value for name, value in asdict(order).items() if value is not None}
    return hashlib.sha256(json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
