"""Owns the protocol of an image model and its errors; a provider is one more module that implements it.

Must not know credits, accounts or Firestore, nor where pictures are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from imagegen.images.records import Image, Picture


@dataclass(frozen=True, kw_only=True)
class ImageRequest:
    """What a model is asked for: catalog ids, the size in pixels too, the prompt, and the model's settings."""

    generation_id: str
    style: str
    color: str
    size: str
    width: int
    height: int
    prompt: str
    # From the model's document.
    parameters: Mapping[str, object]


class ModelError(Exception):
    """The model gave no picture."""


class ModelRefusedError(ModelError):
    """The model will not draw this prompt, however often it is asked."""


class ImageModel(Protocol):
    """What a provider implements."""

    def generate(self, request: ImageRequest) -> Image | Picture:
        """Draw the picture; return it, or where it can be fetched if the provider hosts it.

        Raises:
            ModelError: there is none; the subclass says why.
        """
