"""Owns handing work to a task queue: the protocol, and the queues of Firebase through firebase-admin.

Knows nothing of what the tasks are for.
"""

from __future__ import annotations

import threading
from typing import Any, Protocol

from .bounded import call_within

_starting = threading.Lock()


class TaskQueueError(Exception):
    """A task was not, or not surely, taken by its queue."""


class TaskQueue(Protocol):
    """Where work is put that somebody does later, once or more often."""

    def enqueue(self, function: str, data: dict[str, str]) -> None:
        """Have a queue function called with `data`.

        Raises:
            TaskQueueError: it may or may not be called.
        """


class NoTaskQueue:
    """The queue of a world that has none."""

    def enqueue(self, function: str, data: dict[str, str]) -> None:
        """Refuse."""
        raise TaskQueueError("there is no task queue here")


class FirebaseTaskQueue:
    """Cloud Tasks, or whatever `CLOUD_TASKS_EMULATOR_HOST` names."""

    def __init__(self, project: str | None, time_limit_seconds: float) -> None:
        self._project = project
        self._time_limit_seconds = time_limit_seconds

    def enqueue(self, function: str, data: dict[str, str]) -> None:
        """Have a queue function called; without a name for the task, since what it does is safe to do twice."""
        try:
            call_within(self._time_limit_seconds, lambda: self._enqueue(function, data))
        except Exception as error:  # Of whatever kind: the caller has to know that it is not sure.
            raise TaskQueueError(f"{type(error).__name__}: {error}") from error

    def _enqueue(self, function: str, data: dict[str, str]) -> None:
        # Imported here, since most calls need no queue and a cold start should not wait for it.
        from firebase_admin import functions

        functions.task_queue(function, app=self._app()).enqueue({"data": data})

    def _app(self) -> Any:
        import firebase_admin

        name = f"tasks-{self._project}"
        with _starting:
            try:
                return firebase_admin.get_app(name)  # type: ignore[no-untyped-call]
            except ValueError:
                options = {"projectId": self._project}
                return firebase_admin.initialize_app(options=options, name=name)  # type: ignore[no-untyped-call]
