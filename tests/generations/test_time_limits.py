"""How long a caller waits for a picture at most, with a clock that only the steps of the call move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pytest_mock import MockerFixture

from imagegen import config
from imagegen.config import Settings
from imagegen.firebase import identity
from imagegen.generations import creation, settlement
from imagegen.generations.creation import Created, create_generation_request
from imagegen.generations.errors import GenerationFailed
from imagegen.generations.outbox import enqueue_webhook
from imagegen.generations.worker import process
from imagegen.images.records import Picture
from imagegen.kit.errors import Unavailable
from imagegen.providers.model import ImageRequest
from tests.world import NOON, Paints, World

MakeWorld = Callable[..., World]


def later(world: World, seconds: float, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, before which time passes."""

    def call(*given: Any, **named: Any) -> Any:
        world.clock.advance(seconds=seconds)
        return function(*given, **named)

    return call


@pytest.fixture
def limits(mocker: MockerFixture) -> list[float]:
    """The time limits of the steps of drawing, in seconds; each step runs without a limit."""
    given: list[float] = []

    def call_within(limit_seconds: float, call: Callable[[], object]) -> object:
        given.append(limit_seconds)
        return call()

    mocker.patch("imagegen.generations.picture.call_within", call_within)
    return given


def create(world: World, *, after_seconds: float = 0, respond_async: bool = False) -> Created:
    """Create a generation in a call that began some time before."""
    called_at = world.clock() - timedelta(seconds=after_seconds)
    return create_generation_request(world.deps, world.order("ada"), respond_async=respond_async, called_at=called_at)


class TestACallerWhoWaits:
    def test_the_slowest_call(self, make_world: MakeWorld, mocker: MockerFixture, limits: list[float]) -> None:
        """If each step takes all of its time, the answer comes within 50 seconds of the first byte of the body."""
        settings = Settings()

        class Slow(Paints):
            def generate(self, request: ImageRequest) -> Picture:
                world.clock.advance(seconds=limits[0])
                return super().generate(request)

        world = make_world(model_a=Slow())
        world.account("ada", 5)
        order = world.order("ada")
        for name, function, seconds in (
            ("creation.reserve", settlement.reserve, settings.firestore_timeout_seconds),
            ("creation.settle", settlement.settle, settings.firestore_timeout_seconds),
            ("settlement.enqueue_webhook", enqueue_webhook, settings.enqueue_time_limit_seconds),
        ):
            mocker.patch(f"imagegen.generations.{name}", later(world, seconds, function))
        mocker.patch.object(world.shelf, "save", later(world, settings.image_store_timeout_seconds, world.shelf.save))
        called_at = world.clock()
        # The longest that the steps before the charge may take.
        world.clock.advance(seconds=18)
        create_generation_request(world.deps, order, called_at=called_at)
        taken_seconds = (world.clock() - NOON).total_seconds()
        assert taken_seconds == settings.call_time_limit_seconds
        assert 2 * config.BODY_TIME_LIMIT_SECONDS + taken_seconds == config.ANSWER_TIME_LIMIT_SECONDS == 50

    def test_what_is_left_for_a_picture(self, make_world: MakeWorld, limits: list[float]) -> None:
        """The model has what is left after the steps before, and before storing, settling and the webhook."""
        paints = Paints()
        world = make_world(model_a=paints)
        world.account("ada", 5)
        create(world, after_seconds=2)
        assert limits == [44 - 2 - 5 - 8, 44 - 2 - 8]

    def test_a_store_that_is_late(self, make_world: MakeWorld, mocker: MockerFixture) -> None:
        """A picture that is not stored in time is refunded, with its reason."""
        world = make_world(model_a=Paints())
        world.account("ada", 5)

        def call_within(limit_seconds: float, call: Callable[[], object]) -> object:
            if limit_seconds > 35:
                raise TimeoutError
            return call()

        mocker.patch("imagegen.generations.picture.call_within", call_within)
        with pytest.raises(GenerationFailed) as failed:
            create(world)
        assert failed.value.metadata["failureReason"] == "STORAGE_ERROR"
        assert world.credits("ada") == 5

    def test_begins_with_the_call(self, client: httpx.Client, world: World, mocker: MockerFixture) -> None:
        """The time of a call counts from before its token is verified."""
        world.account("ada", 5)
        verified_at: list[datetime] = []
        mocker.patch.object(identity, "check_app", side_effect=lambda *_: verified_at.append(datetime.now(UTC)))
        created = mocker.spy(creation, "create_generation_request")
        assert client.post("/createGenerationRequest", json=world.body("ada")).status_code == 200
        assert created.call_args.kwargs["called_at"] < verified_at[0]

    def test_too_late_to_begin(self, make_world: MakeWorld, limits: list[float]) -> None:
        """A call with too little time left for any picture is refused before its charge."""
        world = make_world()
        world.account("ada", 5)
        create(world, after_seconds=18)
        with pytest.raises(Unavailable):
            create(world, after_seconds=18.1)
        assert world.credits("ada") == 4
        assert limits == [13]

    def test_a_fast_model_is_bounded_by_its_own_limit(self, make_world: MakeWorld, limits: list[float]) -> None:
        """A shorter limit of the model holds as well."""
        world = make_world(settings=Settings(model_time_limit_seconds=7))
        world.account("ada", 5)
        create(world)
        assert limits == [7]

    def test_a_task_has_longer(self, make_world: MakeWorld, limits: list[float]) -> None:
        """No caller waits for a queued picture: its model has the whole of its own limit."""
        world = make_world(model_a=Paints())
        world.account("ada", 5)
        create(world, after_seconds=40, respond_async=True)
        process(world.deps, world.queue.tasks[0][1])
        assert limits == [60]


class TestCatalog:
    def test_is_loaded_within_one_exchange(self, make_world: MakeWorld, mocker: MockerFixture) -> None:
        """The collections share one deadline: 3 seconds, and not 3 each."""
        world = make_world()
        given = mocker.spy(type(world.deps.db), "all_within")
        world.deps.catalog.current()
        given.assert_called_once_with(world.deps.db, 3.0)


class TestSettings:
    pytestmark = pytest.mark.pure

    @pytest.mark.parametrize("call_time_limit_seconds", [29, 44])
    def test_limits_that_fit(self, call_time_limit_seconds: float) -> None:
        """The bounds themselves are allowed."""
        Settings(call_time_limit_seconds=call_time_limit_seconds)

    @pytest.mark.parametrize(
        "changed",
        [
            {"call_time_limit_seconds": 44.1},
            {"call_time_limit_seconds": 28.9},
            {"call_time_limit_seconds": 29, "firestore_timeout_seconds": 3.1},
            {"call_time_limit_seconds": 29, "enqueue_time_limit_seconds": 5.1},
            {"call_time_limit_seconds": 29, "image_store_timeout_seconds": 5.1},
        ],
    )
    def test_limits_that_do_not(self, changed: dict[str, float]) -> None:
        """Limits whose sum exceeds what a caller waits for are refused."""
        with pytest.raises(ValueError, match="call_time_limit_seconds"):
            replace(Settings(), **changed)  # type: ignore[arg-type]
