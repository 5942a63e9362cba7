"""Owns the scheduling: one thread runs at a time, in virtual time, so that a seed decides every step.

Must not know what the threads do.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable
from typing import Any


class Crashed(BaseException):
    """The simulated process of this thread is dead: nothing that it still does has an effect."""


class Task:
    """A thread that runs only while the scheduler waits for it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.go = _closed_gate()
        self.crashed = False
        self.ended = False
        self.error: BaseException | None = None


class Pause:
    """A wait of a task; the first event that ends it decides its result."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._task = scheduler.current()
        self._over = False
        self._brought: Any = None

    def end(self, brought: Any = None) -> None:
        """Let the task continue; no effect if it already has, or is dead."""
        if not self._over and not self._task.crashed:
            self._over, self._brought = True, brought
            self._scheduler.resume(self._task)

    def wait(self) -> Any:
        """Let others run until the end of the pause; return its result."""
        self._scheduler.hand_over()
        return self._brought


class Scheduler:
    """Events in the order of virtual time, in seconds; `run` is called by one thread, which all events run in."""

    def __init__(self) -> None:
        self.now = 0.0
        self.trace: list[str] = []
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._tasks: list[Task] = []
        self._running: Task | None = None
        self._back = _closed_gate()

    def note(self, event: str) -> None:
        """Add a line to the trace."""
        self.trace.append(f"{self.now:10.3f}  {self._running.name if self._running else '-':<12}{event}")

    def after(self, seconds: float, event: Callable[[], None]) -> None:
        """Run a function later."""
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), event))

    def spawn(self, name: str, seconds: float, body: Callable[[], object]) -> Task:
        """Start a task later."""
        task = Task(name)

        def run() -> None:
            task.go.acquire()
            try:
                if not task.crashed:
                    body()
            except Crashed:
                pass
            except BaseException as error:
                task.error = error
            task.ended = True
            self._back.release()

        # A daemon, so that a bug in the simulation itself cannot keep the process alive.
        threading.Thread(target=run, name=name, daemon=True).start()
        self._tasks.append(task)
        self.after(seconds, lambda: self.resume(task))
        return task

    def run(self) -> None:
        """Run until no event is left; raise what a task raised."""
        while self._events:
            self.now, _, event = heapq.heappop(self._events)
            event()

    def sleep(self, seconds: float) -> None:
        """Let others run for a while; called in a task, as `time.sleep` is."""
        pause = Pause(self)
        self.after(seconds, pause.end)
        pause.wait()

    def crash(self, task: Task) -> None:
        """Kill a task where it is."""
        if not task.ended:
            self.note(f"{task.name} dies")
            task.crashed = True
            self.resume(task)

    def stop(self) -> None:
        """Kill all tasks, so that no thread is left."""
        for task in self._tasks:
            task.error = None
            self.crash(task)

    def current(self) -> Task:
        """Return the running task."""
        assert self._running is not None, "only a task can wait"
        return self._running

    def resume(self, task: Task) -> None:
        """Run a task until it waits or ends."""
        if task.ended:
            return
        self._running = task
        task.go.release()
        self._back.acquire()
        self._running = None
        if task.error is not None:
            raise task.error

    def hand_over(self) -> None:
        """Let the scheduler run until it resumes this task."""
        task = self.current()
        if not task.crashed:
            self._back.release()
            task.go.acquire()
        if task.crashed:
            raise Crashed


def _closed_gate() -> threading.Lock:
    """Return a lock that is already held: acquiring it blocks until another thread releases it."""
    gate = threading.Lock()
    gate.acquire()
    return gate
