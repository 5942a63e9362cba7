"""The limits of an account: the rate of its requests, and how many of its generations are under way at once."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from embedded_firebase.firestore.server import FirestoreServer
from imagegen.config import Settings
from imagegen.credits.errors import InsufficientCredits, UserNotFound
from imagegen.generations.creation import quote
from imagegen.generations.errors import GenerationFailed, TooManyUnderWay
from imagegen.generations.worker import process
from imagegen.kit.errors import RateLimited
from tests.crash.costs import Cost, measured
from tests.generations.test_creation import create, outcome_of
from tests.generations.test_worker import submit
from tests.world import NOON, AlwaysFails, World

MakeWorld = Callable[..., World]


class TestRateLimit:
    def limited(self, make_world: MakeWorld, burst: int = 0) -> World:
        world = make_world(settings=Settings(rate_limit_per_minute=6, rate_limit_burst=burst))
        world.account("ada", 100)
        return world

    def test_a_burst_and_then_the_rate(self, make_world: MakeWorld) -> None:
        """Requests beyond the bucket are refused uncharged, and pass after Retry-After."""
        world = self.limited(make_world, burst=2)
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
        """A replay is answered even with an empty bucket."""
        world = self.limited(make_world, burst=1)
        create(world, "ada", "key")
        assert create(world, "ada", "key").replayed

    def test_refusals_take_a_token(self, make_world: MakeWorld) -> None:
        """A request that cannot be paid takes a token, and changes nothing else."""
        world = self.limited(make_world, burst=2)
        world.account("poor", 1)
        before = world.fields("users/poor")
        for _ in range(2):
            with pytest.raises(InsufficientCredits):
                create(world, "poor", size="1024x1024")
        with pytest.raises(RateLimited):
            create(world, "poor")
        assert world.fields("users/poor") == before | {"arrivalAt": NOON + timedelta(seconds=20)}
        world.check_books("poor")

    def test_quotes_take_a_token(self, make_world: MakeWorld) -> None:
        """A quote takes a token, given or refused, and changes nothing else."""
        world = self.limited(make_world, burst=2)
        world.account("poor", 1)
        before = world.fields("users/poor")
        assert quote(world.deps, world.order("poor")).cost_credits == 1
        with pytest.raises(InsufficientCredits):
            quote(world.deps, world.order("poor", size="1024x1024"))
        with pytest.raises(RateLimited):
            quote(world.deps, world.order("poor"))
        assert world.fields("users/poor") == before | {"arrivalAt": NOON + timedelta(seconds=20)}

    def test_an_unknown_account(self, make_world: MakeWorld) -> None:
        """There is no limit for an account that does not exist: there is no document to keep it."""
        world = self.limited(make_world, burst=1)
        for _ in range(2):
            with pytest.raises(UserNotFound):
                create(world, "nobody")
            with pytest.raises(UserNotFound):
                quote(world.deps, world.order("nobody"))
        assert world.accounts() == ["ada"]

    def test_each_account_has_its_own(self, make_world: MakeWorld) -> None:
        """One account's requests do not limit another account."""
        world = self.limited(make_world, burst=1)
        world.account("bob", 5)
        create(world, "ada")
        create(world, "bob")

    def test_twenty_concurrent_requests(self, make_world: MakeWorld) -> None:
        """Of twenty concurrent requests exactly as many pass as the bucket holds."""
        world = self.limited(make_world, burst=7)
        with ThreadPoolExecutor(20) as pool:
            outcomes = Counter(pool.map(lambda _: outcome_of(lambda: create(world, "ada")), range(20)))
        assert outcomes == {"Created": 7, "RateLimited": 13}
        assert world.credits("ada") == 93
        world.check_books("ada")

    def test_refuses_an_empty_bucket(self) -> None:
        """A rate with a bucket of zero would refuse every request, so it is a configuration error."""
        with pytest.raises(ValueError, match="rate_limit_burst"):
            Settings(rate_limit_per_minute=6, rate_limit_burst=0)


class TestUnderWay:
    def limited(self, make_world: MakeWorld, limit: int = 3) -> World:
        world = make_world(settings=Settings(max_under_way=limit, model_attempts=1), model_b=AlwaysFails())
        world.account("ada", 100)
        return world

    def test_no_more_than_the_limit(self, make_world: MakeWorld) -> None:
        """Beyond the limit a request is refused uncharged, until a generation has ended."""
        world = self.limited(make_world)
        first, *_ = [submit(world, "ada").generation.generation_id for _ in range(3)]
        before = world.fields("users/ada")
        with pytest.raises(TooManyUnderWay) as refused:
            create(world, "ada")
        assert refused.value.metadata == {"limit": "3"}
        assert refused.value.retry_after_seconds == 10
        assert world.fields("users/ada") == before
        process(world.deps, first)
        submit(world, "ada")
        with pytest.raises(TooManyUnderWay):
            submit(world, "ada")
        assert world.credits("ada") == 96

    @pytest.mark.parametrize("model", ["Model A", "Model B"])
    def test_what_has_ended_does_not_count(self, make_world: MakeWorld, model: str) -> None:
        """Generations that ended, with or without a picture, leave room for others."""
        world = self.limited(make_world)
        for _ in range(10):
            outcome = outcome_of(lambda: create(world, "ada", model=model))
            assert outcome in ("Created", GenerationFailed.__name__)
        world.check_books("ada")

    def test_a_replay_is_no_further_one(self, make_world: MakeWorld) -> None:
        """A replay is answered at the limit."""
        world = self.limited(make_world, limit=1)
        submit(world, "ada", "key")
        assert submit(world, "ada", "key").replayed

    def test_each_account_has_its_own(self, make_world: MakeWorld) -> None:
        """One account's generations leave the others their room."""
        world = self.limited(make_world, limit=1)
        world.account("bob", 5)
        submit(world, "ada")
        submit(world, "bob")

    def test_twenty_concurrent_requests(self, make_world: MakeWorld) -> None:
        """Of twenty concurrent requests exactly as many pass as may be under way."""
        world = self.limited(make_world, limit=5)
        with ThreadPoolExecutor(20) as pool:
            outcomes = Counter(pool.map(lambda _: outcome_of(lambda: submit(world, "ada")), range(20)))
        assert outcomes == {"Created": 5, "TooManyUnderWay": 15}
        assert world.credits("ada") == 95

    @pytest.mark.embedded
    def test_its_cost(self, make_world: MakeWorld, server: FirestoreServer) -> None:
        """It costs one read and one round trip more at every request whose number is a multiple of the limit."""
        world = self.limited(make_world)
        world.deps.catalog.current()
        costs = [measured(server, world, lambda: create(world, "ada")) for _ in range(7)]
        usual, counting = Cost(round_trips=4, reads=1, writes=4), Cost(round_trips=5, reads=2, writes=4)
        assert costs == [usual] * 3 + [counting] + [usual] * 2 + [counting]
