"""Owns the Postman collection, generated from the OpenAPI document. Must not know the functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_BASE_URL = "http://127.0.0.1:5001/demo-imagegen/us-central1"


def collection(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a collection (v2.1) with a request for each operation; its variables are the base URL and an ID token."""
    return {
        "info": {
            "name": document["info"]["title"],
            "description": document["info"]["description"],
            "schema": _SCHEMA,
        },
        "item": [
            _item(path, method, operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        ],
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{idToken}}", "type": "string"}]},
        "variable": [{"key": "baseUrl", "value": _BASE_URL}, {"key": "idToken", "value": ""}],
    }


def _item(path: str, method: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    query = [_parameter(each) for each in operation["parameters"] if each["in"] == "query"]
    header = [_parameter(each) for each in operation["parameters"] if each["in"] == "header"]
    request: dict[str, Any] = {
        "method": method.upper(),
        "description": operation["summary"],
        "header": header,
        "url": {"raw": f"{{{{baseUrl}}}}{path}", "host": ["{{baseUrl}}"], "path": [path[1:]], "query": query},
    }
    if "requestBody" in operation:
        example = operation["requestBody"]["content"]["application/json"]["example"]
        header.append({"key": "Content-Type", "value": "application/json"})
        request["body"] = {"mode": "raw", "raw": json.dumps(example, indent=2)}
    if not operation["security"]:
        request["auth"] = {"type": "noauth"}
    return {"name": operation["operationId"], "request": request}


def _parameter(given: Mapping[str, Any]) -> dict[str, Any]:
    value = given.get("example", "{{$guid}}" if given["name"] == "Idempotency-Key" else "")
    parameter = {"key": given["name"], "value": str(value), "description": given.get("description", "")}
    # Optional parameters without an example are included, but disabled.
    is_sent = given["required"] or "example" in given
    return parameter if is_sent else parameter | {"disabled": True}
