"""Owns reading the errors that the functions answer with."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx

T = TypeVar("T")


def error_of(response: httpx.Response) -> dict[str, Any]:
    """The error, after checking that it has the one documented shape."""
    assert response.headers["Content-Type"] == "application/json"
    assert response.json().keys() == {"error"}
    error: dict[str, Any] = response.json()["error"]
    assert error.keys() == {"code", "status", "message", "details"}
    assert error["code"] == response.status_code
    info = error["details"][0]
    assert info["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
    assert info["domain"] == "imagegen"
    return error | {"reason": info["reason"], "metadata": info["metadata"]}


def violations_of(response: httpx.Response) -> dict[str, str]:
    """The bad fields of a 400: name -> what is allowed."""
    error = error_of(response)
    assert (response.status_code, error["status"], error["reason"]) == (400, "INVALID_ARGUMENT", "INVALID_REQUEST")
    (bad,) = (detail for detail in error["details"] if detail["@type"].endswith("BadRequest"))
    return {fault["field"]: fault["description"] for fault in bad["fieldViolations"]}


def until(ask: Callable[[], T], is_enough: Callable[[T], object]) -> T:
    """Ask until the answer is enough; the test's own time limit ends the loop."""
    while not is_enough(answer := ask()):
        time.sleep(0.02)
    return answer
