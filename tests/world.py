"""Owns the world of a test: a back end on its own database, with a fake clock, fake ids and fake models."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from google.cloud import firestore

from imagegen.books import check
from imagegen.books import store as books_store
from imagegen.catalog.cache import CatalogCache
from imagegen.catalog.store import read_catalog
from imagegen.config import Settings
from imagegen.deps import Deps
from imagegen.firebase.database import Database
from imagegen.firebase.tasks import TaskQueueError
from imagegen.generations.endpoints import read_request
from imagegen.generations.records import Order
from imagegen.images.records import Image, Picture
from imagegen.images.storage import ImageStoreError
from imagegen.kit.errors import AppError
from imagegen.providers.model import ImageRequest, ModelError
from imagegen.webhooks.sender import WebhookRefused

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)


class Clock:
    """A clock that moves only when a test advances it."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **delta: float) -> None:
        self.now += timedelta(**delta)


class PausesOnly:
    """The time of retries, which only their pauses move, and at once: a loaded machine does not count.

    Replaces the module `time` in `imagegen.firebase.retries`.
    """

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Draws:
    """A model that always draws; it records its requests."""

    def __init__(self) -> None:
        self.requests: list[ImageRequest] = []

    def generate(self, request: ImageRequest) -> Image:
        self.requests.append(request)
        return Image("https://images.example.com/drawn.png")


A_PICTURE = Picture(b"\x89PNG\r\n\x1a\n and so on")


class Paints:
    """A model that returns bytes."""

    def __init__(self) -> None:
        self.asked = 0

    def generate(self, request: ImageRequest) -> Picture:
        self.asked += 1
        return A_PICTURE


class AlwaysFails:
    """A model that always fails."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error or ModelError("no picture today")

    def generate(self, request: ImageRequest) -> Image:
        raise self.error


class Does:
    """A model that first calls a function, such as one that moves the clock, and then draws."""

    def __init__(self, action: Callable[[], object]) -> None:
        self.action = action

    def generate(self, request: ImageRequest) -> Image:
        self.action()
        return Image("https://images.example.com/drawn.png")


class Queue:
    """A queue that keeps its tasks for the test; it can be set to fail, with or without having taken the task."""

    def __init__(self) -> None:
        self.tasks: list[tuple[str, str]] = []
        self.delays_seconds: list[int] = []
        self.fails = False
        self.takes = True

    def enqueue(self, function: str, data: dict[str, str], delay_seconds: int = 0) -> None:
        if self.takes:
            self.delays_seconds.append(delay_seconds)
            self.tasks.append((function, data["generationRequestId"]))
        if self.fails:
            raise TaskQueueError("no answer")


class Shelf:
    """An image store in memory."""

    def __init__(self) -> None:
        self.pictures: dict[str, Picture] = {}
        self.fails = False

    def find(self, generation_id: str) -> Image | None:
        return self._image(generation_id) if generation_id in self.pictures else None

    def save(self, generation_id: str, picture: Picture) -> Image:
        if self.fails:
            raise ImageStoreError("full")
        self.pictures.setdefault(generation_id, picture)
        return self._image(generation_id)

    def delete(self, generation_id: str) -> None:
        if self.fails:
            raise ImageStoreError("full")
        self.pictures.pop(generation_id, None)

    def _image(self, generation_id: str) -> Image:
        return Image(f"https://images.example.com/{generation_id}.png")


# The master secret of webhooks.
MASTER_SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four bytes").decode()


class Deaf:
    """A sender whose messages never arrive."""

    def send(self, url: str, headers: Mapping[str, str], body: bytes, time_limit_seconds: float) -> int:
        raise WebhookRefused("not here")


def make_deps(client: firestore.Client, **changed: Any) -> Deps:
    """Build the services' dependencies, with a clock that stands still and a fake for all but Firestore."""
    parts: dict[str, Any] = {
        "settings": Settings(),
        "now": Clock(),
        "new_id": str,
        "image_models": {"model-a": Draws(), "model-b": Draws()},
        "images": Shelf(),
        "tasks": Queue(),
        "webhooks": Deaf(),
        "webhook_secret": MASTER_SECRET,
    } | changed
    settings: Settings = parts["settings"]
    db = Database(client, settings.firestore_timeout_seconds)
    return Deps(db=db, catalog=make_catalog(db, parts["image_models"], parts["now"], settings), **parts)


