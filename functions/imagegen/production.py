"""Owns the composition root: it builds the Firestore client, clock, ids and random numbers of the deployed functions.

Must not know requests. Only main.py and operations/ call it; all other code receives a `Deps`.
"""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial

from google.cloud import firestore

from imagegen import config
from imagegen.catalog.cache import CatalogCache
from imagegen.catalog.store import read_catalog
from imagegen.config import Settings
from imagegen.deps import Deps
from imagegen.firebase.database import Database
from imagegen.firebase.tasks import FirebaseTaskQueue
from imagegen.images.records import Image, Picture
from imagegen.images.storage import FIREBASE_ORIGIN, BucketImages, FolderImages, ImageStore, NoImageStore
from imagegen.kit import log
from imagegen.kit.ids import new_id
from imagegen.providers.model import ImageRequest
from imagegen.providers.simulated.model import SimulatedModel, drawing_as, placeholder
from imagegen.webhooks.sender import HttpWebhookSender

_building = threading.Lock()


def production() -> Deps:
    """Return the dependencies of this process, built at the first call and not at import.

    Raises:
        ValueError: a setting is out of its bounds; the message names it.
    """
    # Single flight: otherwise two concurrent first calls would build two, and each would load the catalog.
    with _building:
        return _built()


@cache
def _built() -> Deps:
    # Not firebase_admin's client, which requires credentials even when FIRESTORE_EMULATOR_HOST is set.
    settings = config.load()
    if settings.placeholder_images:
        log.warn(
            "no picture is drawn: each request gets a placeholder, since PLACEHOLDER_IMAGES or no image store is set"
        )
    return build(firestore.Client(project=config.project_id()), settings)


def build(client: firestore.Client, settings: Settings) -> Deps:
    """Build the dependencies from a Firestore client and the settings."""
    db = Database(client, settings.firestore_timeout_seconds)
    now = partial(datetime.now, UTC)
    image_models = {
        # Pseudo-random numbers are enough: they decide only simulated failures.
        model_id: SimulatedModel(
            _respond(settings, model_id),
            settings.model_failure_rate,
            random.Random(),  # noqa: S311
        )
        for model_id in ("model-a", "model-b")
    }
    return Deps(
        db=db,
        settings=settings,
        now=now,
        new_id=new_id,
        catalog=CatalogCache(partial(read_catalog, db, image_models), now, settings.catalog_lifetime_seconds),
        image_models=image_models,
        simulated_providers=image_models.keys(),
        images=_image_store(settings),
        webhooks=HttpWebhookSender(allow_loopback=settings.webhook_allow_loopback),
        webhook_secret=config.webhook_secret(),
        tasks=FirebaseTaskQueue(settings.enqueue_time_limit_seconds),
    )


def _respond(settings: Settings, model_id: str) -> Callable[[ImageRequest], Image | Picture]:
    if settings.placeholder_images:
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
