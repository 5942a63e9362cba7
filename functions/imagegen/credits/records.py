"""Owns accounts and ledger entries as frozen values. Must not know how they are stored or sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class EntryType(StrEnum):
    """What a ledger entry did to the balance."""

    DEDUCTION = "deduction"
    REFUND = "refund"
    GRANT = "grant"


@dataclass(frozen=True, kw_only=True)
class Spending:
    """What an account was charged in one week, and how much of it on each UTC day (an ISO date)."""

    requests: int = 0
    credits: int = 0
    days: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Account:
    """A balance, the length of the ledger that explains it, and what was charged in the last weeks, by week id."""

    user_id: str
    credits: int
    opening_credits: int
    ledger_count: int
    weeks: Mapping[str, Spending] = field(default_factory=dict)
    # When its next request is due by its rate limit; None for one that has made none.
    arrival_at: datetime | None = None

    def __post_init__(self) -> None:
        for number in (self.credits, self.opening_credits, self.ledger_count):
            if type(number) is not int or number < 0:
                raise ValueError(f"account {self.user_id!r} is corrupt: {number!r} is no count of credits or entries")


@dataclass(frozen=True, kw_only=True)
class LedgerEntry:
    """One change of one balance, never changed itself; `recorded_at` is set by the database when it is written."""

    entry_id: str
    type: EntryType
    credits: int
    sequence: int
    balance_after: int
    generation_id: str | None
    reason: str
    # Which call wrote a grant.
    attempt_id: str | None = None
    recorded_at: datetime | None = None
