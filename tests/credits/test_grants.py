"""Granting credits: how they come into the world, once for each key, and the rate limit beside them."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from imagegen.config import Settings
from imagegen.credits.errors import InsufficientCredits, UserNotFound
from imagegen.credits.service import Grant, get_user_credits, grant
from imagegen.kit.errors import IdempotencyKeyReused, InvalidRequest, RateLimited
from tests.conftest import Faults
from tests.generations.test_creation import create, outcome_of
from tests.world import NOON, World, refusal

MakeWorld = Callable[..., World]


def give(world: World, user_id: str, credits: int = 5, key: str = "key", reason: str = "bought") -> Grant:
    return grant(world.deps, user_id, credits, reason, key)


class TestGrant:
    def test_to_an_account(self, make_world: MakeWorld) -> None:
        """A grant is in the balance and in the ledger, and what was there stays."""
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

    def test_opens_an_account(self, make_world: MakeWorld) -> None:
        """A grant opens an account that is not there, which can be used at once."""
        world = make_world()
        give(world, "new")
        fields = world.fields("users/new")
        assert (fields["credits"], fields["openingCredits"], fields["createdAt"]) == (5, 0, NOON)
        create(world, "new")
        assert get_user_credits(world.deps, "new", 10, None).current_credits == 4
        world.check_books("new")

    def test_to_an_account_that_is_a_profile_alone(self, make_world: MakeWorld) -> None:
        """A document that somebody wrote without credits holds none, and can be granted some."""
        world = make_world()
        world.db.document("users/eve").set({"email": "eve@example.com"})
        world.check_books("eve")
        with pytest.raises(InsufficientCredits):
            create(world, "eve")
        give(world, "eve")
        create(world, "eve")
        assert world.fields("users/eve") | {"email": "eve@example.com", "credits": 4} == world.fields("users/eve")
        world.check_books("eve")

    def test_twice_is_once(self, make_world: MakeWorld) -> None:
        """The same key grants once and tells the balance of then, whatever was spent since."""
        world = make_world()
        give(world, "ada")
        create(world, "ada")
        again = give(world, "ada")
        assert (again.replayed, again.entry.balance_after) == (True, 5)
        assert world.credits("ada") == 4
        world.check_books("ada")

    def test_a_key_is_of_one_grant(self, make_world: MakeWorld) -> None:
        """The same key with another amount or reason is refused; with another account it is another key."""
        world = make_world()
        give(world, "ada")
        for changed in ({"credits": 6}, {"reason": "given"}):
            with pytest.raises(IdempotencyKeyReused):
                give(world, "ada", **changed)
        assert not give(world, "bob").replayed
        assert (world.credits("ada"), world.credits("bob")) == (5, 5)

    def test_the_key_of_a_generation(self, make_world: MakeWorld) -> None:
        """A key that a generation used can be used for a grant as well."""
        world = make_world()
        ada = world.account("ada", 1)
        create(world, ada, "key")
        assert not give(world, ada).replayed
        world.check_books(ada)

    def test_too_much(self, make_world: MakeWorld) -> None:
        """An account cannot be given more than it may hold, and nothing is written."""
        world = make_world()
        world.account("rich", 999_999_998)
        with pytest.raises(InvalidRequest) as refused:
            give(world, "rich")
        assert refusal(refused) == {"credits": "must leave the account with at most 1,000,000,000 credits"}
        assert world.ledger("rich") == []
        give(world, "rich", credits=2)

    def test_twenty_at_once_with_one_key(self, make_world: MakeWorld) -> None:
        """However many grant at once with one key, one account is opened and one grant written."""
        world = make_world()
        with ThreadPoolExecutor(20) as pool:
            granted = list(pool.map(lambda _: give(world, "ada"), range(20)))
        assert Counter(grant.replayed for grant in granted) == {True: 19, False: 1}
        assert world.credits("ada") == 5
        world.check_books("ada")

    def test_twenty_at_once_with_twenty_keys(self, make_world: MakeWorld) -> None:
        """Grants at once to an account that is not there open it once and are all in it."""
        world = make_world()
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(lambda number: give(world, "ada", key=str(number)), range(20)))
        assert world.credits("ada") == 100
        world.check_books("ada")

    @pytest.mark.embedded
    def test_a_lost_answer(self, make_world: MakeWorld, faults: Faults) -> None:
        """A grant whose answer is lost is found again as the call's own."""
        world = make_world()
        faults.lose_answer()
        assert not give(world, "ada").replayed
        assert world.credits("ada") == 5
        world.check_books("ada")


class TestRateLimit:
    def limited(self, make_world: MakeWorld, **settings: int) -> World:
        world = make_world(settings=Settings(rate_limit_per_minute=6, **settings))
        world.account("ada", 100)
        return world

    def test_a_burst_and_then_the_rate(self, make_world: MakeWorld) -> None:
        """More than the bucket holds are sent away uncharged, and pass when they come back as told."""
        world = self.limited(make_world, rate_limit_burst=2)
        for _ in range(2):
            create(world, "ada")
        before = world.fields("users/ada")
        with pytest.raises(RateLimited) as refused:
            create(world, "ada")
        assert refused.value.retry_after_seconds == 10
        assert world.fields("users/ada") == before
        world.clock.advance(seconds=10)
        create(world, "ada")
        assert world.credits("ada") == 97
        world.check_books("ada")

    def test_replays_are_not_limited(self, make_world: MakeWorld) -> None:
        """What a key found is answered, also with an empty bucket."""
        world = self.limited(make_world, rate_limit_burst=1)
        create(world, "ada", "key")
        assert create(world, "ada", "key").replayed

    def test_refusals_take_no_token(self, make_world: MakeWorld) -> None:
        """Who cannot pay, or is not there, takes nothing from the bucket."""
        world = self.limited(make_world, rate_limit_burst=1)
        world.account("poor", 1)
        for _ in range(3):
            with pytest.raises(InsufficientCredits):
                create(world, "poor", size="1024x1024")
            with pytest.raises(UserNotFound):
                create(world, "nobody")
        create(world, "poor")

    def test_each_account_has_its_own(self, make_world: MakeWorld) -> None:
        """One account's haste is not another's."""
        world = self.limited(make_world, rate_limit_burst=1)
        world.account("bob", 5)
        create(world, "ada")
        create(world, "bob")

    def test_twenty_at_once(self, make_world: MakeWorld) -> None:
        """Of twenty at once just as many pass as the bucket holds."""
        world = self.limited(make_world, rate_limit_burst=7)
        with ThreadPoolExecutor(20) as pool:
            outcomes = Counter(pool.map(lambda _: outcome_of(lambda: create(world, "ada")), range(20)))
        assert outcomes == {"Created": 7, "RateLimited": 13}
        assert world.credits("ada") == 93
        world.check_books("ada")

    def test_senseless_settings(self) -> None:
        """A rate with nothing in the bucket would let nobody in, ever."""
        with pytest.raises(ValueError, match="rate_limit_burst"):
            Settings(rate_limit_per_minute=6, rate_limit_burst=0)
