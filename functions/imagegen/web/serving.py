"""Owns serving an HTTPS function: method, authentication, validation, JSON, and the only mapping of errors.

Must not know business rules nor Firestore.
"""

from __future__ import annotations

import functools
import json
import re
import traceback
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from urllib.parse import parse_qs

from flask import Request, Response
from pydantic_core import ValidationError
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.http import parse_list_header

from imagegen import config
from imagegen.deps import Deps
from imagegen.firebase import identity
from imagegen.firebase.identity import Caller
from imagegen.kit import log
from imagegen.kit.errors import (
    AppError,
    BodyTooLarge,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    PermissionDenied,
    Unauthenticated,
    UnsupportedMediaType,
    Violation,
)
from imagegen.kit.ids import new_id
from imagegen.kit.violations import violations_of
from imagegen.web.body import BODY_LIMIT_BYTES
from imagegen.web.endpoint import Access, Call, Endpoint, IdempotencyKey

if TYPE_CHECKING:
    # Loading pydantic's models is slow, and schedules and queues need none.
    from pydantic import BaseModel

_MAX_DIGITS = 20
_TRUNCATED = "must be as long as its Content-Length, and arrive in time"
HEALTH_PATH = "/__/health"
# Browsers must not guess another content type, such as HTML.
NO_SNIFFING = {"X-Content-Type-Options": "nosniff"}
_EXPOSED_HEADERS = "ETag, Idempotent-Replayed, Location, Preference-Applied, Retry-After, X-Request-Id"
# Values from a caller that are safe to repeat in the log and in a header (log and header injection).
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_Model = TypeVar("_Model", bound="BaseModel")


def answer(request: Request, endpoint: Endpoint[Any], production: Callable[[], Deps]) -> Response:
    """Respond to a call of an HTTPS function; never raises.

    `production` builds the dependencies. It is called here, so that its exceptions are also rendered as errors.
    """
    if request.path == HEALTH_PATH:
        return healthy()
    request_id = request_id_of(request)
    with log.of_call(function=endpoint.name, requestId=request_id, **trace_fields(request)):
        try:
            response = _respond(production(), request, endpoint)
        except AppError as error:
            response = render(error)
        except Exception:  # The edge: the trace goes to the log; the caller gets a generic 500.
            log.error(f"unexpected error: {traceback.format_exc()}")
            response = render(InternalError())
    response.headers["X-Request-Id"] = request_id
    return response


def request_id_of(request: Request) -> str:
    """Return the X-Request-Id that the caller sent, a new one unless it has one that is safe to repeat."""
    request_id = request.headers.get("X-Request-Id") or ""
    return request_id if _REQUEST_ID.fullmatch(request_id) else new_id()


def _respond(deps: Deps, request: Request, endpoint: Endpoint[Any]) -> Response:
    started_at = deps.now()
    if request.method not in endpoint.methods:
        raise MethodNotAllowed(request.method, endpoint.methods)
    identity.check_app(request.headers.get("X-Firebase-AppCheck"), deps.settings)
    caller = _caller(request, endpoint, deps)
    key = None if endpoint.idempotency_key is IdempotencyKey.UNUSED else _idempotency_key(request, endpoint)
    validated = _validated_request(deps, request, endpoint)
    if endpoint.access is Access.OWNER:
        log.add(userId=validated.user_id)
        if not caller.may_act_for(validated.user_id):
            raise PermissionDenied("Only the owner of the account or an administrator may do this.")
    call = Call(
        deps=deps,
        caller=caller,
        request=validated,
        started_at=started_at,
        idempotency_key=key,
        respond_async=_prefers_async(request),
        function_url=functools.partial(_function_url, request),
    )
    try:
        reply = endpoint.respond(call)
    finally:
        # The audit trail. At the end, so that the line has the fields that the call adds.
        if caller.is_admin and caller.uid:
            log.info("called by an administrator")
    response = json_response(reply.answer, reply.status, reply.headers)
    if endpoint.cache_control is not None:
        response.headers["Cache-Control"] = endpoint.cache_control
        response.add_etag()
        response.make_conditional(request)
    return response


def _prefers_async(request: Request) -> bool:
    preferences = parse_list_header(request.headers.get("Prefer", ""))
    return any(preference.partition(";")[0].strip().lower() == "respond-async" for preference in preferences)


def _function_url(request: Request, name: str) -> str:
    """Return the URL of another function of this deployment."""
    project = config.project_id()
    if config.is_emulated():
        return f"{request.scheme}://{request.host}/{project}/{config.REGION}/{name}"
    return f"https://{config.REGION}-{project}.cloudfunctions.net/{name}"


def _caller(request: Request, endpoint: Endpoint[Any], deps: Deps) -> Caller:
    if endpoint.access is Access.PUBLIC:
        return identity.ANONYMOUS
    caller = identity.identify(request.headers.get("Authorization"), deps.settings)
    if caller == identity.ANONYMOUS:
        raise Unauthenticated("Sign in: send 'Authorization: Bearer' with a Firebase ID token.")
    if caller.uid:
        log.add(callerUid=caller.uid)
    if endpoint.access is Access.ADMIN and not caller.is_admin:
        raise PermissionDenied("Only an administrator may do this.")
    return caller


