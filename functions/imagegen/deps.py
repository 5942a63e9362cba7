"""Owns what a call is handed of the world: types alone, which production.py and tests fill in.

Must not know how any of it is built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagegen.catalog.cache import CatalogCache
    from imagegen.config import Settings
    from imagegen.firebase.database import Database
    from imagegen.firebase.tasks import TaskQueue
    from imagegen.images.storage import ImageStore
    from imagegen.providers.model import ImageModel
    from imagegen.webhooks.sender import WebhookSender


@dataclass(frozen=True, kw_only=True)
class Deps:
    """All that a service needs of the world; `image_models` maps a provider's name to its model."""

    db: Database
    settings: Settings
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    catalog: CatalogCache
    image_models: Mapping[str, ImageModel]
    images: ImageStore
    tasks: TaskQueue
    webhooks: WebhookSender
