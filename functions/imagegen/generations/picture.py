"""Owns drawing the picture of a generation: call its model, and store the result.

Must not know credits, accounts or queues.
"""

from __future__ import annotations

import traceback
from datetime import datetime
from functools import partial

from imagegen.catalog.catalog import Choice
from imagegen.deps import Deps
from imagegen.generations.records import FailureReason, Generation
from imagegen.images.records import Image, Picture
from imagegen.images.storage import ImageStoreError
from imagegen.kit import log
from imagegen.kit.timeouts import call_within
from imagegen.providers.model import ImageRequest, ModelError, ModelRefusedError


def draw(deps: Deps, generation: Generation, chosen: Choice, until: datetime | None = None) -> Image | FailureReason:
    """Return the picture of a generation, or the reason why there is none; never raises.

    It returns by `until`, if a caller waits for it; otherwise each step has its own time limit.
    An attempt after the first returns the stored picture of an earlier attempt, if there is one, without a model call.
    """
    try:
        stored = deps.images.find(generation.generation_id) if generation.attempts > 1 else None
        return stored or _drawn(deps, generation, chosen, until)
    except TimeoutError:
        log.warn(f"{generation.model} timed out", **ids(generation))
        return FailureReason.MODEL_TIMEOUT
    except ModelError as error:
        # The error's text is not logged, here and below: a provider may repeat the prompt in it.
        reason = FailureReason.MODEL_REFUSED if isinstance(error, ModelRefusedError) else FailureReason.MODEL_ERROR
        log.warn(f"{generation.model} failed: {type(error).__name__}, {reason}", **ids(generation))
        return reason
    except ImageStoreError as error:
        log.error(f"the picture could not be stored: {error}", **ids(generation))
        return FailureReason.STORAGE_ERROR
    except Exception as error:  # Any bug of a provider is a failed model: the charge must be refunded.
        frames = "".join(traceback.format_tb(error.__traceback__))
        log.error(f"{generation.model} raised {type(error).__name__}\n{frames}", **ids(generation))
        return FailureReason.MODEL_ERROR


def discard(deps: Deps, generation: Generation) -> None:
    """Delete the picture of a generation that ended without it; if this fails, `recovery.py` repeats it."""
    log.warn("picture discarded: the generation had already ended", **ids(generation))
    try:
        deps.images.delete(generation.generation_id)
    except ImageStoreError as error:
        log.warn(f"the picture could not be deleted: {error}", **ids(generation))


def ids(generation: Generation) -> dict[str, str]:
    """Return the log fields that identify a generation."""
    return {"generationRequestId": generation.generation_id, "userId": generation.user_id}


def _drawn(deps: Deps, generation: Generation, chosen: Choice, until: datetime | None) -> Image:
    width, height = chosen.pixels
    settings = deps.settings
    limit_seconds = settings.model_time_limit_seconds
    if until is not None:
        limit_seconds = min(limit_seconds, _seconds_left(deps, until) - settings.image_store_timeout_seconds)
    request = ImageRequest(
        generation_id=generation.generation_id,
        style=generation.style,
        color=generation.color,
        size=generation.size,
        width=width,
        height=height,
        prompt=generation.prompt,
        parameters=chosen.model.settings,
        time_limit_seconds=max(limit_seconds, 0),
    )
    model = deps.image_models[chosen.provider]
    drawn = call_within(request.time_limit_seconds, partial(model.generate, request))
    return _saved(deps, generation, drawn, until) if isinstance(drawn, Picture) else drawn


def _saved(deps: Deps, generation: Generation, drawn: Picture, until: datetime | None) -> Image:
    if deps.now() >= generation.lease_expires_at:
        # It may be refunded, and recovery have looked for its picture already, and would not look again.
        raise TimeoutError
    save = partial(deps.images.save, generation.generation_id, drawn)
    if until is None:
        return save()
    try:
        return call_within(_seconds_left(deps, until), save)
    except TimeoutError:
        raise ImageStoreError("not in time for the caller, who waits") from None


def _seconds_left(deps: Deps, until: datetime) -> float:
    return max((until - deps.now()).total_seconds(), 0)
