"""Owns the HTTPS function that describes all of them, itself among them.

Knows neither HTTP libraries nor Firestore.
"""

from __future__ import annotations

from typing import Any

from pydantic import RootModel

from .. import openapi
from ..endpoint import Access, Call, Endpoint, Reply
from ..schemas import Wire
from . import books, credits, generations, reports, status


class OpenapiRequest(Wire):
    """The query of openapi, which asks for nothing."""


class OpenapiAnswer(RootModel[dict[str, Any]]):
    """The OpenAPI document of all HTTPS functions."""


def _openapi(call: Call[OpenapiRequest]) -> Reply:
    return Reply(OpenapiAnswer(openapi.document(ENDPOINTS)))


OPENAPI = Endpoint(
    name="openapi",
    summary="Read this document.",
    methods=("GET",),
    access=Access.PUBLIC,
    asked=OpenapiRequest,
    answers={200: (OpenapiAnswer,)},
    cache_control="public, max-age=300",
    respond=_openapi,
)

ENDPOINTS: tuple[Endpoint[Any], ...] = (
    books.VERIFY_BOOKS,
    credits.GET_USER_CREDITS,
    credits.GRANT_CREDITS,
    generations.CREATE_GENERATION_REQUEST,
    reports.GET_WEEKLY_REPORT,
    reports.LIST_WEEKLY_REPORTS,
    status.CANCEL_GENERATION_REQUEST,
    status.GET_CATALOG,
    status.GET_GENERATION_STATUS,
    status.LIST_GENERATION_REQUESTS,
    OPENAPI,
)
