"""Reading an account and its ledger, on a real Firestore."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from imagegen.credits.errors import UserNotFound
from imagegen.credits.records import EntryFilter, EntryType, Total
from imagegen.credits.service import get_user_credits, grant, revoke_grant
from imagegen.generations.errors import GenerationFailed
from imagegen.kit import paging
from imagegen.kit.errors import InvalidRequest
from tests.generations.test_creation import create
from tests.world import AlwaysFails, World, refusal

MakeWorld = Callable[..., World]


class TestGetUserCredits:
    def test_an_empty_ledger(self, make_world: MakeWorld) -> None:
        """An account without entries has its balance and no transactions."""
        world = make_world()
        statement = get_user_credits(world.deps, world.account("ada", 7), 50, None)
        assert (statement.current_credits, statement.entries, statement.next_page_token) == (7, [], None)

    def test_newest_first(self, make_world: MakeWorld) -> None:
        """Entries come newest first, by sequence, and name their generation."""
        world = make_world(model_b=AlwaysFails())
        ada = world.account("ada", 7)
        first = create(world, ada, size="1024x1024").generation
        with pytest.raises(GenerationFailed):
            create(world, ada, model="Model B")
        statement = get_user_credits(world.deps, ada, 50, None)
        assert statement.current_credits == 4
        assert [(entry.sequence, entry.type, entry.credits) for entry in statement.entries] == [
            (3, "refund", 1),
            (2, "deduction", 1),
            (1, "deduction", 3),
        ]
        assert statement.entries[2].generation_id == first.generation_id

    def test_pages_hold_each_entry_once(self, make_world: MakeWorld) -> None:
        """Following the tokens returns every entry once, and the last page has no token."""
        world = make_world()
        ada = world.account("ada", 7)
        for _ in range(7):
            create(world, ada)
        sequences, token = [], None
        for page_length in (3, 3, 1):
            statement = get_user_credits(world.deps, ada, 3, token)
            assert len(statement.entries) == page_length
            sequences += [entry.sequence for entry in statement.entries]
            token = statement.next_page_token
        assert (sequences, token) == ([7, 6, 5, 4, 3, 2, 1], None)

    def test_a_full_last_page_has_no_token(self, make_world: MakeWorld) -> None:
        """A page that ends with the first entry is the last, even if it is full."""
        world = make_world()
        ada = world.account("ada", 2)
        create(world, ada)
        create(world, ada)
        assert get_user_credits(world.deps, ada, 2, None).next_page_token is None

    def test_pages_are_stable_while_the_ledger_grows(self, make_world: MakeWorld) -> None:
        """A charge between two pages does not move an entry from one page to the next."""
        world = make_world()
        ada = world.account("ada", 9)
        for _ in range(4):
            create(world, ada)
        first = get_user_credits(world.deps, ada, 2, None)
        create(world, ada)
        second = get_user_credits(world.deps, ada, 2, first.next_page_token)
        assert [entry.sequence for entry in first.entries + second.entries] == [4, 3, 2, 1]

    @pytest.mark.parametrize("token", ["x", "AAAA", "bm90IG91cnM=", "ÄÖ", "é" * 20, "_" * 16, "A" * 100])
    def test_an_invalid_token(self, make_world: MakeWorld, token: str) -> None:
        """An invalid token is refused by the name of its field."""
        world = make_world()
        with pytest.raises(InvalidRequest) as refused:
            get_user_credits(world.deps, world.account("ada", 1), 50, token)
        assert refusal(refused) == {"pageToken": "must be a nextPageToken of this account"}

    def test_a_token_of_another_account(self, make_world: MakeWorld) -> None:
        """A token is valid only for its own account."""
        world = make_world()
        ada = world.account("ada", 2)
        create(world, ada)
        create(world, ada)
        token = get_user_credits(world.deps, ada, 1, None).next_page_token
        with pytest.raises(InvalidRequest):
            get_user_credits(world.deps, world.account("bob", 1), 1, token)

    def test_unknown_account(self, make_world: MakeWorld) -> None:
        """An unknown account raises `UserNotFound`."""
        with pytest.raises(UserNotFound):
            get_user_credits(make_world().deps, "nobody", 50, None)

    def test_balance_and_entries_agree_while_being_charged(self, make_world: MakeWorld) -> None:
        """A read between any two charges returns a balance that its newest entry explains."""
        world = make_world()
        ada = world.account("ada", 30)
        with ThreadPoolExecutor(4) as clients:
            charges = [clients.submit(create, world, ada) for _ in range(20)]
            while not all(charge.done() for charge in charges):
                statement = get_user_credits(world.deps, ada, 1, None)
                if statement.entries:
                    assert statement.entries[0].balance_after == statement.current_credits
            assert len([charge.result() for charge in charges]) == 20


class TestFilters:
    @pytest.fixture
    def world(self, make_world: MakeWorld) -> World:
        """An account with the entries: a grant, two charges, a charge and its refund, a grant, a grant taken back."""
        world = make_world(model_b=AlwaysFails())
        grant(world.deps, "ada", 20, "first", "key-1")
        create(world, "ada", size="1024x1024")
        create(world, "ada")
        with pytest.raises(GenerationFailed):
            create(world, "ada", model="Model B")
        grant(world.deps, "ada", 5, "second", "key-2")
        wrong = grant(world.deps, "ada", 9, "wrong", "key-4")
        revoke_grant(world.deps, "ada", wrong.entry.entry_id.removesuffix("_grant"))
        return world

    def sequences(self, world: World, which: EntryFilter, page_size: int = 10) -> list[int]:
        """The sequences of all pages."""
        found: list[int] = []
        token = None
        while True:
            statement = get_user_credits(world.deps, "ada", page_size, token, which)
            found += [entry.sequence for entry in statement.entries]
            token = statement.next_page_token
            if token is None:
                return found

    def moment(self, world: World, sequence: int) -> datetime:
        """When an entry was written."""
        at = world.ledger("ada")[sequence - 1]["timestamp"]
        assert isinstance(at, datetime)
        return at

    @pytest.mark.parametrize("page_size", [1, 2, 10])
    def test_by_type(self, world: World, page_size: int) -> None:
        """A type has its entries on whatever pages, newest first; every index it needs exists."""
        expected = {EntryType.GRANT: [7, 6, 1], EntryType.DEDUCTION: [4, 3, 2], EntryType.REFUND: [5]}
        expected[EntryType.REVOCATION] = [8]
        found = {each: self.sequences(world, EntryFilter(type=each), page_size) for each in EntryType}
        assert found == expected

    @pytest.mark.parametrize("page_size", [1, 10])
    def test_by_time(self, world: World, page_size: int) -> None:
        """Times are from the first, up to but without the second; with a type both hold."""
        period = EntryFilter(created_after=self.moment(world, 2), created_before=self.moment(world, 5))
        assert self.sequences(world, period, page_size) == [4, 3, 2]
        assert self.sequences(world, EntryFilter(created_after=self.moment(world, 5)), page_size) == [8, 7, 6, 5]
        both = EntryFilter(type=EntryType.GRANT, created_before=self.moment(world, 6))
        assert self.sequences(world, both, page_size) == [1]

    def test_totals(self, world: World) -> None:
        """Totals are those of all pages by type; the balance is their sum."""
        statement = get_user_credits(world.deps, "ada", 1, None, with_totals=True)
        totals = {EntryType.GRANT: Total(3, 34), EntryType.DEDUCTION: Total(3, 5), EntryType.REFUND: Total(1, 1)}
        assert statement.totals == totals | {EntryType.REVOCATION: Total(1, 9)}
        assert statement.current_credits == sum(each.sign * total.credits for each, total in statement.totals.items())

    def test_totals_of_a_filter(self, world: World) -> None:
        """With a filter the totals are those of the entries that fit, and only of its type."""
        since = EntryFilter(created_after=self.moment(world, 3))
        totals = get_user_credits(world.deps, "ada", 1, None, since, with_totals=True).totals
        expected = {EntryType.GRANT: Total(2, 14), EntryType.DEDUCTION: Total(2, 2), EntryType.REFUND: Total(1, 1)}
        assert totals == expected | {EntryType.REVOCATION: Total(1, 9)}
        of_type = EntryFilter(type=EntryType.DEDUCTION, created_before=self.moment(world, 3))
        totals = get_user_credits(world.deps, "ada", 1, None, of_type, with_totals=True).totals
        assert totals == {EntryType.DEDUCTION: Total(1, 3)}

    def test_entries_that_agree_with_the_balance(self, world: World) -> None:
        """A filtered page is read as of the balance: an entry that is written in between is not on it."""
        read = world.deps.db.run

        def late(*asked: object) -> object:
            grant(world.deps, "ada", 7, "late", "key-3")
            return read(*asked)  # type: ignore[arg-type]

        object.__setattr__(world.deps.db, "run", late)
        statement = get_user_credits(world.deps, "ada", 1, None, EntryFilter(type=EntryType.GRANT), with_totals=True)
        assert (statement.current_credits, statement.entries[0].reason) == (21, "wrong")
        assert statement.totals == {EntryType.GRANT: Total(3, 34)}

    def test_pages_are_stable_while_the_ledger_grows(self, world: World) -> None:
        """A charge between two pages does not move an entry from one page to the next."""
        which = EntryFilter(type=EntryType.DEDUCTION)
        first = get_user_credits(world.deps, "ada", 2, None, which)
        create(world, "ada")
        second = get_user_credits(world.deps, "ada", 2, first.next_page_token, which)
        assert [entry.sequence for entry in first.entries + second.entries] == [4, 3, 2]

    def test_a_token_of_another_filter(self, world: World) -> None:
        """A token is valid only for its filter."""
        token = get_user_credits(world.deps, "ada", 1, None, EntryFilter(type=EntryType.GRANT)).next_page_token
        since = datetime.fromisoformat("2020-01-01T00:00:00Z")
        for which in (EntryFilter(), EntryFilter(type=EntryType.DEDUCTION), EntryFilter(created_after=since)):
            with pytest.raises(InvalidRequest):
                get_user_credits(world.deps, "ada", 1, token, which)

    @pytest.mark.parametrize("place", ["0/a/b", "0/", "0", "1/..", "1/__x__", "1/\x00", "9" * 20 + "/x", "/x", "-1/"])
    def test_a_forged_token(self, world: World, place: str) -> None:
        """A token that was made by hand is refused by the name of its field."""
        which = EntryFilter(type=EntryType.GRANT)
        with pytest.raises(InvalidRequest) as refused:
            get_user_credits(world.deps, "ada", 1, paging.make(f"ada/{which}", place), which)
        assert [violation.field for violation in refused.value.violations] == ["pageToken"]

    def test_the_time_of_a_cursor_is_exact(self, world: World) -> None:
        """Entries a microsecond apart are on one page each."""
        at = datetime.fromisoformat("2026-11-01T00:00:00.000001Z")
        for sequence in (2, 3):
            entry = world.ledger("ada")[sequence - 1]["id"]
            moved = {"timestamp": at + timedelta(microseconds=sequence)}
            world.db.document(f"users/ada/transactions/{entry}").update(moved)
        assert self.sequences(world, EntryFilter(created_before=at + timedelta(hours=1)), 1) == [3, 2]
