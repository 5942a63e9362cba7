"""Owns `make bench-verify`: memory and time of verifying the books, for few accounts and for many."""

from __future__ import annotations

import argparse
import gc
import os
import time
import tracemalloc
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import partial

from google.cloud import firestore

from imagegen.books import service as books_service
from imagegen.credits import ledger
from imagegen.credits import store as credits_store
from imagegen.credits.records import Account
from imagegen.deps import Deps
from imagegen.firebase.database import Database
from imagegen.firebase.transactions import Transaction
from imagegen.generations import store as generations_store
from imagegen.generations.records import Generation, GenerationStatus
from tests.bench.__main__ import server_process
from tests.world import make_deps

_FEW, _MANY = 1_000, 5_000
_NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
_MEMORY_RATIO = 1.5


def main() -> None:
    """Print the figures for few and for many accounts, and whether memory is constant."""
    parser = argparse.ArgumentParser(prog="make bench-verify", description=__doc__)
    parser.add_argument("--accounts", type=int, default=_MANY, help="accounts of the larger run (default: %(default)s)")
    options = parser.parse_args()
    peaks = {}
    # In its own process, so that its memory is not counted.
    with server_process("embedded_firebase.cli.firestore") as port:
        os.environ["FIRESTORE_EMULATOR_HOST"] = f"127.0.0.1:{port}"
        for count in (_FEW, options.accounts):
            db = firestore.Client(project=f"demo-verify-{count}")
            fill(db, count)
            deps = make_deps(db, now=lambda: datetime.now(UTC))
            started = time.perf_counter()
            checked = sum(page.figures.accounts for page in books_service.walk(deps))
            seconds = time.perf_counter() - started
            breaches, peaks[count] = memory(deps)
            print(
                f"{checked:,} accounts, {breaches} breaches: {checked / seconds:,.0f} accounts a second, "
                f"{peaks[count] / 2**20:.2f} MiB in use at most"
            )
    print(f"ratio of the memory (at most {_MEMORY_RATIO}): {peaks[options.accounts] / peaks[_FEW]:.2f}")


def memory(deps: Deps) -> tuple[int, int]:
    """Return the number of breaches, and the maximum of bytes in use after a page."""
    breaches = most = 0
    tracemalloc.start()
    for page in books_service.walk(deps):
        breaches += len(page.breaches)
        # Garbage stays until it is collected, and would distort the figure.
        gc.collect()
        most = max(most, tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    return breaches, most


def fill(db: firestore.Client, count: int) -> None:
    """Write accounts with one completed generation each."""
    database = Database(db, 30)
    for start in range(0, count, 100):
        chunk = range(start, min(start + 100, count))
        database.transact(partial(write, numbers=chunk))


def write(transaction: Transaction, numbers: Iterable[int]) -> None:
    """Write the accounts with these numbers."""
    for number in numbers:
        user_id = f"account-{number:06}"
        pending = Generation(
            generation_id=f"generation-{number:06}",
            user_id=user_id,
            model="model-a",
            style="anime",
            color="neon",
            size="512x512",
            prompt="a fox",
            status=GenerationStatus.COMPLETED,
            credits_charged=1,
            image_url="https://images.example.com/drawn.png",
            created_at=_NOW,
            started_at=_NOW,
            completed_at=_NOW,
            lease_expires_at=_NOW + timedelta(minutes=3),
            attempt_id="bench",
        )
        account = Account(user_id=user_id, credits=10, opening_credits=10, ledger_count=0)
        charged, entry = ledger.charge(account, pending.generation_id, pending.credits_charged, pending.created_at)
        generations_store.create_generation(transaction, pending)
        credits_store.create_account(transaction, charged, entry, _NOW)


if __name__ == "__main__":
    main()
