"""Owns the catalog: models, styles, colors, sizes and their prices, and the matching of names.

Pure. Must not know accounts, HTTP, nor how the documents are read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from imagegen.kit import log
from imagegen.kit.errors import InvalidRequest, Unavailable, Violation

# Firestore collection -> document id -> fields.
Documents = Mapping[str, Mapping[str, Mapping[str, Any]]]
COLLECTIONS = {"model": "models", "style": "styles", "color": "colors", "size": "sizes"}
# What only the functions may read of a model: its provider, and the parameters of that. By the id of the model.
MODEL_SETTINGS = "modelSettings"
_DEFAULT_PIXELS = (1024, 1024)
_SEPARATORS = re.compile(r"[\s_-]+")


@dataclass(frozen=True)
class Item:
    """A model, style, color or size: its canonical id, its display name, and the fields of its documents."""

    item_id: str
    name: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Choice:
    """The items that a request selects, and their price."""

    model: Item
    style: Item
    color: Item
    size: Item

    @property
    def cost_credits(self) -> int:
        """The price, which depends only on the size."""
        return int(self.size.settings["credits"])

    @property
    def pixels(self) -> tuple[int, int]:
        """The width and height of the picture, see `pixels_of`."""
        return pixels_of(self.size)

    @property
    def provider(self) -> str:
        """The name of the model's provider, see `provider_of`."""
        return provider_of(self.model)


class Catalog:
    """The enabled items at one moment."""

    def __init__(self, items: Mapping[str, Collection[Item]]) -> None:
        """Index the enabled items of each request field (`model`, `style`, `color`, `size`)."""
        self._items = items
        self._by_name = {field: _index_by_name(offered) for field, offered in items.items()}

    @property
    def items(self) -> Mapping[str, Collection[Item]]:
        """The items of each request field."""
        return self._items

    def find(self, field: str, name: str) -> Item | None:
        """Return the item with a name or id in one request field; None if there is none."""
        return self._by_name[field].get(_normalized(name))

    def choose(self, names: Mapping[str, object]) -> Choice:
        """Return the items named by `model`, `style`, `color` and `size`.

        Raises:
            InvalidRequest: with one violation, which lists the allowed names, for each name that is not in the catalog.
        """
        found = {}
        violations = []
        for field, offered in self._by_name.items():
            name = names.get(field)
            item = offered.get(_normalized(name)) if isinstance(name, str) else None
            if item is None:
                allowed = ", ".join(item.name for item in self._items[field])
                violations.append(Violation(field, f"must be one of: {allowed}"))
            else:
                found[field] = item
        if violations:
            raise InvalidRequest(violations)
        return Choice(**found)


def pixels_of(size: Item) -> tuple[int, int]:
    """Return the width and height of a size: from its document, else from its id, else 1024x1024."""
    width, height = size.settings.get("width"), size.settings.get("height")
    if isinstance(width, int) and isinstance(height, int) and 0 < width <= 4096 and 0 < height <= 4096:
        return width, height
    named = re.fullmatch(r"([1-9][0-9]{1,3})x([1-9][0-9]{1,3})", size.item_id)
    return (int(named[1]), int(named[2])) if named else _DEFAULT_PIXELS


def provider_of(model: Item) -> str:
    """Return the name of a model's provider: the `provider` of its settings, or else the model's id."""
    return str(model.settings.get("provider", model.item_id))


def parse(documents: Documents, providers: Collection[str]) -> Catalog:
    """Build the catalog from its documents, without those that are disabled or not valid.

    A model without settings has the defaults. Older catalogs have the settings in the model's own document, which is
    read for those that are not in `modelSettings`.

    Raises:
        Unavailable: a collection has no valid, enabled document, so that no request could succeed.
    """
    items: dict[str, list[Item]] = {}
    for field, collection in COLLECTIONS.items():
        items[field] = []
        for item_id, fields in sorted(documents.get(collection, {}).items()):
            settings = documents.get(MODEL_SETTINGS, {}).get(item_id, {}) if field == "model" else {}
            item = Item(item_id, str(fields.get("name", item_id)), {**fields, **settings})
            fault = _fault(field, item, providers)
            if fault:
                log.warn(f"{collection}/{item_id} is left out of the catalog: {fault}")
            elif fields.get("enabled", True):
                items[field].append(item)
        if not items[field]:
            log.error(f"the catalog has no valid, enabled document in {collection!r}")
            raise Unavailable
    return Catalog(items)


def _fault(field: str, item: Item, providers: Collection[str]) -> str | None:
    if field == "size":
        price_credits = item.settings.get("credits")
        if isinstance(price_credits, bool) or not isinstance(price_credits, int) or price_credits < 1:
            return f"credits is {price_credits!r}; it must be an integer of 1 or more"
    if field == "model" and provider_of(item) not in providers:
        return f"provider is {provider_of(item)!r}; it must be one of {', '.join(sorted(providers))}"
    return None


def _index_by_name(items: Collection[Item]) -> dict[str, Item]:
    found: dict[str, Item] = {}
    # Ids have precedence over names: an item that was sold must still be found by its id.
    for name, item in [(item.item_id, item) for item in items] + [(item.name, item) for item in items]:
        if found.setdefault(_normalized(name), item) is not item:
            log.warn(f"{name!r} of {item.item_id} already belongs to {found[_normalized(name)].item_id}")
    return found


def _normalized(name: str) -> str:
    return _SEPARATORS.sub("", name).casefold()
