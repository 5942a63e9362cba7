"""Owns where finished pictures are kept: a Cloud Storage bucket, or a folder that something serves.

Knows neither who drew them nor what they cost.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from google.api_core.exceptions import PreconditionFailed

from imagegen.images.records import Image, Picture

FIREBASE_ORIGIN = "https://firebasestorage.googleapis.com"
# Firebase serves an object of a private bucket to whoever names one of the tokens that its metadata has under this key.
_TOKENS = "firebaseStorageDownloadTokens"
_GENERATION_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


class ImageStoreError(Exception):
    """A picture could be neither kept nor found; asking again may help."""


class ImageStore(Protocol):
    """Where the picture of a generation is kept: one at most, which never changes."""

    def find(self, generation_id: str) -> Image | None:
        """Return where the picture of a generation can be fetched, None when it has none.

        Raises:
            ImageStoreError: it cannot be told.
        """

    def save(self, generation_id: str, picture: Picture) -> Image:
        """Keep the picture of a generation and return where it can be fetched.

        Of several pictures, one after the other or at once, the first is kept and all are told where that one is.

        Raises:
            ImageStoreError: it may have been kept or not; `find` or another `save` tells.
        """


class NoImageStore:
    """The store of a world that has none."""

    def find(self, generation_id: str) -> Image | None:
        """Find nothing."""
        return None

    def save(self, generation_id: str, picture: Picture) -> Image:
        """Refuse."""
        raise ImageStoreError("there is no store of images here")


class BucketImages:
    """A private Cloud Storage bucket, whose pictures open by their download URLs.

    `origin` is Firebase's or an emulator's. `timeout_seconds` is for each try, and as long are faults tried again.
    """

    def __init__(
        self,
        bucket: str,
        *,
        project_id: str | None,
        new_token: Callable[[], str],
        timeout_seconds: float,
        origin: str = FIREBASE_ORIGIN,
    ) -> None:
        self._name = bucket
        self._project_id = project_id
        self._new_token = new_token
        self._timeout_seconds = timeout_seconds
        self._origin = origin

    def find(self, generation_id: str) -> Image | None:
        """Look the object up."""
        with _one_error():
            blob = self._bucket.get_blob(_object_name(generation_id), **self._bounded())
            return None if blob is None else self._image(blob)

    def save(self, generation_id: str, picture: Picture) -> Image:
        """Create the object, or go by the one that is there."""
        with _one_error():
            blob = self._bucket.blob(_object_name(generation_id))
            blob.metadata = {_TOKENS: self._new_token()}
            blob.cache_control = "public, max-age=31536000, immutable"
            # A generation of 0 is an object that is not there yet. It also makes it safe to send again.
            with suppress(PreconditionFailed):
                blob.upload_from_string(
                    picture.content, content_type=picture.media_type, if_generation_match=0, **self._bounded()
                )
                return self._image(blob)
            blob.reload(**self._bounded())
            return self._image(blob)

    @cached_property
    def _bucket(self) -> Any:
        # At the first picture, since most cold starts are for something else.
        from google.cloud import storage

        # The client would look up the bucket for telemetry that is off, in a thread that retries for two minutes.
        os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
        client: Any = storage.Client
        return client(project=self._project_id).bucket(self._name)

    def _bounded(self) -> dict[str, Any]:
        from google.cloud.storage.retry import DEFAULT_RETRY

        retry = DEFAULT_RETRY.with_delay(initial=0.1, maximum=1.0).with_timeout(self._timeout_seconds)
        return {"timeout": self._timeout_seconds, "retry": retry}

    def _image(self, blob: Any) -> Image:
        token = (blob.metadata or {})[_TOKENS].split(",")[0]
        return Image(f"{self._origin}/v0/b/{self._name}/o/{quote(blob.name, safe='')}?alt=media&token={quote(token)}")


class FolderImages:
    """A folder whose files something serves under a URL."""

    def __init__(self, folder: Path, base_url: str) -> None:
        self._folder = folder
        self._base_url = base_url.rstrip("/")

    def find(self, generation_id: str) -> Image | None:
        """Look for the file."""
        with _one_error():
            name = _file_name(generation_id)
            return self._image(name) if (self._folder / name).is_file() else None

    def save(self, generation_id: str, picture: Picture) -> Image:
        """Write the file whole, or leave the one that is there."""
        with _one_error():
            name = _file_name(generation_id)
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".", suffix=".part") as part:
                part.write(picture.content)
                part.flush()
                # A link is made at once and never over another file, unlike a rename.
                with suppress(FileExistsError):
                    (self._folder / name).hardlink_to(part.name)
            return self._image(name)

    def _image(self, name: str) -> Image:
        return Image(f"{self._base_url}/{name}")


def _file_name(generation_id: str) -> str:
    if not _GENERATION_ID.fullmatch(generation_id):
        raise ValueError(f"{generation_id!r} is no name of a file")
    return f"{generation_id}.png"


def _object_name(generation_id: str) -> str:
    return f"generations/{_file_name(generation_id)}"


@contextmanager
def _one_error() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # Of the client, of its transport, of its credentials or of the disk: all mean the same.
        raise ImageStoreError(f"{type(error).__name__}: {error}") from error
