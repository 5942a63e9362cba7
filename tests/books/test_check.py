"""Which stored fields are a breach."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegen.books import check

pytestmark = pytest.mark.pure

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)


def sound() -> dict[str, Any]:
    """An account with a grant, a picture, a refunded failure, a pending generation, and a grant that is revoked."""

    def entry(kind: str, credits: int, sequence: int, after: int, generation_id: str | None) -> dict[str, Any]:
        fields = {"type": kind, "credits": credits, "sequence": sequence, "balanceAfter": after}
        return fields | {"generationRequestId": generation_id}

    def generation(status: str, refunded: int, url: str | None, ended_at: datetime | None) -> dict[str, Any]:
        fields = {"status": status, "creditsCharged": 3, "creditsRefunded": refunded, "imageUrl": url}
        return fields | {"createdAt": NOON, "completedAt": ended_at, "leaseExpiresAt": NOON}

    return {
        "account": {"credits": 9, "openingCredits": 10, "ledgerCount": 7},
        "entries": {
            "x_grant": entry("grant", 5, 1, 15, None),
            "a_deduction": entry("deduction", 3, 2, 12, "a"),
            "b_deduction": entry("deduction", 3, 3, 9, "b"),
            "b_refund": entry("refund", 3, 4, 12, "b"),
            "c_deduction": entry("deduction", 3, 5, 9, "c"),
            "y_grant": entry("grant", 2, 6, 11, None),
            "y_revocation": entry("revocation", 2, 7, 9, None),
        },
        "generations": {
            "a": generation("completed", 0, "https://images.example.com/a.png", NOON),
            "b": generation("failed", 3, None, NOON),
            "c": generation("pending", 0, None, None),
        },
    }


# One wrong field, and the breach that it is.
FAULTS: list[tuple[str, object, str]] = [
    ("account.credits", 8, "BALANCE_WRONG"),
    ("account.credits", -1, "BALANCE_NEGATIVE"),
    ("account.credits", "9", "CORRUPT_DOCUMENT"),
    ("account.openingCredits", 11, "CHAIN_BROKEN"),
    ("account.ledgerCount", 4, "LEDGER_COUNT_WRONG"),
    ("entries.b_refund.sequence", 6, "SEQUENCE_BROKEN"),
    ("entries.b_refund.sequence", 3, "SEQUENCE_BROKEN"),
    ("entries.b_refund.balanceAfter", 11, "CHAIN_BROKEN"),
    ("entries.b_refund.balanceAfter", -1, "BALANCE_NEGATIVE"),
    ("entries.b_refund.type", "gift", "CORRUPT_DOCUMENT"),
    ("entries.b_refund.credits", 2, "REFUND_WRONG"),
    ("entries.a_deduction.credits", True, "CORRUPT_DOCUMENT"),
    ("entries.a_deduction.generationRequestId", "b", "ENTRY_REPEATED"),
    ("entries.a_deduction.generationRequestId", "b", "ENTRY_ID_WRONG"),
    ("entries.x_grant.generationRequestId", "a", "ENTRY_ID_WRONG"),
    ("entries.a_deduction.generationRequestId", ["a"], "GENERATION_MISSING"),
    ("generations.a.creditsCharged", 4, "DEDUCTION_WRONG"),
    ("generations.a.status", "failed", "REFUND_WRONG"),
    ("generations.a.status", "done", "CORRUPT_DOCUMENT"),
    ("generations.c.leaseExpiresAt", None, "CORRUPT_DOCUMENT"),
    ("generations.a.imageUrl", None, "STATUS_INCONSISTENT"),
    ("generations.a.creditsRefunded", 3, "STATUS_INCONSISTENT"),
    ("generations.b.status", "completed", "REFUND_WRONG"),
    ("generations.b.creditsRefunded", 0, "STATUS_INCONSISTENT"),
    ("generations.b.status", "pending", "REFUND_WRONG"),
    ("generations.c.completedAt", NOON, "STATUS_INCONSISTENT"),
    ("generations.c.createdAt", NOON - timedelta(hours=2, seconds=1), "NEVER_ENDED"),
    ("entries.b_refund.sequence", 2, "REFUND_WRONG"),
    ("entries.y_revocation.credits", 1, "REVOCATION_WRONG"),
    ("entries.y_revocation.sequence", 5, "REVOCATION_WRONG"),
    ("entries.y_revocation.generationRequestId", "a", "ENTRY_ID_WRONG"),
    ("entries.y_grant.type", "refund", "REVOCATION_WRONG"),
    ("entries.y_grant.credits", 3, "REVOCATION_WRONG"),
]


def faulty(path: str, value: object) -> dict[str, Any]:
    """Sound books but for one field."""
    stored = sound()
    *way, name = path.split(".")
    holder = stored
    for part in way:
        holder = holder[part]
    holder[name] = value
    return stored


def kinds(stored: dict[str, Any]) -> set[str]:
    return {str(breach.kind) for breach in check.check("u", **stored, now=NOON)}


class TestCheck:
    def test_sound_books_have_no_breach(self) -> None:
        """A grant, a picture, a refund, a pending generation and a revoked grant are sound books."""
        assert check.check("u", **sound(), now=NOON) == []

    @pytest.mark.parametrize(("path", "value", "kind"), FAULTS)
    def test_each_fault_has_its_kind(self, path: str, value: object, kind: str) -> None:
        """One wrong field is a breach of the kind that describes it."""
        assert kind in kinds(faulty(path, value))

    def test_one_corrupt_sequence_is_not_told_twice(self) -> None:
        """Entries whose sequence is unreadable are in no order: they are corrupt, and not out of order as well."""
        stored = sound()
        for name in ("b_deduction", "b_refund"):
            stored["entries"][name]["sequence"] = None
        assert "REFUND_WRONG" not in kinds(stored)
        assert "CORRUPT_DOCUMENT" in kinds(stored)

    def test_a_boolean_is_no_number_of_credits(self) -> None:
        """Python's True equals 1, and a refund of true credits is still a breach."""
        stored = sound()
        stored["entries"]["a_deduction"]["credits"] = 1
        stored["generations"]["a"] |= {
            "creditsCharged": 1,
            "status": "failed",
            "imageUrl": None,
            "creditsRefunded": True,
        }
        assert "STATUS_INCONSISTENT" in kinds(stored)

    def test_pending_work_is_no_breach(self) -> None:
        """A pending generation may wait for the queue, its lease and the next reconcile."""
        stored = sound()
        stored["generations"]["c"]["createdAt"] = NOON - timedelta(hours=2)
        assert kinds(stored) == set()

    @pytest.mark.parametrize(
        ("part", "name", "kind"),
        [
            ("entries", "a_deduction", "DEDUCTION_WRONG"),
            ("entries", "b_refund", "REFUND_WRONG"),
            ("entries", "x_grant", "SEQUENCE_BROKEN"),
            ("entries", "y_grant", "REVOCATION_WRONG"),
            ("generations", "a", "GENERATION_MISSING"),
        ],
    )
    def test_a_missing_document_is_a_breach(self, part: str, name: str, kind: str) -> None:
        """A deleted entry or generation is a breach."""
        stored = sound()
        del stored[part][name]
        assert kind in kinds(stored)

    def test_documents_without_an_account_are_a_breach(self) -> None:
        """A ledger or a generation without an account is a breach; no documents at all are not."""
        assert "ACCOUNT_MISSING" in kinds(sound() | {"account": None})
        assert check.check("u", None, {}, {}, NOON) == []

    @given(st.data())
    def test_corrupt_documents_are_breaches_and_raise_nothing(self, data: st.DataObject) -> None:
        """For any value of any field of an entry, check and tally return, and check finds a breach."""
        stored = copy.deepcopy(sound())
        junk = st.none() | st.booleans() | st.floats() | st.text() | st.lists(st.integers()) | st.just({"a": 1})
        part = data.draw(st.sampled_from(["entries", "generations"]))
        document = stored[part][data.draw(st.sampled_from(sorted(stored[part])))]
        document[data.draw(st.sampled_from(["credits", "sequence", "type", "status", "creditsCharged"]))] = data.draw(
            junk
        )
        check.tally(**stored, now=NOON)
        changed = document not in [*sound()["entries"].values(), *sound()["generations"].values()]
        extra = {"credits", "sequence", "type"} if part == "generations" else {"status", "creditsCharged"}
        assert not changed or extra & set(document) or check.check("u", **stored, now=NOON)


class TestTally:
    def test_counts_documents_and_credits(self) -> None:
        """A pending generation whose lease has expired is counted as overdue."""
        assert check.tally(**sound(), now=NOON) == check.Figures(
            accounts=1,
            entries=7,
            generations=3,
            overdue=1,
            opened_credits=10,
            granted_credits=7,
            deducted_credits=9,
            refunded_credits=3,
            revoked_credits=2,
            held_credits=9,
        )
