"""Owns the use cases of accounts: grant credits, and take a grant back; read a balance and its ledger.

Must not know HTTP nor generations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from imagegen.credits import ledger, store
from imagegen.credits.errors import GrantNotFound, UserNotFound
from imagegen.credits.records import ALL, Account, EntryFilter, EntryType, LedgerEntry, Total
from imagegen.deps import Deps
from imagegen.firebase.transactions import Transaction
from imagegen.kit import idempotency, log, paging
from imagegen.kit.errors import IdempotencyKeyReused, InvalidRequest, Violation
from imagegen.kit.ids import is_document_id

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Grant:
    """The ledger entry of a grant, and whether an earlier call with the same idempotency key created it."""

    entry: LedgerEntry
    replayed: bool


@dataclass(frozen=True)
class Revocation:
    """The ledger entry that takes back a grant, and whether an earlier call created it."""

    entry: LedgerEntry
    replayed: bool


@dataclass(frozen=True)
class Statement:
    """A balance and a page of its ledger, newest first; the totals of all pages by type, if they were asked for."""

    current_credits: int
    entries: list[LedgerEntry]
    next_page_token: str | None
    totals: Mapping[EntryType, Total] | None = None


def grant(
    deps: Deps,
    user_id: str,
    amount_credits: int,
    reason: str,
    idempotency_key: str,
    *,
    administrator_uid: str | None = None,
) -> Grant:
    """Add credits to an account, and open it if it does not exist; idempotent by its key.

    If the document of an account was deleted and its ledger was not, the ledger goes on.
    The ledger entry keeps the administrator's uid: that of the first call with the key.

    Raises:
        InvalidRequest: the balance would exceed the maximum.
        IdempotencyKeyReused: the key was used with another amount or reason.
        Unavailable: Firestore was not available; the grant may have been committed, so repeat it with the same key.
    """
    grant_id = idempotency.id_of(user_id, idempotency_key)
    attempt_id, now = deps.new_id(), deps.now()

    def body(transaction: Transaction) -> LedgerEntry:
        entry_id = ledger.entry_id(grant_id, EntryType.GRANT)
        account, (existing,) = store.read_account_and_entries_in(transaction, user_id, entry_id)
        if existing is not None:
            return existing
        before = account or _reopened(user_id, store.read_ledger_ends_in(transaction, user_id))
        granted, entry = ledger.grant(before, grant_id, amount_credits, reason)
        entry = replace(entry, attempt_id=attempt_id, administrator_uid=administrator_uid)
        write = store.create_account if account is None else store.write_account
        write(transaction, granted, entry, now)
        return entry

    try:
        entry, _ = deps.db.transact(body)
    except ledger.BalanceTooHigh:
        allowed = f"must leave the account with at most {ledger.MAX_CREDITS:,} credits"
        raise InvalidRequest([Violation("credits", allowed)]) from None
    if (entry.credits, entry.reason) != (amount_credits, reason):
        raise IdempotencyKeyReused
    replayed = entry.attempt_id != attempt_id
    if not replayed:
        log.info(f"{amount_credits} credits granted", userId=user_id, transactionId=entry.entry_id)
    return Grant(entry, replayed)


def _reopened(user_id: str, ends: tuple[LedgerEntry, LedgerEntry] | None) -> Account:
    """Return an account without a document: a new one, or a deleted one as its ledger says, so that no credit is lost.

    `ends` are the first and the last entry of its ledger.
    """
    if ends is None:
        return Account(user_id=user_id, credits=0, opening_credits=0, ledger_count=0)
    first, last = ends
    return Account(
        user_id=user_id,
        credits=last.balance_after,
        opening_credits=first.balance_after - first.type.sign * first.credits,
        ledger_count=last.sequence,
    )


def revoke_grant(deps: Deps, user_id: str, grant_id: str, *, administrator_uid: str | None = None) -> Revocation:
    """Take back the whole of a grant, once; a repeated call has the answer of the first.

    The ledger entry keeps the uid of the first administrator who called.

    Raises:
        GrantNotFound: the account has no such grant.
        GrantSpent: the balance is less than the grant; nothing is taken back.
        Unavailable: Firestore was not available; it may have been committed, so repeat it.
    """
    attempt_id, now = deps.new_id(), deps.now()

    def body(transaction: Transaction) -> LedgerEntry:
        ids = [ledger.entry_id(grant_id, entry_type) for entry_type in (EntryType.GRANT, EntryType.REVOCATION)]
        account, (granted, existing) = store.read_account_and_entries_in(transaction, user_id, *ids)
        if existing is not None:
            return existing
        if account is None or granted is None:
            raise GrantNotFound(user_id, ids[0])
        changed, entry = ledger.revoke(account, grant_id, granted)
        entry = replace(entry, attempt_id=attempt_id, administrator_uid=administrator_uid)
        store.write_account(transaction, changed, entry, now)
        return entry

    entry, _ = deps.db.transact(body)
    replayed = entry.attempt_id != attempt_id
    if not replayed:
        log.info(f"a grant of {entry.credits} credits revoked", userId=user_id, transactionId=entry.entry_id)
    return Revocation(entry, replayed)


def get_user_credits(
    deps: Deps,
    user_id: str,
    page_size: int,
    page_token: str | None,
    which: EntryFilter = ALL,
    *,
    with_totals: bool = False,
) -> Statement:
    """Read a balance and a page of the entries that fit; the two agree, and so do the totals.

    Raises:
        UserNotFound: there is no such account.
        InvalidRequest: the page token is not of this account, or of another filter.
        Unavailable: Firestore was not available.
    """
    account, read_time = store.read_account_at(deps.db, user_id)
    if account is None:
        raise UserNotFound(user_id)
    if which == ALL:
        entries, token = _newest(deps, account, page_size, page_token)
    else:
        entries, token = _fitting(deps, account, which, page_size, page_token, read_time)
    totals = _totals(deps, account, which, read_time) if with_totals else None
    return Statement(account.credits, entries, token, totals)


def _newest(
    deps: Deps, account: Account, page_size: int, page_token: str | None
) -> tuple[list[LedgerEntry], str | None]:
    """Read a page of the whole ledger; entries newer than the balance are left out."""
    user_id = account.user_id
    before = paging.read(user_id, page_token, paging.number, whose="account")
    newest = account.ledger_count if before is None else min(before - 1, account.ledger_count)
    # `sequence` has no gaps, so that `ledgerCount` is also the newest sequence.
    entries = store.read_ledger(deps.db, user_id, newest, page_size) if newest else []
    more = bool(entries) and entries[-1].sequence > 1
    return entries, paging.make(user_id, str(entries[-1].sequence)) if more else None


def _fitting(
    deps: Deps, account: Account, which: EntryFilter, page_size: int, page_token: str | None, read_time: datetime
) -> tuple[list[LedgerEntry], str | None]:
    """Read a page of the entries that fit, as of the balance."""
    # The filter is part of the list's name: a token of a list with another filter is refused.
    name = f"{account.user_id}/{which}"
    beyond = paging.read(name, page_token, _cursor)
    entries = store.find_entries(deps.db, account.user_id, which, beyond, page_size, read_time)
    more = len(entries) == page_size
    return entries, paging.make(name, _cursor_text(entries[-1])) if more else None


def _totals(deps: Deps, account: Account, which: EntryFilter, read_time: datetime) -> Mapping[EntryType, Total]:
    types = [which.type] if which.type else list(EntryType)
    return {each: store.read_total(deps.db, account.user_id, replace(which, type=each), read_time) for each in types}


def _cursor_text(entry: LedgerEntry) -> str:
    assert entry.recorded_at is not None  # A filter leaves out what has no time.
    return f"{(entry.recorded_at - _EPOCH) // timedelta(microseconds=1)}/{entry.entry_id}"


def _cursor(text: str) -> tuple[datetime, str]:
    microseconds, _, entry_id = text.partition("/")
    # Firestore refuses some texts as a document id.
    if not is_document_id(entry_id):
        raise ValueError("not an id")
    return _EPOCH + timedelta(microseconds=int(microseconds)), entry_id
