"""Owns the use cases of an account's deliveries: list them, and send one again on demand.

Must not know HTTP nor how documents are read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from imagegen.deps import Deps
from imagegen.firebase.identity import Caller
from imagegen.firebase.transactions import Transaction
from imagegen.generations import lookup, outbox
from imagegen.generations import store as generations_store
from imagegen.generations.errors import GenerationNotFound
from imagegen.generations.records import Generation, WebhookState
from imagegen.kit import paging, rate_limit
from imagegen.webhooks import admission, store
from imagegen.webhooks.errors import NoWebhook

# Of one account. A resend costs no credit, so that without a limit it would be an amplifier.
_RESENDS_PER_MINUTE = 10
# A repeated call within this time is a retry of the first one.
_SAME_RESEND = timedelta(minutes=1)


@dataclass(frozen=True)
class DeliveryPage:
    """A page of ended generations with a webhook, newest first."""

    generations: list[Generation]
    next_page_token: str | None


def list_deliveries(
    deps: Deps, user_id: str, state: WebhookState | None, page_size: int, page_token: str | None
) -> DeliveryPage:
    """Read a page of an account's webhooks, by the creation of their generation; empty for an unknown account.

    Raises:
        InvalidRequest: the page token is not of this list.
        Unavailable: Firestore was not available.
    """
    name = f"webhooks/{user_id}/{state}"
    states = [*WebhookState] if state is None else [state]
    found = generations_store.read_generations(
        deps.db,
        {"userId": user_id, "webhook": states},
        after=None,
        before=None,
        beyond=paging.read(name, page_token, lookup.cursor),
        limit=page_size,
    )
    more = len(found) == page_size
    return DeliveryPage(found, paging.make(name, lookup.cursor_text(found[-1])) if more else None)


def resend_webhook(deps: Deps, caller: Caller, generation_id: str) -> Generation:
    """Make the webhook of a generation due again, with a new schedule, and enqueue it; return the generation.

    Also one that was delivered or given up. A repeated call within a minute changes nothing.

    Raises:
        GenerationNotFound: it does not exist, or belongs to another account.
        NoWebhook: it has no webhook, or has not ended.
        RateLimited: the account resends too many; nothing was changed.
        Unavailable: Firestore was not available; it may be due again.
    """
    user_id = lookup.get_generation(deps, caller, generation_id).user_id
    now = deps.now()

    def body(transaction: Transaction) -> Generation:
        current = generations_store.read_generation_in(transaction, generation_id)
        if current is None:
            raise GenerationNotFound(generation_id)
        if current.webhook is None or current.webhook_url is None:
            raise NoWebhook(generation_id)
        resent_at = current.delivery.resent_at
        if resent_at is not None and now < resent_at + _SAME_RESEND:
            return current
        account = store.read_account_in(transaction, user_id)
        arrival_at = rate_limit.admit(account.resend_arrival_at, now, _RESENDS_PER_MINUTE, _RESENDS_PER_MINUTE)
        account = admission.half_opened(account, admission.host_of(current.webhook_url), now)
        store.write_account(transaction, replace(account, resend_arrival_at=arrival_at))
        resent = replace(
            current,
            webhook=WebhookState.DUE,
            webhook_due_at=outbox.handed_over_until(now),
            delivery=replace(current.delivery, resent_at=now),
        )
        generations_store.write_webhook(transaction, resent)
        return resent

    resent, _ = deps.db.transact(body)
    # Not for a repeated call: each would add a task.
    if resent.delivery.resent_at == now:
        outbox.enqueue_webhook(deps, resent)
    return resent
