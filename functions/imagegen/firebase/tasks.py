"""Owns enqueuing tasks: the protocol, and Cloud Tasks through firebase-admin.

Must not know what the tasks do.
"""

from __future__ import annotations

from typing import Protocol

from imagegen import config
from imagegen.firebase import apps
from imagegen.kit.timeouts import call_within


class TaskQueueError(Exception):
    """The queue did not confirm a task: it may or may not have it."""


class TaskQueue(Protocol):
    """A task queue with at-least-once delivery."""

    def enqueue(self, function: str, data: dict[str, str], delay_seconds: int = 0) -> None:
        """Enqueue a call of a queue function with `data`, to be delivered after a delay at the earliest.

        Raises:
            TaskQueueError: the queue did not confirm the task.
        """


class FirebaseTaskQueue:
    """Cloud Tasks, or the server at `CLOUD_TASKS_EMULATOR_HOST`."""

    def __init__(self, time_limit_seconds: float) -> None:
        self._time_limit_seconds = time_limit_seconds

    def enqueue(self, function: str, data: dict[str, str], delay_seconds: int = 0) -> None:
        """Enqueue an unnamed task: named tasks are deduplicated, but the tasks here are idempotent."""
        try:
            call_within(self._time_limit_seconds, lambda: self._enqueue(function, data, delay_seconds))
        except Exception as error:  # After any error it is unknown whether the queue has the task.
            raise TaskQueueError(f"{type(error).__name__}: {error}") from error

    def _enqueue(self, function: str, data: dict[str, str], delay_seconds: int) -> None:
        # Imported here: most cold starts need no queue.
        from firebase_admin import functions

        # With its location: of a name alone, firebase-admin takes the queue in us-central1.
        queue = f"locations/{config.REGION}/functions/{function}"
        options = functions.TaskOptions(schedule_delay_seconds=delay_seconds) if delay_seconds else None
        functions.task_queue(queue, app=apps.app("tasks")).enqueue({"data": data}, options)
