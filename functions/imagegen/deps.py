"""Owns the building of the world: the Firestore client, the clock, ids and randomness come from here alone.

Knows nothing of requests; whatever needs the world is handed a `Deps`.
"""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

from google.cloud import firestore

from . import catalog, config, store
from .catalog import Catalog, CatalogCache
from .config import Settings
from .image_models import ImageModel, SimulatedModel

_PLACEHOLDERS = {
    "model-a": "https://images.example.com/placeholders/model-a.png",
    "model-b": "https://images.example.com/placeholders/model-b.png",
}
_building = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Deps:
    """All that a service needs of the world; `image_models` maps a provider's name to its model."""

    db: firestore.Client
    settings: Settings
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    image_models: Mapping[str, ImageModel]
    catalog: CatalogCache = field(init=False)

    def __post_init__(self) -> None:
        cached = CatalogCache(self._load_catalog, self.now, self.settings.catalog_lifetime_seconds)
        object.__setattr__(self, "catalog", cached)

    def _load_catalog(self) -> Catalog:
        collections = list(catalog.COLLECTIONS.values())
        documents = store.read_catalog(self.db, collections, self.settings.firestore_timeout_seconds)
        return catalog.parse(documents, self.image_models)


def production() -> Deps:
    """Return the world that the deployed functions run in, built at the first call and not at import."""
    # Else two first calls at once would build two worlds, each with a catalog to load.
    with _building:
        return _build()


def new_id() -> str:
    """Return an id that nothing else has."""
    return uuid.uuid4().hex


@cache
def _build() -> Deps:
    settings = config.load()
    return Deps(
        # Not firebase_admin's client: it asks for credentials even where the address is an emulator's.
        db=firestore.Client(project=config.project_id()),
        settings=settings,
        now=lambda: datetime.now(UTC),
        new_id=new_id,
        image_models={
            model_id: SimulatedModel(url, settings.model_failure_rate, random.Random())  # noqa: S311 - no secret.
            for model_id, url in _PLACEHOLDERS.items()
        },
    )
