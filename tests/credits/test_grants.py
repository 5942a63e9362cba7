"""Granting credits, once for each idempotency key."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.cloud.firestore import DELETE_FIELD

from embedded_firebase.firestore.testing.faults import DatabaseFaults
from imagegen.credits.errors import InsufficientCredits
from imagegen.credits.service import Grant, get_user_credits, grant
from imagegen.generations.errors import GenerationFailed
from imagegen.kit.errors import IdempotencyKeyReused, InvalidRequest
from tests.generations.test_creation import create
from tests.world import NOON, AlwaysFails, World, refusal

MakeWorld = Callable[..., World]


def give(
    world: World, user_id: str, credits: int = 5, key: str = "key", reason: str = "bought", by: str | None = "root"
) -> Grant:
    return grant(world.deps, user_id, credits, reason, key, administrator_uid=by)


class TestGrant:
    def test_to_an_account(self, make_world: MakeWorld) -> None:
        """A grant is in the balance and in the ledger; earlier credits and entries stay."""
        world = make_world()
        ada = world.account("ada", 2)
        create(world, ada)
        granted = give(world, ada)
        assert (granted.replayed, granted.entry.balance_after) == (False, 6)
        entry = world.ledger(ada)[-1]
        assert (entry["type"], entry["credits"], entry["sequence"], entry["reason"]) == ("grant", 5, 2, "bought")
        assert entry["id"].endswith("_grant")
        assert world.fields("users/ada")["weeks"]["2026-W47"]["requests"] == 1
        world.check_books(ada)

    def test_keeps_who_granted(self, make_world: MakeWorld) -> None:
        """The entry has the uid of the administrator of the first call with its key; null without sign-in."""
        world = make_world()
        give(world, "ada", by="root")
        assert give(world, "ada", by="other").replayed
        give(world, "ada", key="another", by=None)
        assert [entry["administratorUid"] for entry in world.ledger("ada")] == ["root", None]

    def test_reads_an_older_entry(self, make_world: MakeWorld) -> None:
        """An entry that was written before the administrator was kept is replayed as any other."""
        world = make_world()
        entry_id = give(world, "ada").entry.entry_id
        world.db.document(f"users/ada/transactions/{entry_id}").update({"administratorUid": DELETE_FIELD})
        again = give(world, "ada")
        assert (again.replayed, again.entry.administrator_uid) == (True, None)

    def test_opens_an_account(self, make_world: MakeWorld) -> None:
        """A grant creates a missing account, which can be used at once."""
        world = make_world()
        give(world, "new")
        fields = world.fields("users/new")
        assert (fields["credits"], fields["openingCredits"], fields["createdAt"]) == (5, 0, NOON)
        create(world, "new")
        assert get_user_credits(world.deps, "new", 10, None).current_credits == 4
        world.check_books("new")

    @pytest.mark.parametrize("opening_credits", [0, 7])
    def test_to_a_deleted_account_goes_on_with_its_ledger(self, make_world: MakeWorld, opening_credits: int) -> None:
        """If only the document was deleted, sequence and balance go on, and no credit is lost or made."""
        world = make_world(model_b=AlwaysFails())
        ada = world.account("ada", opening_credits) if opening_credits else "ada"
        if not opening_credits:
            give(world, ada, key="first")
        create(world, ada)
        with pytest.raises(GenerationFailed):
            create(world, ada, model="Model B")
        before = world.credits(ada)
        world.db.document(f"users/{ada}").delete()
        granted = give(world, ada, key="after")
        assert granted.entry.balance_after == before + 5
        assert granted.entry.sequence == len(world.ledger(ada))
        assert world.fields("users/ada")["openingCredits"] == opening_credits
        world.check_books(ada)
        assert give(world, ada, key="after").replayed

    def test_to_a_deleted_account_is_limited_too(self, make_world: MakeWorld) -> None:
        """The credits of the ledger count for the limit of the balance."""
        world = make_world()
        world.account("rich", 999_999_990)
        give(world, "rich", key="first")
        world.db.document("users/rich").delete()
        with pytest.raises(InvalidRequest):
            give(world, "rich", credits=6, key="second")
        assert world.fields("users/rich") == {}

    def test_concurrent_grants_to_a_deleted_account(self, make_world: MakeWorld) -> None:
        """It is opened once, and its ledger has no gap."""
        world = make_world()
        give(world, "ada", key="first")
        world.db.document("users/ada").delete()
        with ThreadPoolExecutor(5) as pool:
            list(pool.map(lambda number: give(world, "ada", key=str(number)), range(5)))
        assert world.credits("ada") == 30
        world.check_books("ada")

    def test_to_a_profile_without_credits(self, make_world: MakeWorld) -> None:
        """A user document without credits has a balance of 0, and a grant opens its books."""
        world = make_world()
        world.db.document("users/eve").set({"email": "eve@example.com"})
        world.check_books("eve")
        with pytest.raises(InsufficientCredits):
            create(world, "eve")
        give(world, "eve")
        create(world, "eve")
        assert world.fields("users/eve") | {"email": "eve@example.com", "credits": 4} == world.fields("users/eve")
        world.check_books("eve")

    def test_a_replay_grants_once(self, make_world: MakeWorld) -> None:
        """The same key grants once and replays the first balance, even after later charges."""
        world = make_world()
        give(world, "ada")
        create(world, "ada")
        again = give(world, "ada")
        assert (again.replayed, again.entry.balance_after) == (True, 5)
        assert world.credits("ada") == 4
        world.check_books("ada")

    def test_a_key_identifies_one_grant(self, make_world: MakeWorld) -> None:
        """The same key with another amount or reason is refused; for another account it is another key."""
        world = make_world()
        give(world, "ada")
        for changed in ({"credits": 6}, {"reason": "given"}):
            with pytest.raises(IdempotencyKeyReused):
                give(world, "ada", **changed)
        assert not give(world, "bob").replayed
        assert (world.credits("ada"), world.credits("bob")) == (5, 5)

    def test_a_grant_may_reuse_the_key_of_a_generation(self, make_world: MakeWorld) -> None:
        """A key that a generation used can be used for a grant too."""
        world = make_world()
        ada = world.account("ada", 1)
        create(world, ada, "key")
        assert not give(world, ada).replayed
        world.check_books(ada)

    def test_refuses_more_than_the_limit(self, make_world: MakeWorld) -> None:
        """A grant that exceeds the balance limit is refused, and no document is written."""
        world = make_world()
        world.account("rich", 999_999_998)
        with pytest.raises(InvalidRequest) as refused:
            give(world, "rich")
        assert refusal(refused) == {"credits": "must leave the account with at most 1,000,000,000 credits"}
        assert world.ledger("rich") == []
        give(world, "rich", credits=2)

    def test_twenty_concurrent_calls_with_one_key(self, make_world: MakeWorld) -> None:
        """Concurrent grants with one key open one account and write one entry."""
        world = make_world()
        with ThreadPoolExecutor(20) as pool:
            granted = list(pool.map(lambda _: give(world, "ada"), range(20)))
        assert Counter(grant.replayed for grant in granted) == {True: 19, False: 1}
        assert world.credits("ada") == 5
        world.check_books("ada")

    def test_twenty_concurrent_calls_with_twenty_keys(self, make_world: MakeWorld) -> None:
        """Concurrent grants to a missing account open it once, and all are in its ledger."""
        world = make_world()
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(lambda number: give(world, "ada", key=str(number)), range(20)))
        assert world.credits("ada") == 100
        world.check_books("ada")

    @pytest.mark.embedded
    def test_a_lost_answer(self, make_world: MakeWorld, faults: DatabaseFaults) -> None:
        """A commit whose answer was lost is recognized as this call's own grant."""
        world = make_world()
        faults.lose_answer()
        assert not give(world, "ada").replayed
        assert world.credits("ada") == 5
        world.check_books("ada")