def trace_fields(request: Request) -> dict[str, str]:
    """Return the log field of the platform's trace, by which Cloud Logging groups the lines of a call."""
    trace_id = request.headers.get("X-Cloud-Trace-Context", "").partition("/")[0]
    if not _TRACE_ID.fullmatch(trace_id):
        return {}
    return {"logging.googleapis.com/trace": f"projects/{config.project_id()}/traces/{trace_id}"}


def healthy() -> Response:
    """Respond to the platform's health probe of a new instance."""
    return Response("ok", mimetype="text/plain", headers=NO_SNIFFING)


def _validated_request(deps: Deps, request: Request, endpoint: Endpoint[_Model]) -> _Model:
    """Validate the query of a GET or the body of a POST."""
    if request.method == "GET":
        # A query holds only text; lax validation parses numbers.
        return _validated(endpoint.request_model, _query(request), strict=False)
    fields = json_object(request)
    if endpoint.read is not None:
        return endpoint.read(deps, fields)
    return _validated(endpoint.request_model, fields, strict=True)


def json_object(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body of a request.

    Raises:
        BodyTooLarge, UnsupportedMediaType, InvalidRequest: it has none.
    """
    if not request.is_json or request.mimetype_params.get("charset", "utf-8").lower() != "utf-8":
        raise UnsupportedMediaType
    # One byte more than the limit: werkzeug truncates a chunked body at the maximum without an error.
    request.max_content_length = BODY_LIMIT_BYTES + 1
    try:
        data = request.get_data()
    except RequestEntityTooLarge:
        raise BodyTooLarge(BODY_LIMIT_BYTES) from None
    except ClientDisconnected:
        raise _bad_body(_TRUNCATED) from None
    finally:
        # The functions framework reads the rest of the body after the response; the limit must not make it fail.
        request.max_content_length = None
    if len(data) > BODY_LIMIT_BYTES:
        raise BodyTooLarge(BODY_LIMIT_BYTES)
    if len(data) < (request.content_length or 0):
        raise _bad_body(_TRUNCATED)
    try:
        body = json.loads(
            data.decode(), object_pairs_hook=_unique_fields, parse_int=_integer, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):
        raise _bad_body("must be valid JSON in UTF-8") from None
    if not isinstance(body, dict):
        raise _bad_body("must be a JSON object")
    return body


def _query(request: Request) -> dict[str, Any]:
    try:
        # Not flask's `args`, which replaces invalid UTF-8 instead of refusing it.
        values = parse_qs(request.query_string.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        raise InvalidRequest([Violation("query", "must be percent-encoded UTF-8")]) from None
    repeated = [name for name, given in values.items() if len(given) > 1]
    if repeated:
        raise InvalidRequest([Violation(name, "must be given once") for name in repeated])
    return {name: given[0] for name, given in values.items()}


def _idempotency_key(request: Request, endpoint: Endpoint[Any]) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is None and endpoint.idempotency_key is IdempotencyKey.OPTIONAL:
        return None
    if key is None or not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        prefix = "is required: " if key is None else "must be "
        raise InvalidRequest([Violation("Idempotency-Key", f"{prefix}1 to 255 printable ASCII characters")])
    return key


def _validated(model: type[_Model], fields: Mapping[str, Any], *, strict: bool) -> _Model:
    try:
        return model.model_validate(fields, strict=strict)
    except ValidationError as error:
        raise InvalidRequest(violations_of(model, error)) from None


def _unique_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _bad_body("must not name a field twice")
    # JSON can escape a lone surrogate, which has no UTF-8 encoding: this raises a ValueError.
    "".join(found).encode()
    return found


def _integer(digits: str) -> float:
    # Python refuses to parse integers of thousands of digits. A float is refused by the validation of its field.
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise _bad_body(f"must not hold {name}, which is not JSON")


def _bad_body(description: str) -> InvalidRequest:
    return InvalidRequest([Violation("body", description)])


def json_response(
    answer: BaseModel | Mapping[str, Any] | str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a JSON response; `Cache-Control` is `no-store` unless `headers` has another."""
    response = Response(
        answer if isinstance(answer, str) else _rendered(answer),
        status=status,
        mimetype="application/json",
        headers=NO_SNIFFING,
    )
    response.headers["Access-Control-Expose-Headers"] = _EXPOSED_HEADERS
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(headers or {})
    return response


def _rendered(answer: BaseModel | Mapping[str, Any]) -> str:
    fields = answer if isinstance(answer, Mapping) else answer.model_dump(mode="json", by_alias=True)
    return json.dumps(fields, separators=(",", ":")) + "\n"


def render(error: AppError) -> Response:
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
    return json_response({"error": body}, error.http_status, headers)
