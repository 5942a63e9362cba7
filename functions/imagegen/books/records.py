"""Owns the progress and the results of verifying books, as frozen values. Must not know how they are stored or sent."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from imagegen.books.check import Breach, Figures, Running

# An audit keeps so many breaches, and so many accounts that could not be verified: a document has at most 1 MiB.
MAX_KEPT = 100


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The position inside the books of one account: first its ledger by sequence, then its generations by id.

    All reads have the read time `read_at`; None to choose a new one, if Firestore has forgotten the old one.
    """

    user_id: str
    read_at: datetime | None
    running: Running = field(default_factory=Running)
    # Sequence and id of the last entry.
    after_entry: tuple[float, str] | None = None
    is_ledger_done: bool = False
    after_generation: str | None = None


@dataclass(frozen=True)
class Unverified:
    """An account that could not be verified, and why."""

    user_id: str
    message: str


@dataclass(frozen=True)
class BooksPage:
    """The result of one page of accounts; `next_page_token` is None on the last page."""

    figures: Figures = field(default_factory=Figures)
    breaches: tuple[Breach, ...] = ()
    unverified: tuple[Unverified, ...] = ()
    next_page_token: str | None = None


@dataclass(frozen=True, kw_only=True)
class Audit:
    """The verification of all accounts, as far as it is: figures, and the first breaches and unverified accounts."""

    started_at: datetime
    updated_at: datetime
    # None while accounts are left; then `page_token` says where to go on.
    ended_at: datetime | None = None
    page_token: str | None = None
    figures: Figures = field(default_factory=Figures)
    breach_count: int = 0
    breaches: tuple[Breach, ...] = ()
    unverified_count: int = 0
    unverified: tuple[Unverified, ...] = ()

    def plus(self, page: BooksPage, now: datetime) -> Audit:
        """Return the audit after one page more."""
        return replace(
            self,
            updated_at=now,
            ended_at=None if page.next_page_token else now,
            page_token=page.next_page_token,
            figures=self.figures + page.figures,
            breach_count=self.breach_count + len(page.breaches),
            breaches=(*self.breaches, *page.breaches)[:MAX_KEPT],
            unverified_count=self.unverified_count + len(page.unverified),
            unverified=(*self.unverified, *page.unverified)[:MAX_KEPT],
        )
