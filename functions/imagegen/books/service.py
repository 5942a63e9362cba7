"""Owns the verification of all accounts, page by page, in memory that does not grow with their number.

Must not know the rules of the books nor HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise

from imagegen.books import check, store
from imagegen.books.check import Breach, Figures
from imagegen.deps import Deps
from imagegen.kit import paging

_PARALLEL_READS = 8
_PAGES = "verifyBooks"


@dataclass(frozen=True)
class Cursor:
    """The position in the list of accounts: the last checked id, and Firestore's token of the next page."""

    user_id: str
    firestore_token: str


@dataclass(frozen=True)
class BooksPage:
    """The result of one page of accounts; `next_page_token` is None on the last page."""

    figures: Figures = field(default_factory=Figures)
    breaches: list[Breach] = field(default_factory=list)
    next_page_token: str | None = None


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


def verify_books(deps: Deps, max_accounts: int, page_token: str | None) -> BooksPage:
    """Verify up to `max_accounts` accounts, including orphaned ledgers and generations between them.

    An account takes four round trips: three for its books, at one read time, and one to find orphaned generations.

    Raises:
        InvalidRequest: the page token is not of this list.
        Unavailable: Firestore was not available.
    """
    cursor = paging.read(_PAGES, page_token, _cursor)
    after, firestore_token = (None, None) if cursor is None else (cursor.user_id, cursor.firestore_token)
    try:
        user_ids, firestore_token = store.list_user_ids(deps.db, firestore_token, max_accounts)
    except ValueError:
        raise paging.invalid() from None
    bounds: list[str | None] = [after, *user_ids]
    if firestore_token is None:
        bounds.append(None)
    figures, breaches = Figures(), []
    pool = ThreadPoolExecutor(_PARALLEL_READS)
    try:
        running = [pool.submit(_verify_up_to, deps, start, end) for start, end in pairwise(bounds)]
        for verified in running:
            found_figures, found_breaches = verified.result()
            figures += found_figures
            breaches += found_breaches
    finally:
        # After an error, cancel the accounts that are still queued.
        pool.shutdown(cancel_futures=True)
    if firestore_token is None:
        return BooksPage(figures, breaches)
    return BooksPage(figures, breaches, paging.make(_PAGES, f"{user_ids[-1]}/{firestore_token}"))


def _cursor(text: str) -> Cursor:
    # An account id contains no slash.
    user_id, _, firestore_token = text.partition("/")
    if not (user_id and firestore_token):
        raise ValueError("not a cursor")
    return Cursor(user_id, firestore_token)


def _verify_up_to(deps: Deps, after: str | None, user_id: str | None) -> tuple[Figures, list[Breach]]:
    """Verify an account (None: the end of the list) and the orphaned generations between it and `after`."""
    figures, breaches = Figures(), []
    while (owner := store.next_owner(deps.db, after, user_id)) is not None:
        found_figures, found_breaches = _verify(deps, owner)
        figures, after = figures + found_figures, owner
        breaches += found_breaches
    if user_id is not None:
        found_figures, found_breaches = _verify(deps, user_id)
        figures += found_figures
        breaches += found_breaches
    return figures, breaches


def _verify(deps: Deps, user_id: str) -> tuple[Figures, list[Breach]]:
    stored = store.read_books(deps.db, user_id)
    parts = (stored.account, stored.entries, stored.generations)
    now = deps.now()
    return check.tally(*parts, now), check.check(user_id, *parts, now)
