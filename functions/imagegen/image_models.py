"""Owns the protocol of an image model and the two simulated ones; a real provider is one more module like this.

Knows nothing of credits, accounts or Firestore.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from .records import FailureReason, Image


@dataclass(frozen=True, kw_only=True)
class ImageRequest:
    """What a model is asked for: canonical catalog ids, the prompt, and the model's own settings from its document."""

    generation_id: str
    style: str
    color: str
    size: str
    prompt: str
    parameters: Mapping[str, object]


class ModelError(Exception):
    """The model gave no picture."""

    reason = FailureReason.MODEL_ERROR


class ModelRefusedError(ModelError):
    """The model will not draw this prompt, however often it is asked."""

    reason = FailureReason.MODEL_REFUSED


class ModelTimeoutError(ModelError):
    """The model did not answer within its time limit."""

    reason = FailureReason.MODEL_TIMEOUT


class ImageModel(Protocol):
    """What a provider implements."""

    def generate(self, request: ImageRequest) -> Image:
        """Draw the picture.

        Raises:
            ModelError: there is none; the subclass says why.
        """


def generate_within(model: ImageModel, request: ImageRequest, limit_seconds: float) -> Image:
    """Ask a model for a picture and wait no longer than its limit.

    Raises:
        ModelTimeoutError: the limit passed; a late picture is dropped.
        ModelError: the model failed.
    """
    answer: Future[Image] = Future()

    def ask() -> None:
        try:
            answer.set_result(model.generate(request))
        except Exception as error:
            answer.set_exception(error)
        except BaseException as error:  # A cancelled task or an exit is the provider's, not the end of this process.
            answer.set_exception(ModelError(f"{type(error).__name__}: {error}"))

    # A daemon, so that a provider that never answers cannot keep the process from ending.
    threading.Thread(target=ask, name="image-model", daemon=True).start()
    try:
        return answer.result(timeout=limit_seconds)
    except TimeoutError as error:
        raise ModelTimeoutError(f"no picture within {limit_seconds} s") from error


class SimulatedModel:
    """A model that draws nothing: it answers a fixed placeholder and fails at a given rate."""

    def __init__(self, placeholder_url: str, failure_rate: float, source: random.Random) -> None:
        self._placeholder_url = placeholder_url
        self._failure_rate = failure_rate
        self._source = source

    def generate(self, request: ImageRequest) -> Image:
        """Answer the placeholder, or fail at the rate that the model's catalog document or else the setting gives."""
        rate = request.parameters.get("failureRate", self._failure_rate)
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
            raise ModelError(f"failureRate is {rate!r}; it must be a number from 0 to 1")
        # random() is in [0, 1), so that a rate of 0 never fails and a rate of 1 always does.
        if self._source.random() < rate:
            raise ModelError("simulated failure")
        return Image(self._placeholder_url)
