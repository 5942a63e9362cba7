"""Owns one delivery of a webhook: admission, the message, and recording the outcome.

Must not know HTTP nor how documents are written. At-least-once delivery: the message id is the same in each delivery,
so that receivers can deduplicate. The outbox, and not the queue, decides when a webhook is repeated or given up.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from imagegen.deps import Deps
from imagegen.firebase.transactions import Transaction
from imagegen.generations import outbox
from imagegen.generations import store as generations_store
from imagegen.generations.lookup_schemas import GenerationAnswer
from imagegen.generations.records import Generation, WebhookState
from imagegen.kit import log
from imagegen.kit.errors import TryAgain, Unavailable
from imagegen.webhooks import admission, signing, store
from imagegen.webhooks.errors import WebhooksNotConfigured
from imagegen.webhooks.records import WebhookAccount
from imagegen.webhooks.schemas import WebhookMessage
from imagegen.webhooks.secrets import secrets_of
from imagegen.webhooks.sender import WebhookFailed, WebhookRefused, WebhookTimeout


@dataclass(frozen=True)
class _Attempt:
    """One attempt: its time, the state that it leads to, the HTTP status, and why it failed."""

    attempted_at: datetime
    state: WebhookState
    status: int | None
    failure: str | None = None


def deliver(deps: Deps, generation_id: str) -> None:
    """Send the webhook of a generation, if it is due and its account's limits admit it.

    Raises:
        TryAgain: it was not delivered, and the queue must deliver the task again soon.
        WebhooksNotConfigured: there is no valid master secret; it can be retried once there is one.
        Unavailable: Firestore was not available.
    """
    generation = generations_store.read_generation(deps.db, generation_id)
    if generation is None or generation.webhook is not WebhookState.DUE or generation.webhook_url is None:
        return
    account = store.read_account(deps.db, generation.user_id)
    try:
        secrets = secrets_of(deps, account)
    except WebhooksNotConfigured as error:
        # The operator has to act: the queue and the outbox only repeat it, for three days.
        log.error(f"webhook not sent: {error}", generationRequestId=generation_id, userId=generation.user_id)
        raise
    host, now = admission.host_of(generation.webhook_url), deps.now()
    try:
        admitted = _admitted(deps, account, host, generation_id, now)
    except admission.Deferred as deferred:
        if deferred.until is None:
            raise TryAgain(str(deferred)) from None
        due_at = max(outbox.next_due_at(generation, now), deferred.until)
        generations_store.write_webhook_due_at(deps.db, generation_id, due_at)
        return
    settings = deps.settings
    has_slot = generation_id in admitted.slots
    limit_seconds = settings.webhook_time_limit_seconds if has_slot else settings.webhook_prompt_seconds
    body = _body(generation)
    headers = signing.signed_headers(secrets, f"msg_{generation_id}", now, body)
    try:
        status = deps.webhooks.send(generation.webhook_url, headers, body, limit_seconds)
        attempt = _Attempt(now, WebhookState.DELIVERED, status)
    except WebhookRefused as error:
        attempt = _Attempt(now, WebhookState.GIVEN_UP, error.status, str(error))
    except Exception as error:  # Any error of a sender counts as a failed attempt.
        if isinstance(error, WebhookTimeout) and not has_slot:
            # It may just be slow: no attempt, but the next one has a slot and more time.
            with _contended():
                store.write_slow_until(deps.db, generation.user_id, admission.slow_until(deps.now()))
            raise TryAgain(f"{error}; the account now needs slots") from error
        answered = error.status if isinstance(error, WebhookFailed) else None
        attempt = _Attempt(now, WebhookState.DUE, answered, str(error) or type(error).__name__)
    if not _conclude(deps, generation, admitted, host, attempt):
        raise TryAgain(f"webhook not delivered: {attempt.failure}")


def _admitted(deps: Deps, account: WebhookAccount, host: str, generation_id: str, now: datetime) -> WebhookAccount:
    """Admit a delivery, in a transaction only if something is to be written; raises `Deferred`."""
    if admission.admit(account, host, generation_id, now) == account:
        return account

    def body(transaction: Transaction) -> WebhookAccount:
        current = store.read_account_in(transaction, account.user_id)
        admitted = admission.admit(current, host, generation_id, now)
        if admitted != current:
            store.write_account(transaction, admitted)
        return admitted

    with _contended():
        admitted, _ = deps.db.transact(body)
    return admitted


@contextmanager
def _contended() -> Iterator[None]:
    """Turn contention of an account's document into a retry: a 503 would slow down the queue for all accounts."""
    try:
        yield
    except Unavailable:
        raise TryAgain("the webhooks of the account are contended") from None


def _conclude(deps: Deps, generation: Generation, admitted: WebhookAccount, host: str, attempt: _Attempt) -> bool:
    """Record an attempt, free its slot, count a failure; return False if the queue must deliver the task again soon."""
    now = deps.now()
    generation_id = generation.generation_id
    failed = attempt.state is WebhookState.DUE
    limits_change = failed or generation_id in admitted.slots or host in admitted.breakers

    def body(transaction: Transaction) -> tuple[Generation | None, datetime | None]:
        current = generations_store.read_generation_in(transaction, generation_id)
        open_until = None
        if limits_change:
            account = store.read_account_in(transaction, generation.user_id)
            if failed:
                changed = admission.failed(account, host, generation_id, now)
            else:
                changed = admission.answered(account, host, generation_id)
            open_until = admission.open_until(changed, host, now)
        if current is None:
            return None, None
        if transaction.retrying and current.delivery.attempted_at == attempt.attempted_at:
            # An earlier commit was applied, and its answer was lost.
            return current, open_until
        if limits_change and changed != account:
            store.write_account(transaction, changed)
        recorded = _recorded(current, attempt, now, open_until)
        generations_store.write_webhook(transaction, recorded)
        return recorded, open_until

    with _contended():
        (recorded, open_until), _ = deps.db.transact(body)
    if recorded is None:
        return True
    if recorded.webhook is WebhookState.GIVEN_UP and attempt.state is not WebhookState.DELIVERED:
        log.warn(f"webhook given up: {attempt.failure}", generationRequestId=generation_id, userId=generation.user_id)
    return recorded.webhook is not WebhookState.DUE or open_until is not None


def _recorded(current: Generation, attempt: _Attempt, now: datetime, open_until: datetime | None) -> Generation:
    """Return a generation with one more attempt; of concurrent deliveries a success wins."""
    delivery = replace(
        current.delivery,
        attempts=current.delivery.attempts + 1,
        attempted_at=attempt.attempted_at,
        status=attempt.status,
        failure=attempt.failure,
    )
    if attempt.state is WebhookState.DELIVERED:
        return replace(current, webhook=attempt.state, webhook_due_at=None, delivery=delivery)
    if current.webhook is not WebhookState.DUE:
        return current
    if attempt.state is WebhookState.GIVEN_UP or outbox.is_too_old(current, now):
        return replace(current, webhook=WebhookState.GIVEN_UP, webhook_due_at=None, delivery=delivery)
    due_at = max(outbox.next_due_at(current, now), open_until or now)
    return replace(current, webhook_due_at=due_at, delivery=delivery)


def _body(generation: Generation) -> bytes:
    # The time is that of the event, so that the body is byte-equal in each delivery (Standard Webhooks 1.0.0).
    assert generation.completed_at is not None
    message = WebhookMessage(
        type=f"generation.{generation.stage}", timestamp=generation.completed_at, data=GenerationAnswer.of(generation)
    )
    return message.model_dump_json(by_alias=True).encode()
