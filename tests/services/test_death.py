"""Death at every step: a service call is killed before and after every round trip, or loses the answer to one.

Whatever happens, after the lease and a reconcile the books balance, and a retry with the same key is answered once and
charged once.
"""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import firestore
from imagegen import store
from imagegen.config import Settings
from imagegen.deps import Deps
from imagegen.errors import GenerationFailed, RequestInProgress, Unavailable
from imagegen.image_models import ImageModel, ImageRequest
from imagegen.records import FailureReason, Generation, Image
from imagegen.services.credits import Reservation, reconcile, settle
from imagegen.services.generation import Created, create_generation_request, validate
from imagegen.services.reporting import build_weekly_report

from tests.hooks import HookedClient, RpcFault, Send
from tests.world import AlwaysFails, Clock, Draws, World, write_catalog

NEXT_MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
OPENING_CREDITS = 10
Call = Callable[[Deps], object]
Prepare = Callable[[World], Call]
# What happens at a step: it is handed the sending of the request and returns the response, or raises.
Fate = Callable[[Send], object]
Answer = tuple[str, ...]
Status = grpc.StatusCode
HASTY = Settings(firestore_timeout_seconds=0.05, catalog_lifetime_seconds=10**9)
# What Firestore answers when asking again may help; so does UNAVAILABLE.
PASSING = (Status.DEADLINE_EXCEEDED, Status.ABORTED, Status.INTERNAL)
# What else a commit may be answered that was applied, when it was sent again on the way.
RESENT = (Status.FAILED_PRECONDITION, Status.ALREADY_EXISTS, Status.INVALID_ARGUMENT)


class Killed(BaseException):
    """Stands for the end of a process: nothing of ours may catch it."""


def dies_before(send: Send) -> object:
    raise Killed


def dies_after(send: Send) -> object:
    with suppress(Exception):
        send()
    raise Killed


def loses_the_answer(code: Status) -> Fate:
    """What was asked is done, and the answer is an error."""

    def fate(send: Send) -> object:
        send()
        raise RpcFault(code)

    return fate


def is_refused(code: Status) -> Fate:
    """What was asked is not done."""

    def fate(send: Send) -> object:
        raise RpcFault(code)

    return fate


def is_sent_twice(send: Send) -> object:
    """What was asked arrives a second time, and only the answer to that comes back, as when a channel sends again."""
    send()
    return send()


class Late:
    """What was asked arrives only after its caller was told that there is no answer in time."""

    def __init__(self) -> None:
        self._send: Send | None = None

    def __call__(self, send: Send) -> object:
        self._send = send
        raise RpcFault(Status.DEADLINE_EXCEEDED)

    def arrive(self) -> None:
        assert self._send is not None
        with suppress(grpc.RpcError):
            self._send()

    def arrives_first(self, send: Send) -> object:
        """Arrive before something else is sent."""
        self.arrive()
        return send()


class Process:
    """A process as the list of its steps: each RPC and each call of a model, the first being step 1.

    `fates` says what happens at which step. Once killed it does nothing more: whatever it still tries raises `Killed`
    before anything is sent, as even a rollback would be.
    """

    def __init__(self, world: World, fates: Mapping[int, Fate] | None = None) -> None:
        self.steps: list[str] = []
        self._fates = fates or {}
        self._dead = False
        self._lock = threading.Lock()
        self.db = HookedClient(world.db.project, self._step)
        models = {name: _Watched(model, self._step) for name, model in world.deps.image_models.items()}
        self.deps = replace(world.deps, db=self.db, image_models=models)

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()

    def _step(self, name: str, request: object, send: Send) -> object:
        with self._lock:
            if self._dead:
                raise Killed
            self.steps.append(name)
            fate = self._fates.get(len(self.steps))
        if fate is None:
            return send()
        try:
            return fate(send)
        except Killed:
            self._dead = True
            raise


@dataclass
class _Watched:
    model: ImageModel
    step: Callable[[str, object, Send], object]

    def generate(self, request: ImageRequest) -> Image:
        drawn = self.step("model", request, lambda: self.model.generate(request))
        assert isinstance(drawn, Image)
        return drawn


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask again almost at once: how long a call pauses before it does tells nothing here."""
    monkeypatch.setattr("imagegen.deadlines.exponential_sleep_generator", lambda **_: itertools.repeat(0.002))


@contextmanager
def new_world() -> Iterator[World]:
    """Open a world with a database, a catalog and ada's account; Model A draws, Model B fails."""
    numbers = itertools.count(1)
    clock = Clock()
    with closing(firestore.Client(project=f"demo-{uuid.uuid4().hex[:12]}")) as db:
        write_catalog(db)
        deps = Deps(
            db=db,
            # Each process reads the catalog just once, as the first steps of its call.
            settings=Settings(catalog_lifetime_seconds=10**9),
            now=clock,
            new_id=lambda: f"gen{next(numbers)}",
            image_models={"model-a": Draws(), "model-b": AlwaysFails()},
        )
        world = World(deps, clock)
        world.account("ada", OPENING_CREDITS)
        yield world


