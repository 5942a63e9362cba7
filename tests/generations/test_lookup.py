"""Reading generations: one, lists with filters and pages; and cancelling them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from imagegen.firebase.identity import UNRESTRICTED, Caller
from imagegen.generations.errors import (
    GenerationCancelled,
    GenerationEnded,
    GenerationFailed,
    GenerationNotFound,
    GenerationStarted,
)
from imagegen.generations.lookup import Filters, cancel_generation, get_generation, list_generations
from imagegen.generations.records import Generation, Stage
from imagegen.generations.worker import process
from imagegen.kit import paging
from imagegen.kit.errors import InvalidRequest, TryAgain
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
    """Create a generation one second after the one before, and return its id."""
    world.clock.advance(seconds=1)
    try:
        return create(world, user_id, **changed).generation.generation_id
    except GenerationFailed as failed:
        return failed.metadata["generationRequestId"]


class TestGet:
    def test_own(self, world: World) -> None:
        """An account reads its own generation; an administrator reads any."""
        generation_id = generate(world)
        assert get_generation(world.deps, ADA, generation_id).stage is Stage.COMPLETED
        assert get_generation(world.deps, UNRESTRICTED, generation_id).user_id == "ada"

    def test_other_accounts(self, world: World) -> None:
        """404, not 403: ids derive from idempotency keys, and a 403 would be an existence oracle."""
        generation_id = generate(world)
        with pytest.raises(GenerationNotFound):
            get_generation(world.deps, Caller("bob"), generation_id)

    def test_unknown(self, world: World) -> None:
        """An unknown generation is not found."""
        with pytest.raises(GenerationNotFound):
            get_generation(world.deps, ADA, "nothing")

    def test_stages(self, make_world: MakeWorld) -> None:
        """A generation is queued, then processing while it is drawn, then completed."""
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
        """An account's own generations come newest first."""
        mine = [generate(world) for _ in range(3)]
        generate(world, "bob")
        assert ids(list_generations(world.deps, "ada", Filters(), 10, None).generations) == mine[::-1]

    def test_an_unknown_account(self, world: World) -> None:
        """An account that does not exist has an empty list."""
        assert list_generations(world.deps, "nobody", Filters(), 10, None).generations == []

    def test_pages_hold_each_generation_once(self, world: World) -> None:
        """Pages hold each generation once, also those of the same moment, while new ones are created."""
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

    def test_a_page_of_ended_ones_is_full(self, world: World) -> None:
        """Firestore filters what has ended: others between them do not make a page shorter."""
        completed = []
        for _ in range(3):
            completed.append(generate(world))
            generate(world, model="Model B")
        page = list_generations(world.deps, "ada", Filters(stage=Stage.COMPLETED), 2, None)
        assert ids(page.generations) == [completed[2], completed[1]]

    def test_filters(self, world: World) -> None:
        """Each filter alone and all together find the matching generations; every index they need exists."""
        a = generate(world)
        b = generate(world, style="oil painting", color="vintage", size="1024x1024")
        failed = generate(world, model="Model B")
        queued = submit(world, "ada").generation.generation_id

        def listed(**filters: Any) -> list[str]:
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
    def test_an_invalid_token(self, world: World, token: str) -> None:
        """An invalid token is refused by the name of its field."""
        with pytest.raises(InvalidRequest) as refused:
            list_generations(world.deps, "ada", Filters(), 10, token)
        assert [violation.field for violation in refused.value.violations] == ["pageToken"]

    @pytest.mark.parametrize(
        "place",
        ["0/a/b", "0/", "0", "1/..", "1/__x__", "1/a/b/c", "1/\x00", "1/" + "x" * 2000, "9" * 20 + "/x", "/x", "-1/"],
    )
    def test_a_forged_token(self, world: World, place: str) -> None:
        """A token that was made by hand is refused by the name of its field."""
        token = paging.make(f"ada/{Filters()}", place)
        with pytest.raises(InvalidRequest) as refused:
            list_generations(world.deps, "ada", Filters(), 10, token)
        assert [violation.field for violation in refused.value.violations] == ["pageToken"]

    def test_of_all_accounts(self, world: World) -> None:
        """Without an account those of all are listed, page by page, by the same filters."""
        mine, other = generate(world, "ada"), generate(world, "bob", style="oil-painting")
        whole = list_generations(world.deps, None, Filters(), 10, None)
        assert {each.generation_id for each in whole.generations} == {mine, other}
        hour = NOON + timedelta(hours=1)
        of_style = Filters(stage=Stage.COMPLETED, style="oil-painting", created_after=NOON, created_before=hour)
        found = list_generations(world.deps, None, of_style, 1, None)
        assert [each.generation_id for each in found.generations] == [other]
        assert list_generations(world.deps, None, of_style, 1, found.next_page_token).generations == []
        with pytest.raises(InvalidRequest):
            list_generations(world.deps, "bob", of_style, 1, found.next_page_token)

    def test_a_token_of_another_list(self, world: World) -> None:
        """A token is valid only for its account and filters."""
        for _ in range(2):
            generate(world)
        token = list_generations(world.deps, "ada", Filters(), 1, None).next_page_token
        for user_id, filters in (("bob", Filters()), ("ada", Filters(stage=Stage.FAILED))):
            with pytest.raises(InvalidRequest):
                list_generations(world.deps, user_id, filters, 1, token)


