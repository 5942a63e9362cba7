"""Owns the walk over all accounts that proves that their books balance; memory is flat in the number of accounts.

Knows neither what a breach is nor who asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from imagegen.books import check, store
from imagegen.books.check import Breach, Figures
from imagegen.deps import Deps

_PARALLEL_READS = 8


@dataclass(frozen=True)
class Place:
    """How far a walk has come: the last id that was looked at, and Firestore's token of the page behind it."""

    user_id: str
    page_token: str


@dataclass(frozen=True)
class BooksPage:
    """What was found in some accounts; `next_place` is where the next page goes on, None when there is none."""

    figures: Figures = field(default_factory=Figures)
    breaches: list[Breach] = field(default_factory=list)
    next_place: Place | None = None


def walk(deps: Deps, max_accounts: int = 100) -> Iterator[BooksPage]:
    """Yield the pages of all accounts in the order of their ids.

    Raises:
        Unavailable: Firestore was away.
    """
    place = None
    while True:
        page = verify_books(deps, place, max_accounts)
        yield page
        place = page.next_place
        if place is None:
            return


def verify_books(deps: Deps, place: Place | None, max_accounts: int) -> BooksPage:
    """Check up to `max_accounts` accounts, and generations and ledgers that have none.

    An account takes four round trips, three for its books as of one moment and one to look for generations before it
    whose account is missing.

    Raises:
        ValueError: there is no such place.
        Unavailable: Firestore was away.
    """
    after, page_token = (None, None) if place is None else (place.user_id, place.page_token)
    user_ids, next_token = store.list_user_ids(deps.db, page_token, max_accounts)
    ends: list[str | None] = [*user_ids, None] if next_token is None else list(user_ids)
    figures, breaches = Figures(), []
    pool = ThreadPoolExecutor(_PARALLEL_READS)
    try:
        running = [
            pool.submit(_verify_up_to, deps, start, end) for start, end in zip([after, *user_ids], ends, strict=False)
        ]
        for verified in running:
            found_figures, found_breaches = verified.result()
            figures += found_figures
            breaches += found_breaches
    finally:
        # Nobody waits for what is queued behind a fault.
        pool.shutdown(cancel_futures=True)
    return BooksPage(figures, breaches, None if next_token is None else Place(user_ids[-1], next_token))


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
