"""Owns which deliveries may begin: the share of an account, and the circuit breaker of each of its hosts.

Pure. Must not know Firestore nor the clock. An account whose receivers answer promptly needs no slot, so that its
deliveries write nothing here; see docs/decisions/0016-webhook-shares.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from imagegen.kit import urls
from imagegen.webhooks.records import Breaker, WebhookAccount

# The deliveries of a slow account at once, of the 32 of the queue.
SLOTS = 4
# Longer than a delivery takes: then a slot or a probe is free again, if the process died.
_LEASE = timedelta(seconds=30)
_SLOW_FOR = timedelta(days=1)
_TOLERATED_FAILURES = 5
_SHORTEST_OPEN = timedelta(minutes=1)
_LONGEST_OPEN = timedelta(hours=1)
# A caller chooses the host of each webhook: without a limit the document could outgrow its maximum size.
_MAX_BREAKERS = 20
# A DNS name has at most 253 characters; a port follows.
_MAX_HOST_CHARACTERS = 260


class Deferred(Exception):
    """A delivery may not begin now. It is no attempt. `until` is None if only the account's slots are in use."""

    def __init__(self, until: datetime | None) -> None:
        super().__init__("all slots of the account are in use" if until is None else f"the host fails, until {until}")
        self.until = until


def host_of(url: str) -> str:
    """Return the host and port of a webhook URL."""
    return urls.check(url).netloc.lower()[:_MAX_HOST_CHARACTERS]


def admit(account: WebhookAccount, host: str, generation_id: str, now: datetime) -> WebhookAccount:
    """Admit one delivery; return the account, changed if the delivery takes a slot or probes a failing host.

    Raises:
        Deferred: the breaker of the host is open, or all slots of the account are in use.
    """
    breaker = account.breakers.get(host)
    if breaker is not None and breaker.failures >= _TOLERATED_FAILURES and breaker.probe != generation_id:
        if now < breaker.open_until:
            raise Deferred(breaker.open_until)
        # Half-open: one delivery probes the host, the others wait for its outcome.
        probing = replace(breaker, open_until=now + _LEASE, probe=generation_id)
        account = replace(account, breakers={**account.breakers, host: probing})
    if account.slow_until is None or account.slow_until <= now:
        return account
    taken = {holder: until for holder, until in account.slots.items() if until > now and holder != generation_id}
    if len(taken) >= SLOTS:
        raise Deferred(None)
    return replace(account, slots={**taken, generation_id: now + _LEASE})


def slow_until(now: datetime) -> datetime:
    """Return until when the deliveries of an account need slots, once one of them without a slot took too long."""
    return now + _SLOW_FOR


def answered(account: WebhookAccount, host: str, generation_id: str) -> WebhookAccount:
    """Free the slot of a delivery that was answered, and close the breaker of its host."""
    return replace(_freed(account, generation_id), breakers=_without(account.breakers, host))


def failed(account: WebhookAccount, host: str, generation_id: str, now: datetime) -> WebhookAccount:
    """Free the slot of a delivery that failed, and count the failure; from the fifth in a row the breaker is open.

    A failure while it is open does not count, unless it is the probe's: it began before.
    """
    account = _freed(account, generation_id)
    before = account.breakers.get(host)
    if before is not None and now < before.open_until and before.probe != generation_id:
        return account
    failures = 1 if before is None else before.failures + 1
    excess = failures - _TOLERATED_FAILURES
    # The exponent is bounded: 2**6 minutes are above the maximum.
    pause = min(_SHORTEST_OPEN * 2 ** min(excess, 6), _LONGEST_OPEN) if excess >= 0 else timedelta(0)
    others = _without(account.breakers, host)
    if len(others) >= _MAX_BREAKERS:
        others = _without(others, min(others, key=lambda name: others[name].open_until))
    return replace(account, breakers={**others, host: Breaker(failures=failures, open_until=now + pause)})


def open_until(account: WebhookAccount, host: str, now: datetime) -> datetime | None:
    """Return until when the breaker of a host is open; None if it is not."""
    breaker = account.breakers.get(host)
    is_open = breaker is not None and breaker.failures >= _TOLERATED_FAILURES and now < breaker.open_until
    return breaker.open_until if breaker is not None and is_open else None


def half_opened(account: WebhookAccount, host: str, now: datetime) -> WebhookAccount:
    """Let the next delivery probe a host, whose owner says that it works again."""
    breaker = account.breakers.get(host)
    if breaker is None:
        return account
    return replace(account, breakers={**account.breakers, host: replace(breaker, open_until=now, probe=None)})


def _freed(account: WebhookAccount, generation_id: str) -> WebhookAccount:
    slots = {holder: until for holder, until in account.slots.items() if holder != generation_id}
    return replace(account, slots=slots)


def _without(breakers: Mapping[str, Breaker], host: str) -> dict[str, Breaker]:
    return {name: breaker for name, breaker in breakers.items() if name != host}
