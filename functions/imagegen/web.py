"""Owns the way from an HTTP request to a service and back: method, body, JSON, headers, and the only error mapper.

Knows no rule of the business and no Firestore.
"""

from __future__ import annotations

import functools
import json
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

from firebase_functions import logger
from flask import Request, Response
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from . import schemas
from .deps import Deps, production
from .errors import (
    AppError,
    BodyTooLarge,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    UnsupportedMediaType,
    Violation,
)
from .services import credits, generation

_BODY_LIMIT_BYTES = 16 * 1024
_HEALTH_PATH = "/__/health"
_EXPOSED_HEADERS = "Idempotent-Replayed, Retry-After"
_Model = TypeVar("_Model", bound=BaseModel)


def create_generation_request(request: Request) -> Response:
    """Answer createGenerationRequest."""
    return _handle(request, ("POST",), _create_generation_request)


def get_user_credits(request: Request) -> Response:
    """Answer getUserCredits."""
    return _handle(request, ("GET", "POST"), _get_user_credits)


def get_weekly_report(request: Request) -> Response:
    """Answer getWeeklyReport."""
    return _handle(request, ("GET", "POST"), _get_weekly_report)


def list_weekly_reports(request: Request) -> Response:
    """Answer listWeeklyReports."""
    return _handle(request, ("GET", "POST"), _list_weekly_reports)


def scheduled(answer: Mapping[str, Any]) -> Callable[[Any], Callable[[Request], Response]]:
    """Give a scheduled function the JSON answer, the health probe and the errors that HTTPS functions have.

    Stands outside of `on_schedule`, which answers nothing on success and the exception's text on failure.
    """

    # `Any`, because on_schedule says that it returns a response where it returns what answers with one.
    def decorate(function: Any) -> Callable[[Request], Response]:
        @functools.wraps(function)
        def answering(request: Request) -> Response:
            if request.path == _HEALTH_PATH:
                return _healthy()
            if function(request).status_code >= 400:
                return _render(InternalError())
            return _json(answer)

        return answering

    return decorate


def _create_generation_request(deps: Deps, request: Request) -> Response:
    body = generation.validate(deps, _json_object(request))
    created = generation.create_generation_request(deps, body, _idempotency_key(request))
    answer = schemas.CreateGenerationAnswer(
        generation_request_id=created.generation.generation_id,
        deducted_credits=created.generation.credits_charged,
        image_url=created.generation.image_url or "",
    )
    return _json(answer, headers={"Idempotent-Replayed": "true"} if created.replayed else {})


def _get_user_credits(deps: Deps, request: Request) -> Response:
    body = _asked(schemas.GetUserCreditsRequest, request)
    statement = credits.get_user_credits(deps, body.user_id, body.page_size, body.page_token)
    return _json(
        schemas.UserCreditsAnswer(
            current_credits=statement.current_credits,
            transactions=[
                schemas.TransactionAnswer(
                    id=entry.entry_id,
                    type=entry.type,
                    credits=entry.credits,
                    generation_request_id=entry.generation_id,
                    timestamp=entry.recorded_at,
                )
                for entry in statement.entries
            ],
            next_page_token=statement.next_page_token,
        )
    )


def _get_weekly_report(deps: Deps, request: Request) -> Response:
    # Here and below: imported where they are used, to keep reports out of the cold start of all other calls.
    from . import report_schemas
    from .services import reporting

    asked = _asked(report_schemas.GetWeeklyReportRequest, request)
    return _json(report_schemas.WeeklyReportAnswer.of(reporting.get_weekly_report(deps, asked.week)))


def _list_weekly_reports(deps: Deps, request: Request) -> Response:
    from . import report_schemas
    from .services import reporting

    asked = _asked(report_schemas.ListWeeklyReportsRequest, request)
    page = reporting.list_weekly_reports(deps, asked.page_size, asked.page_token)
    return _json(
        report_schemas.WeeklyReportsAnswer(
            reports=[report_schemas.WeeklyReportAnswer.of(report) for report in page.reports],
            next_page_token=page.next_page_token,
        )
    )


