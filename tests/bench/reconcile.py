"""Owns `make bench-reconcile`: how long a backlog of expired leases takes, with broken records in front of it."""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import os
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from imagegen.books import service as books_service
from imagegen.books.check import BreachKind
from imagegen.config import Settings
from imagegen.credits import ledger
from imagegen.credits import store as credits_store
from imagegen.credits.records import Account
from imagegen.deps import Deps
from imagegen.firebase.database import Database
from imagegen.firebase.transactions import Transaction
from imagegen.generations import store as generations_store
from imagegen.generations.records import Generation, GenerationStatus
from imagegen.generations.recovery import Unsettled, reconcile
from tests.bench.__main__ import server_process
from tests.world import make_deps

_NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
_ACCOUNTS = 500
_BROKEN_ACCOUNT = "broken"
_MAX_RUNS = 2


def main() -> int:
    """Fill a Firestore, reconcile until everything has ended; return 1 if that takes too long or credits are lost."""
    parser = argparse.ArgumentParser(prog="make bench-reconcile", description=__doc__)
    parser.add_argument("--overdue", type=int, default=20_000, help="expired leases (default: %(default)s)")
    parser.add_argument("--broken", type=int, default=300, help="broken records in front (default: %(default)s)")
    options = parser.parse_args()
    with server_process("embedded_firebase.cli.firestore") as port:
        os.environ["FIRESTORE_EMULATOR_HOST"] = f"127.0.0.1:{port}"
        db = firestore.Client(project="demo-reconcile")
        deps = make_deps(
            db, now=lambda: _NOW, settings=Settings(), new_id=map("attempt-{}".format, itertools.count()).__next__
        )
        fill(deps.db.within(60), options.overdue, options.broken)
        seconds: list[float] = []
        while (left := pending(db) - options.broken) > 0 and len(seconds) < _MAX_RUNS:
            started = time.monotonic()
            # A line for each refund and each broken record, which nobody reads here.
            with (
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.redirect_stderr(io.StringIO()),
                contextlib.suppress(Unsettled),
            ):
                reconcile(deps)
            seconds.append(time.monotonic() - started)
            print(f"run {len(seconds)}: {left - (pending(db) - options.broken):,} refunds in {seconds[-1]:.0f} s")
        breaches = wrong(deps)
    print(f"{options.overdue:,} expired leases behind {options.broken} broken records: {max(left, 0):,} are left after")
    print(f"{len(seconds)} runs (at most {_MAX_RUNS}) of at most {Settings().reconcile_time_limit_seconds:.0f} s")
    print(f"books: {len(breaches)} breaches", *breaches[:5], sep="\n")
    return 0 if left <= 0 and not breaches else 1


def pending(db: firestore.Client) -> int:
    """Count the pending generations."""
    query: Any = db.collection("generationRequests").where(filter=FieldFilter("status", "==", "pending"))
    return int(query.count("count").get()[0][0].value)


def wrong(deps: Deps) -> list[str]:
    """Return the breaches of all books, but for those of the broken records."""
    found = [breach for page in books_service.walk(deps) for breach in page.breaches]
    allowed = {
        BreachKind.NEVER_ENDED,
        BreachKind.BALANCE_NEGATIVE,
        BreachKind.BALANCE_WRONG,
        BreachKind.CORRUPT_DOCUMENT,
    }
    return [str(breach) for breach in found if not (breach.user_id == _BROKEN_ACCOUNT and breach.kind in allowed)]


def fill(db: Database, overdue: int, broken: int) -> None:
    """Write accounts with generations whose worker died; the broken ones are the longest overdue."""
    accounts = {_BROKEN_ACCOUNT: range(-broken, 0)} | {
        f"account-{number}": range(number, overdue, _ACCOUNTS) for number in range(_ACCOUNTS)
    }
    for user_id, numbers in accounts.items():
        for start in range(0, len(numbers), 100):
            chunk = numbers[start : start + 100]
            db.transact(partial(write, user_id=user_id, numbers=chunk))
    reference = db.client.document(f"users/{_BROKEN_ACCOUNT}")
    # A negative balance cannot be decoded, so that no refund succeeds; every second record cannot be decoded itself.
    reference.update({"credits": -1})
    for number in range(-broken, 0, 2):
        db.client.document(f"generationRequests/{number}").update({"failureReason": "UNKNOWN"})


def write(transaction: Transaction, user_id: str, numbers: Iterable[int]) -> None:
    """Charge an account for generations with these numbers."""
    account, _ = generations_store.read_in(transaction, user_id, None)
    exists = account is not None
    account = account or Account(user_id=user_id, credits=1_000_000, opening_credits=1_000_000, ledger_count=0)
    for number in numbers:
        charged_at = _NOW - timedelta(hours=1) + timedelta(milliseconds=number)
        generation = Generation(
            generation_id=str(number),
            user_id=user_id,
            model="model-a",
            style="anime",
            color="neon",
            size="512x512",
            prompt="a fox",
            status=GenerationStatus.PENDING,
            credits_charged=1,
            created_at=charged_at,
            started_at=charged_at,
            lease_expires_at=charged_at + timedelta(seconds=180),
            attempt_id=str(number),
        )
        account, entry = ledger.charge(account, generation.generation_id, 1, charged_at)
        generations_store.create_generation(transaction, generation)
        if exists:
            credits_store.write_account(transaction, account, entry, charged_at)
        else:
            credits_store.create_account(transaction, account, entry, charged_at)
            exists = True


if __name__ == "__main__":
    sys.exit(main())
