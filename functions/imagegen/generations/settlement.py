"""Owns how a generation is charged and ended: reserve, settle, reconcile.

Must not know HTTP nor image models; each change is one Firestore transaction or one guarded commit.
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
from imagegen.generations.outbox import announce
from imagegen.generations.records import FailureReason, Generation, GenerationStatus, WebhookState
from imagegen.images.records import Image
from imagegen.kit import log, rate_limit
from imagegen.kit.errors import Unavailable

# What one run settles; a run has a time limit, and the next one goes on.
_RECONCILED_AT_ONCE = 200
Cancelled = Literal[GenerationStatus.CANCELLED]
# How a generation can end.
Outcome = Image | FailureReason | Cancelled


@dataclass(frozen=True)
class Reservation:
    """A generation as `reserve` made or found it; `updated_at` guards it where this very call has just written it."""

    generation: Generation
    updated_at: datetime | None = None


def reserve(deps: Deps, pending: Generation, *, may_exist: bool) -> Reservation:
    """Charge an account for a pending generation, all in one transaction, unless that generation is there already.

    With `may_exist` (an idempotency key named it) the generation is looked for first, at one more document read. Its
    `attempt_id` tells which call made it.

    Raises:
        UserNotFound, InsufficientCredits, RateLimited: nothing was charged.
        Unavailable: nothing was charged, or what was is given back after the lease.
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
        # Last, so that what is refused for another reason takes no token.
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
    """End a pending generation with its image URL, or with the refund; return it as it ended.

    One guarded commit where there is a picture and nobody else can have touched the generation, else a transaction
    that reads how it stands. A generation that has ended stays as it is: settling is safe to repeat, and a picture that
    comes after its lease was voided is refused. A lease that has not expired is not voided, and a failure ends nothing
    that somebody else has begun since.

    Raises:
        Unavailable: Firestore was away; the generation may be pending still, and is then refunded after its lease.
    """
    now = deps.now()
    generation = reservation.generation
    db = deps.db
    if reservation.updated_at and isinstance(outcome, Image):
        # Half of the time for the commit and half for what follows where it is in doubt.
        db = db.within(db.timeout_seconds / 2)
        ended = _completed(generation, outcome, now)
        if store.end_generation_if_unchanged(db, ended, reservation.updated_at):
            announce(deps, ended)
            return ended

    def body(transaction: Transaction) -> Generation:
        account, current = store.read_in(transaction, generation.user_id, generation.generation_id)
        if current is None:
            raise LookupError(f"generation {generation.generation_id} is gone")
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
            log.error(f"generation {current.generation_id} has no account to refund", userId=current.user_id)
            ended = _refunded(current, outcome, now, refunded_credits=0)
        else:
            ended = _refunded(current, outcome, now, refunded_credits=current.credits_charged)
            refunded, entry = ledger.refund(account, current.generation_id, current.credits_charged, outcome)
            credits_store.write_account(transaction, refunded, entry, now)
        store.end_generation(transaction, ended)
        return ended

    ended, _ = db.transact(body)
    # Whoever has ended it: this call may have, and have lost the answer to that.
    announce(deps, ended)
    return ended


class Unsettled(Exception):
    """Some generations could not be ended, for reasons of their own that are in the log."""


def reconcile(deps: Deps) -> int:
    """Give back what dead processes left pending past its lease, the longest overdue first; return how many.

    Safe to run twice, beside itself and beside live traffic, since all of it goes through `settle`.

    Raises:
        Unsettled: all others were settled.
        Unavailable: Firestore was away; what was settled until then stays so.
    """
    overdue = store.read_expired_generations(deps.db, deps.now(), _RECONCILED_AT_ONCE)
    failed = 0
    for generation in overdue:
        ids = {"generationRequestId": generation.generation_id, "userId": generation.user_id}
        try:
            settle(deps, Reservation(generation), FailureReason.LEASE_EXPIRED)
        except Unavailable:
            raise
        except Exception:  # Of whatever kind: one record that is broken must not keep the credits of all others.
            log.error(f"could not be refunded after its lease: {traceback.format_exc()}", **ids)
            failed += 1
        else:
            log.warn("refunded after its lease", **ids)
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
    # Written together with the end, so that no crash forgets whom to tell.
    webhook = WebhookState.DUE if generation.webhook_url else None
    return replace(generation, completed_at=now, webhook=webhook)
