"""Owns the storage of pictures: in a Cloud Storage bucket, or in a folder that is served under a URL.

Must not know which model drew them, nor credits.
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

from google.api_core.exceptions import NotFound, PreconditionFailed

from imagegen.images.records import Image, Picture

FIREBASE_ORIGIN = "https://firebasestorage.googleapis.com"
# The metadata key of Firebase's download tokens: a URL with one of them opens an object of a private bucket.
_TOKENS = "firebaseStorageDownloadTokens"
_GENERATION_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


class ImageStoreError(Exception):
    """A picture could not be stored or looked up; a retry may help."""


class ImageStore(Protocol):
    """The store of pictures: at most one for each generation, which never changes."""

    def find(self, generation_id: str) -> Image | None:
        """Return the URL of a generation's picture; None if it has none.

        Raises:
            ImageStoreError: the lookup failed.
        """

    def save(self, generation_id: str, picture: Picture) -> Image:
        """Store the picture of a generation if it has none; return the URL of its picture.

        The first write wins, also among concurrent ones: later calls return the URL of the first picture.

        Raises:
            ImageStoreError: the picture may or may not have been stored; `find`, or `save` again.
        """

    def delete(self, generation_id: str) -> None:
        """Delete the picture of a generation, if it has one.

        Raises:
            ImageStoreError: it may or may not have been deleted.
        """


class NoImageStore:
    """For a deployment without a store: finds no picture and refuses to store one."""

    def find(self, generation_id: str) -> Image | None:
        """Return None."""
        return None

    def save(self, generation_id: str, picture: Picture) -> Image:
        """Raise ImageStoreError."""
        raise ImageStoreError("no image store is configured")

    def delete(self, generation_id: str) -> None:
        """Do nothing: there is no picture."""


class BucketImages:
    """A private Cloud Storage bucket; a picture's URL has a download token.

    `origin` is Firebase's or an emulator's. `timeout_seconds` limits each attempt, and also all retries of a request.
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
        """Look up the object."""
        with _wrap_errors():
            blob = self._bucket.get_blob(_object_name(generation_id), **self._bounded())
            return None if blob is None else self._image(blob)

    def save(self, generation_id: str, picture: Picture) -> Image:
        """Create the object; if it exists, return the URL of the existing one."""
        with _wrap_errors():
            blob = self._bucket.blob(_object_name(generation_id))
            blob.metadata = {_TOKENS: self._new_token()}
            blob.cache_control = "public, max-age=31536000, immutable"
            # if_generation_match=0 means create-if-absent. It also makes the upload idempotent, so that it is retried.
            with suppress(PreconditionFailed):
                blob.upload_from_string(
                    picture.content, content_type=picture.media_type, if_generation_match=0, **self._bounded()
                )
                return self._image(blob)
            blob.reload(**self._bounded())
            return self._image(blob)

    def delete(self, generation_id: str) -> None:
        """Delete the object."""
        with _wrap_errors(), suppress(NotFound):
            self._bucket.blob(_object_name(generation_id)).delete(**self._bounded())

    @cached_property
    def _bucket(self) -> Any:
        # Imported at the first picture: most cold starts need no storage.
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
    """A folder that is served under a URL."""

    def __init__(self, folder: Path, base_url: str) -> None:
        self._folder = folder
        self._base_url = base_url.rstrip("/")

    def find(self, generation_id: str) -> Image | None:
        """Look up the file."""
        with _wrap_errors():
            name = _file_name(generation_id)
            return self._image(name) if (self._folder / name).is_file() else None

    def save(self, generation_id: str, picture: Picture) -> Image:
        """Create the file atomically; if it exists, return the URL of the existing one."""
        with _wrap_errors():
            name = _file_name(generation_id)
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".", suffix=".part") as part:
                part.write(picture.content)
                part.flush()
                # A hard link is atomic and, unlike a rename, fails if the file exists.
                with suppress(FileExistsError):
                    (self._folder / name).hardlink_to(part.name)
            return self._image(name)

    def delete(self, generation_id: str) -> None:
        """Delete the file."""
        with _wrap_errors():
            (self._folder / _file_name(generation_id)).unlink(missing_ok=True)

    def _image(self, name: str) -> Image:
        return Image(f"{self._base_url}/{name}")


def _file_name(generation_id: str) -> str:
    if not _GENERATION_ID.fullmatch(generation_id):
        raise ValueError(f"{generation_id!r} is not a valid file name")
    return f"{generation_id}.png"


def _object_name(generation_id: str) -> str:
    return f"generations/{_file_name(generation_id)}"


@contextmanager
def _wrap_errors() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # Errors of the client, transport, credentials and disk mean the same to the caller.
        raise ImageStoreError(f"{type(error).__name__}: {error}") from error
