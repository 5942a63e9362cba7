"""Owns the HTTPS functions that look up, list and cancel generations: how each is called and answers.

Must not know HTTP libraries nor Firestore.
"""

from __future__ import annotations

from imagegen.catalog.catalog import Catalog
from imagegen.generations import lookup
from imagegen.generations.errors import GenerationEnded, GenerationNotFound
from imagegen.generations.lookup_schemas import (
    CancelGenerationRequest,
    GenerationAnswer,
    GenerationsAnswer,
    GetGenerationStatusRequest,
    ListGenerationRequestsRequest,
)
from imagegen.generations.records import Stage
from imagegen.web.endpoint import Access, Call, Endpoint, Reply

# When to look again at a generation that has not ended.
_RETRY_AFTER_SECONDS = {Stage.QUEUED: "2", Stage.PROCESSING: "1"}


def _get_generation_status(call: Call[GetGenerationStatusRequest]) -> Reply:
    found = lookup.get_generation(call.deps, call.caller, call.asked.generation_request_id)
    hint = _RETRY_AFTER_SECONDS.get(found.stage)
    return Reply(GenerationAnswer.of(found), headers={} if hint is None else {"Retry-After": hint})


def _list_generation_requests(call: Call[ListGenerationRequestsRequest]) -> Reply:
    asked = call.asked
    names = {"model": asked.model, "style": asked.style, "color": asked.color, "size": asked.size}
    filters = lookup.Filters(
        stage=asked.status,
        created_after=asked.created_after,
        created_before=asked.created_before,
        **_item_ids(call.deps.catalog.current(), names),
    )
    page = lookup.list_generations(call.deps, asked.user_id, filters, asked.page_size, asked.page_token)
    generations = [GenerationAnswer.of(generation) for generation in page.generations]
    return Reply(GenerationsAnswer(generations=generations, next_page_token=page.next_page_token))


def _cancel_generation_request(call: Call[CancelGenerationRequest]) -> Reply:
    cancelled = lookup.cancel_generation(call.deps, call.caller, call.asked.generation_request_id)
    return Reply(GenerationAnswer.of(cancelled))


def _item_ids(catalog: Catalog, names: dict[str, str | None]) -> dict[str, str | None]:
    """Turn names that people use into ids; what is no longer on offer is found by its id."""
    found = {}
    for field, name in names.items():
        item = None if name is None else catalog.find(field, name)
        found[field] = name if item is None else item.item_id
    return found


GET_GENERATION_STATUS = Endpoint(
    name="getGenerationStatus",
    summary="Read a generation: where it stands, its picture or why there is none, and what it cost.",
    methods=("GET", "POST"),
    # Kept by nobody but the caller, who asks each time whether it has changed.
    cache_control="private, no-cache",
    access=Access.SIGNED_IN,
    asked=GetGenerationStatusRequest,
    example={"generationRequestId": "59d7691038ab402b8b127c3fea1db3f7"},
    answers={200: (GenerationAnswer,)},
    errors=(GenerationNotFound,),
    respond=_get_generation_status,
)
LIST_GENERATION_REQUESTS = Endpoint(
    name="listGenerationRequests",
    summary="Read a page of an account's generations, newest first.",
    methods=("GET", "POST"),
    access=Access.OWNER,
    asked=ListGenerationRequestsRequest,
    example={"userId": "testUser1", "status": "completed"},
    answers={200: (GenerationsAnswer,)},
    respond=_list_generation_requests,
)
CANCEL_GENERATION_REQUEST = Endpoint(
    name="cancelGenerationRequest",
    summary="Give up a generation that has not ended, and get its credits back.",
    methods=("POST",),
    access=Access.SIGNED_IN,
    asked=CancelGenerationRequest,
    example={"generationRequestId": "59d7691038ab402b8b127c3fea1db3f7"},
    answers={200: (GenerationAnswer,)},
    errors=(GenerationNotFound, GenerationEnded),
    respond=_cancel_generation_request,
)
