"""Owns the REST surface of `google.firestore.v1`: which URL is which RPC, and JSON to and from its messages.

Must not know any rule of Firestore. The URLs are those of the `google.api.http` annotations in firestore.proto, the
JSON is protobuf's own mapping.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Request, Response

from embedded_firebase.firestore import messages
from embedded_firebase.firestore.errors import Code, EmulatorError, invalid
from embedded_firebase.firestore.http.answers import error_content, error_response, json_body, json_response, to_json
from embedded_firebase.firestore.rpc.dispatch import Access
from embedded_firebase.firestore.rpc.methods import METHODS, Kind
from embedded_firebase.firestore.rpc.service import database_of
from embedded_firebase.firestore.testing.counters import Counters
from embedded_firebase.firestore.testing.faults import Faults
from embedded_firebase.firestore.verify import take_from_json

# Method, template and RPC; the whole body is the request, but for those below. The first that fits is taken.
ROUTES = (
    ("POST", "/v1/{database=projects/*/databases/*}/documents:batchGet", "BatchGetDocuments"),
    ("POST", "/v1/{database=projects/*/databases/*}/documents:batchWrite", "BatchWrite"),
    ("POST", "/v1/{database=projects/*/databases/*}/documents:beginTransaction", "BeginTransaction"),
    ("POST", "/v1/{database=projects/*/databases/*}/documents:commit", "Commit"),
    ("POST", "/v1/{database=projects/*/databases/*}/documents:executePipeline", "ExecutePipeline"),
    ("POST", "/v1/{database=projects/*/databases/*}/documents:rollback", "Rollback"),
    ("POST", "/v1/{parent=projects/*/databases/*/documents}:listCollectionIds", "ListCollectionIds"),
    ("POST", "/v1/{parent=projects/*/databases/*/documents/*/**}:listCollectionIds", "ListCollectionIds"),
    ("POST", "/v1/{parent=projects/*/databases/*/documents}:partitionQuery", "PartitionQuery"),
    ("POST", "/v1/{parent=projects/*/databases/*/documents/*/**}:partitionQuery", "PartitionQuery"),
    ("POST", "/v1/{parent=projects/*/databases/*/documents}:runAggregationQuery", "RunAggregationQuery"),
    ("POST", "/v1/{parent=projects/*/databases/*/documents/*/**}:runAggregationQuery", "RunAggregationQuery"),
    ("POST", "/v1/{parent=projects/*/databases/*/documents}:runQuery", "RunQuery"),
    ("POST", "/v1/{parent=projects/*/databases/*/documents/*/**}:runQuery", "RunQuery"),
    ("GET", "/v1/{name=projects/*/databases/*/documents/*/**}", "GetDocument"),
    ("GET", "/v1/{parent=projects/*/databases/*/documents/*/**}/{collection_id}", "ListDocuments"),
    ("GET", "/v1/{parent=projects/*/databases/*/documents}/{collection_id}", "ListDocuments"),
    ("POST", "/v1/{parent=projects/*/databases/*/documents/**}/{collection_id}", "CreateDocument"),
    ("PATCH", "/v1/{document.name=projects/*/databases/*/documents/*/**}", "UpdateDocument"),
    ("DELETE", "/v1/{name=projects/*/databases/*/documents/*/**}", "DeleteDocument"),
)
_BODY_IS_DOCUMENT = {"CreateDocument", "UpdateDocument"}
_STREAMED = {rpc for rpc, (kind, _) in METHODS.items() if kind is Kind.SERVER_STREAM}
# System parameters of all Google APIs; they have no effect here.
_SYSTEM_PARAMETERS = {"$alt", "alt", "$prettyPrint", "prettyPrint", "key", "access_token", "oauth_token", "fields"}
_SYSTEM_PARAMETERS |= {"$fields", "$.xgafv", "callback", "quotaUser", "uploadType", "upload_protocol", "$httpHeaders"}
_VARIABLE = re.compile(r"\{([\w.]+)(?:=([^}]+))?\}")


@dataclass(frozen=True, slots=True)
class _Route:
    method: str
    pattern: re.Pattern[str]
    variables: tuple[str, ...]
    rpc: str


class Rest:
    """Answers the URLs below /v1/ with the RPCs.

    Args:
        access: finds the method of an RPC.
        counters: count calls, as over gRPC.
        faults: faults on demand.
    """

    def __init__(self, access: Access, counters: Counters, faults: Faults) -> None:
        self._access = access
        self._counters = counters
        self._faults = faults

    def respond(self, request: Request) -> Response:
        """Answer a request.

        Raises:
            EmulatorError: of the RPC, unless it answers with a stream, whose errors are in an array.
        """
        route, values = _find(request.method, request.path)
        responses = self._call(route, values, request)
        if route.rpc not in _STREAMED:
            return json_response(_to_dict(next(responses)))
        try:
            first = next(responses, None)
        except EmulatorError as error:
            response = error_response(error)
            response.set_data(to_json([error_content(error)]))
            return response
        return Response(_array(first, responses), mimetype="application/json")

    def _call(self, route: _Route, values: dict[str, str], request: Request) -> Iterator[Any]:
        rpc = route.rpc
        message = _message(rpc, values, request.args, json_body(request) if request.method != "GET" else {})
        database = database_of(message)
        behavior = self._access.behavior(rpc, database, request.headers.get("Authorization"))
        self._counters.count_call(rpc, database)
        self._faults.meet(rpc, database, after=False)
        if rpc in _STREAMED:
            yield from behavior(message, None)
            self._faults.meet(rpc, database, after=True)
        else:
            response = behavior(message, None)
            self._faults.meet(rpc, database, after=True)
            yield response


def _compile(method: str, template: str, rpc: str) -> _Route:
    """Turn a template into a pattern. `documents/*/**` is a document, so an even number of parts."""
    variables = []
    pattern, end = "", 0
    for variable in _VARIABLE.finditer(template):
        variables.append(variable[1])
        parts = re.escape(variable[2] or "*").replace(r"/\*/\*\*", "(?:/[^/]+/[^/]+)+")
        parts = parts.replace(r"/\*\*", "(?:/[^/]+/[^/]+)*").replace(r"\*", "[^/]+")
        pattern += f"{re.escape(template[end : variable.start()])}({parts})"
        end = variable.end()
    return _Route(method, re.compile(pattern + re.escape(template[end:])), tuple(variables), rpc)


_COMPILED = tuple(_compile(*route) for route in ROUTES)


def _find(method: str, path: str) -> tuple[_Route, dict[str, str]]:
    for route in _COMPILED:
        if route.method == method and (match := route.pattern.fullmatch(path)):
            return route, dict(zip(route.variables, match.groups(), strict=True))
    raise EmulatorError(
        Code.NOT_FOUND,
        f"There is no {method} {path[:200]} here. A document is /v1/projects/{{project}}/databases/{{database}}/"
        "documents/{collection}/{id}, a collection has one part less; every part has a name.",
    )


def _message(rpc: str, values: dict[str, str], parameters: MultiDict[str, str], body: dict[str, Any]) -> Any:
    """Make the request of an RPC from the variables of a URL, its query and the body.

    Raises:
        EmulatorError: INVALID_ARGUMENT, naming the field.
    """
    message = getattr(messages, f"{rpc}Request")()
    body, verifications = take_from_json({"document": body} if rpc in _BODY_IS_DOCUMENT else body)
    try:
        json_format.ParseDict(body, message)
        for position, verification in verifications.items():
            message.writes[position].MergeFrom(verification)
        for key in parameters:
            if key not in _SYSTEM_PARAMETERS:
                json_format.ParseDict(_nested(message.DESCRIPTOR, key, parameters.getlist(key)), message)
    except json_format.ParseError as error:
        raise invalid(_innermost(str(error))) from error
    for variable, value in values.items():
        *outer, field = variable.split(".")
        holder = message
        for name in outer:
            holder = getattr(holder, name)
        setattr(holder, field, value)
    return message


def _nested(descriptor: Any, key: str, values: list[str]) -> dict[str, Any]:
    """Translate `mask.fieldPaths=a` to {"mask": {"fieldPaths": ["a"]}}."""
    name, _, rest = key.partition(".")
    field = next((field for field in descriptor.fields if name in (field.name, field.json_name)), None)
    if field is None:
        raise invalid(f'The URL has a parameter "{key}", but {descriptor.name} has no field "{name}".')
    if rest:
        if field.message_type is None or field.is_repeated:
            raise invalid(f'The URL has a parameter "{key}", but "{name}" has no fields.')
        return {name: _nested(field.message_type, rest, values)}
    flags = {"true": True, "false": False}
    typed = [flags.get(value, value) if field.type == field.TYPE_BOOL else value for value in values]
    if not field.is_repeated and len(typed) > 1:
        raise invalid(f'The URL has a parameter "{key}" {len(typed)} times; once is allowed.')
    return {name: typed if field.is_repeated else typed[0]}


def _innermost(reason: str) -> str:
    """Shorten the message of the parser, which repeats itself for each level."""
    return "The request cannot be read: " + reason.replace("Failed to parse fields field: ", "")[:500]


def _to_dict(message: Any) -> dict[str, Any]:
    content: dict[str, Any] = json_format.MessageToDict(message)
    return content


def _array(first: Any, others: Iterator[Any]) -> Iterator[str]:
    """Render a stream as one JSON array; an error is its last element."""
    yield "["
    try:
        if first is not None:
            yield to_json(_to_dict(first))
        for message in others:
            yield ",\n" + to_json(_to_dict(message))
    except EmulatorError as error:
        yield ",\n" + to_json(error_content(error))
    yield "]\n"