def make_catalog(db: Database, providers: Mapping[str, object], now: Clock, settings: Settings) -> CatalogCache:
    """Build a catalog that is loaded on first use."""
    return CatalogCache(partial(read_catalog, db, providers), now, settings.catalog_lifetime_seconds)


@dataclass
class World:
    """The back end of one test: its dependencies, and access to the documents of its database."""

    deps: Deps
    clock: Clock = field(default_factory=Clock)
    db: firestore.Client = field(init=False)

    def __post_init__(self) -> None:
        self.db = self.deps.db.client

    @property
    def queue(self) -> Queue:
        """The tasks that were enqueued."""
        assert isinstance(self.deps.tasks, Queue)
        return self.deps.tasks

    @property
    def shelf(self) -> Shelf:
        """The pictures that were stored."""
        assert isinstance(self.deps.images, Shelf)
        return self.deps.images

    def account(self, user_id: str, credits: int) -> str:
        """Open an account and return its id."""
        self.db.document(f"users/{user_id}").set(
            {"credits": credits, "openingCredits": credits, "ledgerCount": 0, "createdAt": NOON, "updatedAt": NOON}
        )
        return user_id

    def accounts(self) -> list[str]:
        return [snapshot.id for snapshot in self.db.collection("users").stream()]

    def credits(self, user_id: str) -> int:
        return int(self.fields(f"users/{user_id}")["credits"])

    def fields(self, path: str) -> dict[str, Any]:
        return self.db.document(path).get().to_dict() or {}

    def ledger(self, user_id: str) -> list[dict[str, Any]]:
        """The entries of an account, oldest first."""
        query = self.db.collection(f"users/{user_id}/transactions").order_by("sequence")
        return [{"id": snapshot.id} | (snapshot.to_dict() or {}) for snapshot in query.stream()]

    def generations(self) -> list[dict[str, Any]]:
        stream = self.db.collection("generationRequests").stream()
        return [{"id": snapshot.id} | (snapshot.to_dict() or {}) for snapshot in stream]

    def check_books(self, user_id: str) -> None:
        """Assert that each balance equals its ledger, without a gap, and that each generation is settled."""
        stored = books_store.read_books(self.deps.db, user_id)
        assert stored.account is not None
        assert check.check(user_id, stored.account, stored.entries, stored.generations, self.clock()) == []
        assert "pending" not in {generation["status"] for generation in stored.generations.values()}

    def body(self, user_id: str, **changed: str) -> dict[str, Any]:
        """A valid request body of one credit."""
        return {
            "userId": user_id,
            "model": "Model A",
            "style": "anime",
            "color": "neon",
            "size": "512x512",
            "prompt": "a fox",
        } | changed

    def order(self, user_id: str, **changed: str) -> Order:
        """The options of a valid request."""
        return read_request(self.deps, self.body(user_id, **changed)).order()


CATALOG: Mapping[str, Mapping[str, dict[str, Any]]] = {
    "models": {"model-a": {"name": "Model A"}, "model-b": {"name": "Model B"}},
    "styles": {"anime": {"name": "anime"}, "oil-painting": {"name": "oil painting"}},
    "colors": {"neon": {"name": "neon"}, "vintage": {"name": "vintage"}},
    "sizes": {
        "512x512": {"name": "512x512", "credits": 1},
        "1024x1024": {"name": "1024x1024", "credits": 3},
        "1024x1792": {"name": "1024x1792", "credits": 4},
    },
}


def write_catalog(db: firestore.Client) -> None:
    """Put the test catalog into a database."""
    batch = db.batch()
    for collection, documents in CATALOG.items():
        for item_id, fields in documents.items():
            batch.set(db.document(f"{collection}/{item_id}"), fields)
    batch.commit()


def refusal(error: pytest.ExceptionInfo[AppError]) -> dict[str, str]:
    """The bad fields of an error: field -> what is allowed."""
    return {violation.field: violation.description for violation in error.value.violations}
