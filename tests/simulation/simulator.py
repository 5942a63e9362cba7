"""Owns a seed: builds a deterministic world, runs it to its end and has the books checked.

The services, Google's client and the engine of the embedded Firestore are the real ones; the network, threads, time and
random numbers are the seed's. Must not know what the processes do, nor the invariants.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import closing
from multiprocessing import current_process
from random import Random
from typing import Any

import pytest
from google.api_core.retry import retry_base
from google.api_core.timeout import TimeToDeadlineTimeout

from embedded_firebase.firestore.messages import Document, Value
from embedded_firebase.pytest_plugin import keep_to_one_core
from imagegen.config import Settings
from imagegen.generations import creation, lookup, picture, worker
from tests.simulation.auditor import Auditor, Promises, require
from tests.simulation.network import DATABASE, Client, Network
from tests.simulation.scheduler import Scheduler
from tests.simulation.workload import LARGEST_CLOCK_STEP_SECONDS, START, Process, Shared
from tests.world import CATALOG

# Replaces functions of the services by ones with a bug.
Sabotage = Callable[[pytest.MonkeyPatch], None]
_LAST_EVENTS = 60
# After this time every charged generation must have ended.
_LONGEST_SECONDS = Settings().queue_time_limit_seconds + LARGEST_CLOCK_STEP_SECONDS
_DAY_SECONDS = 86_400
# The outbox repeats a webhook after two hours.
_RUNS_A_DAY = 4
# What the processes of a rush do: each does one of these acts, word for word.
_RUSHES = [
    ["create", "create create"],
    ["create create create", "read read read read read read"],
    ["create create create", "read read read read read read"],
    ["queue queue"],
    ["queue queue"],
    ["queue cancel"],
    ["queue cancel", "queue queue"],
    ["bomb"],
    ["bomb"],
    ["fuse"],
    ["fuse"],
    ["slow"],
    ["slow"],
    ["slow", "bomb"],
    ["grant"],
    ["grant create create revoke", "create revoke"],
    ["grant create create revoke", "create revoke"],
    ["reconcile", "create"],
]
# From calls right after each other to some minutes apart.
_PACES = [(0.01,), (0.01, 1), (0.01, 1, 100), (0.01, 100)]


class SeedFailed(AssertionError):
    """A seed has broken an invariant; `trace` is all that happened until then."""

    def __init__(self, seed: int, trace: list[str], error: BaseException) -> None:
        self.seed = seed
        self.broken = f"{type(error).__name__}: {error}"
        events = "\n".join(trace[-_LAST_EVENTS:])
        super().__init__(f"{events}\n{self.broken}\nReplay it: make simulate SEED={seed}")
        self.trace = trace


def simulate(seed: int, sabotage: Sabotage | None = None) -> list[str]:
    """Run a seed and return its trace.

    Raises:
        SeedFailed: a promise was broken, or a service raised what it must not.
    """
    scheduler = Scheduler()
    with pytest.MonkeyPatch.context() as patch:
        if sabotage is not None:
            sabotage(patch)
        try:
            _run(scheduler, Random(seed), patch)
        except Exception as error:
            raise SeedFailed(seed, scheduler.trace, error) from error
        finally:
            scheduler.stop()
    return scheduler.trace


def start_worker() -> None:
    """Prepare one of several processes that run seeds."""
    # multiprocessing numbers the names of its processes.
    keep_to_one_core(int(current_process().name.rpartition("-")[2]))


def try_seed(sabotage: Sabotage | None, seed: int) -> tuple[int, str]:
    """Run a seed in any process; return it with the text of its failure, `""` if it passed."""
    try:
        simulate(seed, sabotage)
    except SeedFailed as failure:
        return seed, str(failure)
    return seed, ""


def first_failure(seeds: range, sabotage: Sabotage) -> SeedFailed | None:
    """Run seeds until one fails; return its failure, or None."""
    for seed in seeds:
        try:
            simulate(seed, sabotage)
        except SeedFailed as failure:
            return failure
    return None


def _run(scheduler: Scheduler, random: Random, patch: pytest.MonkeyPatch) -> None:
    settings = Settings()
    promises = Promises(settings.model_attempts, settings.lease_seconds, settings.queue_time_limit_seconds)
    auditor = Auditor(promises)
    network = Network(scheduler, random, auditor.watch)
    with closing(network), closing(Client(network)) as client:
        network.listen(auditor.listen)
        user_ids = [f"user-{number}" for number in range(random.randint(1, 3))]
        network.engine.load([_account(user_id, random.choice([0, 2, 5, 30, 60])) for user_id in user_ids])
        clocks_agree = random.random() < 0.5
        shared = Shared(scheduler, random, client, auditor, user_ids, random.choice(_PACES), clocks_agree)
        _leave_nothing_to_chance(patch, scheduler, random, shared)
        for number in range(random.randint(3, 8)):
            process = Process(f"process-{number}", shared)
            scheduler.spawn(process.name, 0, process.live)
        for number in range(random.choice([3, 5, 8])):
            _rush(number, shared)
        for number in range(8):
            scheduled = Process(f"scheduled-{number}", shared)
            scheduler.spawn(scheduled.name, (number + random.random()) * 200, scheduled.reconcile)
        for _ in range(random.choice([0, 0, 1, 3])):
            away_seconds = random.random() * random.choice([0.3, 5, 20])
            scheduler.after(random.random() * 200, functools.partial(network.go_away, away_seconds))
        scheduler.run()
        network.fault_rate = shared.queue.fault_rate = 0.0
        network.slowest_seconds = 0.02
        scheduler.note("all is quiet")
        last = Process("last", shared)
        scheduler.spawn(last.name, _LONGEST_SECONDS, lambda: _close_books(last, shared))
        scheduler.run()
        _close_outbox(last, shared)
        auditor.check_end(network.engine, DATABASE, shared.told)
        auditor.check_pictures(shared.shelf.pictures)


def _rush(number: int, shared: Shared) -> None:
    """Let a few processes do the same for the same account at almost the same moment."""
    random, scheduler = shared.random, shared.scheduler
    kinds = random.choice(_RUSHES)
    user_id, key = random.choice(shared.user_ids), f"rush-{number}"
    begin_seconds = random.random() * random.choice([1, 60, 300])
    for each in range(random.randint(2, 4)):
        process = Process(f"rush-{number}-{each}", shared)
        seconds = begin_seconds + random.random() * 0.01
        scheduler.spawn(process.name, seconds, functools.partial(process.rush, random.choice(kinds), user_id, key))


def _close_outbox(last: Process, shared: Shared) -> None:
    """Let the schedule repeat what the queue has lost, until pictures are deleted and webhooks are given up."""
    for _ in range(_RUNS_A_DAY):
        shared.scheduler.spawn(last.name, _DAY_SECONDS / _RUNS_A_DAY + 1, last.reconcile)
        shared.scheduler.run()


def _close_books(last: Process, shared: Shared) -> None:
    while last.reconcile():
        pass
    for user_id in shared.user_ids:
        answer = last.create(user_id, "key-1", "a fox")
        require(answer.reason not in ("UNAVAILABLE", "REQUEST_IN_PROGRESS"), "without faults every call is answered")
    for user_id in shared.user_ids:
        last.read(user_id, 50)


def _leave_nothing_to_chance(patch: pytest.MonkeyPatch, scheduler: Scheduler, random: Random, shared: Shared) -> None:
    time = _Time(scheduler)
    patch.setattr("imagegen.firebase.retries.time", time)
    patch.setattr("imagegen.kit.log.logger", _Log(scheduler))
    # The jitter of the back-off.
    patch.setattr(retry_base, "random", random)
    # Google's client subtracts its own elapsed time from a timeout.
    patch.setattr(TimeToDeadlineTimeout.__init__, "__defaults__", (None, lambda: START))
    patch.setattr("imagegen.catalog.store.read_documents", lambda *_: CATALOG)
    # The original uses its own thread, which the scheduler does not know; the simulated model keeps the limit itself.
    patch.setattr(picture, "call_within", lambda _limit_seconds, call: call())
    for service in (creation, worker, lookup):
        patch.setattr(service, "settle", _recorded(service.settle, shared))


def _recorded(settle: Callable[..., Any], shared: Shared) -> Callable[..., Any]:
    def recorded(deps: Any, reservation: Any, outcome: Any, **named: Any) -> Any:
        shared.settled.append((reservation, outcome))
        return settle(deps, reservation, outcome, **named)

    return recorded


class _Time:
    """The part of the module `time` that the services use."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.sleep = scheduler.sleep
        self._scheduler = scheduler

    def monotonic(self) -> float:
        return self._scheduler.now


class _Log:
    """The log, as a part of the trace."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def info(self, message: str, **_: object) -> None:
        self._scheduler.note(f"log: {message.splitlines()[0]}")

    warn = error = info


def _account(user_id: str, opening_credits: int) -> Document:
    numbers = {"credits": opening_credits, "openingCredits": opening_credits, "ledgerCount": 0}
    return Document(
        name=f"{DATABASE}/documents/users/{user_id}",
        fields={name: Value(integer_value=number) for name, number in numbers.items()},
    )
