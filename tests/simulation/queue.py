"""Owns the queue between the processes: it delivers each task until it is done, with its own faults.

Tasks are lost on the way in, taken with a lost answer, and delivered twice, late, and again after their process
has died. Must not know what the tasks do.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from random import Random

from imagegen.firebase.tasks import TaskQueueError
from tests.simulation.scheduler import Scheduler

# The retry options that the functions set.
_DELIVERIES = 10
_LONGEST_BACKOFF_SECONDS = 60.0


class Queue:
    """A queue whose tasks run as `deliver(process name, generation id)`, which returns whether the task is done."""

    def __init__(self, scheduler: Scheduler, random: Random, deliver: Callable[[str, str], bool]) -> None:
        self._scheduler = scheduler
        self._random = random
        self._deliver = deliver
        self._names = (f"task-{number}" for number in itertools.count())
        self.fault_rate = random.choice([0.0, 0.1, 0.3])

    def enqueue(self, function: str, data: dict[str, str], delay_seconds: int = 0) -> None:
        """Take a task, or lose it, or take it and lose the answer."""
        scheduler, random = self._scheduler, self._random
        happens = random.random() < self.fault_rate
        fate = random.choice(["lost", "unanswered", "taken twice"]) if happens else "taken"
        scheduler.note(f"{function} of {data['generationRequestId']}, to be {fate}")
        scheduler.sleep(self._delay())
        for _ in range({"lost": 0, "taken twice": 2}.get(fate, 1)):
            self._send(data["generationRequestId"], self._delay(), _DELIVERIES)
        scheduler.sleep(self._delay())
        if fate in ("lost", "unanswered"):
            raise TaskQueueError(fate)

    def _send(self, generation_id: str, seconds: float, deliveries: int) -> None:
        name = next(self._names)

        def run() -> None:
            is_done = False
            try:
                is_done = self._deliver(name, generation_id)
            finally:
                # Also reached when the process has died: the queue got no answer that the task is done.
                if not is_done and deliveries > 1:
                    backoff_seconds = min(2.0 * 2 ** (_DELIVERIES - deliveries), _LONGEST_BACKOFF_SECONDS)
                    self._send(generation_id, backoff_seconds, deliveries - 1)

        self._scheduler.spawn(name, seconds, run)

    def _delay(self) -> float:
        return self._random.random() * self._random.choice([0.002, 0.2, 0.5])
