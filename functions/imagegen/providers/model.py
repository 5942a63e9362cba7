"""Owns the protocol of an image model and its errors; each provider implements it in a module of its own.

Must not know credits, accounts or Firestore, nor where pictures are stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from imagegen.images.records import Image, Picture


@dataclass(frozen=True, kw_only=True)
class ImageRequest:
    """The input of a model: catalog ids, the size in pixels, the prompt, and parameters."""

    generation_id: str
    style: str
    color: str
    size: str
    width: int
    height: int
    prompt: str
    # The fields of the model's documents in the catalog, among them its settings.
    parameters: Mapping[str, object]
    # After this time the picture is of no use: its caller has been refunded.
    time_limit_seconds: float


class ModelError(Exception):
    """The model returned no picture."""


class ModelRefusedError(ModelError):
    """The model refused the prompt; a retry would not help."""


class ImageModel(Protocol):
    """The protocol of a provider."""

    def generate(self, request: ImageRequest) -> Image | Picture:
        """Draw a picture; return its bytes, or its URL if the provider hosts it.

        Raises:
            ModelError: there is no picture.
            ModelRefusedError: the model refused the prompt.
        """
