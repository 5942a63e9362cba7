"""Owns the use case of creating a generation: validate, reserve, ask the model, settle, and replay by idempotency key.

Knows neither HTTP nor how Firestore is written to.
"""

from __future__ import annotations

import hashlib
import math
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from pydantic import ValidationError

from .. import idempotency, log
from ..catalog import Choice
from ..deps import Deps
from ..errors import GenerationFailed, IdempotencyKeyReused, InvalidRequest, RequestInProgress
from ..image_models import ImageRequest, ModelError, generate_within
from ..records import FailureReason, Generation, GenerationStatus, Image
from ..schemas import CreateGenerationRequest, violations_of
from .credits import Reservation, reserve, settle

_LONGEST_RETRY_AFTER_SECONDS = 5


@dataclass(frozen=True)
class Created:
    """A completed generation, and whether an earlier call with the same idempotency key made it."""

    generation: Generation
    replayed: bool


def validate(deps: Deps, fields: Mapping[str, object]) -> CreateGenerationRequest:
    """Check the form of a request.

    Raises:
        InvalidRequest: with one violation for each bad field, the catalog's among them.
    """
    try:
        return CreateGenerationRequest.model_validate(fields)
    except ValidationError as error:
        faults = {violation.field: violation for violation in violations_of(CreateGenerationRequest, error)}
        chosen = deps.catalog.current().choose(fields)
        if not isinstance(chosen, Choice):
            faults |= {violation.field: violation for violation in chosen}
        raise InvalidRequest(list(faults.values())) from None


def create_generation_request(deps: Deps, body: CreateGenerationRequest, idempotency_key: str | None = None) -> Created:
    """Charge for a picture, have it drawn, and complete the request or give the credits back.

    With an idempotency key, the answer that an earlier call with it came to is given again, whatever has happened to
    the catalog since.

    Raises:
        InvalidRequest: a name is not in the catalog.
        UserNotFound, InsufficientCredits, RateLimited: nothing was charged.
        GenerationFailed: the model failed and the charge was refunded, now or in the call that is replayed.
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
            started_at=now,
            lease_expires_at=now + timedelta(seconds=deps.settings.lease_seconds),
            attempt_id=attempt_id,
            idempotency_fingerprint=fingerprint,
        )

    reservation = reserve(deps, body.user_id, generation_id, may_exist=idempotency_key is not None, draft=draft)
    if reservation.generation.attempt_id != attempt_id:
        return _replay(deps, reservation, fingerprint)
    assert isinstance(chosen, Choice)  # Else `draft` would have refused.
    outcome = _outcome(deps, reservation.generation, chosen)
    return _answer(settle(deps, reservation, outcome), outcome=outcome)


def _outcome(deps: Deps, generation: Generation, chosen: Choice) -> Image | FailureReason:
    request = ImageRequest(
        generation_id=generation.generation_id,
        style=generation.style,
        color=generation.color,
        size=generation.size,
        prompt=generation.prompt,
        parameters=chosen.model.settings,
    )
    model = deps.image_models[chosen.provider]
    try:
        return generate_within(model, request, deps.settings.model_time_limit_seconds)
    except ModelError as error:
        log.warn(_without_prompt(f"{generation.model} failed: {error}", generation), **_ids(generation))
        return error.reason
    except Exception:  # A provider's fault of any kind is a failed model: the charge must be given back.
        log.error(
            _without_prompt(f"{generation.model} broke: {traceback.format_exc()}", generation), **_ids(generation)
        )
        return FailureReason.MODEL_ERROR


def _replay(deps: Deps, reservation: Reservation, fingerprint: str | None) -> Created:
    existing = reservation.generation
    if existing.idempotency_fingerprint != fingerprint:
        raise IdempotencyKeyReused
    now = deps.now()
    if existing.status is GenerationStatus.PENDING and existing.lease_expires_at <= now:
        existing = settle(deps, reservation, FailureReason.LEASE_EXPIRED)
    if existing.status is GenerationStatus.PENDING:
        remaining_seconds = math.ceil((existing.lease_expires_at - now).total_seconds())
        raise RequestInProgress(existing.generation_id, min(max(remaining_seconds, 1), _LONGEST_RETRY_AFTER_SECONDS))
    return _answer(existing, replayed=True)


def _answer(generation: Generation, *, outcome: Image | FailureReason | None = None, replayed: bool = False) -> Created:
    if generation.status is GenerationStatus.COMPLETED:
        return Created(generation, replayed)
    if isinstance(outcome, Image):
        log.warn("a picture came after its lease was voided", **_ids(generation))
    reason = generation.failure_reason or FailureReason.MODEL_ERROR
    raise GenerationFailed(generation.generation_id, generation.credits_refunded, reason, replayed=replayed)


def _ids(generation: Generation) -> dict[str, str]:
    return {"generationRequestId": generation.generation_id, "userId": generation.user_id}


def _without_prompt(message: str, generation: Generation) -> str:
    """Keep what people wrote out of the log, which a provider may repeat in its error."""
    return message.replace(generation.prompt, "[prompt]")


def _fingerprint(body: CreateGenerationRequest) -> str:
    return hashlib.sha256(body.model_dump_json().encode()).hexdigest()
