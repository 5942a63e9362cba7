"""Owns `make mutants`: mutants of the money, the edge, the rules and the Firestore, and how many of them tests kill.

Of each file a sample is run, the same in each run. Must not know how mutants are made, nor how tests run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.mutants.mutants import Mutant, mutants_of
from tests.mutants.runner import Copy, import_libraries
from tests.mutants.targets import TARGETS

ROOT = Path(__file__).parents[2]
# Why each known survivor is accepted, by its id.
SURVIVORS = Path(__file__).parent / "survivors.toml"
_BAR = 0.92
_AT_ONCE = 2
_UNMUTATED_LIMIT_SECONDS = 300.0


def main() -> int:
    """Run a sample of the mutants; return 1 if too few are killed, or if tests fail without a mutant."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--of-each", type=int, default=8, help="mutants of each file (default: %(default)s)")
    parser.add_argument("--only", default="", help="only files whose path has this text")
    parser.add_argument("--mutant", help="print the diff of this mutant, and run only it")
    options = parser.parse_args()
    reasons = tomllib.loads(SURVIVORS.read_text())
    import_libraries()
    targets = {path: tests for path, tests in TARGETS.items() if options.only in path}
    stale = set(reasons)
    killed = total = unexplained = 0
    with tempfile.TemporaryDirectory() as folder:
        copies = [Copy.make(ROOT, Path(folder) / str(number), number) for number in range(_AT_ONCE)]
        for path, tests in targets.items():
            everything = mutants_of(ROOT, path)
            stale -= {mutant.mutant_id for mutant in everything}
            sample = [mutant for mutant in everything if options.mutant in (None, mutant.mutant_id)]
            sample = sample[: options.of_each]
            if not sample:
                continue
            limit_seconds = 15 + 4 * _seconds_of(copies[0], tests)
            since = time.monotonic()
            survivors = list(_survivors(copies, sample, tests, limit_seconds))
            killed, total = killed + len(sample) - len(survivors), total + len(sample)
            print(
                f"{len(sample) - len(survivors):4} of {len(sample):3} killed, of {len(everything):4} mutants, in "
                f"{time.monotonic() - since:4.0f} s  {path}",
                flush=True,
            )
            for mutant in survivors:
                print(f"      {mutant.mutant_id}: {reasons.get(mutant.mutant_id, 'NOT EXPLAINED')}")
                print("\n".join(f"      {line}" for line in mutant.diff), flush=True)
            unexplained += sum(mutant.mutant_id not in reasons for mutant in survivors)
    print(f"{killed} of {total} killed: {killed / total:.1%} (at least {_BAR:.0%}); {unexplained} not explained")
    if stale and targets == TARGETS:
        print(f"no mutants any more, but in {SURVIVORS.name}: {' '.join(sorted(stale))}")
    return 0 if killed >= _BAR * total else 1


def _seconds_of(copy: Copy, tests: list[str]) -> float:
    """Return how long tests take without a mutant; exit if they fail."""
    copy.begin(tests, _UNMUTATED_LIMIT_SECONDS)
    while (passed := copy.ended()) is None:
        time.sleep(0.05)
    if not passed:
        sys.exit(f"{copy.output()}\nThese tests fail without a mutant: {' '.join(tests)}")
    return time.monotonic() - copy.started


def _survivors(copies: list[Copy], mutants: list[Mutant], tests: list[str], limit_seconds: float) -> Iterator[Mutant]:
    waiting, running = mutants[::-1], dict[int, Mutant]()
    while waiting or running:
        for number, copy in enumerate(copies):
            if number in running:
                passed = copy.ended()
                if passed is None:
                    continue
                mutant = running.pop(number)
                copy.change(mutant.path, (ROOT / mutant.path).read_text())
                if passed:
                    yield mutant
            if waiting:
                running[number] = waiting.pop()
                copy.change(running[number].path, running[number].text)
                copy.begin(tests, limit_seconds)
        time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main())
