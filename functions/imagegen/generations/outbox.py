"""Owns the outbox of webhooks: its schedule, and handing to the queue what is due.

Must not know HTTP nor the message. Transactional outbox: the commit that ends a generation also marks its webhook as
due, so that a crash cannot lose it. The queue retries for some minutes; after that the outbox hands a webhook over
again with exponential back-off, for three days.
"""

from __future__ import annotations

import functools
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from imagegen.deps import Deps
from imagegen.firebase.retries import Deadline
from imagegen.firebase.tasks import TaskQueueError
from imagegen.firebase.transactions import Transaction
from imagegen.generations import store
from imagegen.generations.records import Generation, WebhookState
from imagegen.kit import log

DELIVER_WEBHOOK = "deliverWebhook"
# Longer than the queue retries a task (see deliverWebhook in main.py): until then it is not handed over again.
_QUEUE_HOLDS = timedelta(minutes=10)
_LONGEST_PAUSE = timedelta(hours=4)
_GIVEN_UP_AFTER = timedelta(days=3)
_PAGE_SIZE = 200
# The webhooks of one account in one run, and in a second of it, so that its backlog does not hold up those of others.
# The rest of it is postponed.
_SHARE_OF_A_RUN = 200
_SHARE_OF_A_SECOND = 8
# With the time of the recovery before it, less than the 180 s after which Cloud Scheduler counts a run as failed.
_RUN_SECONDS = 20


def handed_over_until(now: datetime) -> datetime:
    """Return until when the queue has a webhook that is handed to it now."""
    return now + _QUEUE_HOLDS


def next_due_at(generation: Generation, now: datetime) -> datetime:
    """Return when an undelivered webhook is due again: after half of its age, which is exponential back-off."""
    return now + min(max(_age(generation, now) / 2, _QUEUE_HOLDS), _LONGEST_PAUSE)


def is_too_old(generation: Generation, now: datetime) -> bool:
    """Return whether an undelivered webhook is to be given up."""
    return _age(generation, now) >= _GIVEN_UP_AFTER


def enqueue_webhook(deps: Deps, generation: Generation, place: int = 0) -> None:
    """Enqueue the webhook of a generation that has just ended; if this fails, `enqueue_overdue_webhooks` repeats it.

    `place` is its place, from 0 on, among those of its account that are enqueued together (see `placed`): they are
    delayed so that an account has a few a second, and those beyond its share of a run are left to a later run.
    """
    if generation.webhook is not WebhookState.DUE or place >= _SHARE_OF_A_RUN:
        return
    data = {"generationRequestId": generation.generation_id}
    try:
        deps.tasks.enqueue(DELIVER_WEBHOOK, data, place // _SHARE_OF_A_SECOND)
    except TaskQueueError as error:
        log.warn(f"the queue did not confirm a webhook: {error}", **_ids(generation))


def placed(generations: Iterable[Generation], seen: Counter[str] | None = None) -> Iterator[tuple[Generation, int]]:
    """Yield each generation with its place among those of its account; `seen` counts across calls."""
    seen = Counter() if seen is None else seen
    for generation in generations:
        yield generation, seen[generation.user_id]
        seen[generation.user_id] += 1


def enqueue_overdue_webhooks(deps: Deps) -> int:
    """Hand over the webhooks that are due again, the longest overdue first; give up the oldest; return their number.

    It takes what it can in 20 seconds, page by page, and passes over corrupt documents; the next run goes on.

    Raises:
        Unavailable: Firestore was not available.
    """
    now = deps.now()
    deadline = Deadline(_RUN_SECONDS)
    handled = 0
    seen: Counter[str] = Counter()
    with ThreadPoolExecutor(deps.settings.reconcile_threads) as pool:
        for page in store.due_webhooks(deps.db, now, _PAGE_SIZE):
            due = placed((generation for generation, _ in page.generations), seen)
            handled += sum(pool.map(functools.partial(_handle, deps, now, deadline), due))
            if not deadline.allows(0):
                log.warn(f"more than {handled} webhooks are overdue; the next run takes the others")
                break
    return handled


def _handle(deps: Deps, now: datetime, deadline: Deadline, due: tuple[Generation, int]) -> bool:
    """Hand over, postpone or give up one overdue webhook, which has a place among those of its account.

    Return False if it was too late, or if that failed, which must not stop the run.
    """
    generation, place = due
    if not deadline.allows(0):
        return False
    try:
        if is_too_old(generation, now):
            _give_up(deps, generation, now)
        elif place >= _SHARE_OF_A_RUN:
            store.write_webhook_due_at(deps.db, generation.generation_id, next_due_at(generation, now))
        else:
            # Written before the task is enqueued, so that a later or concurrent run does not enqueue it as well.
            store.write_webhook_due_at(deps.db, generation.generation_id, handed_over_until(now))
            enqueue_webhook(deps, generation, place)
    except Exception:
        log.error(f"a webhook was not handed over: {traceback.format_exc()}", **_ids(generation))
        return False
    return True


def _give_up(deps: Deps, generation: Generation, now: datetime) -> None:
    def body(transaction: Transaction) -> bool:
        current = store.read_generation_in(transaction, generation.generation_id)
        # It may have been delivered or resent since it was read.
        if current is None or current.webhook is not WebhookState.DUE or not is_too_old(current, now):
            return False
        store.write_webhook(transaction, replace(current, webhook=WebhookState.GIVEN_UP, webhook_due_at=None))
        return True

    given_up, _ = deps.db.transact(body)
    if given_up:
        log.error("webhook given up: it was not delivered in three days", **_ids(generation))


def _age(generation: Generation, now: datetime) -> timedelta:
    """Return the time since the schedule of a webhook began."""
    return now - (generation.delivery.resent_at or generation.completed_at or now)


def _ids(generation: Generation) -> dict[str, str]:
    return {"generationRequestId": generation.generation_id, "userId": generation.user_id}
