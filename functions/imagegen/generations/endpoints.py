"""Owns the HTTPS function that creates a generation: its declaration, and the conversion to wire models.

Must not know HTTP libraries nor Firestore.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic_core import ValidationError

from imagegen.credits.errors import InsufficientCredits, UserNotFound
from imagegen.deps import Deps
from imagegen.generations import creation
from imagegen.generations.errors import (
    GenerationCancelled,
    GenerationDeleted,
    GenerationFailed,
    RequestInProgress,
    TooManyUnderWay,
)
from imagegen.generations.schemas import (
    CreateGenerationAnswer,
    CreateGenerationRequest,
    QueuedGenerationAnswer,
    QuoteAnswer,
)
from imagegen.kit.errors import IdempotencyKeyReused, InvalidRequest, RateLimited
from imagegen.kit.violations import violations_of
from imagegen.web.endpoint import Access, Call, Endpoint, IdempotencyKey, Reply


def read_request(deps: Deps, fields: Mapping[str, object]) -> CreateGenerationRequest:
    """Validate the body of createGenerationRequest.

    Raises:
        InvalidRequest: with one violation for each invalid field, including names that are not in the catalog.
    """
    try:
        context = {"webhook_allow_loopback": deps.settings.webhook_allow_loopback}
        return CreateGenerationRequest.model_validate(fields, context=context)
    except ValidationError as error:
        faults = {violation.field: violation for violation in violations_of(CreateGenerationRequest, error)}
        try:
            deps.catalog.current().choose(fields)
        except InvalidRequest as not_offered:
            faults |= {violation.field: violation for violation in not_offered.violations}
        raise InvalidRequest(list(faults.values())) from None


def _create(call: Call[CreateGenerationRequest]) -> Reply:
    if call.request.validate_only:
        quote = creation.quote(call.deps, call.request.order())
        return Reply(QuoteAnswer(cost_credits=quote.cost_credits, current_credits=quote.current_credits))
    created = creation.create_generation_request(
        call.deps,
        call.request.order(),
        call.idempotency_key,
        respond_async=call.respond_async,
        called_at=call.started_at,
        administrator_uid=call.caller.administrator_of(call.request.user_id),
    )
    if call.respond_async:
        return _accepted(call, created)
    answer = CreateGenerationAnswer(
        generation_request_id=created.generation.generation_id,
        deducted_credits=created.generation.credits_charged,
        image_url=created.generation.image_url or "",
    )
    return Reply(answer, headers={"Idempotent-Replayed": "true"} if created.replayed else {})


def _accepted(call: Call[CreateGenerationRequest], created: creation.Created) -> Reply:
    found = created.generation
    status_url = f"{call.function_url('getGenerationStatus')}?generationRequestId={found.generation_id}"
    answer = QueuedGenerationAnswer(
        generation_request_id=found.generation_id,
        status=found.stage,
        deducted_credits=found.credits_charged - found.credits_refunded,
        status_url=status_url,
    )
    headers = {"Location": status_url, "Preference-Applied": "respond-async"}
    return Reply(answer, 202, headers | ({"Idempotent-Replayed": "true"} if created.replayed else {}))


CREATE_GENERATION_REQUEST = Endpoint(
    name="createGenerationRequest",
    summary="Charge an account for a picture and draw it.",
    methods=("POST",),
    access=Access.OWNER,
    request_model=CreateGenerationRequest,
    example={
        "userId": "testUser1",
        "model": "Model A",
        "style": "anime",
        "color": "neon",
        "size": "1024x1024",
        "prompt": "a fox in the snow",
    },
    answers={200: (CreateGenerationAnswer, QuoteAnswer), 202: (QueuedGenerationAnswer,)},
    may_respond_async=True,
    errors=(
        InsufficientCredits,
        UserNotFound,
        RateLimited,
        TooManyUnderWay,
        RequestInProgress,
        IdempotencyKeyReused,
        GenerationFailed,
        GenerationCancelled,
        GenerationDeleted,
    ),
    idempotency_key=IdempotencyKey.OPTIONAL,
    respond=_create,
    read=read_request,
)
