"""Owns the OpenAPI document of the HTTPS functions, generated from their declarations and wire models.

Pure. Must not know HTTP libraries nor Firestore.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from imagegen import __version__
from imagegen.kit import errors as kit_errors
from imagegen.kit.errors import AppError
from imagegen.web.endpoint import Access, Endpoint, IdempotencyKey

_REF = "#/components/schemas/{model}"
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A repeated request with the same key is executed once and has the same answer.",
    # Printable ASCII, without leading and trailing spaces: HTTP strips them from a header.
    "schema": {"type": "string", "pattern": "^[!-~]([ -~]{0,253}[!-~])?$"},
}
_PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`respond-async`: do not wait for the picture (RFC 7240).",
    "schema": {"type": "string"},
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of the answer that the caller has cached.",
    "schema": {"type": "string"},
}
_ACCEPTED = 202
_HEADERS = {
    "X-Request-Id": {"description": "The id of this call in the log.", "schema": {"type": "string"}},
    "Retry-After": {"description": "The number of seconds after which to try again.", "schema": {"type": "string"}},
    "Idempotent-Replayed": {
        "description": "Present if this is the answer of an earlier call with the same key.",
        "schema": {"const": "true"},
    },
    "Cache-Control": {"description": "How long the answer may be cached.", "schema": {"type": "string"}},
    "ETag": {"description": "The version of the answer, for If-None-Match.", "schema": {"type": "string"}},
    "Location": {"description": "The URL of the generation's status.", "schema": {"type": "string"}},
    "Preference-Applied": {
        "description": "Present if the picture is drawn later.",
        "schema": {"const": "respond-async"},
    },
    "WWW-Authenticate": {"description": "How to sign in.", "schema": {"type": "string"}},
}
_ERROR_SCHEMA = {
    "type": "object",
    "description": "Google's API error model (AIP-193).",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "status", "message", "details"],
            "additionalProperties": False,
            "properties": {
                "code": {"type": "integer", "description": "The HTTP status."},
                "status": {"type": "string"},
                "message": {"type": "string", "description": "For humans; it may change."},
                "details": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "oneOf": [
                            {"$ref": _REF.format(model="ErrorInfo")},
                            {"$ref": _REF.format(model="BadRequest")},
                            {"$ref": _REF.format(model="RetryInfo")},
                        ]
                    },
                },
            },
        }
    },
}


def _detail(name: str, **properties: Any) -> dict[str, Any]:
    kind = {"const": f"type.googleapis.com/google.rpc.{name}"}
    return {
        "type": "object",
        "required": ["@type", *properties],
        "additionalProperties": False,
        "properties": {"@type": kind, **properties},
    }


_VIOLATION = {
    "type": "object",
    "required": ["field", "description"],
    "additionalProperties": False,
    "properties": {"field": {"type": "string"}, "description": {"type": "string"}},
}
_ERROR_SCHEMAS = {
    "Error": _ERROR_SCHEMA,
    "ErrorInfo": _detail(
        "ErrorInfo",
        reason={"type": "string", "description": "Stable."},
        domain={"const": "imagegen"},
        metadata={"type": "object", "additionalProperties": {"type": "string"}},
    ),
    "BadRequest": _detail(
        "BadRequest",
        fieldViolations={"type": "array", "minItems": 1, "maxItems": kit_errors.MAX_VIOLATIONS, "items": _VIOLATION},
    ),
    "RetryInfo": _detail("RetryInfo", retryDelay={"type": "string", "pattern": "^[0-9]+s$"}),
}


def document(endpoints: Iterable[Endpoint[Any]]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of these functions; URLs in it are relative to its own."""
    endpoints = sorted(endpoints, key=lambda endpoint: endpoint.name)
    schemas = _schemas(endpoints)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Image generations on credits",
            "version": __version__,
            "description": "Users pay credits by size and get a picture; if the model fails, they are refunded.",
        },
        "servers": [{"url": "."}],
        "paths": {
            f"/{endpoint.name}": {method.lower(): _operation(endpoint, method, schemas) for method in endpoint.methods}
            for endpoint in endpoints
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "idToken": {"type": "http", "scheme": "bearer", "bearerFormat": "Firebase ID token"},
            },
        },
    }


def _schemas(endpoints: Iterable[Endpoint[Any]]) -> dict[str, Any]:
    requests: list[tuple[type[BaseModel], Any]] = [(endpoint.request_model, "validation") for endpoint in endpoints]
    answers: list[tuple[type[BaseModel], Any]] = [
        (answer, "serialization")
        for endpoint in endpoints
        for choices in endpoint.answers.values()
        for answer in choices
    ]
    models = list(dict.fromkeys([*requests, *answers]))
    _, definitions = models_json_schema(models, by_alias=True, ref_template=_REF)
    return dict(sorted((definitions["$defs"] | _ERROR_SCHEMAS).items()))


