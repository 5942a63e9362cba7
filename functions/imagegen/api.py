"""Owns the list of all HTTPS functions, and the function that returns their OpenAPI document.

Must not know HTTP libraries nor Firestore.
"""

from __future__ import annotations

import functools
import hashlib
import json
from typing import Any

from pydantic import RootModel

from imagegen.books import endpoints as books_endpoints
from imagegen.catalog import endpoints as catalog_endpoints
from imagegen.credits import endpoints as credits_endpoints
from imagegen.generations import endpoints as generations_endpoints
from imagegen.generations import lookup_endpoints
from imagegen.kit.schemas import RequestModel
from imagegen.reports import endpoints as reports_endpoints
from imagegen.web import openapi
from imagegen.web.endpoint import Access, Call, Endpoint, Reply
from imagegen.webhooks import endpoints as webhooks_endpoints


class OpenapiRequest(RequestModel):
    """The query of openapi, which has no fields."""


class OpenapiAnswer(RootModel[dict[str, Any]]):
    """The OpenAPI document of all HTTPS functions."""


@functools.cache
def _document() -> Reply:
    # Once a process: it takes many times as long as the rest of the call.
    text = json.dumps(openapi.document(ENDPOINTS), separators=(",", ":")) + "\n"
    return Reply(text, headers={"ETag": f'"{hashlib.sha256(text.encode()).hexdigest()}"'})


def _openapi(call: Call[OpenapiRequest]) -> Reply:
    return _document()


OPENAPI = Endpoint(
    name="openapi",
    summary="Read this document.",
    methods=("GET",),
    access=Access.PUBLIC,
    request_model=OpenapiRequest,
    answers={200: (OpenapiAnswer,)},
    cache_control="public, max-age=300",
    respond=_openapi,
)

ENDPOINTS: tuple[Endpoint[Any], ...] = (
    books_endpoints.GET_AUDIT,
    books_endpoints.VERIFY_BOOKS,
    credits_endpoints.GET_USER_CREDITS,
    credits_endpoints.GRANT_CREDITS,
    credits_endpoints.REVOKE_GRANT,
    generations_endpoints.CREATE_GENERATION_REQUEST,
    reports_endpoints.GET_WEEKLY_REPORT,
    reports_endpoints.LIST_WEEKLY_REPORTS,
    lookup_endpoints.CANCEL_GENERATION_REQUEST,
    catalog_endpoints.GET_CATALOG,
    lookup_endpoints.GET_GENERATION_STATUS,
    lookup_endpoints.LIST_GENERATION_REQUESTS,
    OPENAPI,
    webhooks_endpoints.GET_WEBHOOK_SECRET,
    webhooks_endpoints.LIST_WEBHOOK_DELIVERIES,
    webhooks_endpoints.RESEND_WEBHOOK,
    webhooks_endpoints.ROTATE_WEBHOOK_SECRET,
)