class TestCancel:
    def test_queued(self, world: World) -> None:
        """Cancelling a queued generation refunds it once, and its task does nothing."""
        created = submit(world, "ada")
        generation_id = created.generation.generation_id
        for _ in range(2):
            assert cancel_generation(world.deps, ADA, generation_id).stage is Stage.CANCELLED
        assert world.credits("ada") == 100
        process(world.deps, generation_id)
        assert stage(world, created) == ("cancelled", None)
        world.check_books("ada")

    @pytest.mark.parametrize(("caller", "kept"), [(ADA, "absent"), (Caller("root", is_admin=True), "root")])
    def test_by_an_administrator(self, world: World, caller: Caller, kept: str) -> None:
        """The entry of the refund keeps who cancelled, if it was an administrator for another account."""
        cancel_generation(world.deps, caller, submit(world, "ada").generation.generation_id)
        assert [entry.get("administratorUid", "absent") for entry in world.ledger("ada")] == ["absent", kept]

    def test_processing(self, make_world: MakeWorld) -> None:
        """A generation that is being drawn cannot be cancelled: it is drawn and charged."""
        refused: list[dict[str, str]] = []

        def cancel() -> None:
            with pytest.raises(GenerationStarted) as started:
                cancel_generation(world.deps, ADA, generation_id)
            refused.append(started.value.metadata)

        world = make_world(model_a=Does(cancel))
        world.account("ada", 5)
        created = submit(world, "ada")
        generation_id = created.generation.generation_id
        process(world.deps, generation_id)
        assert refused == [{"generationRequestId": generation_id}]
        assert stage(world, created) == ("completed", None)
        assert world.credits("ada") == 4
        world.check_books("ada")

    def test_synchronous(self, make_world: MakeWorld) -> None:
        """A generation whose caller waits for it has begun, and cannot be cancelled."""
        world: World

        def cancel() -> None:
            with pytest.raises(GenerationStarted):
                cancel_generation(world.deps, ADA, world.generations()[0]["id"])

        world = make_world(model_a=Does(cancel))
        world.account("ada", 5)
        assert create(world, "ada", "key").generation.image_url
        assert world.credits("ada") == 4
        world.check_books("ada")

    def test_between_two_attempts(self, world: World) -> None:
        """A generation that waits for its next attempt is queued: it is cancelled, and refunded."""
        created = submit(world, "ada", model="Model B")
        with pytest.raises(TryAgain):
            process(world.deps, created.generation.generation_id)
        assert cancel_generation(world.deps, ADA, created.generation.generation_id).stage is Stage.CANCELLED
        assert world.credits("ada") == 100
        world.check_books("ada")

    def test_a_key_of_a_cancelled_generation(self, world: World) -> None:
        """A call that waits for the picture of a cancelled generation is told so; another one gets its status."""
        created = submit(world, "ada", "key")
        cancel_generation(world.deps, ADA, created.generation.generation_id)
        with pytest.raises(GenerationCancelled):
            create(world, "ada", "key")
        assert submit(world, "ada", "key").generation.stage is Stage.CANCELLED
        world.check_books("ada")

    @pytest.mark.parametrize("model", ["Model A", "Model B"])
    def test_ended(self, world: World, model: str) -> None:
        """A completed or failed generation cannot be cancelled, and does not change."""
        generation_id = generate(world, model=model)
        before = world.fields(f"generationRequests/{generation_id}")
        with pytest.raises(GenerationEnded):
            cancel_generation(world.deps, ADA, generation_id)
        assert world.fields(f"generationRequests/{generation_id}") == before
        world.check_books("ada")

    def test_other_accounts(self, world: World) -> None:
        """Another account's generation cannot be cancelled."""
        generation_id = submit(world, "ada").generation.generation_id
        with pytest.raises(GenerationNotFound):
            cancel_generation(world.deps, Caller("bob"), generation_id)
        assert world.credits("ada") == 99

    def test_twenty_concurrent_calls_and_a_picture(self, world: World) -> None:
        """Concurrent cancellations and a picture end in one refund, or in the picture without a refund."""
        created = submit(world, "ada")
        generation_id = created.generation.generation_id

        def act(number: int) -> None:
            with suppress(GenerationEnded, GenerationStarted):
                process(world.deps, generation_id) if number == 0 else cancel_generation(world.deps, ADA, generation_id)

        with ThreadPoolExecutor(20) as pool:
            list(pool.map(act, range(20)))
        status, _ = stage(world, created)
        assert world.credits("ada") == (99 if status == "completed" else 100)
        world.check_books("ada")
