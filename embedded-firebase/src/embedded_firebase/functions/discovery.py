"""Owns the discovery of functions in a `main.py`, by the endpoint that the Firebase SDK attaches to each.

Must not know what they do, nor how they are called.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import flask

from embedded_firebase.defaults import REGION
from embedded_firebase.tasks.policies import QueueOptions, RetryPolicy, Schedule


@dataclass(frozen=True)
class Function:
    """A function as Firebase discovers it: its wire name, its region, and what triggers it beside HTTP."""

    name: str
    region: str
    call: Callable[[flask.Request], flask.typing.ResponseReturnValue]
    schedule: Schedule | None = None
    queue: QueueOptions | None = None

    @property
    def id(self) -> str:
        """Return its id in Firebase's emulator."""
        return f"{self.region}-{self.name}" + ("-0" if self.schedule else "")

    def path(self, project: str) -> str:
        """Return the path under which Firebase's emulator serves it."""
        if self.schedule:
            return f"/functions/projects/{project}/triggers/{self.id}"
        return f"/{project}/{self.region}/{self.name}"

    def queue_name(self, project: str) -> str:
        """Return the resource name of its queue."""
        return f"projects/{project}/locations/{self.region}/queues/{self.name}"


def discover(source: Path) -> list[Function]:
    """Import `main.py` of a folder and return its functions, by name."""
    sys.path.insert(0, str(source.resolve()))
    return functions_of(importlib.import_module("main"))


def functions_of(module: ModuleType) -> list[Function]:
    """Return the functions of a module with an endpoint, by name."""
    functions = []
    for name, value in sorted(vars(module).items()):
        endpoint = getattr(value, "__firebase_endpoint__", None)
        if endpoint is not None:
            region = str((endpoint.region or [REGION])[0])
            functions.append(Function(name, region, value, _schedule(endpoint), _queue(endpoint)))
    return functions


def _schedule(endpoint: Any) -> Schedule | None:
    trigger = endpoint.scheduleTrigger
    if trigger is None:
        return None
    given = trigger["retryConfig"] or {}
    # The defaults of Cloud Scheduler, which does not retry unless configured to.
    retries = RetryPolicy(
        max_attempts=1 + int(_number(given, "retryCount", 0)),
        max_retry_seconds=_number(given, "maxRetrySeconds", 0),
        min_backoff_seconds=_number(given, "minBackoffSeconds", 5),
        max_backoff_seconds=_number(given, "maxBackoffSeconds", 3600),
        max_doublings=int(_number(given, "maxDoublings", 5)),
    )
    zone = _resolved(trigger["timeZone"])
    return Schedule(_resolved(trigger["schedule"]), zone if isinstance(zone, str) else "UTC", retries)


def _queue(endpoint: Any) -> QueueOptions | None:
    trigger = endpoint.taskQueueTrigger
    if trigger is None:
        return None
    given, limits = trigger["retryConfig"] or {}, trigger["rateLimits"] or {}
    # The defaults that Firebase gives the queue of a function.
    retries = RetryPolicy(
        max_attempts=int(_number(given, "maxAttempts", 3)),
        max_retry_seconds=_number(given, "maxRetrySeconds", 0),
        min_backoff_seconds=_number(given, "minBackoffSeconds", 0.1),
        max_backoff_seconds=_number(given, "maxBackoffSeconds", 3600),
        max_doublings=int(_number(given, "maxDoublings", 16)),
    )
    return QueueOptions(
        retries,
        int(_number(limits, "maxConcurrentDispatches", 1000)),
        _number(limits, "maxDispatchesPerSecond", 500),
    )


def _number(given: Mapping[str, Any], name: str, default: float) -> float:
    value = _resolved(given.get(name))
    return float(value) if isinstance(value, int | float) else default


def _resolved(given: Any) -> Any:
    # A parameter resolves to its value in the environment.
    return getattr(given, "value", given)
