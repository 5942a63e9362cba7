"""The books under all simulated faults, and whether the simulation finds planted bugs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.auditor import Breach
from tests.simulation.sabotage import BUGS
from tests.simulation.simulator import first_failure, simulate

ROOT = Path(__file__).parents[2]
SEEDS = 200
# Those that the ordinary run has.
FEW_SEEDS = 20
# Within as many each planted bug is found.
SEEDS_FOR_A_BUG = 40


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command of `make simulate` in its own process."""
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'functions'}", "PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


class TestSeeds:
    @pytest.mark.long
    @pytest.mark.parametrize("first", range(FEW_SEEDS, SEEDS, FEW_SEEDS))
    def test_the_books_balance(self, first: int) -> None:
        """No fault of clients, clocks, network and Firestore in any seed breaks an invariant."""
        for seed in range(first, first + FEW_SEEDS):
            trace = simulate(seed)
            assert trace

    def test_all_faults_occur(self) -> None:
        """Every kind of fault and answer occurs within the first few seeds, and none of these breaks an invariant."""
        events = "\n".join(line for seed in range(FEW_SEEDS) for line in simulate(seed))
        reasons = ["", "GENERATION_FAILED", "INSUFFICIENT_CREDITS", "USER_NOT_FOUND", "REQUEST_IN_PROGRESS"]
        reasons += ["IDEMPOTENCY_KEY_REUSED", "UNAVAILABLE", "ACCEPTED", "GENERATION_CANCELLED"]
        wanted = [f"reason={reason!r}" for reason in reasons]
        wanted += [f"Commit, to be {fate}" for fate in ("refused", "lost", "unanswered", "late", "twice")]
        wanted += [
            "Commit: ABORTED",
            "Commit: FAILED_PRECONDITION",
            "Commit: INVALID_ARGUMENT",
            "Commit: DEADLINE_EXCEEDED",
        ]
        wanted += ["dies", "is away", "picture discarded: the generation had already ended", "refunded after its lease"]
        wanted += ["compare-and-set of generation", " again: ", " s off", " is cancelled"]
        wanted += [
            "granted: ",
            "not granted: IDEMPOTENCY_KEY_REUSED",
            "revoked: ",
            "not revoked: GRANT_SPENT",
            "not revoked: GRANT_NOT_FOUND",
            "to be taken twice",
            "did not confirm a generation",
        ]
        wanted += ["the task is not done: attempt", "the task is not done: another attempt holds the lease"]
        wanted += ["generation queued again after its lease"]
        wanted += [f"a webhook, to be {fate}" for fate in ("received", "unanswered", "lost", "refused")]
        wanted += ["webhook given up", "is GENERATION_STARTED"]
        assert [event for event in wanted if event not in events] == []


class TestReplay:
    @pytest.mark.long
    def test_a_seed_is_deterministic(self) -> None:
        """A seed has the same trace, to the last event, in another process with another hash seed."""
        seed = 11
        again = run("--seed", str(seed))
        trace = simulate(seed)
        assert simulate(seed) == trace
        assert again.stdout.splitlines() == trace

    def test_seeds_differ(self) -> None:
        """Another seed has another trace."""
        assert simulate(1) != simulate(2)


# Of the books, of an attempt, and of a task.
REPRESENTATIVES = {"charge_outside_of_the_transaction", "longer_queue_after_each_attempt", "task_at_each_replay"}


class TestPlantedBugs:
    @pytest.mark.parametrize(
        "name", [pytest.param(name, marks=() if name in REPRESENTATIVES else pytest.mark.long) for name in BUGS]
    )
    def test_is_found(self, name: str) -> None:
        """A planted bug is found within a few seeds, and its seed fails again in the same way."""
        found = first_failure(range(SEEDS_FOR_A_BUG), BUGS[name])
        assert found is not None
        assert f"make simulate SEED={found.seed}" in str(found)
        again = first_failure(range(found.seed, found.seed + 1), BUGS[name])
        assert again is not None
        assert (again.trace, again.broken) == (found.trace, found.broken)
        assert isinstance(found.__cause__, Breach)


class TestCommand:
    @pytest.mark.long
    def test_success(self) -> None:
        """It prints the number of seeds, and no progress into a pipe."""
        ended = run("--first", "300", "--seeds", "6", "--workers", "1")
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout.startswith("6 seeds, 0 failed")

    def test_failure(self) -> None:
        """It exits with 1, and prints the last events and the command that replays them."""
        ended = run("--seeds", "1", "--workers", "1", "--bug", "entry_without_create")
        assert ended.returncode == 1
        assert "Commit, to be" in ended.stdout
        assert "Breach: a ledger entry is only ever created" in ended.stdout
        assert "make simulate SEED=0" in ended.stdout
