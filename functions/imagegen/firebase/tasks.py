"""Owns handing work to a task queue: the protocol, and the queues of Firebase through firebase-admin.

Knows nothing of what the tasks are for.
"""

from __future__ import annotations

from typing import Protocol

from imagegen.firebase import apps
from imagegen.kit.timeouts import call_within


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

    def __init__(self, time_limit_seconds: float) -> None:
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

        functions.task_queue(function, app=apps.app("tasks")).enqueue({"data": data})
