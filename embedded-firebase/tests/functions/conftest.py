"""Owns a functions host in this process, with a clock that stands still and functions that the test defines."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import firebase_admin
import firebase_admin.functions
import flask
import pytest

from embedded_firebase.functions.discovery import Function
from embedded_firebase.functions.host import FunctionsHost, HostOptions
from embedded_firebase.functions.server import bind
from embedded_firebase.tasks.policies import QueueOptions, RetryPolicy, Schedule

PROJECT = "demo-host"
NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)


class Clock:
    """A clock that only moves when a test advances it."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **delta: float) -> None:
        """Move it forward, by the arguments of `timedelta`."""
        self.now += timedelta(**delta)


@dataclass
class Target:
    """A function that a queue or a schedule calls: it records its calls and answers given statuses."""

    calls: queue.Queue[tuple[flask.typing.HeadersValue, bytes]] = field(default_factory=queue.Queue)
    statuses: list[int] = field(default_factory=list)

    def __call__(self, request: flask.Request) -> flask.Response:
        self.calls.put((dict(request.headers), request.get_data()))
        return flask.Response("", self.statuses.pop(0) if self.statuses else 200)

    def next_call(self) -> tuple[dict[str, str], bytes]:
        """Wait for a call and return its headers and body."""
        return self.calls.get(timeout=20)


def queue_options(**changed: float) -> QueueOptions:
    """Three attempts, 10 s and 20 s apart, without a limit on concurrent tasks."""
    retries = {"max_attempts": 3, "min_backoff_seconds": 10, "max_backoff_seconds": 300, "max_doublings": 3}
    limits = {"max_concurrent_dispatches": 1000, "max_dispatches_per_second": 500}
    given = {name: changed.pop(name, value) for name, value in limits.items()}
    return QueueOptions(RetryPolicy(**(retries | changed)), **given)


@pytest.fixture
def clock() -> Clock:
    """The clock of the host."""
    return Clock()


@pytest.fixture
def make_host(clock: Clock) -> Iterator[Callable[..., FunctionsHost]]:
    """Start a host of some functions on the test's clock; stop it after the test."""
    running: list[FunctionsHost] = []

    def make(*functions: Function, data: Path | None = None, **options: bool) -> FunctionsHost:
        with bind("127.0.0.1", 0) as listener:
            host = FunctionsHost(functions, PROJECT, listener, HostOptions(data=data, now=clock, **options))
        running.append(host)
        host.start()
        return host

    yield make
    for host in running:
        host.stop(5)


@pytest.fixture
def task_queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., firebase_admin.functions.TaskQueue]]:
    """Return Firebase's own client of a host's queue."""
    apps: list[firebase_admin.App] = []

    def make(host: FunctionsHost, name: str = "work") -> firebase_admin.functions.TaskQueue:
        monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", host.url.removeprefix("http://"))
        apps.append(firebase_admin.initialize_app(options={"projectId": PROJECT}, name=host.url))
        return firebase_admin.functions.task_queue(name, app=apps[-1])

    yield make
    for app in apps:
        firebase_admin.delete_app(app)


def worker(target: Callable[[flask.Request], flask.Response], **changed: float) -> Function:
    """A function with a queue."""
    return Function("work", "us-central1", target, queue=queue_options(**changed))


def scheduled(target: Target, cron: str, time_zone: str = "UTC", **changed: float) -> Function:
    """A function with a schedule."""
    return Function(
        "nightly", "us-central1", target, schedule=Schedule(cron, time_zone, queue_options(**changed).retries)
    )