# What is killed


def creating(key: str | None, model: str) -> Prepare:
    def prepare(world: World) -> Call:
        return lambda deps: create_generation_request(deps, validate(deps, world.body("ada", model=model)), key)

    return prepare


def abandon(world: World, key: str | None = None) -> None:
    """Charge for a generation and die when the model is asked, after the catalog's four collections and the reserve."""
    with Process(world, {4 + 3 + 1: dies_before}) as process:
        with pytest.raises(Killed):
            create_generation_request(process.deps, validate(process.deps, world.body("ada")), key)
        assert process.steps[-1] == "model"


def settling_what_is_overdue(world: World) -> Call:
    abandon(world)
    world.clock.advance(seconds=181)
    (overdue,) = store.read_expired_generations(world.db, world.clock(), 2, timeout_seconds=5)
    return lambda deps: settle(deps, Reservation(overdue), FailureReason.LEASE_EXPIRED)


def retrying_what_is_overdue(world: World) -> Call:
    abandon(world, "key-1")
    world.clock.advance(seconds=181)
    return creating("key-1", "Model A")(world)


def reconciling(world: World) -> Call:
    for _ in range(2):
        abandon(world)
    world.clock.advance(seconds=181)
    return reconcile


KEYLESS = {"success": creating(None, "Model A"), "failed model": creating(None, "Model B")}
KEYED = {
    "success with a key": creating("key-1", "Model A"),
    "failed model with a key": creating("key-1", "Model B"),
    "retry of what is overdue": retrying_what_is_overdue,
}
SETTLING = {"settle of what is overdue": settling_what_is_overdue, "reconcile": reconciling}
CALLS = KEYLESS | KEYED | SETTLING


def rehearse(prepare: Prepare, fates: Mapping[int, Fate] | None = None) -> tuple[list[str], Answer]:
    """Make a call, once and to its end; return its steps and what its caller is told."""
    with new_world() as world, Process(world, fates) as process:
        call = prepare(world)
        answer = answer_of(call, process.deps)
        assert process.steps
        return process.steps, answer


def numbered(steps: list[str], *names: str) -> list[int]:
    """The numbers of the steps of these names."""
    found = [number for number, name in enumerate(steps, start=1) if name in names]
    assert found
    return found


def faults_of(steps: list[str]) -> Iterator[tuple[int, Status]]:
    """Each RPC with each error that passes; all but one for commits alone, since all else is just asked again."""
    yield from ((number, Status.UNAVAILABLE) for number in rpcs(steps))
    yield from itertools.product(numbered(steps, "Commit"), PASSING)


def rpcs(steps: list[str]) -> list[int]:
    return numbered(steps, *{*steps} - {"model"})


# What must be true afterwards


def answer_of(call: Call, deps: Deps) -> Answer:
    """What a caller is told; nothing but how it ended is told of a generation, so that a replay equals the first."""
    try:
        answer = call(deps)
    except Killed:
        return ("killed",)
    except GenerationFailed as error:
        return ("failed", *error.metadata.values())
    except (Unavailable, RequestInProgress) as error:
        return (error.reason, "come back" if error.retry_after_seconds else "")
    except exceptions.GoogleAPICallError:
        return ("broken",)
    if isinstance(answer, Created):
        return ("completed", answer.generation.generation_id, str(answer.generation.image_url))
    return ("settled", answer.status if isinstance(answer, Generation) else str(answer))


def is_final(answer: Answer) -> bool:
    return answer[0] in ("completed", "failed")


def reconcile_and_check(world: World, answers: list[Answer]) -> None:
    """Let all leases pass, reconcile, and check."""
    world.clock.advance(seconds=181)
    reconcile(world.deps)
    check(world, answers)


def check(world: World, answers: list[Answer]) -> None:
    """The books balance, nothing is pending, and what callers were told is what the books say."""
    world.check_books("ada")
    statuses = {generation["id"]: generation["status"] for generation in world.generations()}
    completed = [generation_id for generation_id, status in statuses.items() if status == "completed"]
    assert world.credits("ada") == OPENING_CREDITS - len(completed)
    told = {answer for answer in answers if is_final(answer)}
    assert len(told) <= 1
    assert all(statuses == {generation_id: status} for status, generation_id, *_ in told)


