"""Owns the queue between the processes: it delivers each task until it is done, with its own faults.

Tasks are lost on the way in, taken with a lost answer, and delivered twice, late, and again after their process
has died. Must not know what the tasks do.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from imagegen.config import JOB_DELIVERIES, WEBHOOK_DELIVERIES
from imagegen.firebase.tasks import TaskQueueError
from imagegen.generations.outbox import DELIVER_WEBHOOK
from imagegen.generations.worker import PROCESS_GENERATION
from tests.simulation.auditor import require
from tests.simulation.scheduler import Scheduler

# The retry options that the functions set.
_DELIVERIES = {PROCESS_GENERATION: JOB_DELIVERIES, DELIVER_WEBHOOK: WEBHOOK_DELIVERIES}
_LONGEST_BACKOFF_SECONDS = {PROCESS_GENERATION: 60.0, DELIVER_WEBHOOK: 600.0}
_TIME_LIMIT_SECONDS = 120.0
# A call may hand a generation over again if that was not done for a minute; less what a call may take.
_SHORTEST_REPEAT_SECONDS = 40.0


class Task(NamedTuple):
    """A delivery of a task: the function, its generation, and how often it was delivered before."""

    function: str
    generation_id: str
    deliveries_before: int


class Queue:
    """A queue whose tasks run as `deliver(process name, task)`, which returns whether the task is done.

    Where all clocks agree, it checks that no generation is handed over more than once in about a minute.
    """

    def __init__(
        self, scheduler: Scheduler, random: Random, deliver: Callable[[str, Task], bool], *, clocks_agree: bool
    ) -> None:
        self._scheduler = scheduler
        self._random = random
        self._deliver = deliver
        self._names = (f"task-{number}" for number in itertools.count())
        self.fault_rate = random.choice([0.0, 0.1, 0.3])
        self._clocks_agree = clocks_agree
        self._handed_over_at: dict[str, float] = {}

    def enqueue(self, function: str, data: dict[str, str], delay_seconds: int = 0) -> None:
        """Take a task, or lose it, or take it and lose the answer."""
        scheduler, random = self._scheduler, self._random
        generation_id = data["generationRequestId"]
        if function == PROCESS_GENERATION:
            since = scheduler.now - self._handed_over_at.get(generation_id, -math.inf)
            is_rare = since >= _SHORTEST_REPEAT_SECONDS or not self._clocks_agree
            require(is_rare, f"generation {generation_id} is not handed over again after {since:.1f} s")
            self._handed_over_at[generation_id] = scheduler.now
        happens = random.random() < self.fault_rate
        fate = random.choice(["lost", "unanswered", "taken twice"]) if happens else "taken"
        scheduler.note(f"{function} of {generation_id}, to be {fate}")
        scheduler.sleep(self._delay())
        for _ in range({"lost": 0, "taken twice": 2}.get(fate, 1)):
            self._send(Task(function, generation_id, 0), self._delay())
        scheduler.sleep(self._delay())
        if fate in ("lost", "unanswered"):
            raise TaskQueueError(fate)

    def _send(self, task: Task, seconds: float) -> None:
        name = next(self._names)

        is_answered = False

        def answer(*, is_done: bool) -> None:
            nonlocal is_answered
            again = task._replace(deliveries_before=task.deliveries_before + 1)
            if not (is_answered or is_done) and again.deliveries_before < _DELIVERIES[task.function]:
                longest_seconds = _LONGEST_BACKOFF_SECONDS[task.function]
                self._send(again, min(2.0 * 2**task.deliveries_before, longest_seconds))
            is_answered = True

        def run() -> None:
            # Beyond the time limit of a function the queue delivers again, although the process may go on.
            self._scheduler.after(_TIME_LIMIT_SECONDS, lambda: answer(is_done=False))
            is_done = False
            try:
                is_done = self._deliver(name, task)
            finally:
                # Also reached when the process has died: the queue got no answer that the task is done.
                answer(is_done=is_done)

        self._scheduler.spawn(name, seconds, run)

    def _delay(self) -> float:
        return self._random.random() * self._random.choice([0.002, 0.2, 0.5])
