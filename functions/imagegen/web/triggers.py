"""Owns how schedules and task queues call: their answers, their probe, and what makes them call again.

Knows no rule of the business and no Firestore.
"""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from firebase_functions import https_fn
from flask import Request, Response

from imagegen.deps import Deps
from imagegen.kit import log
from imagegen.kit.errors import AppError, InternalError, TryAgain
from imagegen.web.serving import HEALTH_PATH, healthy, json_response, render, trace_fields

_RETRY_COUNT = "X-CloudTasks-TaskRetryCount"


def scheduled(answer: Mapping[str, Any]) -> Callable[[Any], Callable[[Request], Response]]:
    """Give a scheduled function the JSON answer, the health probe and the errors that HTTPS functions have.

    Stands outside of `on_schedule`, which answers nothing on success and the exception's text on failure.
    """

    # `Any`, because on_schedule says that it returns a response where it returns what answers with one.
    def decorate(function: Any) -> Callable[[Request], Response]:
        @functools.wraps(function)
        def answering(request: Request) -> Response:
            if request.path == HEALTH_PATH:
                return healthy()
            with log.of_call(function=function.__name__, **trace_fields(request)):
                failed = function(request).status_code >= 400
            return render(InternalError()) if failed else json_response(answer)

        return answering

    return decorate


def queued(function: Any) -> Callable[[Request], Response]:
    """Give a queue's function the health probe; stands outside of `on_task_dispatched`, which would refuse it."""

    @functools.wraps(function)
    def answering(request: Request) -> Response:
        if request.path == HEALTH_PATH:
            return healthy()
        with log.of_call(function=function.__name__, **trace_fields(request)):
            response: Response = function(request)
        return response

    return answering


def run_task(
    call: https_fn.CallableRequest[Any], run: Callable[[Deps, str, int], None], production: Callable[[], Deps]
) -> None:
    """Do what a task is for: `run` gets the id of the generation that it names, and how often it was tried before.

    Raises:
        HttpsError: the queue is to deliver it again, as it is after anything else that is raised.
    """
    generation_id = call.data.get("generationRequestId") if isinstance(call.data, dict) else None
    if not isinstance(generation_id, str):
        log.error("a task that names no generation is dropped")
        return
    tried = call.raw_request.headers.get(_RETRY_COUNT, "")
    log.add(generationRequestId=generation_id)
    try:
        run(production(), generation_id, int(tried) if tried.isdecimal() else 0)
    except TryAgain as error:
        log.info(f"to be delivered again: {error}")
        # Not a 503, which makes Cloud Tasks slow the whole queue down.
        raise https_fn.HttpsError(https_fn.FunctionsErrorCode.ABORTED, "Not yet.") from None
    except AppError as error:
        log.info(f"to be delivered again: {error}")
        raise https_fn.HttpsError(https_fn.FunctionsErrorCode.UNAVAILABLE, "Not now.") from None
    except Exception:
        log.error(f"unexpected error: {traceback.format_exc()}")
        raise
