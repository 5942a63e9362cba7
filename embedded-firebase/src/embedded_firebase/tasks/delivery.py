"""Owns the HTTP calls of tasks and schedules, without a proxy; must not know why a call is made."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

# Method, URL, headers, body and deadline in seconds; answers the status, or None without an answer.
Deliver = Callable[[str, str, Mapping[str, str], bytes, float], int | None]


def deliver(method: str, url: str, headers: Mapping[str, str], body: bytes, deadline_seconds: float) -> int | None:
    """Make a call and return its status, or None without an answer in time."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    scheme = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = scheme(parts.netloc, timeout=deadline_seconds)
        try:
            connection.request(method, target, body, dict(headers))
            response = connection.getresponse()
            response.read()
            return response.status
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException):
        return None
