"""Owns the arithmetic of credits: from an account to the changed account and the ledger entry of the change.

Pure. Must not know the clock, Firestore or image models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from imagegen.credits.errors import GrantSpent, InsufficientCredits
from imagegen.credits.records import Account, EntryType, LedgerEntry, Spending
from imagegen.kit.weeks import Week

# The maximum balance of an account, far below the limit of a 64-bit integer.
MAX_CREDITS = 1_000_000_000
# An account keeps its spending of the week of its last charge and of this many weeks before.
REMEMBERED_WEEKS = 2


class BalanceTooHigh(Exception):
    """The balance would exceed `MAX_CREDITS`."""


def charge(
    account: Account, generation_id: str, cost_credits: int, charged_at: datetime
) -> tuple[Account, LedgerEntry]:
    """Charge an account for a generation.

    Raises:
        InsufficientCredits: the balance is less than the price.
    """
    if cost_credits < 1:
        raise ValueError("cost_credits must be at least one credit")
    if account.credits < cost_credits:
        raise InsufficientCredits(account.user_id, account.credits, cost_credits)
    account = replace(account, weeks=_weeks_with(account.weeks, cost_credits, charged_at))
    return _post(account, EntryType.DEDUCTION, cost_credits, generation_id, "generation reserved")


def refund(account: Account, generation_id: str, charged_credits: int, reason: str) -> tuple[Account, LedgerEntry]:
    """Refund the whole charge of a generation that ended without a picture."""
    return _post(account, EntryType.REFUND, charged_credits, generation_id, reason)


def grant(account: Account, grant_id: str, amount_credits: int, reason: str) -> tuple[Account, LedgerEntry]:
    """Add credits to an account.

    Raises:
        BalanceTooHigh: the balance would exceed the maximum.
    """
    if account.credits + amount_credits > MAX_CREDITS:
        raise BalanceTooHigh
    return _post(account, EntryType.GRANT, amount_credits, grant_id, reason)


def revoke(account: Account, grant_id: str, granted: LedgerEntry) -> tuple[Account, LedgerEntry]:
    """Take back the whole of a grant; the entry has the reason of the grant.

    Raises:
        GrantSpent: the balance is less than the grant.
    """
    if account.credits < granted.credits:
        raise GrantSpent(account.user_id, account.credits, granted.credits)
    return _post(account, EntryType.REVOCATION, granted.credits, grant_id, granted.reason)


def entry_id(of_id: str, entry_type: EntryType) -> str:
    """Return the id of an entry, derived from what it records: creating a second entry of it must fail."""
    return f"{of_id}_{entry_type}"


def _weeks_with(weeks: Mapping[str, Spending], cost_credits: int, charged_at: datetime) -> dict[str, Spending]:
    """Add a charge to its week; drop the weeks that no report needs any more."""
    week = Week.of(charged_at)
    # In the current week, the report of the last week can be written again, and it reads the week before that as well.
    oldest = week.back(REMEMBERED_WEEKS)
    # Week ids sort chronologically.
    kept = {week_id: spending for week_id, spending in weeks.items() if week_id >= oldest.week_id}
    before = kept.get(week.week_id, Spending())
    day = charged_at.astimezone(UTC).date().isoformat()
    days = {**before.days, day: before.days.get(day, 0) + cost_credits}
    kept[week.week_id] = Spending(requests=before.requests + 1, credits=before.credits + cost_credits, days=days)
    return kept


def _post(
    account: Account, entry_type: EntryType, amount_credits: int, of_id: str, reason: str
) -> tuple[Account, LedgerEntry]:
    credits = account.credits + entry_type.sign * amount_credits
    changed = replace(account, credits=credits, ledger_count=account.ledger_count + 1)
    entry = LedgerEntry(
        entry_id=entry_id(of_id, entry_type),
        type=entry_type,
        credits=amount_credits,
        sequence=changed.ledger_count,
        balance_after=changed.credits,
        generation_id=of_id if entry_type in (EntryType.DEDUCTION, EntryType.REFUND) else None,
        reason=reason,
    )
    return changed, entry
