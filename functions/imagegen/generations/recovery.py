"""Owns the recovery of what has stuck: expired leases, tasks that the queue lost, pictures that were not delivered.

Must not know the schedule, HTTP, nor how documents are written. Every run is idempotent, and safe beside other runs and
live traffic: all changes are those of `settlement.py` and `worker.py`.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeVar

from imagegen.deps import Deps
from imagegen.firebase.retries import Deadline
from imagegen.generations import picture, store, worker
from imagegen.generations.outbox import enqueue_webhook, placed
from imagegen.generations.records import FailureReason, Generation, GenerationStatus, WebhookState
from imagegen.generations.settlement import Reservation, end
from imagegen.kit import log
from imagegen.kit.errors import Unavailable

_PAGE_SIZE = 500

T = TypeVar("T")
R = TypeVar("R")
Found = tuple[Generation, datetime]


class Unsettled(Exception):
    """Some generations could not be recovered; the log has the reasons."""


@dataclass
class Recovered:
    """The numbers of a run; `failed` counts corrupt records and those that the next run tries again."""

    refunded: int = 0
    taken_back: int = 0
    enqueued: int = 0
    pictures_deleted: int = 0
    failed: int = 0
    # Generations that this run has ended, and whose webhooks are due.
    ended: list[Generation] = field(default_factory=list)


def reconcile(deps: Deps) -> Recovered:
    """Recover everything that is overdue, the longest overdue first, until the time limit; return the numbers.

    A record that cannot be recovered does not stop the others. Refunds come first, and have most of the time.

    Raises:
        Unsettled: some could not be recovered; all others were, as far as the time allowed.
        Unavailable: Firestore was not available; what was done until then stays.
    """
    limit_seconds = deps.settings.reconcile_time_limit_seconds
    run = Recovered()
    # Each step, and the share of the time at which it stops, so that none takes all of it from the next.
    steps: list[tuple[Callable[[Deps, Recovered, Deadline], None], float]] = [
        (_end_expired, 0.6),
        (_enqueue_unclaimed, 0.75),
        (_enqueue_webhooks, 0.85),
        (_delete_pictures, 0.95),
    ]
    deadlines = [Deadline(limit_seconds * share) for _, share in steps]
    for (step, _), deadline in zip(steps, deadlines, strict=True):
        step(deps, run, deadline)
    if run.failed:
        raise Unsettled(f"{run.failed} records could not be recovered; {run.refunded} generations were refunded")
    return run


def _end_expired(deps: Deps, run: Recovered, deadline: Deadline) -> None:
    """Take back or refund the generations whose lease has expired."""
    contended: set[str] = set()
    for page in _until(deadline, store.expired_generations(deps.db, deps.now(), _PAGE_SIZE)):
        run.failed += page.corrupt
        by_account: dict[str, list[Found]] = {}
        for generation, updated_at in page.generations:
            if generation.user_id not in contended:
                by_account.setdefault(generation.user_id, []).append((generation, updated_at))
        # The refunds of one account would conflict, so that each thread has an account of its own.
        for part in _each(deps, partial(_end_of_account, deps, deadline, contended), by_account.values()):
            run.refunded += part.refunded
            run.taken_back += part.taken_back
            run.failed += part.failed
            run.ended += part.ended


def _end_of_account(deps: Deps, deadline: Deadline, contended: set[str], found: Iterable[Found]) -> Recovered:
    run = Recovered()
    for generation, updated_at in found:
        if not deadline.allows(0):
            break
        try:
            if worker.take_back(deps, generation, updated_at):
                run.taken_back += 1
                continue
            ended = end(deps, Reservation(generation), FailureReason.LEASE_EXPIRED)
        except Unavailable:
            # Perhaps only this account is contended: the next page shows whether Firestore is available. The account
            # is left to the next run, so that it does not use up the time of the others.
            log.warn("generation not recovered: Firestore was not available for it", **picture.ids(generation))
            run.failed += 1
            contended.add(generation.user_id)
            break
        except Exception:  # Poison record: one corrupt generation must not block the refunds of all others.
            log.error(f"generation could not be refunded: {traceback.format_exc()}", **picture.ids(generation))
            run.failed += 1
            continue
        if ended.status is not GenerationStatus.PENDING:
            log.warn("generation refunded after its lease", **picture.ids(generation))
            run.refunded += 1
            run.ended += [ended] if ended.webhook is WebhookState.DUE else []
    return run


def _enqueue_unclaimed(deps: Deps, run: Recovered, deadline: Deadline) -> None:
    """Enqueue the tasks of queued generations again that no worker has begun."""

    def enqueue(found: Found) -> bool:
        return deadline.allows(0) and worker.enqueue_again(deps, *found)

    for page in _until(deadline, store.unclaimed_generations(deps.db, deps.now(), _PAGE_SIZE)):
        run.failed += page.corrupt
        run.enqueued += sum(_each(deps, enqueue, page.generations))


def _enqueue_webhooks(deps: Deps, run: Recovered, deadline: Deadline) -> None:
    """Enqueue the webhooks of what this run has ended; the outbox repeats those that the queue does not confirm."""

    def enqueue(ended: tuple[Generation, int]) -> None:
        if deadline.allows(0):
            enqueue_webhook(deps, *ended)

    # Paced, so that the webhooks of one account cannot fill the queue.
    _each(deps, enqueue, placed(run.ended))


def _delete_pictures(deps: Deps, run: Recovered, deadline: Deadline) -> None:
    """Delete the pictures of generations that ended without one."""

    def delete(found: Found) -> bool:
        generation, _ = found
        if not deadline.allows(0):
            return False
        try:
            deps.images.delete(generation.generation_id)
            store.write_picture_deleted(deps.db, generation.generation_id)
        except Exception as error:  # The next run tries again; a picture too many costs little.
            log.warn(f"the picture could not be deleted: {error!r}", **picture.ids(generation))
            return False
        return True

    for page in _until(deadline, store.undelivered_pictures(deps.db, deps.now(), _PAGE_SIZE)):
        run.failed += page.corrupt
        run.pictures_deleted += sum(_each(deps, delete, page.generations))


def _each(deps: Deps, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Return the results of `work` for each item, in order, from several threads at once."""
    # Each in a copy of the context, so that its log lines have the fields of this call.
    with ThreadPoolExecutor(deps.settings.reconcile_threads) as pool:
        running = [pool.submit(copy_context().run, work, item) for item in items]
        return [each.result() for each in running]


def _until(deadline: Deadline, pages: Iterator[store.Page]) -> Iterator[store.Page]:
    """Yield pages until the deadline; the next run begins with the oldest again."""
    while deadline.allows(0):
        page = next(pages, None)
        if page is None:
            return
        yield page
    log.warn("reconcile stopped at its time limit; the next run goes on")
