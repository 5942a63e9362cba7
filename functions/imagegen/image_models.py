"""Owns the protocol of an image model and the simulated ones; a real provider is one more module like this.

Knows nothing of credits, accounts or Firestore, nor of where pictures are kept.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from .records import Image


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


@dataclass(frozen=True)
class Picture:
    """A finished picture itself, a PNG, of a model that does not host what it draws."""

    content: bytes
    media_type: str = "image/png"

    def __post_init__(self) -> None:
        if self.media_type != "image/png" or not self.content.startswith(b"\x89PNG\r\n\x1a\n"):
            raise ValueError(f"a picture is a PNG; this is {self.media_type}, {len(self.content)} bytes")


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


def drawing_as(model_id: str) -> Callable[[ImageRequest], Picture]:
    """Return what draws a request, the same for the same one, in the manner of a model."""

    def answer(request: ImageRequest) -> Picture:
        # At the first picture, since most cold starts are for something else.
        from .drawing import draw

        return Picture(
            draw(
                model=model_id,
                style=request.style,
                color=request.color,
                width=request.width,
                height=request.height,
                prompt=request.prompt,
            )
        )

    return answer


def placeholder(url: str) -> Callable[[ImageRequest], Image]:
    """Return what answers any request with the one picture at a URL."""
    return lambda request: Image(url)


class SimulatedModel:
    """A model that is none: it gives what `answer` makes of a request, and fails at a given rate."""

    def __init__(
        self, answer: Callable[[ImageRequest], Image | Picture], failure_rate: float, source: random.Random
    ) -> None:
        self._answer = answer
        self._failure_rate = failure_rate
        self._source = source

    def generate(self, request: ImageRequest) -> Image | Picture:
        """Answer, or fail at the rate that the model's catalog document or else the setting gives."""
        rate = request.parameters.get("failureRate", self._failure_rate)
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
            raise ModelError(f"failureRate is {rate!r}; it must be a number from 0 to 1")
        # random() is in [0, 1), so that a rate of 0 never fails and a rate of 1 always does.
        if self._source.random() < rate:
            raise ModelError("simulated failure")
        return self._answer(request)
