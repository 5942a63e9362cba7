"""Owns the wire models of getCatalog. Must not know Firestore."""

from __future__ import annotations

from imagegen.kit.schemas import RequestModel, ResponseModel


class GetCatalogRequest(RequestModel):
    """The query or the body of getCatalog, which asks for nothing."""


class ItemAnswer(ResponseModel):
    """One model, style or color on offer."""

    id: str
    name: str


class SizeAnswer(ItemAnswer):
    """One size on offer, its price, and its pixels."""

    credits: int
    width: int
    height: int


class CatalogAnswer(ResponseModel):
    """All that is on offer."""

    models: list[ItemAnswer]
    styles: list[ItemAnswer]
    colors: list[ItemAnswer]
    sizes: list[SizeAnswer]
