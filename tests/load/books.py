"""Owns the books of a load: the accounts before it, and whether they agree with the answers after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from imagegen.books import service as books_service
from tests.load.clients import Answer
from tests.world import make_deps

_PLENTY_CREDITS = 1_000_000


def open_accounts(db: firestore.Client, user_ids: Sequence[str]) -> None:
    """Open accounts with more credits than a load can use."""
    now = datetime.now(UTC)
    fields = {"credits": _PLENTY_CREDITS, "openingCredits": _PLENTY_CREDITS, "ledgerCount": 0}
    batch = db.batch()
    for user_id in user_ids:
        batch.set(db.document(f"users/{user_id}"), fields | {"createdAt": now, "updatedAt": now})
    batch.commit()


def bring_leases_forward(db: firestore.Client) -> None:
    """Expire the leases of all pending generations, to avoid a wait of three minutes."""
    over = datetime.now(UTC) - timedelta(seconds=1)
    pending = db.collection("generationRequests").where(filter=FieldFilter("status", "==", "pending"))
    for snapshot in list(pending.stream()):
        snapshot.reference.update({"leaseExpiresAt": over})


def what_disagrees(db: firestore.Client, answers: Sequence[Answer]) -> list[str]:
    """Return what is wrong with the books, or differs from an answer; empty if all agree."""
    deps = make_deps(db, now=lambda: datetime.now(UTC))
    breaches = [breach for page in books_service.walk(deps) for breach in page.breaches]
    return [
        *(f"{breach.kind} {breach.user_id}: {breach.message}" for breach in breaches),
        *_told_otherwise(db, answers),
    ]


def _told_otherwise(db: firestore.Client, answers: Sequence[Answer]) -> Iterator[str]:
    expected = {"200": "completed", "500 GENERATION_FAILED": "failed"}
    stored = {
        snapshot.id: (snapshot.get("userId"), snapshot.get("status"))
        for snapshot in db.collection("generationRequests").select(["userId", "status"]).stream()
    }
    told = {answer.generation_id: answer for answer in answers if answer.generation_id and answer.kind in expected}
    for generation_id, answer in told.items():
        wanted = (answer.user_id, expected[answer.kind])
        if stored.get(generation_id) != wanted:
            yield f"{generation_id}: the answer was {wanted}, stored is {stored.get(generation_id)}"
    untold = {generation_id for generation_id, (_, status) in stored.items() if status == "completed"} - set(told)
    if untold and not any(answer.kind.startswith(("503", "no answer")) for answer in answers):
        yield f"{len(untold)} completed generations without an answer to a client"
