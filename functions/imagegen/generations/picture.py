"""Owns getting a picture for a generation: ask its model, and keep what it drew where it can be fetched.

Knows nothing of credits, accounts or queues.
"""

from __future__ import annotations

import traceback
from functools import partial

from imagegen.catalog.catalog import Choice
from imagegen.deps import Deps
from imagegen.generations.records import FailureReason, Generation
from imagegen.images.records import Image, Picture
from imagegen.images.storage import ImageStoreError
from imagegen.kit import log
from imagegen.kit.timeouts import call_within
from imagegen.providers.model import ImageRequest, ModelError, ModelRefusedError


def draw(deps: Deps, generation: Generation, chosen: Choice) -> Image | FailureReason:
    """Return the picture of a generation, or why there is none; never raises.

    The model is asked once for a generation: where an earlier attempt left a picture, it is that.
    """
    try:
        kept = deps.images.find(generation.generation_id) if generation.attempts > 1 else None
        return kept or _drawn(deps, generation, chosen)
    except TimeoutError:
        log.warn(f"{generation.model} gave no picture in time", **ids(generation))
        return FailureReason.MODEL_TIMEOUT
    except ModelError as error:
        # Without its text, as below: a provider may repeat in it what people wrote, whole or in part.
        reason = FailureReason.MODEL_REFUSED if isinstance(error, ModelRefusedError) else FailureReason.MODEL_ERROR
        log.warn(f"{generation.model} failed: {type(error).__name__}, {reason}", **ids(generation))
        return reason
    except ImageStoreError as error:
        log.error(f"a picture could not be kept: {error}", **ids(generation))
        return FailureReason.STORAGE_ERROR
    except Exception as error:  # A provider's fault of any kind is a failed model: the charge must be given back.
        frames = "".join(traceback.format_tb(error.__traceback__))
        log.error(f"{generation.model} broke: {type(error).__name__}\n{frames}", **ids(generation))
        return FailureReason.MODEL_ERROR


def ids(generation: Generation) -> dict[str, str]:
    """Return what a line of the log names a generation by."""
    return {"generationRequestId": generation.generation_id, "userId": generation.user_id}


def _drawn(deps: Deps, generation: Generation, chosen: Choice) -> Image:
    width, height = chosen.pixels
    request = ImageRequest(
        generation_id=generation.generation_id,
        style=generation.style,
        color=generation.color,
        size=generation.size,
        width=width,
        height=height,
        prompt=generation.prompt,
        parameters=chosen.model.settings,
    )
    model = deps.image_models[chosen.provider]
    drawn = call_within(deps.settings.model_time_limit_seconds, partial(model.generate, request))
    return deps.images.save(generation.generation_id, drawn) if isinstance(drawn, Picture) else drawn
