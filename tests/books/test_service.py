"""The walk over all accounts, on the embedded Firestore."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest

from embedded_firebase.firestore.errors import Code
from embedded_firebase.firestore.server import FirestoreServer
from embedded_firebase.firestore.testing.faults import DatabaseFaults
from imagegen.books import cursor
from imagegen.books import service as books_service
from imagegen.books.check import Figures
from imagegen.books.records import BooksPage
from imagegen.config import Settings
from imagegen.generations.errors import GenerationFailed
from imagegen.kit import paging
from imagegen.kit.errors import InvalidRequest, Unavailable
from tests.books.test_check import FAULTS, faulty, sound
from tests.crash.costs import measured
from tests.generations.test_creation import create
from tests.hooks import HookedClient, RpcFault, Send
from tests.world import AlwaysFails, World, make_deps


def breaches(world: World, max_accounts: int = 2) -> list[tuple[str, str]]:
    pages = books_service.walk(world.deps, max_accounts)
    return [(breach.user_id, str(breach.kind)) for page in pages for breach in page.breaches]


def verified(world: World, page_length: int, page_seconds: float = 20) -> list[BooksPage]:
    """All pages, with steps of this length; with 0 seconds a page is one step."""
    pages, token = [], None
    while True:
        page = books_service.verify_books(world.deps, 10, token, page_length=page_length, page_seconds=page_seconds)
        pages.append(page)
        token = page.next_page_token
        if token is None:
            return pages


def together(pages: list[BooksPage]) -> tuple[Figures, set[tuple[str, str, str | None]]]:
    """The sums of the figures, and the breaches without their messages."""
    figures = Figures()
    for page in pages:
        figures += page.figures
        assert page.unverified == ()
    return figures, {(str(each.kind), each.user_id, each.where) for page in pages for each in page.breaches}


def write_books(world: World, user_id: str, stored: dict[str, Any]) -> None:
    """Write the account, entries and generations of `tests.books.test_check`."""
    world.db.document(f"users/{user_id}").set(stored["account"])
    for entry_id, fields in stored["entries"].items():
        world.db.document(f"users/{user_id}/transactions/{entry_id}").set(fields)
    for generation_id, fields in stored["generations"].items():
        world.db.document(f"generationRequests/{generation_id}").set(fields | {"userId": user_id})


class TestVerifyBooks:
    @pytest.mark.parametrize("max_accounts", [1, 2, 5, 6, 100])
    def test_every_account_is_checked_once(self, make_world: Callable[..., World], max_accounts: int) -> None:
        """With any page size each account is in exactly one page."""
        world = make_world()
        for number in range(5):
            world.account(f"u{number}", 10)
        pages = list(books_service.walk(world.deps, max_accounts))
        assert sum(page.figures.accounts for page in pages) == 5
        assert [breach for page in pages for breach in page.breaches] == []

    def test_requests_made_by_the_services_balance(self, make_world: Callable[..., World]) -> None:
        """A picture and a refunded failure leave sound books."""
        world = make_world(model_b=AlwaysFails())
        world.account("u", 10)
        create(world, "u")
        with pytest.raises(GenerationFailed):
            create(world, "u", model="Model B")
        (page,) = books_service.walk(world.deps)
        assert (page.breaches, page.figures.entries, page.figures.generations) == ((), 3, 2)
        assert (page.figures.deducted_credits, page.figures.refunded_credits) == (2, 1)

    def test_orphans_are_found(self, make_world: Callable[..., World]) -> None:
        """Ledgers and generations without an account are reported, before, between and after the accounts."""
        world = make_world()
        for name in ("b", "d"):
            world.account(name, 1)
        for name in ("a", "c", "e"):
            world.db.document(f"users/{name}/transactions/x_grant").set({"type": "grant"})
        for name in ("", "a", "b/x", "cc", "f"):
            world.db.collection("generationRequests").add({"userId": name, "status": "completed"})
        missing = [user_id for user_id, kind in breaches(world) if kind == "ACCOUNT_MISSING"]
        assert missing == ["", "a", "b/x", "c", "cc", "e", "f"]

    def test_a_wrong_balance_is_found(self, make_world: Callable[..., World]) -> None:
        """A balance that was changed by hand is reported with its account."""
        world = make_world()
        for name in ("a", "b", "c"):
            world.account(name, 5)
        world.db.document("users/b").update({"credits": 6})
        assert breaches(world) == [("b", "BALANCE_WRONG")]


class TestLongAccounts:
    @pytest.mark.parametrize("page_length", [1, 2, 3, 4])
    @pytest.mark.parametrize("page_seconds", [0, 20])
    def test_sound_books_in_steps(
        self, make_world: Callable[..., World], page_length: int, page_seconds: float
    ) -> None:
        """Steps of any length, in one page or in many, give the figures of the whole and no breach."""
        world = make_world()
        write_books(world, "u", sound())
        world.account("v", 7)
        whole = together(verified(world, 100))
        pages = verified(world, page_length, page_seconds)
        assert together(pages) == whole
        assert whole[0].accounts == 2
        assert whole[1] == set()
        assert (len(pages) > 1) == (page_seconds == 0)

    @pytest.mark.parametrize(("path", "value", "kind"), FAULTS)
    def test_each_fault_is_found(self, make_world: Callable[..., World], path: str, value: object, kind: str) -> None:
        """In steps of two documents, each fault is the same breach as in the whole."""
        world = make_world()
        stored = faulty(path, value)
        write_books(world, "u", stored)
        _, whole = together(verified(world, 100))
        _, stepped = together(verified(world, 2, 0))
        assert kind in {found for found, _, _ in stepped}
        assert stepped == whole

    @pytest.mark.parametrize(
        "fields", [{"sequence": None}, {"sequence": "2"}, {"sequence": -1}, {}, {"generationRequestId": "b"}]
    )
    def test_entries_without_a_place_are_found(
        self, make_world: Callable[..., World], fields: dict[str, object]
    ) -> None:
        """An entry whose sequence is no number is in no order, and is told all the same."""
        world = make_world()
        write_books(world, "u", sound())
        world.db.document("users/u/transactions/stray").set({"type": "grant", "credits": 1, **fields})
        _, found = together(verified(world, 2))
        assert ("CORRUPT_DOCUMENT", "u", None) in found

    def test_entries_with_one_sequence_are_all_read(self, make_world: Callable[..., World]) -> None:
        """Entries of the same sequence, also of half numbers, are not skipped at the end of a step."""
        world = make_world()
        write_books(world, "u", sound())
        for number in range(4):
            fields = {"type": "grant", "credits": 1, "balanceAfter": 1, "generationRequestId": None}
            world.db.document(f"users/u/transactions/same-{number}_grant").set(fields | {"sequence": 2})
            world.db.document(f"users/u/transactions/half-{number}_grant").set(fields | {"sequence": 2.5})
        figures, _ = together(verified(world, 2, 0))
        assert figures.entries == 7 + 8

    def test_many_entries_of_one_generation(self, make_world: Callable[..., World]) -> None:
        """More entries of a generation than a step reads are a breach, and the step ends."""
        world = make_world()
        stored = sound()
        for number in range(9):
            stored["entries"][f"again-{number}"] = stored["entries"]["b_refund"] | {"sequence": 6 + number}
        write_books(world, "u", stored)
        _, found = together(verified(world, 1))
        assert ("ENTRY_REPEATED", "u", "b") in found
        assert ("GENERATION_MISSING", "u", "a_deduction") not in found
        assert ("DEDUCTION_WRONG", "u", "c") not in found

    def test_orphans_are_verified_in_steps(self, make_world: Callable[..., World]) -> None:
        """Generations without an account, also of an id that no account can have, are read in steps too."""
        world = make_world()
        world.account("m", 1)
        for owner in ("", "a", "b/x", "z"):
            for _ in range(3):
                world.db.collection("generationRequests").add({"userId": owner, "status": "completed"})
        pages = verified(world, 2, 0)
        figures, found = together(pages)
        assert figures.generations == 12
        assert {user_id for kind, user_id, _ in found if kind == "DEDUCTION_WRONG"} == {"", "a", "b/x", "z"}
        assert {user_id for kind, user_id, _ in found if kind == "ACCOUNT_MISSING"} >= {"a", "z"}

    def test_a_page_token_stands_inside_an_account(self, make_world: Callable[..., World]) -> None:
        """Each page reads only the next documents of the account."""
        world = make_world()
        write_books(world, "u", sound())
        pages = verified(world, 2, 0)
        assert [page.figures.entries for page in pages] == [2, 2, 2, 1, 0, 0, 0]
        assert [page.figures.generations for page in pages] == [0, 0, 0, 0, 2, 1, 0]

    @pytest.mark.embedded
    def test_goes_on_at_a_later_time(self, make_world: Callable[..., World], faults: DatabaseFaults) -> None:
        """If Firestore has forgotten the read time of an account, its verification goes on at a new one."""
        world = make_world()
        write_books(world, "u", sound())
        page = books_service.verify_books(world.deps, 10, None, page_length=2, page_seconds=0)
        assert page.next_page_token is not None
        text = paging.read("verifyBooks", page.next_page_token, cursor.read)
        assert text is not None
        assert text.progress is not None
        old = page.next_page_token
        moved = cursor.write(text).replace(text.progress.read_at.isoformat(), "2020-01-01T00:00:00+00:00")  # type: ignore[union-attr]
        rest, token = [], paging.make("verifyBooks", moved)
        assert token != old
        while token is not None:
            page = books_service.verify_books(world.deps, 10, token, page_length=2, page_seconds=0)
            rest.append(page)
            token = page.next_page_token  # type: ignore[assignment]
        figures, found = together(rest)
        assert (figures.entries, figures.generations, found) == (5, 3, set())

    def test_is_as_of_one_moment(self, make_world: Callable[..., World]) -> None:
        """Charges between the reads of an account make no breach, at once or in steps."""
        for page_length in (100, 2):
            world = make_world()
            user_id = world.account(f"u{page_length}", 1000)
            for _ in range(4):
                create(world, user_id)

            def hook(rpc: str, request: Any, send: Send, world: World = world, user_id: str = user_id) -> Any:
                response = send()
                if rpc in ("BatchGetDocuments", "RunQuery", "RunAggregationQuery"):
                    create(world, user_id)
                return response

            deps = make_deps(HookedClient(world.db.project, hook), now=world.clock)
            page = books_service.verify_books(deps, 10, None, page_length=page_length)
            assert (page.breaches, page.unverified) == ((), ())
            assert len(world.ledger(user_id)) > 4 + 3


class TestUnverified:
    def test_is_named_and_the_others_are_verified(self, make_world: Callable[..., World]) -> None:
        """An account whose documents cannot be read is named; all others are checked."""
        world = make_world()
        for name in ("a", "b", "c"):
            world.account(name, 5)
        world.db.document("users/c").update({"credits": 6})

        def hook(rpc: str, request: Any, send: Send) -> Any:
            if rpc == "BatchGetDocuments" and "users/b" in str(request):
                raise RpcFault(grpc.StatusCode.PERMISSION_DENIED)
            return send()

        page = books_service.verify_books(make_deps(HookedClient(world.db.project, hook)), 10, None)
        assert [(each.user_id, each.message) for each in page.unverified] == [
            ("b", "PermissionDenied while its documents were read")
        ]
        assert [(each.user_id, str(each.kind)) for each in page.breaches] == [("c", "BALANCE_WRONG")]
        assert (page.figures.accounts, page.next_page_token) == (2, None)

    @pytest.mark.embedded
    def test_without_firestore_there_is_no_answer(
        self, make_world: Callable[..., World], faults: DatabaseFaults
    ) -> None:
        """If even the list of accounts cannot be read, the call fails."""
        world = make_world(settings=Settings(firestore_timeout_seconds=0.2))
        faults.fail(Code.UNAVAILABLE, 10_000, "ListDocuments")
        with pytest.raises(Unavailable):
            books_service.verify_books(world.deps, 10, None)


class TestPageToken:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "u/token",
            "[]",
            "[1,null,null]",
            '[null,null,["u"]]',
            "[null,null,[1,null,[0,0,null],null,false,null]]",
            '[null,null,["u","now",[0,0,null],null,false,null]]',
            '[null,null,["u","2026-11-18T12:00:00",[0,0,null],null,false,null]]',
            '[null,null,["u",7,[0,0,null],null,false,null]]',
            '[null,null,["u",null,[0,0],null,false,null]]',
            '[null,null,["u",null,[99999999999999999999,0,null],null,false,null]]',
            '[null,null,["u",null,[0,0,null],[1],false,null]]',
            '[null,null,["u",null,[0,0,null],[1,"a/b"],false,null]]',
            '[null,null,["u",null,[0,0,null],[99999999999999999999,"a"],false,null]]',
            '[null,null,["u",null,[0,0,null],null,false,""]]',
            "[" * 100_000,
        ],
    )
    def test_a_forged_one_is_refused(self, make_world: Callable[..., World], text: str) -> None:
        """Any text that is no cursor is refused by the name of its field."""
        with pytest.raises(InvalidRequest):
            books_service.verify_books(make_world().deps, 5, paging.make("verifyBooks", text))

    @pytest.mark.embedded
    def test_a_short_account_costs_four_round_trips(
        self, make_world: Callable[..., World], server: FirestoreServer
    ) -> None:
        """Besides one for the list and one for orphans at its end."""
        world = make_world()
        for number in range(5):
            create(world, world.account(f"u{number}", 3))
        cost = measured(server, world, lambda: books_service.verify_books(world.deps, 10, None))
        assert (cost.round_trips, cost.writes) == (1 + 5 * 4 + 1, 0)
