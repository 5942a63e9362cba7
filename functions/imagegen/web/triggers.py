"""Owns the triggers of schedules and task queues: their responses, health probe and retries.

Must not know business rules nor Firestore.
"""

from __future__ import annotations

import functools
import re
import traceback
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from firebase_functions import https_fn
from flask import Request, Response

from imagegen.deps import Deps
from imagegen.kit import log
from imagegen.kit.errors import AppError, InternalError, InvalidRequest, TryAgain, Violation
from imagegen.kit.ids import is_document_id
from imagegen.web.serving import (
    HEALTH_PATH,
    NO_SNIFFING,
    healthy,
    json_object,
    json_response,
    render,
    request_id_of,
    trace_fields,
)

_RETRY_COUNT = "X-CloudTasks-TaskRetryCount"
# More than any queue retries. Python refuses to parse integers of thousands of digits.
_RETRIES = re.compile(r"[0-9]{1,6}")
# What a run adds to its answer: on_schedule discards what a function returns.
_figures: ContextVar[dict[str, int]] = ContextVar("figures")


def scheduled(answer: Mapping[str, Any]) -> Callable[[Any], Callable[[Request], Response]]:
    """Give a scheduled function a JSON response, a health probe, and errors without exception text.

    Wraps `on_schedule`, which returns an empty body on success and the exception's text on failure.
    """

    # `Any`: on_schedule is annotated to return a response, but returns a function that does.
    def decorate(function: Any) -> Callable[[Request], Response]:
        @functools.wraps(function)
        def respond(request: Request) -> Response:
            if request.path == HEALTH_PATH:
                return healthy()
            request_id = request_id_of(request)
            token = _figures.set({})
            try:
                with log.of_call(function=function.__name__, requestId=request_id, **trace_fields(request)):
                    failed = function(request).status_code >= 400
                response = render(InternalError()) if failed else json_response({**answer, **_figures.get()})
            finally:
                _figures.reset(token)
            response.headers["X-Request-Id"] = request_id
            return response

        return respond

    return decorate


def add_figures(figures: Mapping[str, int]) -> None:
    """Add figures of this run to the answer of its schedule."""
    _figures.get().update(figures)


def queued(function: Any) -> Callable[[Request], Response]:
    """Give a queue function a health probe, and check the form of its tasks.

    Wraps `on_task_dispatched`, which would refuse the probe, and reads and logs a body of any size and form.
    """

    @functools.wraps(function)
    def respond(request: Request) -> Response:
        if request.path == HEALTH_PATH:
            return healthy()
        request_id = request_id_of(request)
        with log.of_call(function=function.__name__, requestId=request_id, **trace_fields(request)):
            try:
                if json_object(request).keys() != {"data"}:
                    raise InvalidRequest([Violation("data", "is required, and nothing else")])
                response: Response = function(request)
            except AppError as error:
                log.error(f"task refused: {error}")
                response = render(error)
        response.headers.update({**NO_SNIFFING, "X-Request-Id": request_id})
        return response

    return respond


def run_task(
    call: https_fn.CallableRequest[Any], run: Callable[[Deps, str, int], None], production: Callable[[], Deps]
) -> None:
    """Run a task: `run` gets the generation's id and the number of earlier deliveries.

    Raises:
        HttpsError: the queue must deliver the task again.
    """
    generation_id = call.data.get("generationRequestId") if isinstance(call.data, dict) else None
    if not (isinstance(generation_id, str) and is_document_id(generation_id)):
        log.error("task dropped: it has no valid generationRequestId")
        return
    retries = call.raw_request.headers.get(_RETRY_COUNT, "")
    log.add(generationRequestId=generation_id)
    try:
        run(production(), generation_id, int(retries) if _RETRIES.fullmatch(retries) else 0)
    except TryAgain as error:
        log.info(f"task will be retried: {error}")
        # 409, not 503: after a 503, Cloud Tasks slows down the whole queue (back-pressure).
        raise https_fn.HttpsError(https_fn.FunctionsErrorCode.ABORTED, "Try again later.") from None
    except AppError as error:
        log.info(f"task will be retried: {error}")
        raise https_fn.HttpsError(https_fn.FunctionsErrorCode.UNAVAILABLE, "Try again later.") from None
    except Exception:
        # Not the exception itself, whose text would be logged as it is (log injection).
        log.error(f"unexpected error: {traceback.format_exc()}")
        raise https_fn.HttpsError(https_fn.FunctionsErrorCode.INTERNAL, "INTERNAL") from None
