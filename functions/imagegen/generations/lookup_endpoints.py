"""Owns the HTTPS functions that read, list and cancel generations: declarations, and conversion to wire models.

Must not know HTTP libraries nor Firestore.
"""

from __future__ import annotations

from imagegen.catalog.catalog import Catalog
from imagegen.generations import lookup
from imagegen.generations.errors import GenerationEnded, GenerationNotFound, GenerationStarted
from imagegen.generations.lookup_schemas import (
    CancelGenerationRequest,
    GenerationAnswer,
    GenerationsAnswer,
    GetGenerationStatusRequest,
    ListGenerationRequestsRequest,
)
from imagegen.generations.records import Stage
from imagegen.kit import log
from imagegen.web.endpoint import Access, Call, Endpoint, Reply

# The polling interval of a generation that has not ended.
_RETRY_AFTER_SECONDS = {Stage.QUEUED: "2", Stage.PROCESSING: "1"}


def _get_generation_status(call: Call[GetGenerationStatusRequest]) -> Reply:
    log.add(generationRequestId=call.request.generation_request_id)
    found = lookup.get_generation(call.deps, call.caller, call.request.generation_request_id)
    hint = _RETRY_AFTER_SECONDS.get(found.stage)
    return Reply(GenerationAnswer.of(found), headers={} if hint is None else {"Retry-After": hint})


def _list_generation_requests(call: Call[ListGenerationRequestsRequest]) -> Reply:
    request = call.request
    names = {"model": request.model, "style": request.style, "color": request.color, "size": request.size}
    filters = lookup.Filters(
        stage=request.status,
        created_after=request.created_after,
        created_before=request.created_before,
        **_item_ids(call.deps.catalog.current(), names),
    )
    page = lookup.list_generations(call.deps, request.user_id, filters, request.page_size, request.page_token)
    generations = [GenerationAnswer.of(generation) for generation in page.generations]
    return Reply(GenerationsAnswer(generations=generations, next_page_token=page.next_page_token))


def _cancel_generation_request(call: Call[CancelGenerationRequest]) -> Reply:
    log.add(generationRequestId=call.request.generation_request_id)
    cancelled = lookup.cancel_generation(call.deps, call.caller, call.request.generation_request_id)
    return Reply(GenerationAnswer.of(cancelled))


def _item_ids(catalog: Catalog, names: dict[str, str | None]) -> dict[str, str | None]:
    """Return the ids of catalog names; an unknown name is used as an id, for items no longer in the catalog."""
    found = {}
    for field, name in names.items():
        item = None if name is None else catalog.find(field, name)
        found[field] = name if item is None else item.item_id
    return found


GET_GENERATION_STATUS = Endpoint(
    name="getGenerationStatus",
    summary="Read a generation: its status, its picture or failure reason, and its cost.",
    methods=("GET", "POST"),
    # Only the caller may cache it, and must revalidate it each time.
    cache_control="private, no-cache",
    access=Access.SIGNED_IN,
    request_model=GetGenerationStatusRequest,
    example={"generationRequestId": "59d7691038ab402b8b127c3fea1db3f7"},
    answers={200: (GenerationAnswer,)},
    errors=(GenerationNotFound,),
    respond=_get_generation_status,
)
LIST_GENERATION_REQUESTS = Endpoint(
    name="listGenerationRequests",
    summary="Read a page of an account's generations, newest first; an administrator may read those of all accounts.",
    methods=("GET", "POST"),
    access=Access.OWNER,
    request_model=ListGenerationRequestsRequest,
    example={"userId": "testUser1", "status": "completed"},
    answers={200: (GenerationsAnswer,)},
    respond=_list_generation_requests,
)
CANCEL_GENERATION_REQUEST = Endpoint(
    name="cancelGenerationRequest",
    summary="Cancel a queued generation, and refund its credits.",
    methods=("POST",),
    access=Access.SIGNED_IN,
    request_model=CancelGenerationRequest,
    example={"generationRequestId": "59d7691038ab402b8b127c3fea1db3f7"},
    answers={200: (GenerationAnswer,)},
    errors=(GenerationNotFound, GenerationStarted, GenerationEnded),
    respond=_cancel_generation_request,
)
