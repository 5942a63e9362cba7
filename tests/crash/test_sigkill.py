"""A real process, killed by SIGKILL before and after Firestore applies a request, while it draws or enqueues.

The steps are those of `test_death.py`, where injected faults prove the same in more variants.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest

from embedded_firebase.firestore.errors import Code, EmulatorError
from embedded_firebase.firestore.server import FirestoreServer
from embedded_firebase.firestore.testing.faults import DatabaseFaults
from embedded_firebase.firestore.values.paths import database_name
from imagegen.generations import worker
from imagegen.kit import idempotency
from imagegen.reports.service import build_weekly_report
from tests.crash.test_death import (
    CALLS,
    GRANTED_CREDITS,
    OPENING_CREDITS,
    REPEATED,
    WEEK,
    check_repeated,
    creating,
    deliver_tasks,
    new_world,
    reconcile_and_check,
)
from tests.world import World

pytestmark = pytest.mark.embedded
ROOT = Path(__file__).parents[2]
RPCS = ("BeginTransaction", "BatchGetDocuments", "Commit", "Rollback", "RunQuery", "RunAggregationQuery")
# The generation's id, derived from the key.
KEYED_ID = idempotency.id_of("ada", "key-1")
DRAWS, QUEUES = ("drawing", "drawn"), ("enqueuing", "enqueued")
WORDS = DRAWS + QUEUES
# Each costs the start of an interpreter: more at once gain nothing on few processors.
AT_ONCE = 4


class Moment(NamedTuple):
    """A step of the victim, from 1 on, and whether the victim dies after the step was applied, or before."""

    number: int
    after: bool


class Victim:
    """A process that makes one call in a world; it is killed at a moment if one is given."""

    def __init__(self, server: FirestoreServer, world: World, death: Moment | None = None) -> None:
        self.steps: list[str] = []
        self._world = world
        self._death = death
        self._lock = threading.Lock()
        self._faults = DatabaseFaults(server.faults, database_name(world.db.project))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.victim"],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": f"{ROOT / 'functions'}{os.pathsep}{ROOT}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, order: dict[str, object]) -> str:
        """Let it make the call to its end; return its last word."""
        place = {"project": self._world.db.project, "now": self._world.clock().isoformat()}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        word = ""
        with self._process:
            for line in self._process.stdout:
                if line.startswith("{"):
                    continue  # It is a line of the log.
                word = line.strip()
                if word == "begins":
                    self._watch()
                if word == "enqueued":
                    self._world.queue.enqueue(worker.PROCESS_GENERATION, {"generationRequestId": KEYED_ID})
                if word in WORDS and self._is_deadly(word):
                    self._kill()
                    break
                self._process.stdin.write(json.dumps(order | place) + "\n")
                self._process.stdin.flush()
        self._faults.clear()
        assert self._process.returncode == (0 if self._death is None else -signal.SIGKILL)
        return word

    def _watch(self) -> None:
        for rpc in RPCS:
            self._faults.before(functools.partial(self._before, rpc), None, rpc)
            self._faults.after(self._after, None, rpc)

    def _before(self, rpc: str) -> None:
        if self._is_deadly(rpc):
            self._kill()
            raise EmulatorError(Code.UNAVAILABLE, "The client has been killed.")

    def _after(self) -> None:
        # Calls are sequential, so the last one begun is the one that has ended.
        if self._death == (len(self.steps), True):
            self._kill()

    def _is_deadly(self, step: str) -> bool:
        with self._lock:
            self.steps.append(step)
            # The client may have read the answer of one step, and begin the next, before `_after` runs.
            return self._death in ((len(self.steps), False), (len(self.steps) - 1, True))

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()


@dataclass(frozen=True)
class Case:
    """What a victim does in a case of `test_death.py`, and the words that it prints meanwhile."""

    call: str
    words: tuple[str, ...] = ()
    model: str = "Model A"
    key: str | None = None

    def order(self, world: World) -> dict[str, object]:
        """What the victim needs to know."""
        (generation_id,) = [generation["id"] for generation in world.generations()][:1] or [None]
        return {
            "call": self.call,
            "key": self.key,
            "body": world.body("ada", model=self.model),
            "generationId": generation_id,
            "credits": GRANTED_CREDITS,
        }


CASES = {
    "success": Case("create", DRAWS),
    "failed model": Case("create", DRAWS, "Model B"),
    "success with a key": Case("create", DRAWS, key="key-1"),
    "failed model with a key": Case("create", DRAWS, "Model B", "key-1"),
    "retry of what is overdue": Case("create", key="key-1"),
    "reconcile": Case("reconcile"),
    "queued": Case("queue", QUEUES, key="key-1"),
    "task": Case("process", DRAWS),
    "task of a failing model": Case("process", DRAWS),
    "cancel": Case("cancel"),
    "grant": Case("grant", key="grant-1"),
    "revocation": Case("revoke", key="grant-1"),
}


def run(server: FirestoreServer, name: str, death: Moment | None = None) -> list[str]:
    """Make a call in its own process, killed or not, and check the consequences; return its steps."""
    with new_world() as world:
        call = CALLS[name](world)
        victim = Victim(server, world, death)
        victim.run(CASES[name].order(world))
        deliver_tasks(world)
        reconcile_and_check(world, [])
        if name in REPEATED:
            check_repeated(world, call, [])
        if name == "reconcile":
            assert world.credits("ada") == OPENING_CREDITS
        return victim.steps


def moments(steps: list[str]) -> list[Moment]:
    """Before and after each RPC; each word of the victim is one moment."""
    return [
        Moment(number, after)
        for (number, step), after in itertools.product(enumerate(steps, start=1), (False, True))
        if not (after and step in WORDS)
    ]


def check_each(deaths: list[Moment], subtests: pytest.Subtests, check: Callable[[Moment], object]) -> None:
    """Run a check for each death, some at once."""
    assert deaths
    with ThreadPoolExecutor(AT_ONCE) as pool:
        checks = [pool.submit(check, death) for death in deaths]
    # Results are read when all checks are over, because a subtest redirects the streams that threads log to.
    for death, checked in zip(deaths, checks, strict=True):
        with subtests.test(f"dies {'after' if death.after else 'before'} step {death.number}"):
            checked.result()


class TestSigkill:
    def test_while_it_holds_a_charge(self, server: FirestoreServer) -> None:
        """Killed after the commit that charges, a process leaves a generation that a reconcile refunds."""
        name = "failed model with a key"
        assert run(server, name, Moment(3, after=True))[2] == "Commit"

    @pytest.mark.long
    @pytest.mark.parametrize("name", CASES)
    def test_at_every_step(self, server: FirestoreServer, subtests: pytest.Subtests, name: str) -> None:
        """Wherever a process is killed, a reconcile balances the books, and a key is answered and charged once."""
        steps = run(server, name)
        assert {"BatchGetDocuments", "Commit"} < set(steps)
        assert tuple(step for step in steps if step in WORDS) == CASES[name].words
        check_each(moments(steps), subtests, functools.partial(run, server, name))

    @pytest.mark.long
    def test_weekly_report(self, server: FirestoreServer, subtests: pytest.Subtests) -> None:
        """A killed run leaves a whole report or none, and the next run writes it; sampled, because it only reads."""

        def run_report(death: Moment | None = None) -> list[str]:
            with new_world() as world:
                creating(None, "Model A")(world)(world.deps)
                world.clock.now = WEEK.end_at
                victim = Victim(server, world, death)
                victim.run({"call": "report"})
                left = world.fields("weeklyReports/2026-W47")
                build_weekly_report(world.deps, WEEK)
                assert left in ({}, world.fields("weeklyReports/2026-W47"))
                assert bool(left) == (death in (None, Moment(len(victim.steps), after=True)))
                return victim.steps

        steps = run_report()
        assert steps[-1] == "Commit"
        sample = [Moment(number, after=False) for number in (1, 2, len(steps) // 2, len(steps))]
        check_each([*sample, Moment(len(steps), after=True)], subtests, run_report)
