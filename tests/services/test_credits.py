"""Reading an account and its ledger."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from imagegen import store
from imagegen.errors import GenerationFailed, InvalidRequest, Unavailable, UserNotFound
from imagegen.records import FailureReason
from imagegen.services.credits import Reservation, Unsettled, get_user_credits, reconcile, settle
from pytest_mock import MockerFixture

from tests.mortal import abandon
from tests.services.test_generation import create
from tests.world import NOON, AlwaysFails, Does, World, refusal

MakeWorld = Callable[..., World]


class TestGetUserCredits:
    def test_an_empty_ledger(self, make_world: MakeWorld) -> None:
        """An account without history has its balance and no transactions."""
        world = make_world()
        statement = get_user_credits(world.deps, world.account("ada", 7), 50, None)
        assert (statement.current_credits, statement.entries, statement.next_page_token) == (7, [], None)

    def test_newest_first(self, make_world: MakeWorld) -> None:
        """Entries come newest first, by their sequence, and name their generation."""
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
        """Following the tokens gives every entry once, and the last page has no token."""
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
        """A page that ends with the first entry is the last, though it is full."""
        world = make_world()
        ada = world.account("ada", 2)
        create(world, ada)
        create(world, ada)
        assert get_user_credits(world.deps, ada, 2, None).next_page_token is None

    def test_pages_stand_still_while_the_ledger_grows(self, make_world: MakeWorld) -> None:
        """A charge between two pages moves nothing from one page to the next."""
        world = make_world()
        ada = world.account("ada", 9)
        for _ in range(4):
            create(world, ada)
        first = get_user_credits(world.deps, ada, 2, None)
        create(world, ada)
        second = get_user_credits(world.deps, ada, 2, first.next_page_token)
        assert [entry.sequence for entry in first.entries + second.entries] == [4, 3, 2, 1]

    @pytest.mark.parametrize("token", ["x", "AAAA", "bm90IG91cnM=", "ÄÖ", "é" * 20, "_" * 16, "A" * 100])
    def test_a_token_that_is_not_ours(self, make_world: MakeWorld, token: str) -> None:
        """What is no token of ours is refused by name of its field."""
        world = make_world()
        with pytest.raises(InvalidRequest) as refused:
            get_user_credits(world.deps, world.account("ada", 1), 50, token)
        assert refusal(refused) == {"pageToken": "must be a nextPageToken of this account"}

    def test_a_token_of_another_account(self, make_world: MakeWorld) -> None:
        """A token is good for its own account alone."""
        world = make_world()
        ada = world.account("ada", 2)
        create(world, ada)
        create(world, ada)
        token = get_user_credits(world.deps, ada, 1, None).next_page_token
        with pytest.raises(InvalidRequest):
            get_user_credits(world.deps, world.account("bob", 1), 1, token)

    def test_unknown_account(self, make_world: MakeWorld) -> None:
        """An account that is not there is said so."""
        with pytest.raises(UserNotFound):
            get_user_credits(make_world().deps, "nobody", 50, None)

    def test_balance_and_entries_agree_while_being_charged(self, make_world: MakeWorld) -> None:
        """However a reader falls between charges, its newest entry explains its balance."""
        world = make_world()
        ada = world.account("ada", 30)
        with ThreadPoolExecutor(4) as clients:
            charges = [clients.submit(create, world, ada) for _ in range(20)]
            while not all(charge.done() for charge in charges):
                statement = get_user_credits(world.deps, ada, 1, None)
                if statement.entries:
                    assert statement.entries[0].balance_after == statement.current_credits
            assert len([charge.result() for charge in charges]) == 20


class TestReconcile:
    def test_refunds_what_is_overdue(self, make_world: MakeWorld) -> None:
        """A pending generation past its lease is failed and refunded; a second run finds nothing."""
        world = make_world()
        ada = world.account("ada", 5)
        abandon(world)
        abandon(world)
        world.clock.advance(seconds=180)
        assert reconcile(world.deps) == 2
        assert reconcile(world.deps) == 0
        assert world.credits(ada) == 5
        assert {generation["failureReason"] for generation in world.generations()} == {"LEASE_EXPIRED"}
        world.check_books(ada)

    def test_goes_on_past_what_it_cannot_read(self, make_world: MakeWorld) -> None:
        """A record that nobody can read keeps nobody's credits."""
        world = make_world()
        ada = world.account("ada", 5)
        for _ in range(2):
            abandon(world)
        broken = world.generations()[0]["id"]
        world.db.document(f"generationRequests/{broken}").update({"failureReason": "BAD_LUCK"})
        world.clock.advance(seconds=181)
        assert reconcile(world.deps) == 1
        assert world.credits(ada) == 4

    def test_leaves_what_may_still_be_running(self, make_world: MakeWorld) -> None:
        """A generation within its lease is nobody else's business."""
        world = make_world()
        ada = world.account("ada", 5)
        create(world, ada)
        abandon(world)
        world.clock.advance(seconds=179)
        assert reconcile(world.deps) == 0
        assert world.credits(ada) == 3

    def test_one_that_cannot_be_refunded(self, make_world: MakeWorld, capsys: pytest.CaptureFixture[str]) -> None:
        """What breaks the refund of one stops no other, is logged, and the run says that it failed."""
        world = make_world()
        ada = world.account("ada", 5)
        abandon(world)
        broken = world.account("broken", -1)
        world.db.document(f"generationRequests/{world.generations()[0]['id']}").update({"userId": broken})
        abandon(world)
        world.clock.advance(seconds=180)
        for refunded in (1, 0):
            with pytest.raises(Unsettled, match=f"1 of {refunded + 1}"):
                reconcile(world.deps)
            assert '"severity": "ERROR"' in capsys.readouterr().err
        assert world.credits(ada) == 4

    def test_firestore_away(self, make_world: MakeWorld, mocker: MockerFixture) -> None:
        """When Firestore is away the run ends at once, since no other would fare better."""
        world = make_world()
        world.account("ada", 5)
        abandon(world)
        abandon(world)
        world.clock.advance(seconds=180)
        settle = mocker.patch("imagegen.services.credits.settle", side_effect=Unavailable)
        with pytest.raises(Unavailable):
            reconcile(world.deps)
        assert settle.call_count == 1

    def test_many_at_once_refund_once(self, make_world: MakeWorld) -> None:
        """Runs that overlap settle each generation once."""
        world = make_world()
        ada = world.account("ada", 5)
        for _ in range(3):
            abandon(world)
        world.clock.advance(seconds=180)
        with ThreadPoolExecutor(5) as runs:
            list(runs.map(lambda _: reconcile(world.deps), range(5)))
        assert world.credits(ada) == 5
        assert len(world.ledger(ada)) == 6
        world.check_books(ada)


class TestSettle:
    def test_twice_is_once(self, make_world: MakeWorld) -> None:
        """Settling what has ended changes nothing and answers how it ended."""
        world = make_world()
        ada = world.account("ada", 5)
        completed = create(world, ada).generation
        again = settle(world.deps, Reservation(completed), FailureReason.MODEL_ERROR)
        assert again == completed
        assert world.credits(ada) == 4

    def test_twenty_at_once_refund_once(self, make_world: MakeWorld) -> None:
        """However many settle one generation as failed at once, one refund is written."""

        def settle_as_failed() -> None:
            (pending,) = store.read_expired_generations(world.deps.db, NOON + timedelta(hours=1), 2)
            with ThreadPoolExecutor(20) as clients:
                settled = clients.map(
                    lambda _: settle(world.deps, Reservation(pending), FailureReason.MODEL_ERROR), range(20)
                )
                statuses.extend(generation.status for generation in settled)

        statuses: list[str] = []
        world = make_world(model_a=Does(settle_as_failed))
        ada = world.account("ada", 5)
        with pytest.raises(GenerationFailed):
            create(world, ada)
        assert statuses == ["failed"] * 20
        assert len(world.ledger(ada)) == 2
        world.check_books(ada)
