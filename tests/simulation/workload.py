"""Owns what the simulated processes do: their calls, their models' answers, and the answers they record.

Uses the public functions of the services; must not know what they write.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

from imagegen.config import Settings
from imagegen.credits import service as credits_service
from imagegen.credits.records import LedgerEntry
from imagegen.deps import Deps
from imagegen.firebase.identity import UNRESTRICTED, Caller
from imagegen.generations import creation, lookup, outbox, recovery, settlement
from imagegen.generations import tasks as generations_tasks
from imagegen.generations.errors import GenerationEnded
from imagegen.generations.records import Generation, GenerationStatus
from imagegen.generations.schemas import CreateGenerationRequest
from imagegen.generations.worker import PROCESS_GENERATION
from imagegen.images.records import Image, Picture
from imagegen.kit import idempotency
from imagegen.kit.errors import AppError, TryAgain, Unavailable
from imagegen.providers.model import ImageRequest, ModelError
from imagegen.webhooks.sender import WebhookFailed, WebhookRefused
from imagegen.webhooks.tasks import deliver_webhook
from tests.simulation.auditor import Answer, Auditor, Granted, Received, Revoked, Told, require
from tests.simulation.network import START_MICROS, Client
from tests.simulation.queue import Queue, Task
from tests.simulation.scheduler import Scheduler
from tests.world import A_PICTURE, Shelf, make_deps

START = datetime.fromtimestamp(START_MICROS / 1e6, UTC)
LARGEST_CLOCK_STEP_SECONDS = 300.0
# A process that draws this nearly always dies.
A_BOMB = "a bomb"
# A process that draws this stores its picture, and dies before it settles.
A_FUSE = "a fuse"
# This nearly always takes longer than a delivery, and often longer than a lease.
A_LANDSCAPE = "a landscape"
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
    auditor: Auditor
    user_ids: Sequence[str]
    # Mean pauses of a process between two calls; each pause is an exponential variate of one of them.
    pauses_seconds: Sequence[float]
    # Whether the clock of each process shows the same time.
    clocks_agree: bool
    told: Told = field(default_factory=Told)
    shelf: Shelf = field(default_factory=Shelf)
    # Every settle so far, to be repeated later.
    settled: list[tuple[settlement.Reservation, settlement.Outcome]] = field(default_factory=list)
    # The ids of all requested generations, stored or not.
    generation_ids: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.queue = Queue(
            self.scheduler,
            self.random,
            lambda name, task: Process(name, self).deliver(task),
            clocks_agree=self.clocks_agree,
        )


class Process:
    """A function instance with its own clock, which is also its image model and the receiver of its webhooks."""

    def __init__(self, name: str, shared: Shared) -> None:
        self.name = name
        self._shared = shared
        self._scheduler, self._random = shared.scheduler, shared.random
        self._clock_seconds = 0.0
        self._attempts = 0
        self._attempt_id = ""
        self._model_seconds = 0.0
        self._dies_when_stored = False
        self._deps = make_deps(
            shared.client,
            # One thread, since the scheduler runs one at a time.
            settings=Settings(reconcile_threads=1),
            now=lambda: START + timedelta(seconds=self._scheduler.now + self._clock_seconds),
            new_id=self._new_id,
            image_models={"model-a": self, "model-b": self},
            tasks=shared.queue,
            images=self,
            webhooks=self,
        )

    def live(self) -> None:
        """Make a few random calls, one after another, and perhaps die in one of them."""
        random = self._random
        acts: list[Callable[[], object]] = [self._create] * 9 + [self.read_any, self._redeliver, self.reconcile] * 2
        acts += [self._look, self._step_clock_soon] + [self._cancel, self._grant_any, self._revoke_any] * 2
        for _ in range(random.randint(3, 7)):
            self._scheduler.sleep(self._a_while(*self._shared.pauses_seconds))
            self._perhaps_die_soon()
            random.choice(acts)()

    def rush(self, kind: str, user_id: str, key: str) -> None:
        """Do what others do at the same moment, for the same account and key."""
        for act in kind.split():
            self._perhaps_die_soon()
            match act:
                case "create":
                    self.create(user_id, None, "a fox")
                case "queue":
                    self.create(user_id, key, "a fox", respond_async=True)
                case "bomb":
                    self.create(user_id, key, A_BOMB, respond_async=True)
                case "fuse":
                    self.create(user_id, None, A_FUSE)
                case "slow":
                    self.create(user_id, key, A_LANDSCAPE, respond_async=True)
                case "read":
                    self.try_to_read(user_id)
                case "cancel":
                    generation_id = idempotency.id_of(user_id, key)
                    self._see(generation_id, lookup.cancel_generation)
                case "grant":
                    self._grant(user_id, key)
                case "revoke":
                    self._revoke(user_id, key)
                case "reconcile":
                    self.reconcile()

    def deliver(self, task: Task) -> bool:
        """Run a task, and perhaps die meanwhile; return whether it is done."""
        if self._random.random() < 0.1:
            self._step_clock()
        self._perhaps_die_soon()
        self._scheduler.note(f"a task: {task}")
        work = generations_tasks.process_generation if task.function == PROCESS_GENERATION else deliver_webhook
        try:
            work(self._deps, task.generation_id, task.deliveries_before)
        except (TryAgain, Unavailable) as error:
            self._scheduler.note(f"the task is not done: {error}")
            return False
        return True

    def create(self, user_id: str, key: str | None, prompt: str, *, respond_async: bool = False) -> Answer:
        """Request a picture, synchronous or not, and record the answer."""
        body = CreateGenerationRequest.model_validate(
            {"userId": user_id, "model": "Model A", "style": "anime", "color": "neon", "prompt": prompt}
            | {"size": self._random.choice(["512x512", "1024x1024"]) if key is None else "1024x1024"}
            # With a key it is the same in each call.
            | ({"webhookUrl": "https://receiver.example.com"} if respond_async else {})
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
            outbox.enqueue_overdue_webhooks(self._deps)
        except (Unavailable, recovery.Unsettled):
            return 0
        self._scheduler.note(f"reconciled {count}")
        return count

    def generate(self, request: ImageRequest) -> Image | Picture:
        """Draw, or fail, or time out, or freeze until after the lease."""
        attempt_id = self._attempt_id
        self._shared.auditor.begin_drawing(attempt_id, request.generation_id)
        try:
            return self._draw(request)
        finally:
            self._shared.auditor.end_drawing(attempt_id)

    def _draw(self, request: ImageRequest) -> Image | Picture:
        random = self._random
        seconds = random.random() * random.choice([0.1, 1, 60, 90])
        self._sleep_as_model(min(seconds, _MODEL_LIMIT_SECONDS))
        self._scheduler.note(f"the model took {seconds:.3f} s")
        if seconds > _MODEL_LIMIT_SECONDS:
            raise TimeoutError
        if request.prompt == A_BOMB and random.random() < 0.9:
            self._die()
        if request.prompt == A_FUSE:
            self._dies_when_stored = True
            return A_PICTURE
        if random.random() < (0.9 if request.prompt == A_LANDSCAPE else 0.25):
            self._sleep_as_model(random.uniform(100, 500))
        if random.random() < (0.6 if request.prompt == A_LANDSCAPE else 0.3):
            raise random.choice([ModelError("no picture"), ValueError("broken")])
        if random.random() < 0.5:
            return A_PICTURE
        return Image(f"https://images.example.com/{request.generation_id}/{self._attempt_id}.png")

    def find(self, generation_id: str) -> Image | None:
        """Look for a stored picture."""
        return self._shared.shelf.find(generation_id)

    def save(self, generation_id: str, picture: Picture) -> Image:
        """Store a picture, and perhaps die right after it."""
        image = self._shared.shelf.save(generation_id, picture)
        if self._dies_when_stored:
            self._die()
        return image

    def delete(self, generation_id: str) -> None:
        """Delete a stored picture."""
        self._shared.shelf.delete(generation_id)

    def _die(self) -> None:
        self._scheduler.after(0, functools.partial(self._scheduler.crash, self._scheduler.current()))
        self._scheduler.sleep(1)

    def send(self, url: str, *message: object) -> int:
        """Receive a webhook, or lose it or its answer, or refuse it."""
        self._scheduler.sleep(self._a_while(0.01, 1))
        fate = self._random.choice(["received"] * 6 + ["unanswered", "lost", "lost", "refused"])
        (body,) = [json.loads(part) for part in message if isinstance(part, bytes)]
        self._scheduler.note(f"a webhook, to be {fate}")
        if fate == "refused":
            raise WebhookRefused("gone")
        if fate != "lost":
            data = body["data"]
            self._shared.told.webhooks.append(Received(data["generationRequestId"], data["status"]))
        if fate != "received":
            raise WebhookFailed(fate)
        return 200

    def read_any(self) -> None:
        """Read a random account."""
        self.try_to_read(self._random.choice(self._shared.user_ids))

    def try_to_read(self, user_id: str) -> None:
        """Read an account, if Firestore is available."""
        try:
            self.read(user_id, self._random.choice([1, 3, 50]))
        except Unavailable:
            self._scheduler.note("cannot be read")

    def _create(self) -> None:
        random = self._random
        user_id = "nobody" if random.random() < 0.03 else random.choice(self._shared.user_ids)
        key = random.choice([None, "key-1", "key-1", "key-2"])
        prompt = "an owl" if random.random() < 0.1 else "a fox"
        self.create(user_id, key, prompt, respond_async=random.random() < 0.4)

    def _look(self) -> None:
        self._see(self._newest(), lookup.get_generation)

    def _cancel(self) -> None:
        self._see(self._newest(), lookup.cancel_generation)

    def _newest(self) -> str:
        """Return the id of one of the newest generations, which may still be pending."""
        return self._random.choice(self._shared.generation_ids[-5:] or ["nothing"])

    def _see(self, generation_id: str, call: Callable[[Deps, Caller, str], Generation]) -> None:
        """Record how a generation has ended, as an answer says."""
        try:
            status: str = call(self._deps, UNRESTRICTED, generation_id).status
        except GenerationEnded as error:
            status = error.metadata["status"]
        except AppError as error:
            status = error.reason
        self._scheduler.note(f"{generation_id} is {status}")
        if status in (GenerationStatus.COMPLETED, GenerationStatus.FAILED, GenerationStatus.CANCELLED):
            self._shared.told.ends.append((generation_id, status))

    def _grant_any(self) -> None:
        random = self._random
        self._grant(random.choice([*self._shared.user_ids, "new"]), random.choice(["grant-1", "grant-2"]))

    def _grant(self, user_id: str, key: str) -> None:
        random = self._random
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

    def _revoke_any(self) -> None:
        random = self._random
        self._revoke(random.choice([*self._shared.user_ids, "new"]), random.choice(["grant-1", "grant-2"]))

    def _revoke(self, user_id: str, key: str) -> None:
        self._scheduler.note(f"revoke the grant of {user_id} with key {key}")
        try:
            entry = credits_service.revoke_grant(self._deps, user_id, idempotency.id_of(user_id, key)).entry
        except AppError as error:
            self._scheduler.note(f"not revoked: {error.reason}")
            return
        self._scheduler.note(f"revoked: {entry}")
        self._shared.told.revocations.append(Revoked(user_id, entry.entry_id, entry.credits, entry.balance_after))

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
        if self._shared.clocks_agree:
            return
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
    return entry.type.sign * entry.credits
