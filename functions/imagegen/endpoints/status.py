"""Owns the HTTPS functions that look at generations, give one up, and say what is on offer.

Knows neither HTTP libraries nor Firestore.
"""

from __future__ import annotations

from ..catalog import Catalog, pixels_of
from ..endpoint import Access, Call, Endpoint, Reply
from ..errors import GenerationEnded, GenerationNotFound
from ..records import Stage
from ..services import lookup
from ..status_schemas import (
    CancelGenerationRequest,
    CatalogAnswer,
    GenerationAnswer,
    GenerationsAnswer,
    GetCatalogRequest,
    GetGenerationStatusRequest,
    ItemAnswer,
    ListGenerationRequestsRequest,
    SizeAnswer,
)

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


def _get_catalog(call: Call[GetCatalogRequest]) -> Reply:
    items = call.deps.catalog.current().items
    sizes = []
    for size in items["size"]:
        width, height = pixels_of(size)
        price_credits = size.settings["credits"]
        sizes.append(SizeAnswer(id=size.item_id, name=size.name, credits=price_credits, width=width, height=height))
    models, styles, colors = (
        [ItemAnswer(id=item.item_id, name=item.name) for item in items[field]] for field in ("model", "style", "color")
    )
    answer = CatalogAnswer(models=models, styles=styles, colors=colors, sizes=sizes)
    return Reply(answer)


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

GET_CATALOG = Endpoint(
    name="getCatalog",
    summary="Read the models, styles, colors, sizes and prices on offer.",
    methods=("GET",),
    # As long as the functions keep it themselves.
    cache_control="public, max-age=30",
    access=Access.PUBLIC,
    asked=GetCatalogRequest,
    answers={200: (CatalogAnswer,)},
    respond=_get_catalog,
)
