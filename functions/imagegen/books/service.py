"""Owns the walk over all accounts that proves that their books balance; memory is flat in the number of accounts.

Knows neither what a breach is nor who asks.
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
    """How far a walk has come: the last id that was looked at, and Firestore's token of the page behind it."""

    user_id: str
    firestore_token: str


@dataclass(frozen=True)
class BooksPage:
    """What was found in some accounts; `next_page_token` is None behind the last."""

    figures: Figures = field(default_factory=Figures)
    breaches: list[Breach] = field(default_factory=list)
    next_page_token: str | None = None


def walk(deps: Deps, max_accounts: int = 100) -> Iterator[BooksPage]:
    """Yield the pages of all accounts in the order of their ids.

    Raises:
        Unavailable: Firestore was away.
    """
    page = verify_books(deps, max_accounts, None)
    yield page
    while page.next_page_token is not None:
        page = verify_books(deps, max_accounts, page.next_page_token)
        yield page


def verify_books(deps: Deps, max_accounts: int, page_token: str | None) -> BooksPage:
    """Check up to `max_accounts` accounts, and generations and ledgers that have none.

    An account takes four round trips, three for its books as of one moment and one to look for generations before it
    whose account is missing.

    Raises:
        InvalidRequest: the page token is not one of this list.
        Unavailable: Firestore was away.
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
        # After an error, what is queued is not begun.
        pool.shutdown(cancel_futures=True)
    if firestore_token is None:
        return BooksPage(figures, breaches)
    return BooksPage(figures, breaches, paging.make(_PAGES, f"{user_ids[-1]}/{firestore_token}"))


def _cursor(text: str) -> Cursor:
    # An account's id has no slash.
    user_id, _, firestore_token = text.partition("/")
    if not (user_id and firestore_token):
        raise ValueError("not a cursor")
    return Cursor(user_id, firestore_token)


def _verify_up_to(deps: Deps, after: str | None, user_id: str | None) -> tuple[Figures, list[Breach]]:
    """Check an account (None behind the last one) and the generations without one before it."""
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
