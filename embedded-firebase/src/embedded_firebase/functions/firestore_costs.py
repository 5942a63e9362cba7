"""Owns the cost of this process at the embedded Firestore between two times; must not know what causes it.

docs/decisions/0101-named-channels.md explains how the server identifies this process.
"""

from __future__ import annotations

import functools
import http.client
import json
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import grpc

_TIMEOUT_SECONDS = 2.0

# Reads and writes between two times, in seconds since 1970; None when unknown.
CostBetween = Callable[[float, float], dict[str, int] | None]


def name_this_process(address: str) -> CostBetween:
    """Name every channel that this process opens to `address` from now on; return a function that gets their cost."""
    name = f"functions-host-{secrets.token_hex(8)}"
    for module in (grpc, grpc.aio):
        setattr(module, "insecure_channel", _named(module.insecure_channel, address, name))  # noqa: B010 - mypy forbids it.

    def cost_between(started_at: float, ended_at: float) -> dict[str, int] | None:
        query = urlencode({"client": name, "from": started_at, "to": ended_at})
        connection = http.client.HTTPConnection(address, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request("GET", f"/emulator/v1/operations?{query}")
            response = connection.getresponse()
            # Another Firestore does not have this URL.
            return json.loads(response.read()) if response.status == 200 else None
        except (OSError, ValueError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    return cost_between


def _named(open_channel: Callable[..., Any], address: str, name: str) -> Callable[..., Any]:
    @functools.wraps(open_channel)
    def open_named(target: str, options: Any = None, *rest: Any, **others: Any) -> Any:
        if target == address:
            options = [*(options or ()), ("grpc.primary_user_agent", name)]
        return open_channel(target, options, *rest, **others)

    return open_named
