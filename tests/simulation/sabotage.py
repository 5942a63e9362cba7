"""Owns planted bugs: each replaces a function of the services by a wrong one, to show that the seeds find it.

Must not know the simulation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from google.api_core import exceptions

from imagegen.credits import ledger
from imagegen.credits import service as credits_service
from imagegen.credits import store as credits_store
from imagegen.credits.errors import UserNotFound
from imagegen.credits.records import Account, LedgerEntry
from imagegen.deps import Deps
from imagegen.firebase.database import Database
from imagegen.firebase.retries import Deadline
from imagegen.firebase.transactions import Transaction
from imagegen.generations import creation, lookup, outbox, picture, recovery, settlement, worker
from imagegen.generations import store as generations_store
from imagegen.generations.records import Generation, Stage
from imagegen.images.records import Image


def _settle_without_guard(
    deps: Deps, reservation: settlement.Reservation, outcome: settlement.Outcome, **_: object
) -> Generation:
    found, now = reservation.generation, deps.now()

    def body(transaction: Transaction) -> Generation:
        account, current = generations_store.read_in(transaction, found.user_id, found.generation_id)
        assert account is not None
        assert current is not None
        if isinstance(outcome, Image):
            ended = settlement._completed(current, outcome, now)
        else:
            ended = settlement._refunded(current, outcome, now, refunded_credits=current.credits_charged)
            refunded, entry = ledger.refund(account, current.generation_id, current.credits_charged, outcome)
            credits_store.write_account(transaction, refunded, entry, now)
        generations_store.end_generation(transaction, ended)
        return ended

    return deps.db.transact(body)[0]


def refund_without_guard(patch: pytest.MonkeyPatch) -> None:
    """Settle without checking whether the generation has already ended."""
    for service in (settlement, creation, worker, lookup):
        patch.setattr(service, "settle", _settle_without_guard)


def cancel_without_guard(patch: pytest.MonkeyPatch) -> None:
    """Cancel a generation without checking, in the transaction, whether it has ended."""
    patch.setattr(lookup, "settle", _settle_without_guard)


def claim_without_guard(patch: pytest.MonkeyPatch) -> None:
    """Claim the generation of a task at every delivery, in any state."""

    def claim(deps: Deps, generation_id: str) -> settlement.Reservation | None:
        now = deps.now()
        lease_expires_at = now + timedelta(seconds=deps.settings.lease_seconds)
        attempt_id = deps.new_id()

        def body(transaction: Transaction) -> Generation | None:
            current = generations_store.read_generation_in(transaction, generation_id)
            if current is None:
                return None
            begun = replace(current, started_at=now, lease_expires_at=lease_expires_at, attempt_id=attempt_id)
            generations_store.begin_generation(transaction, begun)
            return begun

        begun, updated_at = deps.db.transact(body)
        return None if begun is None else settlement.Reservation(begun, updated_at)

    patch.setattr(worker, "_claim", claim)


def grant_without_its_key(patch: pytest.MonkeyPatch) -> None:
    """Grant at every call, replay or not."""
    grant = credits_service.grant

    def grant_again(deps: Deps, user_id: str, amount_credits: int, reason: str, _key: str) -> credits_service.Grant:
        return grant(deps, user_id, amount_credits, reason, deps.new_id())

    patch.setattr(credits_service, "grant", grant_again)


def revoke_what_is_left(patch: pytest.MonkeyPatch) -> None:
    """Take back as much of a grant as the balance has."""
    revoke = ledger.revoke

    def revoke_partly(account: Account, grant_id: str, granted: LedgerEntry) -> tuple[Account, LedgerEntry]:
        return revoke(account, grant_id, replace(granted, credits=min(granted.credits, max(account.credits, 1))))

    patch.setattr(ledger, "revoke", revoke_partly)


def charge_outside_of_the_transaction(patch: pytest.MonkeyPatch) -> None:
    """Read the balance before the transaction that charges it."""

    def reserve(deps: Deps, pending: Generation, **_: object) -> settlement.Reservation:
        generation_id = pending.generation_id
        account = credits_store.read_account(deps.db, pending.user_id)
        if account is None:
            raise UserNotFound(pending.user_id)

        def body(transaction: Transaction) -> Generation:
            (fields,) = transaction.read(generations_store._generation_reference(deps.db.client, generation_id))
            if fields is not None:
                return generations_store._stored_generation(generation_id, fields)
            charged, entry = ledger.charge(account, pending.generation_id, pending.credits_charged, pending.created_at)
            generations_store.create_generation(transaction, pending)
            credits_store.write_account(transaction, charged, entry, pending.created_at)
            return pending

        return settlement.Reservation(deps.db.transact(body)[0])

    patch.setattr(creation, "reserve", reserve)


def entry_without_create(patch: pytest.MonkeyPatch) -> None:
    """Write ledger entries whether or not they exist."""

    class Sets:
        def __init__(self, transaction: Transaction) -> None:
            self.client, self.update, self.create = transaction.client, transaction.update, transaction.set

    # write_account uses no method of a transaction that `Sets` lacks.
    write_account: Callable[..., None] = credits_store.write_account
    patch.setattr(credits_store, "write_account", lambda transaction, *rest: write_account(Sets(transaction), *rest))


def picture_without_guard(patch: pytest.MonkeyPatch) -> None:
    """Complete a generation without the guard on its update time."""

    def end(db: Database, ended: Generation, _updated_at: datetime) -> bool:
        reference = generations_store._generation_reference(db.client, ended.generation_id)
        try:
            reference.update(generations_store._outcome_fields(ended), retry=None, timeout=db.timeout_seconds)
        except exceptions.GoogleAPICallError:
            return False
        return True

    patch.setattr(generations_store, "end_generation_if_unchanged", end)


def picture_delivered_after_its_refund(patch: pytest.MonkeyPatch) -> None:
    """Answer the picture that the model drew, even if the generation was refunded meanwhile."""
    answer = creation._created_or_raise

    def deliver(deps: Deps, ended: Generation, *, outcome: Any = None, replayed: bool = False) -> creation.Created:
        if isinstance(outcome, Image):
            return creation.Created(replace(ended, image_url=outcome.url), replayed)
        return answer(deps, ended, outcome=outcome, replayed=replayed)

    patch.setattr(creation, "_created_or_raise", deliver)


def key_of_another_request(patch: pytest.MonkeyPatch) -> None:
    """Replay an answer by its key alone, for any request."""
    patch.setattr(creation, "_fingerprint", lambda body: "")


def lost_answer_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Retry a commit without checking whether it was already applied."""
    patch.setattr(Transaction, "retrying", property(lambda _: False, lambda *_: None), raising=False)


