"""Owns `make bench-verify`: memory and time of verifying few and many accounts, and a short and a long ledger."""

from __future__ import annotations

import argparse
import gc
import os
import resource
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from google.cloud import firestore

from imagegen.books import service as books_service
from imagegen.books.check import Figures
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
_SHORT, _LONG = 10_000, 100_000
_NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
_MEMORY_RATIO = 1.5
_MOST_MEBIBYTES = 32


@dataclass(frozen=True)
class Walked:
    """What a walk over all accounts found, and how long it took."""

    figures: Figures
    faults: int
    pages: int
    seconds: float


def main() -> int:
    """Print the figures with their bars; return 1 if a bar is missed or the books do not balance."""
    parser = argparse.ArgumentParser(prog="make bench-verify", description=__doc__)
    parser.add_argument("--accounts", type=int, default=_MANY, help="accounts of the larger run (default: %(default)s)")
    parser.add_argument("--entries", type=int, default=_LONG, help="entries of the long account (default: %(default)s)")
    options = parser.parse_args()
    # In its own process, so that its memory is not counted.
    with server_process("embedded_firebase.cli.firestore") as port:
        os.environ["FIRESTORE_EMULATOR_HOST"] = f"127.0.0.1:{port}"
        are_met = [many_accounts(options.accounts), a_long_account(options.entries)]
    return 0 if all(are_met) else 1


def many_accounts(count: int) -> bool:
    """Verify few and many accounts; return whether they are sound, and the memory does not grow with them."""
    peaks, are_sound = [], []
    for number in (_FEW, count):
        deps = filled(f"demo-verify-{number}", number, fill)
        are_sound.append(is_sound(walk(deps), "accounts", number))
        peaks.append(memory(deps))
    ratio = peaks[1] / peaks[0]
    print(f"        {peaks[1] / 2**20:.2f} MiB in use at most, {ratio:.2f} times (at most {_MEMORY_RATIO})")
    return all(are_sound) and ratio <= _MEMORY_RATIO


def a_long_account(entries: int) -> bool:
    """Verify one account with many entries; return whether it is sound, and the process grew little."""
    walk(filled("demo-verify-short", _SHORT, fill_long))
    deps = filled("demo-verify-long", entries, fill_long)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    walked = walk(deps)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"        {grown:.0f} MiB more at the peak than after {_SHORT:,} (at most {_MOST_MEBIBYTES})")
    return is_sound(walked, "entries", entries) and grown <= _MOST_MEBIBYTES


def filled(project_id: str, count: int, fill: Callable[[firestore.Client, int], None]) -> Deps:
    """Fill a database; return the dependencies on it."""
    db = firestore.Client(project=project_id)
    fill(db, count)
    return make_deps(db, now=lambda: datetime.now(UTC))


def walk(deps: Deps) -> Walked:
    """Verify all accounts."""
    figures, faults, pages = Figures(), 0, 0
    started = time.perf_counter()
    for page in books_service.walk(deps):
        figures += page.figures
        faults += len(page.breaches) + len(page.unverified)
        pages += 1
    return Walked(figures, faults, pages, time.perf_counter() - started)


def is_sound(walked: Walked, what: str, wanted: int) -> bool:
    """Print what was verified; return whether it is all, and sound."""
    checked = getattr(walked.figures, what)
    print(
        f"{checked:>7,} {what} of {wanted:,}, {walked.faults} faults: {walked.seconds:.1f} s, "
        f"{checked / walked.seconds:,.0f} a second, {walked.pages} pages"
    )
    return (checked, walked.faults) == (wanted, 0)


def memory(deps: Deps) -> int:
    """Return the maximum of bytes in use after a page."""
    most = 0
    tracemalloc.start()
    for _ in books_service.walk(deps):
        # Garbage stays until it is collected, and would distort the figure.
        gc.collect()
        most = max(most, tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    return most


def fill_long(db: firestore.Client, entries: int) -> None:
    """Write one account with so many entries: half as many generations, each failed and refunded."""
    account = db.document("users/long")
    account.set({"credits": 10, "openingCredits": 10, "ledgerCount": entries})
    for start in range(0, entries // 2, 200):
        batch = db.batch()
        for number in range(start, min(start + 200, entries // 2)):
            generation_id = f"generation-{number:06}"
            for kind, place, balance in (("deduction", 1, 9), ("refund", 2, 10)):
                fields = {"type": kind, "credits": 1, "sequence": 2 * number + place, "balanceAfter": balance}
                batch.set(
                    account.collection("transactions").document(f"{generation_id}_{kind}"),
                    fields | {"generationRequestId": generation_id},
                )
            fields = {"userId": "long", "status": "failed", "creditsCharged": 1, "creditsRefunded": 1, "imageUrl": None}
            times = {"createdAt": _NOW, "completedAt": _NOW, "leaseExpiresAt": _NOW}
            batch.set(db.document(f"generationRequests/{generation_id}"), fields | times)
        batch.commit()


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
    sys.exit(main())
