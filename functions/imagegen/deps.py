"""Owns the type of a call's dependencies; production.py and the tests build the values.

Must not know how they are built. The imports are for the type checker only: this module loads nothing in a cold start.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
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
    """The dependencies of a service; `image_models` maps a provider's name to its model.

    `simulated_providers` are those that draw without an image model.
    """

    db: Database
    settings: Settings
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    catalog: CatalogCache
    image_models: Mapping[str, ImageModel]
    simulated_providers: Collection[str] = ()
    images: ImageStore
    tasks: TaskQueue
    webhooks: WebhookSender
    # The master secret of webhooks; empty in a function that is not bound to it. It must not appear in a log.
    webhook_secret: str = field(repr=False)