def _handle(request: Request, methods: tuple[str, ...], answer: Callable[[Deps, Request], Response]) -> Response:
    if request.path == _HEALTH_PATH:
        return _healthy()
    try:
        if request.method not in methods:
            raise MethodNotAllowed(request.method, methods)
        return answer(production(), request)
    except AppError as error:
        return _render(error)
    except Exception:  # The edge: whatever broke is logged, and nothing of it is told.
        logger.error(f"unexpected error: {traceback.format_exc()}")
        return _render(InternalError())


def _healthy() -> Response:
    return Response("ok", mimetype="text/plain")


def _asked(model: type[_Model], request: Request) -> _Model:
    """Read what is asked for out of a GET's query or a POST's body."""
    if request.method == "GET":
        # A query holds text alone, so that numbers are read out of it.
        return _validated(model, _query(request), strict=False)
    return _validated(model, _json_object(request), strict=True)


def _json_object(request: Request) -> dict[str, Any]:
    if not request.is_json:
        raise UnsupportedMediaType
    # One more than the limit, since a body in chunks is cut there without an error.
    request.max_content_length = _BODY_LIMIT_BYTES + 1
    try:
        data = request.get_data()
    except RequestEntityTooLarge:
        raise BodyTooLarge(_BODY_LIMIT_BYTES) from None
    except ClientDisconnected:
        raise _bad_body("ended before its Content-Length") from None
    finally:
        # The functions framework reads on after the answer, and must not be refused in our place.
        request.max_content_length = None
    if len(data) > _BODY_LIMIT_BYTES:
        raise BodyTooLarge(_BODY_LIMIT_BYTES)
    try:
        body = json.loads(data.decode(), object_pairs_hook=_without_repeats, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise _bad_body("must be valid JSON in UTF-8") from None
    if not isinstance(body, dict):
        raise _bad_body("must be a JSON object")
    return body


def _query(request: Request) -> dict[str, Any]:
    values = request.args.to_dict(flat=False)
    repeated = [name for name, given in values.items() if len(given) > 1]
    if repeated:
        raise InvalidRequest([Violation(name, "must be given once") for name in repeated])
    return {name: given[0] for name, given in values.items()}


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (1 <= len(key) <= 255 and key.isprintable()):
        raise InvalidRequest([Violation("Idempotency-Key", "must be 1 to 255 printable characters")])
    return key


def _validated(model: type[_Model], fields: Mapping[str, Any], *, strict: bool) -> _Model:
    try:
        return model.model_validate(fields, strict=strict)
    except ValidationError as error:
        raise InvalidRequest(schemas.violations_of(model, error)) from None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _bad_body("must not name a field twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise _bad_body(f"must not hold {name}, which is not JSON")


def _bad_body(description: str) -> InvalidRequest:
    return InvalidRequest([Violation("body", description)])


def _json(
    answer: BaseModel | Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    fields = answer.model_dump(mode="json", by_alias=True) if isinstance(answer, BaseModel) else answer
    text = json.dumps(fields, separators=(",", ":"))
    response = Response(text + "\n", status=status, mimetype="application/json")
    response.headers["Access-Control-Expose-Headers"] = _EXPOSED_HEADERS
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(headers or {})
    return response


def _render(error: AppError) -> Response:
    """Render an error in Google's API error model (AIP-193)."""
    details: list[dict[str, Any]] = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": error.reason,
            "domain": "imagegen",
            "metadata": error.metadata,
        }
    ]
    headers = dict(error.headers)
    if error.violations:
        violations = [{"field": fault.field, "description": fault.description} for fault in error.violations]
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations})
    if error.retry_after_seconds is not None:
        delay = f"{error.retry_after_seconds}s"
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay})
        headers["Retry-After"] = str(error.retry_after_seconds)
    body = {"code": error.http_status, "status": error.status, "message": error.message, "details": details}
    return _json({"error": body}, error.http_status, headers)
