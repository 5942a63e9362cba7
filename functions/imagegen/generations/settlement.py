"""Owns the money side of a generation: reserve (charge), settle (complete or refund), reconcile.

Must not know HTTP nor image models. Each change is one transaction, or one compare-and-set commit.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from imagegen.credits import ledger
from imagegen.credits import store as credits_store
from imagegen.credits.errors import UserNotFound
from imagegen.deps import Deps
from imagegen.firebase.transactions import Transaction
from imagegen.generations import store
from imagegen.generations.outbox import enqueue_webhook
from imagegen.generations.records import FailureReason, Generation, GenerationStatus, WebhookState
from imagegen.images.records import Image
from imagegen.kit import log, rate_limit
from imagegen.kit.errors import Unavailable

# The generations of one run, since a run has a time limit; the next run takes the next ones.
_BATCH_SIZE = 200
Cancelled = Literal[GenerationStatus.CANCELLED]
# The ways in which a generation can end.
Outcome = Image | FailureReason | Cancelled


@dataclass(frozen=True)
class Reservation:
    """A reserved generation; `updated_at`, for compare-and-set, is set only if this call has just written it."""

    generation: Generation
    updated_at: datetime | None = None


def reserve(deps: Deps, pending: Generation, *, may_exist: bool) -> Reservation:
    """Charge an account and create the pending generation, in one transaction; return an existing generation as it is.

    With `may_exist` (the id derives from an idempotency key) the generation is read first: one more document read. Its
    `attempt_id` shows which call created it.

    Raises:
        UserNotFound, InsufficientCredits, RateLimited: nothing was charged.
        Unavailable: nothing was charged, or the charge is refunded after the lease.
    """
    settings = deps.settings

    def body(transaction: Transaction) -> tuple[Generation, bool]:
        look = may_exist or transaction.retrying
        account, existing = store.read_in(transaction, pending.user_id, pending.generation_id if look else None)
        if account is None:
            raise UserNotFound(pending.user_id)
        if existing is not None:
            return existing, False
        charged, entry = ledger.charge(account, pending.generation_id, pending.credits_charged, pending.created_at)
        # Last, so that a request that is refused for another reason takes no token.
        if settings.rate_limit_per_minute:
            arrival_at = rate_limit.admit(
                account.arrival_at, pending.created_at, settings.rate_limit_per_minute, settings.rate_limit_burst
            )
            charged = replace(charged, arrival_at=arrival_at)
        store.create_generation(transaction, pending)
        credits_store.write_account(transaction, charged, entry, pending.created_at)
        return pending, True

    (generation, created), updated_at = deps.db.transact(body)
    return Reservation(generation, updated_at if created else None)


def settle(deps: Deps, reservation: Reservation, outcome: Outcome) -> Generation:
    """End a pending generation, with its picture or with a refund; return the ended generation. Idempotent.

    A picture takes one compare-and-set commit, if this call wrote the generation last; otherwise, or if that commit is
    refused or in doubt, a transaction reads the generation first. An ended generation does not change: a picture that
    comes after the refund is refused. LEASE_EXPIRED does not end a generation whose lease is still valid. Any other
    failure does not end a generation that another attempt has claimed since; `attempt_id` is the fencing token.

    Raises:
        Unavailable: Firestore was not available; if the generation is still pending, it is refunded after its lease.
    """
    now = deps.now()
    generation = reservation.generation
    db = deps.db
    if reservation.updated_at and isinstance(outcome, Image):
        # Half of the time for this commit, and half for the transaction if its outcome is unknown.
        db = db.within(db.timeout_seconds / 2)
        ended = _completed(generation, outcome, now)
        if store.end_generation_if_unchanged(db, ended, reservation.updated_at):
            enqueue_webhook(deps, ended)
            return ended

    def body(transaction: Transaction) -> Generation:
        account, current = store.read_in(transaction, generation.user_id, generation.generation_id)
        if current is None:
            raise LookupError(f"generation {generation.generation_id} does not exist")
        if current.status is not GenerationStatus.PENDING:
            return current
        if outcome is FailureReason.LEASE_EXPIRED:
            if now < current.lease_expires_at:
                return current
        elif isinstance(outcome, FailureReason) and current.attempt_id != generation.attempt_id:
            return current
        if isinstance(outcome, Image):
            ended = _completed(current, outcome, now)
        elif account is None:
            log.error(f"generation {current.generation_id} cannot be refunded: no account", userId=current.user_id)
            ended = _refunded(current, outcome, now, refunded_credits=0)
        else:
            ended = _refunded(current, outcome, now, refunded_credits=current.credits_charged)
            refunded, entry = ledger.refund(account, current.generation_id, current.credits_charged, outcome)
            credits_store.write_account(transaction, refunded, entry, now)
        store.end_generation(transaction, ended)
        return ended

    ended, _ = db.transact(body)
    # Also if another call ended it: an earlier commit of this call may have been applied, with its response lost.
    enqueue_webhook(deps, ended)
    return ended


class Unsettled(Exception):
    """Some generations could not be refunded; the log has the reasons."""


def reconcile(deps: Deps) -> int:
    """Refund generations whose lease has expired, the longest overdue first; return their number.

    Idempotent, and safe beside other runs and live traffic: all changes go through `settle`.

    Raises:
        Unsettled: some could not be refunded; all others were.
        Unavailable: Firestore was not available; the refunds until then stay.
    """
    overdue = store.read_expired_generations(deps.db, deps.now(), _BATCH_SIZE)
    failed = 0
    for generation in overdue:
        ids = {"generationRequestId": generation.generation_id, "userId": generation.user_id}
        try:
            settle(deps, Reservation(generation), FailureReason.LEASE_EXPIRED)
        except Unavailable:
            raise
        except Exception:  # Poison record: one corrupt generation must not block the refunds of all others.
            log.error(f"generation could not be refunded after its lease: {traceback.format_exc()}", **ids)
            failed += 1
        else:
            log.warn("generation refunded after its lease", **ids)
    if failed:
        raise Unsettled(f"{failed} of {len(overdue)} generations could not be refunded")
    return len(overdue)


def _completed(generation: Generation, image: Image, now: datetime) -> Generation:
    return _ended(replace(generation, status=GenerationStatus.COMPLETED, image_url=image.url), now)


def _refunded(
    generation: Generation, outcome: FailureReason | Cancelled, now: datetime, *, refunded_credits: int
) -> Generation:
    generation = replace(generation, credits_refunded=refunded_credits)
    if outcome is GenerationStatus.CANCELLED:
        return _ended(replace(generation, status=outcome), now)
    return _ended(replace(generation, status=GenerationStatus.FAILED, failure_reason=outcome), now)


def _ended(generation: Generation, now: datetime) -> Generation:
    # Transactional outbox: the webhook is due in the same commit as the end.
    webhook = WebhookState.DUE if generation.webhook_url else None
    return replace(generation, completed_at=now, webhook=webhook)
