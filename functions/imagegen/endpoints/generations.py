"""Owns the HTTPS functions about generations: how each is called and what its answer is made of.

Knows neither HTTP libraries nor Firestore.
"""

from __future__ import annotations

from ..endpoint import Access, Call, Endpoint, IdempotencyKey, Reply
from ..errors import (
    GenerationFailed,
    IdempotencyKeyReused,
    InsufficientCredits,
    RateLimited,
    RequestInProgress,
    UserNotFound,
)
from ..schemas import CreateGenerationAnswer, CreateGenerationRequest
from ..services import generation


def _create(call: Call[CreateGenerationRequest]) -> Reply:
    created = generation.create_generation_request(call.deps, call.asked, call.idempotency_key)
    answer = CreateGenerationAnswer(
        generation_request_id=created.generation.generation_id,
        deducted_credits=created.generation.credits_charged,
        image_url=created.generation.image_url or "",
    )
    return Reply(answer, headers={"Idempotent-Replayed": "true"} if created.replayed else {})


CREATE_GENERATION_REQUEST = Endpoint(
    name="createGenerationRequest",
    summary="Charge an account for a picture and draw it.",
    methods=("POST",),
    access=Access.OWNER,
    asked=CreateGenerationRequest,
    answers={200: CreateGenerationAnswer},
    errors=(InsufficientCredits, UserNotFound, RateLimited, RequestInProgress, IdempotencyKeyReused, GenerationFailed),
    idempotency_key=IdempotencyKey.OPTIONAL,
    respond=_create,
    read=generation.validate,
)
