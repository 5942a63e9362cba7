"""The nightly audit: its result, its continuation over several runs, and what it logs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from google.cloud.firestore import DELETE_FIELD

from imagegen.books import store as books_store
from imagegen.books.audit import audit_books, get_audit
from imagegen.books.records import MAX_KEPT, Audit
from imagegen.config import Settings
from tests.books.test_check import sound
from tests.books.test_service import write_books
from tests.crash.mortal import Fate, Killed, Process, dies_after, dies_before
from tests.hooks import HookedClient, Send
from tests.world import NOON, World, make_deps

MakeWorld = Callable[..., World]
# A run ends after its first page.
HASTY = Settings(audit_time_limit_seconds=0)


def many(world: World, accounts: int = 250) -> None:
    """More accounts than two pages hold, the last but one with a wrong balance."""
    batch = world.db.batch()
    for number in range(accounts):
        fields = {"credits": 5, "openingCredits": 5 + (number == accounts - 2), "ledgerCount": 0}
        batch.set(world.db.document(f"users/u{number:03}"), fields)
    batch.commit()


def log_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    output, errors = capsys.readouterr()
    lines = [json.loads(line) for line in (output + errors).splitlines() if line.startswith("{")]
    return [line for line in lines if line["message"].startswith("audit")]


class TestAuditBooks:
    def test_sound_books(self, make_world: MakeWorld, capsys: pytest.CaptureFixture[str]) -> None:
        """The result is in a document, and one line of the log has the figures."""
        world = make_world()
        write_books(world, "u", sound())
        audit = audit_books(world.deps)
        assert (audit.ended_at, audit.breach_count, audit.unverified_count, audit.page_token) == (NOON, 0, 0, None)
        assert (audit.figures.accounts, audit.figures.entries, audit.figures.held_credits) == (1, 7, 9)
        assert get_audit(world.deps) == audit
        assert world.fields("audits/latest")["figures"]["heldCredits"] == 9
        (line,) = log_lines(capsys)
        assert (line["severity"], line["accounts"], line["heldCredits"]) == ("INFO", 1, 9)

    def test_reads_an_older_result(self, make_world: MakeWorld) -> None:
        """A result from before grants could be revoked has no sum of revocations."""
        world = make_world()
        write_books(world, "u", sound())
        audit = audit_books(world.deps)
        world.db.document("audits/latest").update({"figures.revokedCredits": DELETE_FIELD})
        assert get_audit(world.deps) == replace(audit, figures=replace(audit.figures, revoked_credits=0))

    def test_a_breach_is_logged_as_an_error(self, make_world: MakeWorld, capsys: pytest.CaptureFixture[str]) -> None:
        """The line names the accounts, and the document has the breaches."""
        world = make_world()
        many(world)
        audit = audit_books(world.deps)
        assert (audit.breach_count, audit.figures.accounts) == (1, 250)
        assert [(each.user_id, str(each.kind)) for each in audit.breaches] == [("u248", "BALANCE_WRONG")]
        assert get_audit(world.deps) == audit
        (line,) = log_lines(capsys)
        assert (line["severity"], line["breaches"]) == ("ERROR", ["BALANCE_WRONG u248"])

    def test_what_could_not_be_verified_is_an_error(
        self, make_world: MakeWorld, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """An account that cannot be read is named in the line and in the document; the others are verified."""
        world = make_world()
        many(world, 3)

        def hook(rpc: str, request: Any, send: Send) -> Any:
            if rpc == "BatchGetDocuments" and "users/u000" in str(request):
                raise OSError("broken")
            return send()

        audit = audit_books(make_deps(HookedClient(world.db.project, hook), now=world.clock))
        assert (audit.figures.accounts, audit.unverified_count) == (2, 1)
        assert audit.unverified[0].user_id == "u000"
        assert get_audit(world.deps) == audit
        (line,) = log_lines(capsys)
        assert (line["severity"], line["unverified"]) == ("ERROR", ["u000"])

    def test_continues_where_the_last_run_stopped(
        self, make_world: MakeWorld, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A run that uses its time ends after a page, and the next ones go on until all accounts are done."""
        world = make_world(settings=HASTY)
        many(world)
        seen = []
        for night in range(3):
            audit = audit_books(world.deps)
            seen.append((audit.figures.accounts, audit.breach_count, audit.ended_at is None))
            assert audit.started_at == NOON
            assert audit.updated_at == NOON + timedelta(days=night)
            world.clock.advance(days=1)
        assert seen == [(100, 0, True), (200, 0, True), (250, 1, False)]
        assert [line["severity"] for line in log_lines(capsys)] == ["INFO", "INFO", "ERROR"]
        assert audit_books(world.deps).started_at == NOON + timedelta(days=3)

    def test_begins_again_if_its_position_is_not_valid(self, make_world: MakeWorld) -> None:
        """A position that Firestore or a newer version refuses costs the progress, and not the audit."""
        world = make_world(settings=HASTY)
        many(world)
        audit_books(world.deps)
        world.db.document("audits/latest").update({"pageToken": "of-an-older-version"})
        assert audit_books(world.deps).figures.accounts == 100

    def test_a_corrupt_result_is_replaced(self, make_world: MakeWorld) -> None:
        """A document of another shape is no result, and the next run writes its own."""
        world = make_world()
        many(world, 2)
        world.db.document("audits/latest").set({"startedAt": "yesterday"})
        assert get_audit(world.deps) is None
        assert audit_books(world.deps).figures.accounts == 2

    def test_keeps_the_first_breaches(self, make_world: MakeWorld) -> None:
        """All are counted, and as many are kept as a document can hold."""
        world = make_world()
        batch = world.db.batch()
        for number in range(MAX_KEPT + 20):
            batch.set(world.db.document(f"users/u{number:03}"), {"credits": -1})
        batch.commit()
        audit = audit_books(world.deps)
        assert (audit.breach_count > MAX_KEPT, len(audit.breaches)) == (True, MAX_KEPT)

    @pytest.mark.embedded
    @pytest.mark.parametrize("fate", [dies_before, dies_after])
    def test_dies_at_every_step(self, make_world: MakeWorld, subtests: pytest.Subtests, fate: Fate) -> None:
        """Wherever a run dies, the next one ends with the figures of all accounts, none twice."""
        world = make_world()
        many(world, 3)
        whole = audit_books(world.deps)
        with Process(world) as process:
            hasty = replace(process.deps, settings=HASTY)
            audit_books(hasty)
            steps = process.steps
        assert steps.count("Commit") == 1
        # The reads of the accounts run at once, in any order: a sample of them is enough.
        for number in {1, 2, 3, len(steps) - 1, len(steps)}:
            world.db.document("audits/latest").delete()
            with subtests.test(f"step {number}"), Process(world, {number: fate}) as process:
                with contextlib.suppress(Killed):
                    audit_books(process.deps)
                left = books_store.read_audit(world.deps.db)
                audit = audit_books(world.deps) if left is None or left.ended_at is None else left
                assert comparable(audit) == comparable(whole)


def comparable(audit: Audit) -> Audit:
    return replace(audit, started_at=NOON, updated_at=NOON, ended_at=None)