def _operation(endpoint: Endpoint[Any], method: str, schemas: Mapping[str, Any]) -> dict[str, Any]:
    parameters = _query(schemas[endpoint.request_model.__name__], endpoint.example) if method == "GET" else []
    if endpoint.idempotency_key is not IdempotencyKey.UNUSED:
        is_required = endpoint.idempotency_key is IdempotencyKey.REQUIRED
        parameters.append(_IDEMPOTENCY_KEY | {"required": is_required})
    parameters += [_PREFER] if endpoint.may_respond_async else []
    parameters += [_IF_NONE_MATCH] if endpoint.cache_control and method == "GET" else []
    # An operation id is unique. The first method has the function's name, the second one a suffix.
    is_first = method == endpoint.methods[0]
    operation: dict[str, Any] = {
        "operationId": endpoint.name if is_first else f"{endpoint.name}By{method.capitalize()}",
        "summary": endpoint.summary,
        "parameters": parameters,
        "responses": _responses(endpoint, method),
        "security": [] if endpoint.access is Access.PUBLIC else [{"idToken": []}],
    }
    if method == "POST":
        schema = {"$ref": _REF.format(model=endpoint.request_model.__name__)}
        content = {"schema": schema, "example": dict(endpoint.example)}
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    return operation


def _query(schema: Mapping[str, Any], example: Mapping[str, Any]) -> list[dict[str, Any]]:
    parameters = []
    for name, field in schema.get("properties", {}).items():
        # A query has no null: the parameter is omitted instead.
        known = [choice for choice in field.get("anyOf", []) if choice != {"type": "null"}]
        shape = known[0] if known else {key: value for key, value in field.items() if key != "description"}
        parameter = {"name": name, "in": "query", "schema": {k: v for k, v in shape.items() if k != "default"}}
        if "description" in field:
            parameter["description"] = field["description"]
        if name in example:
            parameter["example"] = example[name]
        parameters.append(parameter | {"required": name in schema.get("required", [])})
    return parameters


def _responses(endpoint: Endpoint[Any], method: str) -> dict[str, Any]:
    responses = {
        str(status): {
            "description": " ".join(map(_sentence, answers)),
            "headers": {name: _HEADERS[name] for name in _answer_headers(endpoint, status)},
            "content": {"application/json": {"schema": _one_of(answers)}},
        }
        for status, answers in endpoint.answers.items()
    }
    if endpoint.cache_control is not None:
        responses["304"] = {"description": "The answer has not changed since the ETag in If-None-Match."}
    by_status: dict[int, list[type[AppError]]] = {}
    for error in [*endpoint.errors, *_common_errors(endpoint, method)]:
        by_status.setdefault(error.http_status, []).append(error)
    for status, kinds in sorted(by_status.items()):
        responses[str(status)] = _error_response(kinds)
    return responses


def _common_errors(endpoint: Endpoint[Any], method: str) -> list[type[AppError]]:
    found: list[type[AppError]] = [kit_errors.Unauthenticated, kit_errors.InternalError, kit_errors.Unavailable]
    if endpoint.access in (Access.OWNER, Access.ADMIN):
        found.append(kit_errors.PermissionDenied)
    if method == "POST":
        found += [kit_errors.BodyTooLarge, kit_errors.UnsupportedMediaType]
    return [*found, kit_errors.InvalidRequest]


def _error_response(kinds: list[type[AppError]]) -> dict[str, Any]:
    headers = {"X-Request-Id": _HEADERS["X-Request-Id"]}
    if any(kind.retryable for kind in kinds):
        headers["Retry-After"] = _HEADERS["Retry-After"]
    if kit_errors.Unauthenticated in kinds:
        headers["WWW-Authenticate"] = _HEADERS["WWW-Authenticate"]
    # The stable reasons that this status can have.
    reasons = {"required": ["reason"], "properties": {"reason": {"enum": sorted(kind.reason for kind in kinds)}}}
    schema = {
        "properties": {
            "error": {
                "properties": {
                    "code": {"const": kinds[0].http_status},
                    "status": {"enum": sorted({kind.status for kind in kinds})},
                    "details": {"contains": reasons},
                }
            }
        }
    }
    return {
        "description": " ".join(f"`{kind.reason}`: {_sentence(kind)}" for kind in kinds),
        "headers": headers,
        "content": {"application/json": {"schema": {"allOf": [{"$ref": _REF.format(model="Error")}, schema]}}},
    }


def _one_of(answers: tuple[type[BaseModel], ...]) -> dict[str, Any]:
    choices = [{"$ref": _REF.format(model=answer.__name__)} for answer in answers]
    return choices[0] if len(choices) == 1 else {"oneOf": choices}


def _answer_headers(endpoint: Endpoint[Any], status: int) -> Iterator[str]:
    yield "X-Request-Id"
    if endpoint.idempotency_key is not IdempotencyKey.UNUSED:
        yield "Idempotent-Replayed"
    if endpoint.cache_control is not None:
        yield from ("Cache-Control", "ETag")
    if status == _ACCEPTED:
        yield from ("Location", "Preference-Applied")


def _sentence(documented: type) -> str:
    return (inspect.getdoc(documented) or "").partition("\n\n")[0].replace("\n", " ")