def check_retries(world: World, call: Call, answers: list[Answer]) -> None:
    """The same key once more, and again: one answer, which earlier ones agree with, and one charge."""
    retries = [answer_of(call, world.deps) for _ in range(2)]
    assert is_final(retries[0])
    check(world, answers + retries)
    assert [entry["type"] for entry in world.ledger("ada")].count("deduction") == 1


def run(name: str, fates: Mapping[int, Fate], retry: str = "after a reconcile") -> Answer:
    """Make a call to which something happens, then all that follows; return what its caller was told."""
    late = [fate for fate in fates.values() if isinstance(fate, Late)]
    with new_world() as world, Process(world, fates) as process:
        call = CALLS[name](world)
        answers = [answer_of(call, process.deps)]
        assert len(process.steps) >= max(fates)
        if retry == "at once":
            answers.append(answer_of(call, world.deps))
            assert is_final(answers[-1]) or answers[-1] == ("REQUEST_IN_PROGRESS", "come back")
        if retry == "after the lease":
            world.clock.advance(seconds=181)
            answers.append(answer_of(call, world.deps))
            assert is_final(answers[-1])
        reconcile_and_check(world, answers)
        for fate in late:
            fate.arrive()
            reconcile_and_check(world, answers)
        if name in KEYED:
            check_retries(world, call, answers)
        return answers[0]


class TestDeath:
    @pytest.mark.parametrize("name", KEYLESS | SETTLING)
    def test_at_every_step(self, firestore_host: str, subtests: pytest.Subtests, name: str) -> None:
        """Wherever the process dies, a reconcile after the lease balances the books."""
        steps, _ = rehearse(CALLS[name])
        for number, fate in itertools.product(range(1, len(steps) + 1), (dies_before, dies_after)):
            with subtests.test(f"{fate.__name__} step {number}, {steps[number - 1]}"):
                assert run(name, {number: fate}) == ("killed",)

    @pytest.mark.parametrize("retry", ["at once", "after the lease", "after a reconcile"])
    @pytest.mark.parametrize("name", KEYED)
    def test_at_every_step_with_a_key(
        self, firestore_host: str, subtests: pytest.Subtests, name: str, retry: str
    ) -> None:
        """Wherever the process dies and whenever its caller tries again, the key is answered and charged once."""
        steps, _ = rehearse(KEYED[name])
        for number, fate in itertools.product(range(1, len(steps) + 1), (dies_before, dies_after)):
            with subtests.test(f"{fate.__name__} step {number}, {steps[number - 1]}"):
                assert run(name, {number: fate}, retry) == ("killed",)

    @pytest.mark.parametrize("name", CALLS)
    def test_after_a_lost_answer(self, firestore_host: str, subtests: pytest.Subtests, name: str) -> None:
        """A process that has lost the answer to a commit may die at every step of finding out."""
        lost = loses_the_answer(Status.UNAVAILABLE)
        for commit in numbered(rehearse(CALLS[name])[0], "Commit"):
            steps, _ = rehearse(CALLS[name], {commit: lost})
            assert len(steps) > commit
            for number, fate in itertools.product(range(commit + 1, len(steps) + 1), (dies_before, dies_after)):
                with subtests.test(f"after commit {commit}, {fate.__name__} step {number}, {steps[number - 1]}"):
                    assert run(name, {commit: lost, number: fate}) == ("killed",)


@pytest.mark.parametrize("name", CALLS)
class TestLostAnswer:
    """A caller cannot tell that an answer was lost on the way: it is told what it would have been told."""

    def test_of_every_step(self, firestore_host: str, subtests: pytest.Subtests, name: str) -> None:
        """Whatever has been done although its answer is lost is done once."""
        steps, answer = rehearse(CALLS[name])
        for number, code in faults_of(steps):
            with subtests.test(f"{code.name} at step {number}, {steps[number - 1]}"):
                assert run(name, {number: loses_the_answer(code)}) == answer

    def test_that_looks_like_somebody_elses_doing(
        self, firestore_host: str, subtests: pytest.Subtests, name: str
    ) -> None:
        """A commit that was applied and is refused when it is sent again is found to be this call's own."""
        steps, answer = rehearse(CALLS[name])
        for number, code in itertools.product(numbered(steps, "Commit"), RESENT):
            with subtests.test(f"{code.name} at step {number}"):
                assert run(name, {number: loses_the_answer(code)}) == answer

    def test_of_a_request_sent_twice(self, firestore_host: str, subtests: pytest.Subtests, name: str) -> None:
        """Each request may arrive twice, with the second answer alone coming back."""
        steps, answer = rehearse(CALLS[name])
        for number in rpcs(steps):
            with subtests.test(f"step {number}, {steps[number - 1]}"):
                assert run(name, {number: is_sent_twice}) == answer

    def test_of_a_commit_that_is_late(self, firestore_host: str, subtests: pytest.Subtests, name: str) -> None:
        """A commit may arrive at any time after it was given up, also when all is over; it counts once at most."""
        steps, answer = rehearse(CALLS[name])
        for commit in numbered(steps, "Commit"):
            steps, _ = rehearse(CALLS[name], {commit: Late()})
            for number in (number for number in rpcs(steps) if number > commit):
                late = Late()
                with subtests.test(f"commit {commit} arrives before step {number}, {steps[number - 1]}"):
                    assert run(name, {commit: late, number: late.arrives_first}) == answer
            with subtests.test(f"commit {commit} arrives after the call"):
                assert run(name, {commit: Late()}) == answer
            for retry in ("at once", "after a reconcile") if name in KEYED else ("after a reconcile",):
                with subtests.test(f"commit {commit} arrives from the grave, retry {retry}"):
                    assert run(name, {commit: Late(), commit + 1: dies_before}, retry) == ("killed",)


