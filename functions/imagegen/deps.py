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
from .image_models import ImageModel, ImageRequest, Picture, SimulatedModel, drawing_as, placeholder
from .image_store import FIREBASE_ORIGIN, BucketImages, FolderImages, ImageStore, NoImageStore
from .records import Image
from .task_queue import FirebaseTaskQueue, NoTaskQueue, TaskQueue
from .webhook_sender import HttpWebhookSender, NoWebhookSender, WebhookSender

_building = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Deps:
    """All that a service needs of the world; `image_models` maps a provider's name to its model."""

    db: firestore.Client
    settings: Settings
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    image_models: Mapping[str, ImageModel]
    # A world without these refuses what needs them.
    images: ImageStore = field(default_factory=NoImageStore)
    tasks: TaskQueue = field(default_factory=NoTaskQueue)
    webhooks: WebhookSender = field(default_factory=NoWebhookSender)
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
            # Random, and no secret.
            model_id: SimulatedModel(_answer(settings, model_id), settings.model_failure_rate, random.Random())  # noqa: S311
            for model_id in ("model-a", "model-b")
        },
        images=_image_store(settings),
        webhooks=HttpWebhookSender(
            config.webhook_secret(),
            allow_loopback=settings.webhook_allow_loopback,
            time_limit_seconds=settings.webhook_time_limit_seconds,
        ),
        tasks=FirebaseTaskQueue(settings.enqueue_time_limit_seconds),
    )


def _answer(settings: Settings, model_id: str) -> Callable[[ImageRequest], Image | Picture]:
    # What cannot be kept need not be drawn.
    if settings.placeholder_images or not (settings.image_bucket or settings.image_folder):
        return placeholder(f"{settings.site_url}/placeholders/{model_id}.png")
    return drawing_as(model_id)


def _image_store(settings: Settings) -> ImageStore:
    if settings.image_bucket:
        return BucketImages(
            settings.image_bucket,
            project_id=config.project_id(),
            new_token=lambda: str(uuid.uuid4()),
            timeout_seconds=settings.image_store_timeout_seconds,
            origin=config.storage_origin() or FIREBASE_ORIGIN,
        )
    return FolderImages(settings.image_folder, settings.image_base_url) if settings.image_folder else NoImageStore()
