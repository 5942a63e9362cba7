"""Owns generations in Firestore: document paths, codecs, queries and writes.

Must not know business rules: the caller decides what to write, and in which transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from imagegen.credits.records import Account
from imagegen.credits.store import account_reference, stored_account
from imagegen.firebase.database import Database, Snapshot, fields_of
from imagegen.firebase.transactions import Transaction
from imagegen.generations.records import Delivery, FailureReason, Generation, GenerationStatus, WebhookState
from imagegen.kit import log
from imagegen.kit.weeks import Week


def read_in(
    transaction: Transaction, user_id: str, generation_id: str | None
) -> tuple[Account | None, Generation | None]:
    """Read an account, and a generation if an id is given, in one round trip."""
    references = [account_reference(transaction.client, user_id)]
    if generation_id is not None:
        references.append(_generation_reference(transaction.client, generation_id))
    account, *generations = transaction.read(*references)
    return stored_account(user_id, account), _generation(generation_id, generations[0]) if generation_id else None


def read_generation(db: Database, generation_id: str) -> Generation | None:
    """Read one generation outside of a transaction."""
    return _generation(generation_id, db.get(_generation_reference(db.client, generation_id)).to_dict())


def read_generation_in(transaction: Transaction, generation_id: str) -> Generation | None:
    """Read one generation, of any account, in a transaction."""
    (fields,) = transaction.read(_generation_reference(transaction.client, generation_id))
    return _generation(generation_id, fields)


def read_current(db: Database, generation_id: str) -> tuple[Generation, datetime] | None:
    """Read one generation with its update time, for compare-and-set."""
    snapshot = db.get(_generation_reference(db.client, generation_id))
    found = _generation(generation_id, snapshot.to_dict())
    return None if found is None else (found, snapshot.update_time)


def count_pending_in(transaction: Transaction, user_id: str, limit: int) -> int:
    """Count the pending generations of an account, up to a limit, in one round trip and for one read."""
    pending = transaction.client.collection("generationRequests").where(filter=FieldFilter("userId", "==", user_id))
    return transaction.count(
        pending.where(filter=FieldFilter("status", "==", GenerationStatus.PENDING.value)).limit(limit)
    )


def create_generation(transaction: Transaction, generation: Generation) -> None:
    """Create a generation; the commit fails if its id exists."""
    transaction.create(
        _generation_reference(transaction.client, generation.generation_id),
        {
            "userId": generation.user_id,
            "model": generation.model,
            "style": generation.style,
            "color": generation.color,
            "size": generation.size,
            "prompt": generation.prompt,
            "creditsCharged": generation.credits_charged,
            "createdAt": generation.created_at,
            # For the weekly report: an equality filter, unlike a range of `createdAt`, can be combined with others.
            "week": Week.of(generation.created_at).week_id,
            "idempotencyFingerprint": generation.idempotency_fingerprint,
            "webhookUrl": generation.webhook_url,
            **_attempt_fields(generation),
            **_outcome_fields(generation),
        },
    )


def begin_generation(transaction: Transaction, generation: Generation) -> None:
    """Write a new attempt of a generation: its id, number, start and lease."""
    transaction.update(_generation_reference(transaction.client, generation.generation_id), _attempt_fields(generation))


def end_generation(transaction: Transaction, generation: Generation) -> None:
    """Write the outcome of a generation."""
    transaction.update(_generation_reference(transaction.client, generation.generation_id), _outcome_fields(generation))


def end_generation_if_unchanged(db: Database, generation: Generation, updated_at: datetime) -> bool:
    """Write the outcome by compare-and-set on the update time; return False if it was refused or is in doubt."""
    reference = _generation_reference(db.client, generation.generation_id)
    return db.update_if_unchanged(reference, _outcome_fields(generation), updated_at)


def queue_generation_if_unchanged(db: Database, generation: Generation, updated_at: datetime) -> bool:
    """Write that a generation is queued (again), by compare-and-set on the update time; returns as above."""
    reference = _generation_reference(db.client, generation.generation_id)
    return db.update_if_unchanged(reference, _attempt_fields(generation), updated_at)


@dataclass(frozen=True)
class Page:
    """Generations with their update times, in the order of a query, and the number of corrupt ones among them."""

    generations: list[tuple[Generation, datetime]]
    corrupt: int


def expired_generations(db: Database, now: datetime, page_size: int) -> Iterator[Page]:
    """Yield pending generations whose lease has expired, the longest overdue first."""
    generations = db.client.collection("generationRequests")
    pending = generations.where(filter=FieldFilter("status", "==", GenerationStatus.PENDING.value))
    return _pages(db, pending, "leaseExpiresAt", now, page_size)


def unclaimed_generations(db: Database, now: datetime, page_size: int) -> Iterator[Page]:
    """Yield queued generations that are to be enqueued again, the longest due first."""
    return _pages(db, db.client.collection("generationRequests"), "enqueueAgainAt", now, page_size)


def undelivered_pictures(db: Database, now: datetime, page_size: int) -> Iterator[Page]:
    """Yield ended generations whose picture is to be deleted, the longest due first."""
    return _pages(db, db.client.collection("generationRequests"), "deletePictureAt", now, page_size)


def write_picture_deleted(db: Database, generation_id: str) -> None:
    """Write that a generation has no picture to delete any more."""
    db.update(_generation_reference(db.client, generation_id), {"deletePictureAt": None})


def read_generations(
    db: Database,
    equal: Mapping[str, Any],
    *,
    after: datetime | None,
    before: datetime | None,
    beyond: tuple[datetime, str] | None,
    limit: int,
) -> list[Generation]:
    """Read the generations whose fields equal `equal`, or are one of a list, newest first.

    They were created in `[after, before)`. `beyond` is the cursor: creation time and id of the last one of the page
    before.
    """
    query: Any = db.client.collection("generationRequests")
    for field, value in equal.items():
        query = query.where(filter=FieldFilter(field, "in" if isinstance(value, list) else "==", value))
    if after is not None:
        query = query.where(filter=FieldFilter("createdAt", ">=", after))
    if before is not None:
        query = query.where(filter=FieldFilter("createdAt", "<", before))
    descending = firestore.Query.DESCENDING
    query = query.order_by("createdAt", direction=descending).order_by("__name__", direction=descending)
    if beyond is not None:
        created_at, generation_id = beyond
        query = query.start_after(
            {"createdAt": created_at, "__name__": _generation_reference(db.client, generation_id)}
        )
    return [_stored_generation(snapshot.id, fields_of(snapshot)) for snapshot in db.run(query.limit(limit))]


def due_webhooks(db: Database, now: datetime, page_size: int) -> Iterator[Page]:
    """Yield generations whose webhook is due, the longest overdue first."""
    generations = db.client.collection("generationRequests")
    due = generations.where(filter=FieldFilter("webhook", "==", WebhookState.DUE.value))
    return _pages(db, due, "webhookDueAt", now, page_size)


def write_webhook_due_at(db: Database, generation_id: str, due_at: datetime) -> None:
    """Write when the outbox hands a webhook to the queue again."""
    db.update(_generation_reference(db.client, generation_id), {"webhookDueAt": due_at})


def write_webhook(transaction: Transaction, generation: Generation) -> None:
    """Write the state of a webhook, when it is due, and its attempts."""
    transaction.update(_generation_reference(transaction.client, generation.generation_id), _webhook_fields(generation))


def _pages(db: Database, query: Any, due: str, now: datetime, page_size: int) -> Iterator[Page]:
    """Yield the generations of a query whose time `due` has come, in its order; log and count corrupt ones.

    Each page is read when it is asked for, behind the last one: records that stay due are not read again.
    """
    query = query.where(filter=FieldFilter(due, "<=", now)).order_by(due).limit(page_size)
    while snapshots := db.run(query):
        found = [(generation, snapshot.update_time) for snapshot in snapshots for generation in _readable([snapshot])]
        yield Page(found, len(snapshots) - len(found))
        query = query.start_after(snapshots[-1])


def _generation_reference(client: firestore.Client, generation_id: str) -> firestore.DocumentReference:
    return client.collection("generationRequests").document(generation_id)


def _generation(generation_id: str, fields: Mapping[str, Any] | None) -> Generation | None:
    return None if fields is None else _stored_generation(generation_id, fields)


def _stored_generation(generation_id: str, fields: Mapping[str, Any]) -> Generation:
    reason = fields["failureReason"]
    return Generation(
        generation_id=generation_id,
        user_id=fields["userId"],
        model=fields["model"],
        style=fields["style"],
        color=fields["color"],
        size=fields["size"],
        prompt=fields["prompt"],
        status=GenerationStatus(fields["status"]),
        credits_charged=fields["creditsCharged"],
        credits_refunded=fields["creditsRefunded"],
        image_url=fields["imageUrl"],
        failure_reason=None if reason is None else FailureReason(reason),
        created_at=fields["createdAt"],
        started_at=fields["startedAt"],
        completed_at=fields["completedAt"],
        lease_expires_at=fields["leaseExpiresAt"],
        attempt_id=fields["attemptId"],
        # Fields with a default are missing in documents of earlier versions.
        attempts=fields.get("attempts", 1),
        enqueued_at=fields.get("enqueuedAt"),
        enqueue_again_at=fields.get("enqueueAgainAt"),
        delete_picture_at=fields.get("deletePictureAt"),
        idempotency_fingerprint=fields["idempotencyFingerprint"],
        webhook_url=fields.get("webhookUrl"),
        webhook=WebhookState(fields["webhook"]) if fields.get("webhook") else None,
        webhook_due_at=fields.get("webhookDueAt"),
        delivery=_stored_delivery(fields.get("webhookDelivery") or {}),
    )


def _stored_delivery(fields: Mapping[str, Any]) -> Delivery:
    return Delivery(
        attempts=fields.get("attempts", 0),
        attempted_at=fields.get("attemptedAt"),
        status=fields.get("status"),
        failure=fields.get("failure"),
        resent_at=fields.get("resentAt"),
    )


def _readable(snapshots: Iterable[Snapshot]) -> Iterator[Generation]:
    """Decode generations; log and skip corrupt ones (poison records), so that they do not block the others."""
    for snapshot in snapshots:
        try:
            yield _stored_generation(snapshot.id, fields_of(snapshot))
        except (KeyError, TypeError, ValueError) as error:
            log.error(f"generationRequests/{snapshot.id} is corrupt: {error!r}")


def _attempt_fields(generation: Generation) -> dict[str, Any]:
    return {
        "startedAt": generation.started_at,
        "leaseExpiresAt": generation.lease_expires_at,
        "attemptId": generation.attempt_id,
        "attempts": generation.attempts,
        "enqueuedAt": generation.enqueued_at,
        "enqueueAgainAt": generation.enqueue_again_at,
    }


def _outcome_fields(generation: Generation) -> dict[str, Any]:
    return {
        "status": generation.status.value,
        "creditsRefunded": generation.credits_refunded,
        "imageUrl": generation.image_url,
        "failureReason": generation.failure_reason,
        "completedAt": generation.completed_at,
        "durationMs": generation.duration_ms,
        "enqueueAgainAt": generation.enqueue_again_at,
        "deletePictureAt": generation.delete_picture_at,
        **_webhook_fields(generation),
    }


def _webhook_fields(generation: Generation) -> dict[str, Any]:
    delivery = generation.delivery
    return {
        "webhook": generation.webhook,
        "webhookDueAt": generation.webhook_due_at,
        "webhookDelivery": None
        if delivery == Delivery()
        else {
            "attempts": delivery.attempts,
            "attemptedAt": delivery.attempted_at,
            "status": delivery.status,
            "failure": delivery.failure,
            "resentAt": delivery.resent_at,
        },
    }
