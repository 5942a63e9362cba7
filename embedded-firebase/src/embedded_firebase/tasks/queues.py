"""Owns delivering the tasks of queues: when, how many at once, how often, and again when they fail.

Must not know how tasks are kept or asked for, nor what they do. At least once: a task ends with a delivery that was
answered, so one whose answer was lost with the process is delivered again.
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

# Each delivery has a thread here and one in the host, on a machine that has other things to do.
_MAX_DELIVERIES = 32
_MAX_WAIT_SECONDS = 60.0
# What Cloud Tasks ignores or replaces of the headers that a task brings.
_REPLACED_HEADERS = ("x-cloudtasks-", "host", "content-length", "transfer-encoding", "connection", "user-agent")


class RateLimit:
    """A bucket that fills at a rate, up to what a second brings; each dispatch takes one out."""

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
        """Note so many dispatches."""
        self._level -= count

    def seconds_to_next(self) -> float:
        """Return how long it takes until one more may be dispatched."""
        return max(1 - self._level, 0.0) / self._per_second


class TaskQueue:
    """The queue of one function.

    Args:
        name: its resource name.
        url: where tasks are delivered that name no other.
        options: limits and retries.
        storage: where its tasks are.
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
        """Begin no delivery any more, and wait so long for those under way."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            # What is still under way then is delivered again by the next process.
            self._abandoned = not self._changed.wait_for(lambda: not self._under_way, seconds)
        if self._dispatcher.ident:
            self._dispatcher.join()

    def add(self, task: Task) -> None:
        """Take a task in; once this returns it will be delivered, whatever happens to the process.

        Raises:
            TaskExists: its name is taken.
        """
        self._storage.add(task)
        self.wake()

    def delete(self, task_name: str) -> bool:
        """Forget a task, and return whether it was waiting."""
        return self._storage.end(task_name, self._now())

    def waiting(self) -> list[Task]:
        """Return the tasks that have not ended, in the order they are due."""
        return self._storage.waiting(self.name)

    def wake(self) -> None:
        """Look again at what is due."""
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
        """Return how long nothing is to be done unless something changes, None for ever."""
        due_at = self._storage.next_due_at(self.name)
        if due_at is None or self._under_way >= self._most_at_once:
            return None
        # A laptop that slept, or whose clock was set, must not wait for ever.
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
    """Return the headers of a delivery: those that the task brings, and those of Cloud Tasks."""
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
