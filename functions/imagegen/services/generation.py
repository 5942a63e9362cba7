"""Owns the use case of creating a generation: validate, reserve, ask the model, settle, and replay by idempotency key.

Knows neither HTTP nor how Firestore is written to.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from pydantic import ValidationError

from .. import idempotency, log, store
from ..catalog import Choice
from ..deps import Deps
from ..errors import (
    GenerationCancelled,
    GenerationFailed,
    IdempotencyKeyReused,
    InsufficientCredits,
    InvalidRequest,
    RequestInProgress,
    UserNotFound,
)
from ..records import FailureReason, Generation, GenerationStatus, Image, Stage
from ..schemas import CreateGenerationRequest
from ..violations import violations_of
from . import jobs, pictures
from .credits import Reservation, reserve, settle

_LONGEST_RETRY_AFTER_SECONDS = 5


@dataclass(frozen=True)
class Quote:
    """What a request would cost, and what its account holds."""

    cost_credits: int
    current_credits: int


@dataclass(frozen=True)
class Created:
    """A generation, completed or on its way, and whether an earlier call with the same idempotency key made it."""

    generation: Generation
    replayed: bool


def validate(deps: Deps, fields: Mapping[str, object]) -> CreateGenerationRequest:
    """Check the form of a request.

    Raises:
        InvalidRequest: with one violation for each bad field, the catalog's among them.
    """
    try:
        context = {"webhook_allow_loopback": deps.settings.webhook_allow_loopback}
        return CreateGenerationRequest.model_validate(fields, context=context)
    except ValidationError as error:
        faults = {violation.field: violation for violation in violations_of(CreateGenerationRequest, error)}
        chosen = deps.catalog.current().choose(fields)
        if not isinstance(chosen, Choice):
            faults |= {violation.field: violation for violation in chosen}
        raise InvalidRequest(list(faults.values())) from None


def quote(deps: Deps, body: CreateGenerationRequest) -> Quote:
    """Make all the checks of a request and say what it would cost; charge nothing.

    Raises:
        InvalidRequest, UserNotFound, InsufficientCredits: the request would be refused so.
        Unavailable: Firestore was away.
    """
    chosen = deps.catalog.current().choose(body.names())
    if not isinstance(chosen, Choice):
        raise InvalidRequest(chosen)
    account = store.read_account(deps.db, body.user_id)
    if account is None:
        raise UserNotFound(body.user_id)
    if account.credits < chosen.cost_credits:
        raise InsufficientCredits(body.user_id, account.credits, chosen.cost_credits)
    return Quote(chosen.cost_credits, account.credits)


def create_generation_request(
    deps: Deps, body: CreateGenerationRequest, idempotency_key: str | None = None, *, respond_async: bool = False
) -> Created:
    """Charge for a picture, have it drawn, and complete the request or give the credits back.

    With an idempotency key, the answer that an earlier call with it came to is given again, whatever has happened to
    the catalog since. With `respond_async` the picture is drawn later: what is returned may be pending.

    Raises:
        InvalidRequest: a name is not in the catalog.
        UserNotFound, InsufficientCredits, RateLimited: nothing was charged.
        GenerationFailed: the model failed and the charge was refunded, now or in the call that is replayed.
        GenerationCancelled: it was given up meanwhile.
        RequestInProgress, IdempotencyKeyReused: the key is taken.
        Unavailable: Firestore was away; whatever was charged is refunded after the lease.
    """
    attempt_id = deps.new_id()
    generation_id = attempt_id if idempotency_key is None else idempotency.id_of(body.user_id, idempotency_key)
    fingerprint = None if idempotency_key is None else _fingerprint(body)
    chosen = deps.catalog.current().choose(body.names())
    if idempotency_key is None and not isinstance(chosen, Choice):
        raise InvalidRequest(chosen)
    now = deps.now()
    settings = deps.settings
    seconds = settings.queue_time_limit_seconds if respond_async else settings.lease_seconds

    def draft() -> Generation:
        if not isinstance(chosen, Choice):
            raise InvalidRequest(chosen)
        return Generation(
            generation_id=generation_id,
            user_id=body.user_id,
            model=chosen.model.item_id,
            style=chosen.style.item_id,
            color=chosen.color.item_id,
            size=chosen.size.item_id,
            prompt=body.prompt,
            status=GenerationStatus.PENDING,
            credits_charged=chosen.cost_credits,
            created_at=now,
            started_at=None if respond_async else now,
            lease_expires_at=now + timedelta(seconds=seconds),
            attempt_id=attempt_id,
            attempts=0 if respond_async else 1,
            idempotency_fingerprint=fingerprint,
            webhook_url=body.webhook_url,
        )

    reservation = reserve(deps, body.user_id, generation_id, may_exist=idempotency_key is not None, draft=draft)
    if reservation.generation.attempt_id != attempt_id:
        return _replay(deps, reservation, fingerprint, respond_async=respond_async)
    if respond_async:
        submitted = jobs.submit(deps, reservation)
        return Created(submitted, False) if submitted.status is GenerationStatus.PENDING else _answer(submitted)
    assert isinstance(chosen, Choice)  # Else `draft` would have refused.
    outcome = pictures.draw(deps, reservation.generation, chosen)
    return _answer(settle(deps, reservation, outcome), outcome=outcome)


def _replay(deps: Deps, reservation: Reservation, fingerprint: str | None, *, respond_async: bool) -> Created:
    existing = reservation.generation
    if existing.idempotency_fingerprint != fingerprint:
        raise IdempotencyKeyReused
    now = deps.now()
    if existing.status is GenerationStatus.PENDING and existing.lease_expires_at <= now:
        existing = settle(deps, reservation, FailureReason.LEASE_EXPIRED)
    if existing.stage is Stage.QUEUED and not existing.attempts:
        jobs.submit_again(deps, existing)
    if respond_async:
        return Created(existing, True)
    if existing.status is GenerationStatus.PENDING:
        remaining_seconds = math.ceil((existing.lease_expires_at - now).total_seconds())
        raise RequestInProgress(existing.generation_id, min(max(remaining_seconds, 1), _LONGEST_RETRY_AFTER_SECONDS))
    return _answer(existing, replayed=True)


def _answer(generation: Generation, *, outcome: Image | FailureReason | None = None, replayed: bool = False) -> Created:
    if generation.status is GenerationStatus.COMPLETED:
        return Created(generation, replayed)
    if isinstance(outcome, Image):
        log.warn("a picture came after its generation had ended", **pictures.ids(generation))
    if generation.status is GenerationStatus.CANCELLED:
        raise GenerationCancelled(generation.generation_id, generation.credits_refunded)
    reason = generation.failure_reason or FailureReason.MODEL_ERROR
    raise GenerationFailed(generation.generation_id, generation.credits_refunded, reason, replayed=replayed)


def _fingerprint(body: CreateGenerationRequest) -> str:
    # Without what is not given, so that a field that is added changes no older fingerprint.
    return hashlib.sha256(body.model_dump_json(exclude_none=True, exclude={"validate_only"}).encode()).hexdigest()
