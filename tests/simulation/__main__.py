"""Owns `make simulate`: runs many seeds on all processors, or one seed with its whole trace.

Must not know what a seed does.
"""

from __future__ import annotations

import argparse
import functools
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.simulation.sabotage import BUGS
from tests.simulation.simulator import Sabotage, SeedFailed, simulate, start_worker, try_seed

_SECONDS_BETWEEN_LINES = 0.5


def main() -> int:
    """Run the seeds and return 1 if one of them has failed."""
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="number of seeds (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="run only this seed and print its trace")
    parser.add_argument("--workers", type=int, help="parallel processes (default: one for each processor)")
    parser.add_argument("--bug", choices=BUGS, help="plant this bug")
    options = parser.parse_args()
    bug = options.bug and BUGS[options.bug]
    if options.seed is not None:
        return _replay(options.seed, bug)
    seeds = range(options.first, options.first + options.seeds)
    since = time.monotonic()
    # Not forked: a forked copy of a process with gRPC threads can hang.
    with ProcessPoolExecutor(options.workers, get_context("spawn"), start_worker) as pool:
        failures = _failures(pool.map(functools.partial(try_seed, bug), seeds, chunksize=10), len(seeds))
    for seed, message in failures[:3]:
        print(f"\nSeed {seed} failed:\n{message}")
    print(f"{len(seeds)} seeds, {len(failures)} failed, {time.monotonic() - since:.0f} s")
    return 1 if failures else 0


def _replay(seed: int, bug: Sabotage | None) -> int:
    try:
        print("\n".join(simulate(seed, bug)))
    except SeedFailed as failure:
        print("\n".join(failure.trace))
        print(failure.broken)
        return 1
    return 0


def _failures(results: Iterable[tuple[int, str]], count: int) -> list[tuple[int, str]]:
    failures = []
    shown_at = 0.0
    for done, (seed, message) in enumerate(results, start=1):
        if message:
            failures.append((seed, message))
        if sys.stderr.isatty() and (done == count or time.monotonic() - shown_at >= _SECONDS_BETWEEN_LINES):
            shown_at = time.monotonic()
            end = "\n" if done == count else ""
            print(f"\r{done} of {count} seeds, {len(failures)} failed", end=end, file=sys.stderr, flush=True)
    return failures


if __name__ == "__main__":
    sys.exit(main())
