"""Reading an account and its ledger, on a real Firestore."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from imagegen.credits.errors import UserNotFound
from imagegen.credits.service import get_user_credits
from imagegen.generations.errors import GenerationFailed
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
