"""Owns accounts and ledger entries as frozen values. Must not know how they are stored or sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class EntryType(StrEnum):
    """The kind of change of a balance."""

    DEDUCTION = "deduction"
    REFUND = "refund"
    GRANT = "grant"
    REVOCATION = "revocation"

    @property
    def sign(self) -> int:
        """1 if it adds to a balance, -1 if it takes from it."""
        return -1 if self in (EntryType.DEDUCTION, EntryType.REVOCATION) else 1


@dataclass(frozen=True, kw_only=True)
class Spending:
    """The charges of an account in one week, and the credits of each UTC day (by ISO date)."""

    requests: int = 0
    credits: int = 0
    days: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Account:
    """A balance, the length of its ledger, and the charges of the last weeks, by week id."""

    user_id: str
    credits: int
    opening_credits: int
    ledger_count: int
    weeks: Mapping[str, Spending] = field(default_factory=dict)
    # The theoretical arrival time of its rate limit; None before its first limited request.
    arrival_at: datetime | None = None
    # An upper bound of its pending generations: each charge adds one, and a count corrects it when it is needed.
    under_way_at_most: int = 0

    def __post_init__(self) -> None:
        for number in (self.credits, self.opening_credits, self.ledger_count, self.under_way_at_most):
            if type(number) is not int or number < 0:
                raise ValueError(f"account {self.user_id!r} is corrupt: {number!r} must be an integer of 0 or more")


@dataclass(frozen=True, kw_only=True)
class EntryFilter:
    """Which entries of a ledger are asked for; None means any. The times are from the first, up to the second."""

    type: EntryType | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


ALL = EntryFilter()


@dataclass(frozen=True)
class Total:
    """How many entries of one type there are, and the sum of their credits."""

    entries: int
    credits: int


@dataclass(frozen=True, kw_only=True)
class LedgerEntry:
    """One immutable change of one balance; the database sets `recorded_at` at the commit."""

    entry_id: str
    type: EntryType
    credits: int
    sequence: int
    balance_after: int
    generation_id: str | None
    reason: str
    # The call that wrote a grant or its revocation; and the administrator who made it, or who acted for another
    # account: None where callers need not sign in, and in older entries.
    attempt_id: str | None = None
    administrator_uid: str | None = None
    recorded_at: datetime | None = None
