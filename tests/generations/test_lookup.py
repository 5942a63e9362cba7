"""Looking at generations afterwards: one, lists with filters and pages, and giving up."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from imagegen.firebase.identity import UNRESTRICTED, Caller
from imagegen.generations.errors import GenerationCancelled, GenerationEnded, GenerationFailed, GenerationNotFound
from imagegen.generations.lookup import Filters, cancel_generation, get_generation, list_generations
from imagegen.generations.records import Generation, Stage
from imagegen.generations.worker import process
from imagegen.kit import paging
from imagegen.kit.errors import InvalidRequest
from tests.generations.test_creation import create
from tests.generations.test_worker import stage, submit
from tests.world import NOON, AlwaysFails, Does, World

MakeWorld = Callable[..., World]
ADA = Caller("ada")


def ids(generations: list[Generation]) -> list[str]:
    return [generation.generation_id for generation in generations]


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """A world in which ada and bob have credits; Model B fails."""
    world = make_world(model_b=AlwaysFails())
    for user_id in ("ada", "bob"):
        world.account(user_id, 100)
    return world


def generate(world: World, user_id: str = "ada", **changed: str) -> str:
    """Have a generation made a second later than the one before, and return its id."""
    world.clock.advance(seconds=1)
    try:
        return create(world, user_id, **changed).generation.generation_id
    except GenerationFailed as failed:
        return failed.metadata["generationRequestId"]


class TestGet:
    def test_ones_own(self, world: World) -> None:
        """An account reads its generation; an administrator reads any."""
        generation_id = generate(world)
        assert get_generation(world.deps, ADA, generation_id).stage is Stage.COMPLETED
        assert get_generation(world.deps, UNRESTRICTED, generation_id).user_id == "ada"

    def test_anothers(self, world: World) -> None:
        """Another's generation is not shown, nor that there is one: its id can be told from an idempotency key."""
        generation_id = generate(world)
        with pytest.raises(GenerationNotFound):
            get_generation(world.deps, Caller("bob"), generation_id)

    def test_none(self, world: World) -> None:
        """What is not there is not found."""
        with pytest.raises(GenerationNotFound):
            get_generation(world.deps, ADA, "nothing")

    def test_stages(self, make_world: MakeWorld) -> None:
        """A generation is queued, processing while it is drawn, and completed."""
        seen: list[Stage] = []
        world = make_world(model_a=Does(lambda: seen.append(get_generation(world.deps, ADA, generation_id).stage)))
        world.account("ada", 5)
        generation_id = submit(world, "ada").generation.generation_id
        seen.append(get_generation(world.deps, ADA, generation_id).stage)
        process(world.deps, generation_id)
        seen.append(get_generation(world.deps, ADA, generation_id).stage)
        assert seen == [Stage.QUEUED, Stage.PROCESSING, Stage.COMPLETED]


class TestList:
    def test_newest_first(self, world: World) -> None:
        """An account's generations, and nobody else's, come newest first."""
        mine = [generate(world) for _ in range(3)]
        generate(world, "bob")
        assert ids(list_generations(world.deps, "ada", Filters(), 10, None).generations) == mine[::-1]

    def test_nobodys(self, world: World) -> None:
        """An account that is not there has none."""
        assert list_generations(world.deps, "nobody", Filters(), 10, None).generations == []

    def test_pages_hold_each_once(self, world: World) -> None:
        """Pages hold each generation once, those of the same moment too, while new ones come in."""
        mine = [create(world, "ada").generation.generation_id for _ in range(7)]
        found: list[str] = []
        token = None
        while True:
            page = list_generations(world.deps, "ada", Filters(), 2, token)
            found += ids(page.generations)
            generate(world)
            token = page.next_page_token
            if token is None:
                break
        assert sorted(found) == sorted(mine)

    def test_filters(self, world: World) -> None:
        """Each filter alone and all of them together find what they name; every index they need is there."""
        a = generate(world)
        b = generate(world, style="oil painting", color="vintage", size="1024x1024")
        failed = generate(world, model="Model B")
        queued = submit(world, "ada").generation.generation_id

        def listed(**filters: object) -> list[str]:
            return ids(list_generations(world.deps, "ada", replace(Filters(), **filters), 10, None).generations)

        assert listed(stage=Stage.COMPLETED) == [b, a]
        assert listed(stage=Stage.FAILED) == [failed]
        assert listed(stage=Stage.QUEUED) == [queued]
        assert listed(stage=Stage.PROCESSING) == []
        assert listed(stage=Stage.CANCELLED) == []
        assert listed(model="model-b") == [failed]
        assert listed(style="oil-painting") == [b]
        assert listed(color="vintage") == [b]
        assert listed(size="1024x1024") == [b]
        assert listed(created_after=NOON + timedelta(seconds=2), created_before=NOON + timedelta(seconds=3)) == [b]
        everything = {"model": "model-a", "style": "oil-painting", "color": "vintage", "size": "1024x1024"}
        moments = {"created_after": NOON, "created_before": NOON + timedelta(hours=1)}
        assert listed(stage=Stage.COMPLETED, **everything, **moments) == [b]

    @pytest.mark.parametrize("token", ["x", "AAAA", "eHh4eHh4OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTkvYQ=="])
    def test_a_token_that_is_not_ours(self, world: World, token: str) -> None:
        """What is no token of this list is refused by name."""
        with pytest.raises(InvalidRequest) as refused:
            list_generations(world.deps, "ada", Filters(), 10, token)
        assert [violation.field for violation in refused.value.violations] == ["pageToken"]

    @pytest.mark.parametrize(
        "place",
        ["0/a/b", "0/", "0", "1/..", "1/__x__", "1/a/b/c", "1/\x00", "1/" + "x" * 2000, "9" * 20 + "/x", "/x", "-1/"],
    )
    def test_a_place_that_is_none(self, world: World, place: str) -> None:
        """A token that was put together by hand is refused by name."""
        token = paging.make(f"ada/{Filters()}", place)
        with pytest.raises(InvalidRequest) as refused:
            list_generations(world.deps, "ada", Filters(), 10, token)
        assert [violation.field for violation in refused.value.violations] == ["pageToken"]

    def test_a_token_of_another_list(self, world: World) -> None:
        """A token belongs to its account and filters."""
        for _ in range(2):
            generate(world)
        token = list_generations(world.deps, "ada", Filters(), 1, None).next_page_token
        for user_id, filters in (("bob", Filters()), ("ada", Filters(stage=Stage.FAILED))):
            with pytest.raises(InvalidRequest):
                list_generations(world.deps, user_id, filters, 1, token)


