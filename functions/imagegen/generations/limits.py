"""Owns the limits of an account: its rate of requests, and how many of its generations are under way at once.

Must not know the charge nor HTTP. An account that is limited has both limits in its own document, which each charge
writes anyway.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from imagegen.config import Settings
from imagegen.credits.records import Account
from imagegen.firebase.transactions import Transaction
from imagegen.generations import store
from imagegen.generations.errors import TooManyUnderWay
from imagegen.kit import rate_limit


def admit(settings: Settings, account: Account, now: datetime) -> Account:
    """Take one token of the account's rate limit; return the account to be written, also if the request is refused.

    Raises:
        RateLimited: it has none left.
    """
    if not settings.rate_limit_per_minute:
        return account
    arrival_at = rate_limit.admit(account.arrival_at, now, settings.rate_limit_per_minute, settings.rate_limit_burst)
    return replace(account, arrival_at=arrival_at)


def one_more_under_way(settings: Settings, transaction: Transaction, account: Account) -> Account:
    """Return the account with one more generation under way.

    The account holds an upper bound, since the end of a generation does not write its account. Only when the bound
    reaches the limit, the pending generations are counted: one more read and round trip for each `limit` requests.

    Raises:
        TooManyUnderWay: as many are pending as the account may have.
    """
    limit = settings.max_under_way
    if not limit:
        return account
    under_way = account.under_way_at_most
    if under_way >= limit:
        under_way = store.count_pending_in(transaction, account.user_id, limit)
        if under_way >= limit:
            raise TooManyUnderWay(limit)
    return replace(account, under_way_at_most=under_way + 1)
