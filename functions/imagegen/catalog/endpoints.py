"""Owns the HTTPS function that returns the catalog. Must not know HTTP libraries nor Firestore."""

from __future__ import annotations

from imagegen.catalog.catalog import pixels_of, provider_of
from imagegen.catalog.schemas import CatalogAnswer, GetCatalogRequest, ItemAnswer, ModelAnswer, SizeAnswer
from imagegen.web.endpoint import Access, Call, Endpoint, Reply


def _get_catalog(call: Call[GetCatalogRequest]) -> Reply:
    items = call.deps.catalog.current().items
    sizes = []
    for size in items["size"]:
        width, height = pixels_of(size)
        price_credits = size.settings["credits"]
        sizes.append(SizeAnswer(id=size.item_id, name=size.name, credits=price_credits, width=width, height=height))
    simulated = call.deps.simulated_providers
    models = [
        ModelAnswer(id=model.item_id, name=model.name, simulated=provider_of(model) in simulated)
        for model in items["model"]
    ]
    styles, colors = (
        [ItemAnswer(id=item.item_id, name=item.name) for item in items[field]] for field in ("style", "color")
    )
    answer = CatalogAnswer(models=models, styles=styles, colors=colors, sizes=sizes)
    return Reply(answer)


GET_CATALOG = Endpoint(
    name="getCatalog",
    summary="Read the models, styles, colors, sizes and prices on offer.",
    methods=("GET",),
    # The same TTL as that of the functions' own cache.
    cache_control="public, max-age=30",
    access=Access.PUBLIC,
    request_model=GetCatalogRequest,
    answers={200: (CatalogAnswer,)},
    respond=_get_catalog,
)