@pytest.mark.parametrize("name", CALLS)
class TestUnavailable:
    def test_for_a_moment(self, firestore_host: str, subtests: pytest.Subtests, name: str) -> None:
        """What is refused twice at any step is asked a third time, and the caller sees nothing of it."""
        steps, answer = rehearse(CALLS[name])
        for number, code in faults_of(steps):
            with subtests.test(f"{code.name} at step {number}, {steps[number - 1]}"):
                assert run(name, {number: is_refused(code), number + 1: is_refused(code)}) == answer

    @pytest.mark.parametrize("code", [Status.UNAVAILABLE, Status.ABORTED])
    def test_for_too_long(self, firestore_host: str, subtests: pytest.Subtests, name: str, code: Status) -> None:
        """What cannot be done in time is a 503 that says when to come back, and nothing stays charged for it."""
        steps, _ = rehearse(CALLS[name])
        for first in rpcs(steps):
            # The model is not Firestore's, and draws whenever it is reached.
            refused = dict.fromkeys({*range(first, 10_000)} - {*numbered([*steps, "model"], "model")}, is_refused(code))
            with (
                subtests.test(f"from step {first} on, {steps[first - 1]}"),
                new_world() as world,
                Process(world, refused) as process,
            ):
                call = CALLS[name](world)
                answers = [answer_of(call, replace(process.deps, settings=HASTY))]
                assert answers == [("UNAVAILABLE", "come back")]
                reconcile_and_check(world, answers)
                assert world.credits("ada") == OPENING_CREDITS


class TestContention:
    def test_of_more_clients_than_an_account_can_serve(self, firestore_host: str) -> None:
        """Of many who charge one account at once, each has its picture or a 503; only pictures are charged."""
        with new_world() as world:
            world.account("ada", 100)
            deps = replace(world.deps, settings=replace(HASTY, firestore_timeout_seconds=0.15))
            deps.catalog.current()
            with ThreadPoolExecutor(40) as clients:
                told = list(clients.map(lambda _: answer_of(KEYLESS["success"](world), deps), range(80)))
            world.clock.advance(seconds=181)
            reconcile(world.deps)
            world.check_books("ada")
            completed = {answer[1] for answer in told if is_final(answer)}
            assert {answer for answer in told if not is_final(answer)} <= {("UNAVAILABLE", "come back")}
            assert completed <= {entry["generationRequestId"] for entry in world.ledger("ada")}


class TestWeeklyReport:
    @pytest.mark.parametrize("fate", [dies_before, dies_after])
    def test_dies_at_every_step(self, firestore_host: str, subtests: pytest.Subtests, fate: Fate) -> None:
        """Wherever a run dies, it leaves no report or a whole one, and the next run writes what it would have."""
        with new_world() as world:
            for items in ("models/model-b", "styles/oil-painting", "colors/vintage", "sizes/1024x1024"):
                world.db.document(items).delete()
            KEYLESS["success"](world)(world.deps)
            world.clock.now = NEXT_MONDAY
            with Process(world) as process:
                build_weekly_report(process.deps, NEXT_MONDAY)
                steps = process.steps
            report = world.db.document("weeklyReports/2026-W47")
            undisturbed = world.fields("weeklyReports/2026-W47")
            assert undisturbed["completed"] == 1
            for number in range(1, len(steps) + 1):
                report.delete()
                with subtests.test(f"step {number}"), Process(world, {number: fate}) as process:
                    with pytest.raises(Killed):
                        build_weekly_report(process.deps, NEXT_MONDAY)
                    assert world.fields("weeklyReports/2026-W47") in ({}, undisturbed)
                    build_weekly_report(world.deps, NEXT_MONDAY)
                    assert world.fields("weeklyReports/2026-W47") == undisturbed
