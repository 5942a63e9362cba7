"""Owns what the simulated processes do: their calls, their models' answers, and the answers they record.

Uses the public functions of the services; must not know what they write.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

from imagegen.config import Settings
from imagegen.credits import service as credits_service
from imagegen.credits.records import EntryType, LedgerEntry
from imagegen.firebase.identity import UNRESTRICTED
from imagegen.generations import creation, lookup, recovery, settlement, worker
from imagegen.generations.errors import GenerationEnded
from imagegen.generations.records import Generation, GenerationStatus
from imagegen.generations.schemas import CreateGenerationRequest
from imagegen.images.records import Image
from imagegen.kit import idempotency
from imagegen.kit.errors import AppError, TryAgain, Unavailable
from imagegen.providers.model import ImageRequest, ModelError
from tests.simulation.auditor import Answer, Granted, Told, require
from tests.simulation.network import START_MICROS, Client
from tests.simulation.queue import Queue
from tests.simulation.scheduler import Scheduler
from tests.world import make_deps

START = datetime.fromtimestamp(START_MICROS / 1e6, UTC)
LARGEST_CLOCK_STEP_SECONDS = 300.0
# The longest answer time that is promised, without the model's time.
_LONGEST_CALL_SECONDS = 10.0
_MODEL_LIMIT_SECONDS = Settings().model_time_limit_seconds
_REASONS = {
    GenerationStatus.PENDING: "ACCEPTED",
    GenerationStatus.COMPLETED: "",
    GenerationStatus.FAILED: "GENERATION_FAILED",
    GenerationStatus.CANCELLED: "GENERATION_CANCELLED",
}


@dataclass
class Shared:
    """State of a seed that all its processes share: its random choices, and what has happened so far."""

    scheduler: Scheduler
    random: Random
    client: Client
    user_ids: Sequence[str]
    # Mean pauses of a process between two calls; each pause is an exponential variate of one of them.
    pauses_seconds: Sequence[float]
    told: Told = field(default_factory=Told)
    # Every settle so far, to be repeated later.
    settled: list[tuple[settlement.Reservation, settlement.Outcome]] = field(default_factory=list)
    # The ids of all requested generations, stored or not.
    generation_ids: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.queue = Queue(self.scheduler, self.random, lambda name, task: Process(name, self).deliver(task))


class Process:
    """A function instance with its own clock, which is also its image model."""

    def __init__(self, name: str, shared: Shared) -> None:
        self.name = name
        self._shared = shared
        self._scheduler, self._random = shared.scheduler, shared.random
        self._clock_seconds = 0.0
        self._attempts = 0
        self._attempt_id = ""
        self._model_seconds = 0.0
        self._deps = make_deps(
            shared.client,
            # One thread, since the scheduler runs one at a time.
            settings=Settings(reconcile_threads=1),
            now=lambda: START + timedelta(seconds=self._scheduler.now + self._clock_seconds),
            new_id=self._new_id,
            image_models={"model-a": self, "model-b": self},
            tasks=shared.queue,
        )

    def live(self) -> None:
        """Make a few random calls, one after another, and perhaps die in one of them."""
        random = self._random
        acts: list[Callable[[], object]] = [self._create] * 9 + [self.read_any, self._redeliver, self.reconcile] * 2
        acts += [self._look, self._step_clock_soon] + [self._cancel, self._grant] * 2
        for _ in range(random.randint(3, 7)):
            self._scheduler.sleep(self._a_while(*self._shared.pauses_seconds))
            self._perhaps_die_soon()
            random.choice(acts)()

    def deliver(self, generation_id: str) -> bool:
        """Run a task, and perhaps die meanwhile; return whether it is done."""
        if self._random.random() < 0.1:
            self._step_clock()
        self._perhaps_die_soon()
        self._scheduler.note(f"a task: draw {generation_id}")
        try:
            worker.process(self._deps, generation_id)
        except (TryAgain, Unavailable) as error:
            self._scheduler.note(f"the task is not done: {error}")
            return False
        return True

    def create(self, user_id: str, key: str | None, prompt: str, *, respond_async: bool = False) -> Answer:
        """Request a picture, synchronous or not, and record the answer."""
        body = CreateGenerationRequest.model_validate(
            {"userId": user_id, "model": "Model A", "style": "anime", "color": "neon", "prompt": prompt}
            | {"size": self._random.choice(["512x512", "1024x1024"]) if key is None else "1024x1024"}
        )
        self._scheduler.note(f"create {'later ' if respond_async else ''}for {user_id} with key {key}: {prompt}")
        since, self._model_seconds = self._scheduler.now, 0.0
        made: Generation | None = None
        self._shared.generation_ids.append(idempotency.id_of(user_id, key) if key else self._next_id())
        try:
            made = creation.create_generation_request(
                self._deps, body.order(), key, respond_async=respond_async
            ).generation
            generation_id, reason = made.generation_id, _REASONS[made.status]
        except AppError as error:
            reason, generation_id = error.reason, error.metadata.get("generationRequestId", "")
        took = self._scheduler.now - since - self._model_seconds
        require(took <= _LONGEST_CALL_SECONDS, f"an answer comes within {_LONGEST_CALL_SECONDS} s: {took:.3f} s")
        answer = Answer(
            attempt_id=self._attempt_id,
            key=None if key is None else (user_id, key),
            prompt=prompt,
            reason=reason,
            generation_id=generation_id,
            image_url=None if made is None else made.image_url,
        )
        self._scheduler.note(f"answer: {answer}")
        self._shared.told.answers.append(answer)
        return answer

    def read(self, user_id: str, page_size: int) -> None:
        """Read an account and check that its balance and its page agree."""
        statement = credits_service.get_user_credits(self._deps, user_id, page_size, None)
        self._scheduler.note(f"{user_id} has {statement.current_credits} credits")
        if statement.entries:
            newest = statement.entries[0]
            require(newest.balance_after == statement.current_credits, "a balance agrees with its page")
        for later, earlier in pairwise(statement.entries):
            require(later.sequence == earlier.sequence + 1, "a page has no gap")
            require(later.balance_after == earlier.balance_after + _signed(later), "a page chains")

    def reconcile(self) -> int:
        """Settle expired leases; return how many were settled, as far as is known."""
        self._scheduler.note("reconcile")
        try:
            count = recovery.reconcile(self._deps).refunded
        except Unavailable:
            return 0
        self._scheduler.note(f"reconciled {count}")
        return count

    def generate(self, request: ImageRequest) -> Image:
        """Draw, or fail, or time out, or freeze until after the lease."""
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
        """Read a random account."""
        try:
            self.read(self._random.choice(self._shared.user_ids), self._random.choice([1, 3, 50]))
        except Unavailable:
            self._scheduler.note("cannot be read")

    def _create(self) -> None:
        random = self._random
        user_id = "nobody" if random.random() < 0.03 else random.choice(self._shared.user_ids)
        key = random.choice([None, "key-1", "key-1", "key-2"])
        prompt = "an owl" if random.random() < 0.1 else "a fox"
        self.create(user_id, key, prompt, respond_async=random.random() < 0.4)

    def _look(self) -> None:
        self._see(lambda generation_id: lookup.get_generation(self._deps, UNRESTRICTED, generation_id))

    def _cancel(self) -> None:
        self._see(lambda generation_id: lookup.cancel_generation(self._deps, UNRESTRICTED, generation_id))

    def _see(self, call: Callable[[str], Generation]) -> None:
        """Record how a generation has ended, as an answer says."""
        if not self._shared.generation_ids:
            return
        # One of the newest, which may still be pending.
        generation_id = self._random.choice(self._shared.generation_ids[-5:])
        try:
            status: str = call(generation_id).status
        except GenerationEnded as error:
            status = error.metadata["status"]
        except AppError as error:
            status = error.reason
        self._scheduler.note(f"{generation_id} is {status}")
        if status in (GenerationStatus.COMPLETED, GenerationStatus.FAILED, GenerationStatus.CANCELLED):
            self._shared.told.ends.append((generation_id, status))

    def _grant(self) -> None:
        random = self._random
        user_id, key = random.choice([*self._shared.user_ids, "new"]), random.choice(["grant-1", "grant-2"])
        amount_credits = 6 if random.random() < 0.25 else 5
        self._scheduler.note(f"grant {user_id} {amount_credits} with key {key}")
        try:
            entry = credits_service.grant(self._deps, user_id, amount_credits, "bought", key).entry
        except AppError as error:
            self._scheduler.note(f"not granted: {error.reason}")
            return
        self._scheduler.note(f"granted: {entry}")
        self._shared.told.grants.append(
            Granted(user_id, key, amount_credits, entry.entry_id, entry.credits, entry.balance_after)
        )

    def _redeliver(self) -> None:
        if not self._shared.settled:
            return
        reservation, outcome = self._random.choice(self._shared.settled)
        self._scheduler.note(f"settle {reservation.generation.generation_id} again: {outcome}")
        try:
            settlement.settle(self._deps, reservation, outcome)
        except Unavailable:
            self._scheduler.note("cannot be settled")

    def _step_clock_soon(self) -> None:
        self._scheduler.after(self._a_while(0.01, 1, 60), self._step_clock)

    def _step_clock(self) -> None:
        self._clock_seconds = self._random.uniform(-LARGEST_CLOCK_STEP_SECONDS, LARGEST_CLOCK_STEP_SECONDS)
        self._scheduler.note(f"the clock of {self.name} is {self._clock_seconds:+.0f} s off")

    def _perhaps_die_soon(self) -> None:
        if self._random.random() < 0.12:
            crash = functools.partial(self._scheduler.crash, self._scheduler.current())
            self._scheduler.after(self._a_while(0.005, 0.05, 1, 60), crash)

    def _sleep_as_model(self, seconds: float) -> None:
        self._model_seconds += seconds
        self._scheduler.sleep(seconds)

    def _new_id(self) -> str:
        self._attempt_id = self._next_id()
        self._attempts += 1
        return self._attempt_id

    def _next_id(self) -> str:
        return f"{self.name}-{self._attempts}"

    def _a_while(self, *scales_seconds: float) -> float:
        return self._random.expovariate(1) * self._random.choice(scales_seconds)


def _signed(entry: LedgerEntry) -> int:
    return -entry.credits if entry.type is EntryType.DEDUCTION else entry.credits
