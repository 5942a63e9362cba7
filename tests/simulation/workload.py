"""Owns what the simulated processes do: which calls they make, what their models answer, and what they are told.

Knows the services by their public functions, and nothing of what they write.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

from imagegen.config import Settings
from imagegen.deps import Deps
from imagegen.errors import AppError, Unavailable
from imagegen.image_models import ImageRequest, ModelError
from imagegen.records import EntryType, FailureReason, Generation, Image, LedgerEntry
from imagegen.schemas import CreateGenerationRequest
from imagegen.services import credits, generation

from tests.simulation.auditor import Answer, require
from tests.simulation.network import START_MICROS, Client
from tests.simulation.scheduler import Scheduler

START = datetime.fromtimestamp(START_MICROS / 1e6, UTC)
LARGEST_CLOCK_STEP_SECONDS = 300.0
# What a caller is promised, beside the time that the model takes.
_LONGEST_CALL_SECONDS = 10.0
_MODEL_LIMIT_SECONDS = Settings().model_time_limit_seconds


@dataclass
class Shared:
    """What all processes of a seed share: the seed's choices, and what has happened so far."""

    scheduler: Scheduler
    random: Random
    client: Client
    user_ids: Sequence[str]
    # How long a process rests between two calls, one of these times an exponential variate.
    pauses_seconds: Sequence[float]
    answers: list[Answer]
    # Every settle that was ever asked for, to be delivered again.
    settled: list[tuple[credits.Reservation, Image | FailureReason]]


class Process:
    """A function instance with a clock of its own, which is also its image model."""

    def __init__(self, name: str, shared: Shared) -> None:
        self.name = name
        self._shared = shared
        self._scheduler, self._random = shared.scheduler, shared.random
        self._clock_seconds = 0.0
        self._attempts = 0
        self._model_seconds = 0.0
        self._deps = Deps(
            db=shared.client,
            settings=Settings(),
            now=lambda: START + timedelta(seconds=self._scheduler.now + self._clock_seconds),
            new_id=self._new_id,
            image_models={"model-a": self, "model-b": self},
        )

    def live(self) -> None:
        """Make a few calls of any kind, one after another, and perhaps die in one of them."""
        random = self._random
        acts: list[Callable[[], object]] = [self._create] * 6 + [self.read_any, self._redeliver, self.reconcile] * 2
        acts += [self._step_clock_soon]
        for _ in range(random.randint(3, 7)):
            self._scheduler.sleep(self._a_while(*self._shared.pauses_seconds))
            if random.random() < 0.12:
                crash = functools.partial(self._scheduler.crash, self._scheduler.current())
                self._scheduler.after(self._a_while(0.005, 0.05, 1, 60), crash)
            random.choice(acts)()

    def create(self, user_id: str, key: str | None, prompt: str) -> Answer:
        """Ask for a picture and note the answer."""
        body = CreateGenerationRequest.model_validate(
            {"userId": user_id, "model": "Model A", "style": "anime", "color": "neon", "prompt": prompt}
            | {"size": self._random.choice(["512x512", "1024x1024"]) if key is None else "1024x1024"}
        )
        self._scheduler.note(f"create for {user_id} with key {key}: {prompt}")
        since, self._model_seconds = self._scheduler.now, 0.0
        made: Generation | None = None
        generation_id, reason = None, ""
        try:
            made = generation.create_generation_request(self._deps, body, key).generation
            generation_id = made.generation_id
        except AppError as error:
            reason, generation_id = error.reason, error.metadata.get("generationRequestId")
        took = self._scheduler.now - since - self._model_seconds
        require(took <= _LONGEST_CALL_SECONDS, f"an answer comes within {_LONGEST_CALL_SECONDS} s: {took:.3f} s")
        answer = Answer(
            attempt_id=self._attempt_id,
            key=None if key is None else (user_id, key),
            prompt=prompt,
            reason=reason,
            generation_id=generation_id,
            image_url=made and made.image_url,
        )
        self._scheduler.note(f"answer: {answer}")
        self._shared.answers.append(answer)
        return answer

    def read(self, user_id: str, page_size: int) -> None:
        """Read an account and check that its balance and its page agree."""
        statement = credits.get_user_credits(self._deps, user_id, page_size, None)
        self._scheduler.note(f"{user_id} has {statement.current_credits} credits")
        if statement.entries:
            newest = statement.entries[0]
            require(newest.balance_after == statement.current_credits, "a balance agrees with its page")
        for later, earlier in pairwise(statement.entries):
            require(later.sequence == earlier.sequence + 1, "a page has no gap")
            require(later.balance_after == earlier.balance_after + _signed(later), "a page chains")

    def reconcile(self) -> int:
        """Give back what is overdue; return how many were settled, as far as is known."""
        self._scheduler.note("reconcile")
        try:
            count = credits.reconcile(self._deps)
        except Unavailable:
            return 0
        self._scheduler.note(f"reconciled {count}")
        return count

    def generate(self, request: ImageRequest) -> Image:
        """Draw, or fail, or come too late, or be frozen until after the lease."""
        random = self._random
        seconds = random.random() * random.choice([0.1, 1, 60, 90])
        self._sleep_as_model(min(seconds, _MODEL_LIMIT_SECONDS))
        self._scheduler.note(f"the model took {seconds:.3f} s")
        if seconds > _MODEL_LIMIT_SECONDS:
            raise TimeoutError
        if random.random() < 0.2:
            raise random.choice([ModelError("no picture"), ValueError("broken")])
        if random.random() < 0.2:
            self._sleep_as_model(random.uniform(100, 500))
        return Image(f"https://images.example.com/{request.generation_id}/{self._attempt_id}.png")

    def read_any(self) -> None:
        """Read an account of any."""
        try:
            self.read(self._random.choice(self._shared.user_ids), self._random.choice([1, 3, 50]))
        except Unavailable:
            self._scheduler.note("cannot be read")

    def _create(self) -> None:
        random = self._random
        user_id = "nobody" if random.random() < 0.03 else random.choice(self._shared.user_ids)
        key = random.choice([None, "key-1", "key-1", "key-2"])
        self.create(user_id, key, "an owl" if random.random() < 0.1 else "a fox")

    def _redeliver(self) -> None:
        if not self._shared.settled:
            return
        reservation, outcome = self._random.choice(self._shared.settled)
        self._scheduler.note(f"settle {reservation.generation.generation_id} again: {outcome}")
        try:
            credits.settle(self._deps, reservation, outcome)
        except Unavailable:
            self._scheduler.note("cannot be settled")

    def _step_clock_soon(self) -> None:
        self._scheduler.after(self._a_while(0.01, 1, 60), self._step_clock)

    def _step_clock(self) -> None:
        self._clock_seconds = self._random.uniform(-LARGEST_CLOCK_STEP_SECONDS, LARGEST_CLOCK_STEP_SECONDS)
        self._scheduler.note(f"the clock of {self.name} is {self._clock_seconds:+.0f} s off")

    def _sleep_as_model(self, seconds: float) -> None:
        self._model_seconds += seconds
        self._scheduler.sleep(seconds)

    def _new_id(self) -> str:
        self._attempts += 1
        return self._attempt_id

    @property
    def _attempt_id(self) -> str:
        return f"{self.name}-{self._attempts}"

    def _a_while(self, *scales_seconds: float) -> float:
        return self._random.expovariate(1) * self._random.choice(scales_seconds)


def _signed(entry: LedgerEntry) -> int:
    return -entry.credits if entry.type is EntryType.DEDUCTION else entry.credits
