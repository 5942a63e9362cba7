"""Owns what this process has asked of the embedded Firestore between two times; must not know why."""

from __future__ import annotations

import http.client
import json
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import grpc

_TIMEOUT_SECONDS = 2.0

# Reads and writes between two times, in seconds since 1970; None where they are not known.
CostBetween = Callable[[float, float], dict[str, int] | None]


def name_this_process(address: str) -> CostBetween:
    """Let every channel that this process opens from now on say whose it is, and return how to ask what it cost."""
    name = f"functions-host-{secrets.token_hex(8)}"
    for module in (grpc, grpc.aio):
        setattr(module, "insecure_channel", _named(module.insecure_channel, name))  # noqa: B010 - mypy forbids it.

    def cost_between(started_at: float, ended_at: float) -> dict[str, int] | None:
        query = urlencode({"client": name, "from": started_at, "to": ended_at})
        connection = http.client.HTTPConnection(address, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request("GET", f"/emulator/v1/operations?{query}")
            response = connection.getresponse()
            # Any other Firestore has no such URL.
            return json.loads(response.read()) if response.status == 200 else None
        except (OSError, ValueError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    return cost_between


def _named(open_channel: Callable[..., Any], name: str) -> Callable[..., Any]:
    def open_named(target: str, options: Any = None, *rest: Any, **others: Any) -> Any:
        return open_channel(target, [*(options or ()), ("grpc.primary_user_agent", name)], *rest, **others)

    return open_named
