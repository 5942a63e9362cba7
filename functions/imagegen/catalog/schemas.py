"""Owns the wire models of getCatalog. Must not know Firestore."""

from __future__ import annotations

from imagegen.kit.schemas import RequestModel, ResponseModel


class GetCatalogRequest(RequestModel):
    """The query of getCatalog, which has no fields."""


class ItemAnswer(ResponseModel):
    """A style or color."""

    id: str
    name: str


class ModelAnswer(ItemAnswer):
    """A model, and whether it is simulated: its pictures are drawn without an image model."""

    simulated: bool


class SizeAnswer(ItemAnswer):
    """A size, its price in credits, and its width and height in pixels."""

    credits: int
    width: int
    height: int


class CatalogAnswer(ResponseModel):
    """The models, styles, colors and sizes on offer, with prices."""

    models: list[ModelAnswer]
    styles: list[ItemAnswer]
    colors: list[ItemAnswer]
    sizes: list[SizeAnswer]
