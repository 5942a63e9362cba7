"""Owns the simulated models, which draw or return a placeholder, and fail at a given rate.

Must not know credits, accounts or Firestore, nor where pictures are stored.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from imagegen.images.records import Image, Picture
from imagegen.providers.model import ImageRequest, ModelError

# One picture at a time: an instance has one CPU, so that several at once take more memory and no less time.
_drawing = threading.Lock()


def drawing_as(model_id: str) -> Callable[[ImageRequest], Picture]:
    """Return a function that draws a request in the style of a model; deterministic.

    It waits for the pictures before, and fails with a ModelError if its own would not be begun in time.
    """

    def respond(request: ImageRequest) -> Picture:
        if not _drawing.acquire(timeout=request.time_limit_seconds):
            raise ModelError("too many pictures at once")
        try:
            return _drawn(model_id, request)
        finally:
            _drawing.release()

    return respond


def _drawn(model_id: str, request: ImageRequest) -> Picture:
    # Imported at the first picture: most cold starts need no drawing.
    from imagegen.providers.simulated.drawing import draw

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


def placeholder(url: str) -> Callable[[ImageRequest], Image]:
    """Return a function that responds to any request with the same image URL."""
    return lambda request: Image(url)


class SimulatedModel:
    """A simulated model: returns the result of `respond`, and fails at a given rate."""

    def __init__(
        self, respond: Callable[[ImageRequest], Image | Picture], failure_rate: float, source: random.Random
    ) -> None:
        self._respond = respond
        self._failure_rate = failure_rate
        self._source = source

    def generate(self, request: ImageRequest) -> Image | Picture:
        """Return a picture, or fail at the `failureRate` of the model's settings, or else of the parameter."""
        rate = request.parameters.get("failureRate", self._failure_rate)
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
            raise ModelError(f"failureRate is {rate!r}; it must be a number from 0 to 1")
        # random() is in [0, 1): a rate of 0 never fails and a rate of 1 always does.
        if self._source.random() < rate:
            raise ModelError("simulated failure")
        return self._respond(request)
