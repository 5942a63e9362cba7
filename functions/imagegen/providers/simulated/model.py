"""Owns the simulated models, which draw or answer a placeholder, and fail at a given rate.

Must not know credits, accounts or Firestore, nor where pictures are kept.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from imagegen.images.records import Image, Picture
from imagegen.providers.model import ImageRequest, ModelError


def drawing_as(model_id: str) -> Callable[[ImageRequest], Picture]:
    """Return what draws a request, the same for the same one, in the manner of a model."""

    def answer(request: ImageRequest) -> Picture:
        # At the first picture, since most cold starts are for something else.
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
