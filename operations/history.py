"""Owns `make history`: nine realistic weeks in the running Firestore, one with an anomaly, and the report of each.

Uses the ledger to charge its accounts. Must not know how an anomaly is detected.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from google.cloud import firestore

from imagegen import production
from imagegen.catalog import catalog
from imagegen.catalog import store as catalog_store
from imagegen.config import Settings
from imagegen.credits import ledger
from imagegen.credits import store as credits_store
from imagegen.credits.records import Account, LedgerEntry
from imagegen.deps import Deps
from imagegen.firebase.database import Database
from imagegen.firebase.transactions import Transaction
from imagegen.generations import store as generations_store
from imagegen.generations.records import FailureReason, Generation, GenerationStatus
from imagegen.kit.weeks import Week
from imagegen.reports.records import WeeklyReport
from imagegen.reports.service import build_weekly_report
from operations import connection

WEEKS = 9
_ACCOUNTS = 40
_ACCOUNTS_BEFORE = 26
_GRANT_CREDITS = 60
_FAILURE_RATE = 0.05
_PLANTED_FAILURE_RATE = 0.30
# A generation takes at most seven writes.
_GENERATIONS_PER_COMMIT = 60
_TIMEOUT_SECONDS = 30.0


class CannotFill(Exception):
    """The database cannot take a history; the message is for the user."""


@dataclass(frozen=True)
class Filled:
    """The reports of the weeks, oldest first, and the model with planted failures in the last week."""

    reports: tuple[WeeklyReport, ...]
    planted_model: str

    @property
    def found(self) -> str | None:
        """The message of the planted anomaly in the last report; None if it was not found."""
        planted = ("model", self.planted_model)
        messages = (found.message for found in self.reports[-1].anomalies if (found.dimension, found.value) == planted)
        return next(messages, None)


def main(arguments: list[str] | None = None) -> int:
    """Fill the running Firestore and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="make history",
        description="Fill the running Firestore with nine weeks of requests, one with an anomaly, and report on each.",
    )
    parser.add_argument("--seed", type=int, default=7, help="the seed of the random numbers (default: %(default)s)")
    parser.add_argument(
        "--requests", type=int, default=300, help="the approximate number per week (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    if options.requests < 1:
        parser.error("--requests must be 1 or more")
    try:
        client = connection.connect()
        progress = _show_progress if sys.stderr.isatty() else _no_progress
        filled = fill(client, connection.site_url(), datetime.now(UTC), options.seed, options.requests, progress)
    except (connection.NotRunning, CannotFill) as error:
        sys.stderr.write(f"make history: {error}\n")
        return 1
    for report in filled.reports:
        messages = "; ".join(anomaly.message for anomaly in report.anomalies) or "no anomalies"
        sys.stdout.write(f"{report.week.week_id}  {report.totals.requests:>6,} requests  {messages}\n")
    planted = f"The failures of {filled.planted_model} planted in {filled.reports[-1].week.week_id} were"
    sys.stdout.write(
        f"{planted} found. `make report` shows that week.\n" if filled.found else f"{planted} not found.\n"
    )
    return 0 if filled.found else 1


def fill(
    client: firestore.Client,
    site_url: str,
    now: datetime,
    seed: int,
    requests_a_week: int,
    progress: Callable[[int, int], None],
) -> Filled:
    """Write the nine complete weeks before `now`, oldest first, and build the report of each at its scheduled time.

    The pictures are the site's placeholders. `progress` is called with the number of finished weeks and their total.

    Raises:
        CannotFill: there is no catalog, or there is already a history.
    """
    deps = production.build(client, Settings())
    db = deps.db.within(_TIMEOUT_SECONDS)
    offered = catalog_store.read_documents(db, [*catalog.COLLECTIONS.values(), catalog.MODEL_SETTINGS])
    if not all(offered[collection] for collection in catalog.COLLECTIONS.values()):
        raise CannotFill("the catalog is empty; start `make dev`, which loads one.")
    if db.get(client.document(f"users/{_user_id(0)}")).exists:
        raise CannotFill("there is already a history; `make dev RESET=1` deletes it.")
    first = Week.of(now).back(WEEKS)
    history = _History(db, site_url, random.Random(seed), offered, first)  # noqa: S311 - not for cryptography.
    history.open_accounts()
    reports = []
    for number in range(WEEKS):
        progress(number, WEEKS)
        week = first.back(-number)
        history.write_week(week, requests_a_week, planted=number == WEEKS - 1)
        reports.append(_report(deps, week.end_at))
    progress(WEEKS, WEEKS)
    return Filled(tuple(reports), history.failing_model)


class _History:
    """Accounts and their requests, week by week; all random numbers come from one seeded source."""

    def __init__(
        self,
        db: Database,
        site_url: str,
        chance: random.Random,
        offered: catalog.Documents,
        first: Week,
    ) -> None:
        self._db = db
        self._chance = chance
        self._values = {field: sorted(offered[collection]) for field, collection in catalog.COLLECTIONS.items()}
        self._prices = {size: int(str(fields["credits"])) for size, fields in offered["sizes"].items()}
        providers = {
            model_id: {**fields, **offered[catalog.MODEL_SETTINGS].get(model_id, {})}.get("provider", model_id)
            for model_id, fields in offered["models"].items()
        }
        self._pictures = {
            model_id: f"{site_url}/placeholders/{provider}.png" for model_id, provider in providers.items()
        }
        self.failing_model = self._values["model"][-1]
        # Most accounts exist before the first week; one or two are opened in each week.
        self._opened_at = {
            _user_id(number): first.start_at + timedelta(hours=97 * (number - _ACCOUNTS_BEFORE) + 11)
            for number in range(_ACCOUNTS)
        }
        self._appetite = {user_id: chance.lognormvariate(0, 0.5) for user_id in self._opened_at}
        self._accounts: dict[str, Account] = {}
        self._number = 0

    def open_accounts(self) -> None:
        """Write all accounts, without credits."""
        batch = self._db.client.batch()
        for user_id, opened_at in self._opened_at.items():
            self._accounts[user_id] = Account(user_id=user_id, credits=0, opening_credits=0, ledger_count=0)
            fields = {"credits": 0, "openingCredits": 0, "ledgerCount": 0, "createdAt": opened_at}
            name = user_id.replace("-", " ").title()
            batch.set(
                self._db.client.document(f"users/{user_id}"), {"displayName": name, "updatedAt": opened_at, **fields}
            )
        batch.commit()

    def write_week(self, week: Week, requests: int, *, planted: bool) -> None:
        """Write the requests of a week, each in one commit with its ledger entries, so that books always balance."""
        count = max(1, round(self._chance.gauss(requests, 0.05 * requests)))
        generations = [self._generation(week, planted=planted) for _ in range(count)]
        generations.sort(key=lambda each: each.created_at)
        for start in range(0, count, _GENERATIONS_PER_COMMIT):
            self._write(generations[start : start + _GENERATIONS_PER_COMMIT])

    def _write(self, generations: Sequence[Generation]) -> None:
        postings = []
        for generation in generations:
            for account, entry, at in _postings(self._accounts[generation.user_id], generation):
                postings.append((account, replace(entry, recorded_at=at), at))
                self._accounts[generation.user_id] = account

        def body(transaction: Transaction) -> None:
            for account, entry, at in postings:
                credits_store.write_account(transaction, account, entry, at)
            for generation in generations:
                generations_store.create_generation(transaction, generation)

        self._db.transact(body)

    def _generation(self, week: Week, *, planted: bool) -> Generation:
        chance = self._chance
        created_at = week.start_at + timedelta(seconds=chance.randrange(7 * 24 * 3600))
        open_by_then = [user_id for user_id, opened_at in self._opened_at.items() if opened_at <= created_at]
        (user_id,) = chance.choices(open_by_then, [self._appetite[user_id] for user_id in open_by_then])
        picked = {field: self._pick(values) for field, values in self._values.items()}
        is_odd = planted and picked["model"] == self.failing_model
        failed = chance.random() < (_PLANTED_FAILURE_RATE if is_odd else _FAILURE_RATE)
        self._number += 1
        price_credits = self._prices[picked["size"]]
        generation_id = f"history{self._number:06}"
        return Generation(
            generation_id=generation_id,
            user_id=user_id,
            model=picked["model"],
            style=picked["style"],
            color=picked["color"],
            size=picked["size"],
            prompt="a fox in the snow",
            status=GenerationStatus.FAILED if failed else GenerationStatus.COMPLETED,
            credits_charged=price_credits,
            credits_refunded=price_credits if failed else 0,
            image_url=None if failed else self._pictures[picked["model"]],
            failure_reason=FailureReason.MODEL_ERROR if failed else None,
            created_at=created_at,
            started_at=created_at,
            completed_at=created_at + timedelta(milliseconds=round(chance.lognormvariate(8, 0.4))),
            lease_expires_at=created_at + timedelta(seconds=180),
            attempt_id=generation_id,
        )

    def _pick(self, values: Sequence[str]) -> str:
        # Earlier values are more popular.
        return self._chance.choices(values, [1 / (place + 2) for place in range(len(values))])[0]


def _postings(account: Account, generation: Generation) -> Iterator[tuple[Account, LedgerEntry, datetime]]:
    """Yield the changed account, the ledger entry and the time of each change by a generation."""
    generation_id, cost_credits, created_at = (
        generation.generation_id,
        generation.credits_charged,
        generation.created_at,
    )
    if account.credits < cost_credits:
        account, grant = ledger.grant(account, generation_id, _GRANT_CREDITS, "credits bought")
        yield account, grant, created_at
    account, deduction = ledger.charge(account, generation_id, cost_credits, created_at)
    yield account, deduction, created_at
    if generation.failure_reason is not None and generation.completed_at is not None:
        yield *ledger.refund(account, generation_id, cost_credits, generation.failure_reason), generation.completed_at


def _report(deps: Deps, due_at: datetime) -> WeeklyReport:
    return build_weekly_report(replace(deps, now=lambda: due_at), Week.of(due_at).back(1))


def _user_id(number: int) -> str:
    return f"history-{number:02}"


def _show_progress(done: int, of: int) -> None:
    sys.stderr.write(f"\r[{'#' * done}{'.' * (of - done)}] week {done} of {of}" + ("\n" if done == of else ""))
    sys.stderr.flush()


def _no_progress(done: int, of: int) -> None:
    """Write nothing: stderr is not a terminal."""


if __name__ == "__main__":
    sys.exit(main())
