"""Owns what is on offer: models, styles, colors, sizes and their prices, and how names match them.

Pure; must not know accounts, HTTP, nor how the documents are read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from imagegen.kit import log
from imagegen.kit.errors import InvalidRequest, Unavailable, Violation

# Collection in Firestore -> document id -> its fields.
Documents = Mapping[str, Mapping[str, Mapping[str, Any]]]
COLLECTIONS = {"model": "models", "style": "styles", "color": "colors", "size": "sizes"}
_USUAL_PIXELS = (1024, 1024)
_SEPARATORS = re.compile(r"[\s_-]+")


@dataclass(frozen=True)
class Item:
    """One thing on offer: its canonical id, its name for people, and the other fields of its document."""

    item_id: str
    name: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Choice:
    """What a request picked, and what it costs."""

    model: Item
    style: Item
    color: Item
    size: Item

    @property
    def cost_credits(self) -> int:
        """The price, which depends on the size alone."""
        return int(self.size.settings["credits"])

    @property
    def pixels(self) -> tuple[int, int]:
        """The width and height of the picture, as the size's document or else its name has them."""
        return pixels_of(self.size)

    @property
    def provider(self) -> str:
        """The image model that draws it: the one that the model's document names, or else that of the same id."""
        return _provider(self.model)


class Catalog:
    """What is on offer at one moment."""

    def __init__(self, items: Mapping[str, Collection[Item]]) -> None:
        """Take the enabled items of each request field (`model`, `style`, `color`, `size`)."""
        self._items = items
        self._by_name = {field: _by_name(offered) for field, offered in items.items()}

    @property
    def items(self) -> Mapping[str, Collection[Item]]:
        """What is offered for each request field."""
        return self._items

    def find(self, field: str, name: str) -> Item | None:
        """Find what is named in one request field."""
        return self._by_name[field].get(_folded(name))

    def choose(self, names: Mapping[str, object]) -> Choice:
        """Find what is named under `model`, `style`, `color` and `size`.

        Raises:
            InvalidRequest: with what is allowed, for each name that is not on offer.
        """
        found = {}
        violations = []
        for field, offered in self._by_name.items():
            name = names.get(field)
            item = offered.get(_folded(name)) if isinstance(name, str) else None
            if item is None:
                allowed = ", ".join(item.name for item in self._items[field])
                violations.append(Violation(field, f"must be one of: {allowed}"))
            else:
                found[field] = item
        if violations:
            raise InvalidRequest(violations)
        return Choice(**found)


def pixels_of(size: Item) -> tuple[int, int]:
    """Return the width and height of a size, as its document or else its id has them; square where neither does."""
    width, height = size.settings.get("width"), size.settings.get("height")
    if isinstance(width, int) and isinstance(height, int) and 0 < width <= 4096 and 0 < height <= 4096:
        return width, height
    named = re.fullmatch(r"([1-9][0-9]{1,3})x([1-9][0-9]{1,3})", size.item_id)
    return (int(named[1]), int(named[2])) if named else _USUAL_PIXELS


def parse(documents: Documents, providers: Collection[str]) -> Catalog:
    """Read the catalog's documents; a disabled one is not offered, nor is one that could not be sold.

    Raises:
        Unavailable: a collection offers nothing, so that no request could be answered.
    """
    items: dict[str, list[Item]] = {}
    for field, collection in COLLECTIONS.items():
        items[field] = []
        for item_id, fields in sorted(documents.get(collection, {}).items()):
            item = Item(item_id, str(fields.get("name", item_id)), fields)
            fault = _fault(field, item, providers)
            if fault:
                log.warn(f"{collection}/{item_id} is not offered: {fault}")
            elif fields.get("enabled", True):
                items[field].append(item)
        if not items[field]:
            log.error(f"the catalog offers nothing in {collection!r}")
            raise Unavailable
    return Catalog(items)


def _provider(model: Item) -> str:
    return str(model.settings.get("provider", model.item_id))


def _fault(field: str, item: Item, providers: Collection[str]) -> str | None:
    if field == "size":
        price_credits = item.settings.get("credits")
        if isinstance(price_credits, bool) or not isinstance(price_credits, int) or price_credits < 1:
            return f"its credits are {price_credits!r}; they must be a positive integer"
    if field == "model" and _provider(item) not in providers:
        return f"its provider is {_provider(item)!r}; it must be one of {', '.join(sorted(providers))}"
    return None


def _by_name(items: Collection[Item]) -> dict[str, Item]:
    found: dict[str, Item] = {}
    # All ids first: what was sold is found by its id again, whatever others are named.
    for name, item in [(item.item_id, item) for item in items] + [(item.name, item) for item in items]:
        if found.setdefault(_folded(name), item) is not item:
            log.warn(f"{name!r} of {item.item_id} is taken by {found[_folded(name)].item_id}")
    return found


def _folded(name: str) -> str:
    return _SEPARATORS.sub("", name).casefold()
