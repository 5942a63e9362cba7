"""Owns JSON over HTTP, including errors in Google's model (AIP-193); must not know what is requested."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from werkzeug.wrappers import Request, Response

from embedded_firebase.firestore.errors import Code, EmulatorError, invalid

# As google/rpc/code.proto maps them. 499 is Google's answer to a client that has disconnected.
HTTP_STATUS = {
    Code.CANCELLED: 499,
    Code.UNKNOWN: HTTPStatus.INTERNAL_SERVER_ERROR,
    Code.INVALID_ARGUMENT: HTTPStatus.BAD_REQUEST,
    Code.DEADLINE_EXCEEDED: HTTPStatus.GATEWAY_TIMEOUT,
    Code.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Code.ALREADY_EXISTS: HTTPStatus.CONFLICT,
    Code.PERMISSION_DENIED: HTTPStatus.FORBIDDEN,
    Code.RESOURCE_EXHAUSTED: HTTPStatus.TOO_MANY_REQUESTS,
    Code.FAILED_PRECONDITION: HTTPStatus.BAD_REQUEST,
    Code.ABORTED: HTTPStatus.CONFLICT,
    Code.OUT_OF_RANGE: HTTPStatus.BAD_REQUEST,
    Code.UNIMPLEMENTED: HTTPStatus.NOT_IMPLEMENTED,
    Code.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
    Code.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.DATA_LOSS: HTTPStatus.INTERNAL_SERVER_ERROR,
    Code.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
}


def to_json(content: Any) -> str:
    """Return indented JSON."""
    return json.dumps(content, ensure_ascii=False, indent=2)


def json_response(content: Any, status: int = HTTPStatus.OK) -> Response:
    """Answer JSON."""
    return Response(to_json(content) + "\n", status, mimetype="application/json")


def error_content(error: EmulatorError, status: int | None = None) -> dict[str, Any]:
    """Return an error in Google's model; the HTTP status follows from its code unless one is given."""
    code = int(status or HTTP_STATUS[error.code])
    return {"error": {"code": code, "message": error.message, "status": error.code.name}}


def error_response(error: EmulatorError, status: int | None = None) -> Response:
    """Answer an error."""
    return json_response(error_content(error, status), int(status or HTTP_STATUS[error.code]))


def json_body(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body of a request, {} when there is no body.

    Raises:
        EmulatorError: INVALID_ARGUMENT when the body is anything else.
        RequestEntityTooLarge: when it is longer than the request's `max_content_length`.
    """
    body = request.get_data()
    if not body:
        return {}
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise invalid(f"The body of the request is not JSON: {reason}.") from error
    if not isinstance(content, dict):
        raise invalid("The body of the request must be a JSON object.")
    return content