class TestCancel:
    def test_a_queued_one(self, world: World) -> None:
        """Giving up a queued generation gives its credits back; twice is once, and its task does nothing."""
        created = submit(world, "ada")
        generation_id = created.generation.generation_id
        for _ in range(2):
            assert cancel_generation(world.deps, ADA, generation_id).stage is Stage.CANCELLED
        assert world.credits("ada") == 100
        process(world.deps, generation_id)
        assert stage(world, created) == ("cancelled", None)
        world.check_books("ada")

    def test_one_that_is_being_drawn(self, make_world: MakeWorld) -> None:
        """A generation that is given up while it is drawn is refunded, and its picture is refused."""
        world = make_world(model_a=Does(lambda: cancel_generation(world.deps, ADA, generation_id)))
        world.account("ada", 5)
        created = submit(world, "ada")
        generation_id = created.generation.generation_id
        process(world.deps, generation_id)
        assert stage(world, created) == ("cancelled", None)
        assert world.credits("ada") == 5
        world.check_books("ada")

    def test_one_that_somebody_waits_for(self, make_world: MakeWorld) -> None:
        """Who waits for a generation that is given up hears so, and so does a retry with its key."""
        world = make_world(model_a=Does(lambda: cancel_generation(world.deps, ADA, world.generations()[0]["id"])))
        world.account("ada", 5)
        for _ in range(2):
            with pytest.raises(GenerationCancelled):
                create(world, "ada", "key")
        assert world.credits("ada") == 5
        world.check_books("ada")

    @pytest.mark.parametrize("model", ["Model A", "Model B"])
    def test_one_that_has_ended(self, world: World, model: str) -> None:
        """What was completed or has failed cannot be given up, and nothing changes."""
        generation_id = generate(world, model=model)
        before = world.fields(f"generationRequests/{generation_id}")
        with pytest.raises(GenerationEnded):
            cancel_generation(world.deps, ADA, generation_id)
        assert world.fields(f"generationRequests/{generation_id}") == before
        world.check_books("ada")

    def test_anothers(self, world: World) -> None:
        """Another's generation cannot be given up."""
        generation_id = submit(world, "ada").generation.generation_id
        with pytest.raises(GenerationNotFound):
            cancel_generation(world.deps, Caller("bob"), generation_id)
        assert world.credits("ada") == 99

    def test_twenty_at_once_and_a_picture(self, world: World) -> None:
        """However many give up while it is drawn, there is one refund, or the picture and none."""
        created = submit(world, "ada")
        generation_id = created.generation.generation_id

        def act(number: int) -> None:
            with suppress(GenerationEnded):
                process(world.deps, generation_id) if number == 0 else cancel_generation(world.deps, ADA, generation_id)

        with ThreadPoolExecutor(20) as pool:
            list(pool.map(act, range(20)))
        status, _ = stage(world, created)
        assert world.credits("ada") == (99 if status == "completed" else 100)
        world.check_books("ada")
