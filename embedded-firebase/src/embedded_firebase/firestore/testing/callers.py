"""Owns test clients over gRPC and REST that send a token and return a status, to test security rules.

Must not know the rules, nor how a server decides.
"""

from __future__ import annotations

import base64
import http.client
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import grpc
from google.protobuf import json_format

from embedded_firebase.firestore import messages

DATABASE = "projects/demo-rules/databases/(default)"
ROOT = f"{DATABASE}/documents"
OWNER = "Bearer owner"
_TIMEOUT_SECONDS = 20
_STREAMED = {"BatchGetDocuments", "RunQuery", "RunAggregationQuery"}


def token(uid: str, **claims: Any) -> str:
    """Return the `Authorization` header of a user, with a token as the Auth emulator issues it."""
    payload = {
        "sub": uid,
        "user_id": uid,
        "exp": int(time.time()) + 3600,
        "firebase": {"sign_in_provider": "password", "identities": {}},
    } | claims
    parts = [json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, payload)]
    return "Bearer " + ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


@dataclass(frozen=True)
class Heard:
    """The outcome of a call: the name of its status, and its answer or message as text."""

    status: str
    text: str


class Grpc:
    """Calls by gRPC."""

    def __init__(self, port: int) -> None:
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")

    def __call__(self, rpc: str, request: dict[str, Any], authorization: str | None = None) -> Heard:
        """Send a request, given as JSON."""
        message: Any = getattr(messages, f"{rpc}Request")()
        json_format.ParseDict(request, message)
        make: Any = self._channel.unary_stream if rpc in _STREAMED else self._channel.unary_unary
        metadata = (("authorization", authorization),) if authorization is not None else ()
        send = make(f"/google.firestore.v1.Firestore/{rpc}", lambda sent: sent.SerializeToString(), None)
        try:
            answer = send(message, metadata=metadata, timeout=_TIMEOUT_SECONDS, wait_for_ready=True)
            return Heard("OK", repr(list(answer) if rpc in _STREAMED else answer))
        except grpc.RpcError as error:
            # The error that a call raises is the call itself.
            call: Any = error
            return Heard(call.code().name, call.details())

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()


class Rest:
    """Calls by REST."""

    def __init__(self, port: int) -> None:
        self._port = port

    def __call__(self, rpc: str, request: dict[str, Any], authorization: str | None = None) -> Heard:
        """Send a request, given as the JSON of the whole message."""
        method, path, body = _of_rest(rpc, dict(request))
        headers = {"Authorization": authorization} if authorization is not None else {}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request(method, f"/v1/{path}", None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            content = json.loads(response.read())
        finally:
            connection.close()
        if response.status == 200:
            return Heard("OK", json.dumps(content))
        error = (content[0] if isinstance(content, list) else content)["error"]
        return Heard(error["status"], error["message"])

    def close(self) -> None:
        """Do nothing: each call has its own connection."""


def _of_rest(rpc: str, request: dict[str, Any]) -> tuple[str, str, dict[str, Any] | None]:
    match rpc:
        case "GetDocument":
            return "GET", request["name"], None
        case "DeleteDocument":
            return "DELETE", request["name"], None
        case "ListDocuments":
            asked = {"pageSize": request.get("pageSize"), "showMissing": "true" if request.get("showMissing") else None}
            given = urlencode({name: value for name, value in asked.items() if value is not None})
            return "GET", f"{request['parent']}/{request['collectionId']}?{given}", None
        case "UpdateDocument":
            masks = "&".join(
                f"updateMask.fieldPaths={path}" for path in request.get("updateMask", "").split(",") if path
            )
            return "PATCH", f"{request['document']['name']}?{masks}", {"fields": request["document"]["fields"]}
        case "CreateDocument":
            url = f"{request['parent']}/{request['collectionId']}?documentId={request['documentId']}"
            return "POST", url, request["document"]
    verb = "batchGet" if rpc == "BatchGetDocuments" else rpc[0].lower() + rpc[1:]
    holder = request.pop("parent", None) or f"{request.pop('database')}/documents"
    return "POST", f"{holder}:{verb}", request


def where(collection: str, parent: str = ROOT, *, groups: bool = False, **equal: str) -> dict[str, Any]:
    """Return the request of a query for documents whose fields equal some strings."""
    filters = [
        {"fieldFilter": {"field": {"fieldPath": path}, "op": "EQUAL", "value": {"stringValue": value}}}
        for path, value in equal.items()
    ]
    query: dict[str, Any] = {"from": [{"collectionId": collection, "allDescendants": groups}]}
    if filters:
        query["where"] = {"compositeFilter": {"op": "AND", "filters": filters}}
    return {"parent": parent, "structuredQuery": query}


def counting(query: dict[str, Any]) -> dict[str, Any]:
    """Return the request of a count of what a query finds."""
    aggregations = [{"alias": "n", "count": {}}]
    structured = {"structuredQuery": query["structuredQuery"], "aggregations": aggregations}
    return {"parent": query["parent"], "structuredAggregationQuery": structured}


def update(path: str, **fields: str) -> dict[str, Any]:
    """Return a write of a whole document whose fields are strings."""
    return {"update": {"name": f"{ROOT}/{path}", "fields": {key: {"stringValue": v} for key, v in fields.items()}}}
