"""Owns the verification of all accounts, page by page, in memory that grows neither with them nor with their ledgers.

Must not know the rules of the books nor HTTP.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import pairwise

from imagegen.books import check, cursor, store
from imagegen.books.check import Breach, Figures
from imagegen.books.cursor import Cursor
from imagegen.books.records import BooksPage, Progress, Unverified
from imagegen.deps import Deps
from imagegen.firebase.database import Database
from imagegen.firebase.retries import Deadline
from imagegen.kit import log, paging

_PARALLEL_READS = 8
# Entries, and generations, that are read at once.
_PAGE_LENGTH = 1_000
# A page of accounts ends after this time, inside of an account if need be.
_PAGE_SECONDS = 20.0
# For the reads of one step: longer than for a caller's request, since a step reads up to five thousand documents.
_STEP_SECONDS = 10.0
_PAGES = "verifyBooks"


def walk(deps: Deps, max_accounts: int = 100) -> Iterator[BooksPage]:
    """Yield the pages of all accounts, in the order of their ids.

    Raises:
        Unavailable: Firestore was not available.
    """
    page = verify_books(deps, max_accounts, None)
    yield page
    while page.next_page_token is not None:
        page = verify_books(deps, max_accounts, page.next_page_token)
        yield page


def verify_books(
    deps: Deps,
    max_accounts: int,
    page_token: str | None,
    *,
    page_length: int = _PAGE_LENGTH,
    page_seconds: float = _PAGE_SECONDS,
) -> BooksPage:
    """Verify up to `max_accounts` accounts, including orphaned ledgers and generations between them.

    An account takes four round trips: three for its books, at one read time, and one to find orphaned generations. One
    with more than `page_length` entries or generations is verified in steps of that length. After `page_seconds` the
    page ends, and the next one goes on inside of the account. Accounts that cannot be verified are named.

    Raises:
        InvalidRequest: the page token is not of this list.
        Unavailable: Firestore was not available.
    """
    position = paging.read(_PAGES, page_token, cursor.read) or Cursor()
    try:
        listed, next_token = store.list_user_ids(deps.db, position.firestore_token, max_accounts)
    except ValueError:
        raise paging.invalid() from None
    bounds = [position.after, *(user_id for user_id in listed if position.after is None or user_id > position.after)]
    end = Cursor(firestore_token=next_token, after=bounds[-1]) if next_token else None
    if end is None:
        bounds.append(None)
    run = _Run(deps, deps.db.within(_STEP_SECONDS), page_length, Deadline(page_seconds), position.progress)
    pool = ThreadPoolExecutor(_PARALLEL_READS)
    page = BooksPage()
    try:
        running = [
            # The first one makes a step even if there is no time, so that each page makes progress.
            pool.submit(run.verify_up_to, after, last, must_begin=number == 0)
            for number, (after, last) in enumerate(pairwise(bounds))
        ]
        for verified in running:
            stretch = verified.result()
            page = stretch.added_to(page)
            if not stretch.is_done:
                # What was verified after it is discarded, because a cursor is one position.
                end = Cursor(firestore_token=position.firestore_token, after=stretch.after, progress=stretch.progress)
                break
    finally:
        # After an error, or at the end of the time, cancel the accounts that are still queued.
        pool.shutdown(cancel_futures=True)
    return replace(page, next_page_token=paging.make(_PAGES, cursor.write(end)) if end else None)


@dataclass
class _Stretch:
    """What was found in the books of some accounts that follow each other in the list."""

    # The last account that is done, and the progress in the one after it.
    after: str | None
    progress: Progress | None = None
    is_done: bool = False
    figures: Figures = field(default_factory=Figures)
    breaches: list[Breach] = field(default_factory=list)
    unverified: list[Unverified] = field(default_factory=list)

    def added_to(self, page: BooksPage) -> BooksPage:
        return BooksPage(
            figures=page.figures + self.figures,
            breaches=(*page.breaches, *self.breaches),
            unverified=(*page.unverified, *self.unverified),
        )


@dataclass(frozen=True)
class _Run:
    """One page of verification: its limits, and where the page before ended."""

    deps: Deps
    db: Database
    page_length: int
    deadline: Deadline
    resumed: Progress | None

    def verify_up_to(self, after: str | None, last: str | None, *, must_begin: bool) -> _Stretch:
        """Verify the orphaned generations after an account, and the account `last` (None: the end of the list)."""
        found = _Stretch(after)
        while must_begin or self.deadline.allows(0):
            must_begin = False
            owner = store.next_owner(self.db, found.after, last)
            if owner is None:
                owner = last
            if owner is not None:
                self._verify(owner, found)
                if found.progress is not None:
                    break
                found.after = owner
            if owner == last:
                found.is_done = True
                break
        return found

    def _verify(self, user_id: str, found: _Stretch) -> None:
        """Verify the books of an account, or as much of them as there is time for: then `found.progress` is set."""
        try:
            if self.resumed and self.resumed.user_id == user_id:
                found.progress = self.resumed
            else:
                found.progress = self._verify_short(user_id, found)
            while found.progress is not None:
                found.progress = self._step(found.progress, found)
                if not self.deadline.allows(0):
                    break
        except Exception as error:
            log.error(f"the books of an account could not be verified: {traceback.format_exc()}", userId=user_id)
            found.unverified.append(Unverified(user_id, f"{type(error).__name__} while its documents were read"))
            found.progress = None

    def _verify_short(self, user_id: str, found: _Stretch) -> Progress | None:
        """Verify an account at once, unless its books are long: then return where to begin."""
        stored = store.read_books(self.db, user_id, self.page_length + 1)
        if max(len(stored.entries), len(stored.generations)) > self.page_length:
            return Progress(user_id=user_id, read_at=stored.read_at)
        parts = (stored.account, stored.entries, stored.generations)
        now = self.deps.now()
        found.figures += check.tally(*parts, now)
        found.breaches += check.check(user_id, *parts, now)
        return None

    def _step(self, progress: Progress, found: _Stretch) -> Progress | None:
        """Verify the next documents of an account; return where to go on, None at the end."""
        is_ledger = not progress.is_ledger_done and store.has_document_id(progress.user_id)
        step = self._step_ledger if is_ledger else self._step_generations
        try:
            return step(progress, found)
        except store.TOO_OLD:
            if progress.read_at is None:
                raise
            # Firestore keeps the past for an hour. Entries are only ever added, so that the rest may be read later.
            return step(replace(progress, read_at=None), found)

    def _step_ledger(self, progress: Progress, found: _Stretch) -> Progress | None:
        user_id = progress.user_id
        account, read_at = store.read_account(self.db, user_id, progress.read_at)
        entries = store.read_ledger_page(self.db, user_id, read_at, progress.after_entry, self.page_length)
        is_last = len(entries) < self.page_length
        count = store.count_entries(self.db, user_id, read_at) if is_last else 0
        now = self.deps.now()
        revoked = check.grants_revoked_by(dict(entries))
        grants = store.read_entries(self.db, user_id, read_at, revoked) if revoked else {}
        breaches, running = check.check_ledger_page(user_id, account, entries, grants, progress.running)
        found.breaches += breaches
        found.figures += check.tally(None, dict(entries), {}, now)
        if is_last:
            found.breaches += check.check_ledger_end(user_id, account, count, running)
            found.figures += check.tally(account, {}, {}, now)
            return replace(progress, read_at=read_at, is_ledger_done=True)
        last_id, last = entries[-1]
        return replace(progress, read_at=read_at, running=running, after_entry=(last["sequence"], last_id))

    def _step_generations(self, progress: Progress, found: _Stretch) -> Progress | None:
        user_id, read_at = progress.user_id, progress.read_at
        if read_at is None and store.has_document_id(user_id):
            _, read_at = store.read_account(self.db, user_id, None)
        entries, generations, up_to = store.read_generations_page(
            self.db, user_id, read_at, progress.after_generation, self.page_length
        )
        now = self.deps.now()
        found.breaches += check.check_generations_page(user_id, entries, generations, now)
        found.figures += check.tally(None, {}, generations, now)
        return None if up_to is None else replace(progress, read_at=read_at, after_generation=up_to)
