"""Owns the delivery of tasks: rate, concurrency and retries with back-off.

Must not know how tasks are stored or enqueued, nor what they do. At-least-once delivery: a task ends when its delivery
is answered, so a lost answer is followed by a redelivery.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus

from embedded_firebase import log
from embedded_firebase.tasks.delivery import Deliver
from embedded_firebase.tasks.policies import QueueOptions
from embedded_firebase.tasks.storage import Task, TaskStorage

# Each delivery takes a thread here and one in the server.
_MAX_DELIVERIES = 32
_MAX_WAIT_SECONDS = 60.0
# Headers of a task that Cloud Tasks ignores or replaces.
_REPLACED_HEADERS = ("x-cloudtasks-", "host", "content-length", "transfer-encoding", "connection", "user-agent")


class RateLimit:
    """A token bucket with a capacity of one second; each dispatch takes a token."""

    def __init__(self, per_second: float, now: datetime) -> None:
        self._per_second = per_second
        self._capacity = max(per_second, 1.0)
        self._level = self._capacity
        self._filled_at = now

    def available(self, now: datetime) -> int:
        """Return how many may be dispatched now."""
        seconds = max((now - self._filled_at).total_seconds(), 0.0)
        self._level = min(self._level + seconds * self._per_second, self._capacity)
        self._filled_at = now
        return int(self._level)

    def take(self, count: int) -> None:
        """Take tokens."""
        self._level -= count

    def seconds_to_next(self) -> float:
        """Return the seconds until the next token."""
        return max(1 - self._level, 0.0) / self._per_second


class TaskQueue:
    """The queue of one function.

    Args:
        name: its resource name.
        url: the default target of its tasks.
        options: limits and retries.
        storage: holds its tasks.
        deliver: makes a call.
        now: the clock; after moving a fake one, `wake`.
    """

    def __init__(
        self,
        name: str,
        url: str,
        options: QueueOptions,
        storage: TaskStorage,
        deliver: Deliver,
        now: Callable[[], datetime],
    ) -> None:
        self.name = name
        self._url = url
        self._options = options
        self._storage = storage
        self._deliver = deliver
        self._now = now
        self._rate = RateLimit(options.max_dispatches_per_second, now())
        self._most_at_once = min(options.max_concurrent_dispatches, _MAX_DELIVERIES)
        self._changed = threading.Condition()
        self._under_way = 0
        self._stopping = False
        self._abandoned = False
        self._dispatcher = threading.Thread(target=self._dispatch, name=f"queue {name}", daemon=True)

    def start(self) -> None:
        """Deliver what is due, now and from now on."""
        self._dispatcher.start()

    def stop(self, seconds: float) -> None:
        """Start no more deliveries, and wait up to `seconds` for the open ones."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            # The next process redelivers what is still open then.
            self._abandoned = not self._changed.wait_for(lambda: not self._under_way, seconds)
        if self._dispatcher.ident:
            self._dispatcher.join()

    def add(self, task: Task) -> None:
        """Enqueue a task durably; once this returns it will be delivered, even after a crash.

        Raises:
            TaskExists: its name is taken.
        """
        self._storage.add(task)
        self.wake()

    def delete(self, task_name: str) -> bool:
        """Delete a task, and return whether it was waiting."""
        return self._storage.end(task_name, self._now())

    def waiting(self) -> list[Task]:
        """Return the tasks that have not ended, in the order they are due."""
        return self._storage.waiting(self.name)

    def wake(self) -> None:
        """Check again what is due."""
        with self._changed:
            self._changed.notify_all()

    def _dispatch(self) -> None:
        with self._changed:
            while not self._stopping:
                now = self._now()
                limit = min(self._most_at_once - self._under_way, self._rate.available(now))
                tasks = self._storage.take(self.name, now, limit) if limit > 0 else []
                self._rate.take(len(tasks))
                self._under_way += len(tasks)
                for task in tasks:
                    threading.Thread(target=self._attempt, args=(task,), name=task.name, daemon=True).start()
                self._changed.wait(self._idle_seconds(now))

    def _idle_seconds(self, now: datetime) -> float | None:
        """Return the seconds until something is due, None when nothing is scheduled."""
        due_at = self._storage.next_due_at(self.name)
        if due_at is None or self._under_way >= self._most_at_once:
            return None
        # A machine that slept, or whose clock was set, must not oversleep.
        return min(max((due_at - now).total_seconds(), self._rate.seconds_to_next()), _MAX_WAIT_SECONDS)

    def _attempt(self, task: Task) -> None:
        url = task.url or self._url
        status = self._deliver(task.method, url, _headers(task), task.body, task.deadline_seconds)
        with self._changed:
            if not self._abandoned:
                self._conclude(task, status)
            self._under_way -= 1
            self._changed.notify_all()

    def _conclude(self, task: Task, status: int | None) -> None:
        if status is not None and HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            self._storage.end(task.name, self._now())
            return
        now = self._now()
        first_attempt_at = task.first_attempt_at or now
        next_attempt_at = self._options.retries.next_attempt_at(task.attempts, first_attempt_at, now)
        about = f"task {self.name.rpartition('/')[2]} {task.name.rpartition('/')[2]}"
        answered = "was not answered" if status is None else f"was answered {status}"
        if next_attempt_at is None:
            self._storage.end(task.name, now)
            log.write("ERROR", f"{about} {answered} and is given up after attempt {task.attempts}")
        else:
            self._storage.retry(task, next_attempt_at, status)
            pause = (next_attempt_at - now) / timedelta(seconds=1)
            log.write("WARNING", f"{about} {answered}; attempt {task.attempts + 1} follows in {pause:g} s")


def _headers(task: Task) -> dict[str, str]:
    """Return the headers of a delivery: those of the task, and those of Cloud Tasks."""
    own = {name: value for name, value in task.headers.items() if not name.lower().startswith(_REPLACED_HEADERS)}
    headers = own | {
        "User-Agent": "Google-Cloud-Tasks",
        "X-CloudTasks-QueueName": task.queue.rpartition("/")[2],
        "X-CloudTasks-TaskName": task.name.rpartition("/")[2],
        "X-CloudTasks-TaskRetryCount": str(task.attempts - 1),
        "X-CloudTasks-TaskExecutionCount": str(task.executions),
        "X-CloudTasks-TaskETA": f"{task.due_at.timestamp():.6f}",
    }
    if task.last_status is not None:
        headers["X-CloudTasks-TaskPreviousResponse"] = str(task.last_status)
    return headers