def page_newer_than_its_balance(patch: pytest.MonkeyPatch) -> None:
    """Read the newest entries with a balance that was read earlier."""
    read_ledger = credits_store.read_ledger

    def read(db: Any, user_id: str, _newest: int, limit: int) -> Any:
        return read_ledger(db, user_id, 1_000_000, limit)

    patch.setattr(credits_store, "read_ledger", read)


def task_at_each_replay(patch: pytest.MonkeyPatch) -> None:
    """Hand a queued generation over again at each repeated call."""
    patch.setattr(worker, "_is_due_for_repeat", lambda generation, _now: generation.stage is Stage.QUEUED)


def longer_queue_after_each_attempt(patch: pytest.MonkeyPatch) -> None:
    """Give a generation another hour each time that it is queued again."""

    def queued_until(_settings: object, generation: Generation) -> datetime:
        return (generation.started_at or generation.created_at) + timedelta(hours=1)

    patch.setattr(worker, "_queued_until", queued_until)


def one_attempt_too_many(patch: pytest.MonkeyPatch) -> None:
    """Take a generation back from a dead worker after its last attempt."""
    take_back = worker.take_back

    def take_back_again(deps: Deps, generation: Generation, updated_at: datetime) -> bool:
        settings = replace(deps.settings, model_attempts=deps.settings.model_attempts + 1)
        return take_back(replace(deps, settings=settings), generation, updated_at)

    patch.setattr(worker, "take_back", take_back_again)


def failure_of_an_old_attempt(patch: pytest.MonkeyPatch) -> None:
    """Let the failure of an attempt end a generation that another attempt draws."""
    settle = settlement.settle

    def settle_any(deps: Deps, reservation: settlement.Reservation, outcome: settlement.Outcome) -> Generation:
        current = generations_store.read_generation(deps.db, reservation.generation.generation_id)
        return settle(deps, settlement.Reservation(current or reservation.generation), outcome)

    patch.setattr(worker, "settle", settle_any)


def webhook_without_outbox(patch: pytest.MonkeyPatch) -> None:
    """Enqueue a webhook once, and never again if the queue has lost it."""
    patch.setattr(outbox, "enqueue_overdue_webhooks", lambda _deps: 0)


def webhook_forgotten(patch: pytest.MonkeyPatch) -> None:
    """End a generation without its webhook."""
    ended = settlement._ended
    patch.setattr(settlement, "_ended", lambda generation, now: replace(ended(generation, now), webhook=None))


def unpaid_pictures_kept(patch: pytest.MonkeyPatch) -> None:
    """Keep the picture of a generation that was refunded."""
    patch.setattr(recovery, "_delete_pictures", lambda *_: None)
    patch.setattr(picture, "discard", lambda *_: None)


def retries_without_a_deadline(patch: pytest.MonkeyPatch) -> None:
    """Retry Firestore for a minute."""
    patch.setattr(Database, "_deadline", lambda _: Deadline(60))


BUGS = {
    bug.__name__: bug
    for bug in (
        refund_without_guard,
        cancel_without_guard,
        claim_without_guard,
        grant_without_its_key,
        revoke_what_is_left,
        charge_outside_of_the_transaction,
        entry_without_create,
        picture_without_guard,
        picture_delivered_after_its_refund,
        key_of_another_request,
        lost_answer_forgotten,
        page_newer_than_its_balance,
        task_at_each_replay,
        longer_queue_after_each_attempt,
        one_attempt_too_many,
        failure_of_an_old_attempt,
        webhook_without_outbox,
        webhook_forgotten,
        unpaid_pictures_kept,
        retries_without_a_deadline,
    )
}
