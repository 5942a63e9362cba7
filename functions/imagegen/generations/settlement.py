"""Owns the money side of a generation: reserve (charge), and settle (complete or refund).

Must not know HTTP nor image models. Each change is one transaction, or one compare-and-set commit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from imagegen.credits import ledger
from imagegen.credits import store as credits_store
from imagegen.credits.errors import InsufficientCredits, UserNotFound
from imagegen.credits.records import EntryType
from imagegen.deps import Deps
from imagegen.firebase.transactions import Transaction
from imagegen.generations import limits, store
from imagegen.generations.errors import GenerationDeleted, TooManyUnderWay
from imagegen.generations.outbox import enqueue_webhook, handed_over_until
from imagegen.generations.records import FailureReason, Generation, GenerationStatus, WebhookState
from imagegen.images.records import Image
from imagegen.kit import log
from imagegen.kit.errors import AppError

# After its first attempt; any later attempt looks for a picture of the one before.
_MAY_HAVE_A_PICTURE = (FailureReason.STORAGE_ERROR, FailureReason.LEASE_EXPIRED, GenerationStatus.CANCELLED)
_LONGER_THAN_A_LEASE = timedelta(minutes=5)
Cancelled = Literal[GenerationStatus.CANCELLED]
# The ways in which a generation can end.
Outcome = Image | FailureReason | Cancelled


@dataclass(frozen=True)
class Reservation:
    """A reserved generation; `updated_at`, for compare-and-set, is set only if this call has just written it."""

    generation: Generation
    updated_at: datetime | None = None


def reserve(deps: Deps, pending: Generation, *, may_exist: bool, administrator_uid: str | None = None) -> Reservation:
    """Charge an account and create the pending generation, in one transaction; return an existing generation as it is.

    With `may_exist` (the id derives from an idempotency key) the generation is read first: one more document read. Its
    `attempt_id` shows which call created it.

    A refused request takes a token of the rate limit as well, unless the limit itself refuses it.

    Raises:
        UserNotFound, InsufficientCredits, RateLimited, TooManyUnderWay: nothing was charged.
        GenerationDeleted: it was charged before, and its document has been deleted since.
        Unavailable: nothing was charged, or the charge is refunded after the lease.
    """
    settings = deps.settings

    def body(transaction: Transaction) -> tuple[Generation | AppError, bool]:
        look = may_exist or transaction.retrying
        account, existing = store.read_in(transaction, pending.user_id, pending.generation_id if look else None)
        if account is None:
            raise UserNotFound(pending.user_id)
        if existing is not None:
            return existing, False
        # Only the commit tells that the entry exists: reading it before each charge would cost a read.
        if transaction.retrying and credits_store.has_entry_in(transaction, pending.user_id, deduction_id):
            raise GenerationDeleted(pending.generation_id)
        admitted = limits.admit(settings, account, pending.created_at)
        try:
            charged, entry = ledger.charge(admitted, pending.generation_id, pending.credits_charged, pending.created_at)
            charged = limits.one_more_under_way(settings, transaction, charged)
        except (InsufficientCredits, TooManyUnderWay) as refusal:
            if admitted is not account:
                credits_store.write_limits(transaction, admitted)
            return refusal, False
        store.create_generation(transaction, pending)
        entry = replace(entry, administrator_uid=administrator_uid)
        credits_store.write_account(transaction, charged, entry, pending.created_at)
        return pending, True

    deduction_id = ledger.entry_id(pending.generation_id, EntryType.DEDUCTION)
    (reserved, created), updated_at = deps.db.transact(body)
    if isinstance(reserved, AppError):
        raise reserved
    return Reservation(reserved, updated_at if created else None)


def settle(
    deps: Deps, reservation: Reservation, outcome: Outcome, *, administrator_uid: str | None = None
) -> Generation:
    """End a pending generation, see `end`, and enqueue its webhook.

    Raises:
        Unavailable: Firestore was not available; if the generation is still pending, it is refunded after its lease.
    """
    ended = end(deps, reservation, outcome, administrator_uid=administrator_uid)
    # Also if another call ended it: an earlier commit of this call may have been applied, with its response lost.
    enqueue_webhook(deps, ended)
    return ended


def end(deps: Deps, reservation: Reservation, outcome: Outcome, *, administrator_uid: str | None = None) -> Generation:
    """End a pending generation, with its picture or with a refund; return it as it is then. Idempotent.

    A picture takes one compare-and-set commit, if this call wrote the generation last; otherwise, or if that commit is
    refused or in doubt, a transaction reads the generation first. An ended generation does not change: a picture that
    comes after the refund is refused. LEASE_EXPIRED does not end a generation whose lease is still valid, CANCELLED
    none that an attempt has begun: drawing costs as much, whether the picture is wanted or not. Any other failure does
    not end a generation that another attempt has claimed since; `attempt_id` is the fencing token.

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
        elif outcome is GenerationStatus.CANCELLED:
            if current.started_at is not None:
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
            entry = replace(entry, administrator_uid=administrator_uid)
            credits_store.write_account(transaction, refunded, entry, now)
        store.end_generation(transaction, ended)
        return ended

    return db.transact(body)[0]


def _completed(generation: Generation, image: Image, now: datetime) -> Generation:
    return _ended(replace(generation, status=GenerationStatus.COMPLETED, image_url=image.url), now)


def _refunded(
    generation: Generation, outcome: FailureReason | Cancelled, now: datetime, *, refunded_credits: int
) -> Generation:
    # An attempt may have stored a picture, or may still store one while its lease lasts.
    if generation.attempts > 1 or (generation.attempts == 1 and outcome in _MAY_HAVE_A_PICTURE):
        generation = replace(generation, delete_picture_at=now + _LONGER_THAN_A_LEASE)
    generation = replace(generation, credits_refunded=refunded_credits)
    if outcome is GenerationStatus.CANCELLED:
        return _ended(replace(generation, status=outcome), now)
    return _ended(replace(generation, status=GenerationStatus.FAILED, failure_reason=outcome), now)


def _ended(generation: Generation, now: datetime) -> Generation:
    # Transactional outbox: the webhook is due in the same commit as the end.
    ended = replace(generation, completed_at=now, enqueue_again_at=None)
    if generation.webhook_url is None:
        return ended
    return replace(ended, webhook=WebhookState.DUE, webhook_due_at=handed_over_until(now))
