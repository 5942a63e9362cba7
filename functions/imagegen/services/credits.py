"""Owns what happens to credits: reserve, settle, and reading an account with its ledger.

Knows nothing of HTTP nor of image models; each change is one Firestore transaction or one guarded commit.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from .. import idempotency, ledger, log, page_tokens, rate_limit, store
from ..deps import Deps
from ..errors import IdempotencyKeyReused, InvalidRequest, Unavailable, UserNotFound, Violation
from ..records import Account, EntryType, FailureReason, Generation, GenerationStatus, Image, LedgerEntry, WebhookState
from ..transactions import Transaction
from .announcements import announce

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


@dataclass(frozen=True)
class Grant:
    """A grant's ledger entry, and whether an earlier call with the same idempotency key made it."""

    entry: LedgerEntry
    replayed: bool


@dataclass(frozen=True)
class Statement:
    """A balance and a page of the ledger behind it, newest first."""

    current_credits: int
    entries: list[LedgerEntry]
    next_page_token: str | None


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
        store.write_account(transaction, charged, entry, pending.created_at)
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
            store.write_account(transaction, refunded, entry, now)
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


def grant(deps: Deps, user_id: str, amount_credits: int, reason: str, idempotency_key: str) -> Grant:
    """Give an account credits, and open it where there is none; with the same key it is done once.

    Raises:
        InvalidRequest: the account would hold too much.
        IdempotencyKeyReused: the key was used for another amount or reason.
        Unavailable: Firestore was away; it may have been done, and the same key tells.
    """
    grant_id = idempotency.id_of(user_id, idempotency_key)
    attempt_id, now = deps.new_id(), deps.now()

    def body(transaction: Transaction) -> LedgerEntry:
        entry_id = ledger.entry_id(grant_id, EntryType.GRANT)
        account, existing = store.read_account_and_entry_in(transaction, user_id, entry_id)
        if existing is not None:
            return existing
        before = account or Account(user_id=user_id, credits=0, opening_credits=0, ledger_count=0)
        granted, entry = ledger.grant(before, grant_id, amount_credits, reason)
        entry = replace(entry, attempt_id=attempt_id)
        write = store.create_account if account is None else store.write_account
        write(transaction, granted, entry, now)
        return entry

    try:
        entry, _ = deps.db.transact(body)
    except ledger.BalanceTooHigh:
        allowed = f"must leave the account with at most {ledger.MOST_CREDITS:,} credits"
        raise InvalidRequest([Violation("credits", allowed)]) from None
    if (entry.credits, entry.reason) != (amount_credits, reason):
        raise IdempotencyKeyReused
    replayed = entry.attempt_id != attempt_id
    if not replayed:
        log.info(f"{amount_credits} credits granted", userId=user_id, transactionId=entry.entry_id)
    return Grant(entry, replayed)


def get_user_credits(deps: Deps, user_id: str, page_size: int, page_token: str | None) -> Statement:
    """Read a balance and a page of its ledger; the two agree, since entries newer than the balance are left out.

    Raises:
        UserNotFound: there is no such account.
        InvalidRequest: the page token is not one of this account's.
        Unavailable: Firestore was away.
    """
    before = None if page_token is None else _read_page_token(user_id, page_token)
    account = store.read_account(deps.db, user_id)
    if account is None:
        raise UserNotFound(user_id)
    newest = account.ledger_count if before is None else min(before - 1, account.ledger_count)
    # The ledger has no gap, so that its length tells what there is to read.
    entries = store.read_ledger(deps.db, user_id, newest, page_size) if newest else []
    more = bool(entries) and entries[-1].sequence > 1
    return Statement(account.credits, entries, page_tokens.make(user_id, str(entries[-1].sequence)) if more else None)


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


def _read_page_token(user_id: str, page_token: str) -> int:
    try:
        return page_tokens.read_number(user_id, page_token)
    except ValueError:
        raise InvalidRequest([Violation("pageToken", "must be a nextPageToken of this account")]) from None
