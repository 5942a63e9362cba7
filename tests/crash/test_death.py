"""Death at every step: a service call is killed before and after every round trip, or loses an answer.

In each case, after the lease and a reconcile the books balance, and what may be called again, with the same key or
by the queue, is answered once and charged once.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace

import pytest
from google.api_core import exceptions
from google.cloud import firestore

from imagegen.config import Settings
from imagegen.credits.service import Grant, Revocation, grant, revoke_grant
from imagegen.deps import Deps
from imagegen.firebase.identity import UNRESTRICTED
from imagegen.generations import store as generations_store
from imagegen.generations.creation import Created, create_generation_request
from imagegen.generations.errors import GenerationEnded, GenerationFailed, RequestInProgress
from imagegen.generations.lookup import cancel_generation
from imagegen.generations.records import FailureReason, Generation, GenerationStatus
from imagegen.generations.recovery import Recovered, reconcile
from imagegen.generations.settlement import Reservation, settle
from imagegen.generations.worker import process as process_job
from imagegen.kit.errors import TryAgain, Unavailable
from imagegen.kit.weeks import Week
from imagegen.reports.service import build_weekly_report
from tests.crash.mortal import (
    Fate,
    Killed,
    Late,
    Process,
    Status,
    abandon,
    dies_after,
    dies_before,
    is_refused,
    is_sent_twice,
    loses_the_answer,
)
from tests.world import A_PICTURE, AlwaysFails, Clock, Paints, World, make_deps, write_catalog

WEEK = Week.parse("2026-W47")
OPENING_CREDITS = 10
GRANTED_CREDITS = 5
# How a generation ends.
ENDS = ("completed", "failed", "cancelled")
Call = Callable[[Deps], object]
Prepare = Callable[[World], Call]
Answer = tuple[str, ...]
HASTY = Settings(firestore_timeout_seconds=0.05, catalog_lifetime_seconds=10**9)
NOT_RPCS = {"model", "picture", "task"}
# Errors after which a retry may help; UNAVAILABLE is another one.
PASSING = (Status.DEADLINE_EXCEEDED, Status.ABORTED, Status.INTERNAL)
# Errors of a commit that was applied and then resent by the channel.
RESENT = (Status.FAILED_PRECONDITION, Status.ALREADY_EXISTS, Status.INVALID_ARGUMENT)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry almost at once: the length of the pauses does not matter here."""
    monkeypatch.setattr("imagegen.firebase.retries.exponential_sleep_generator", lambda **_: itertools.repeat(0.002))


@contextmanager
def new_world() -> Iterator[World]:
    """Open a world with a database, a catalog and ada's account; Model A draws, Model B fails."""
    numbers = itertools.count(1)
    clock = Clock()
    with closing(firestore.Client(project=f"demo-{uuid.uuid4().hex[:12]}")) as db:
        write_catalog(db)
        deps = make_deps(
            db,
            # A cold process reads the catalog in the first steps of its call; later calls do not read it again.
            settings=Settings(catalog_lifetime_seconds=10**9, model_attempts=2),
            now=clock,
            new_id=lambda: f"gen{next(numbers)}",
            image_models={"model-a": Paints(), "model-b": AlwaysFails()},
        )
        world = World(deps, clock)
        world.account("ada", OPENING_CREDITS)
        yield world


# The calls that are killed.


def creating(key: str | None, model: str, *, queued: bool = False) -> Prepare:
    def prepare(world: World) -> Call:
        def call(deps: Deps) -> object:
            return create_generation_request(deps, world.order("ada", model=model), key, respond_async=queued)

        return call

    return prepare


def queueing_where_the_queue_fails(world: World) -> Call:
    world.queue.fails = True
    return creating("key-1", "Model A", queued=True)(world)


def processing(model: str) -> Prepare:
    """Queue a generation; the call is its task, repeated as the queue would repeat it."""

    def prepare(world: World) -> Call:
        return delivering(queue(world, model))

    return prepare


def delivering(generation_id: str) -> Call:
    def call(deps: Deps) -> None:
        for _ in range(deps.settings.model_attempts - 1):
            with suppress(TryAgain):
                process_job(deps, generation_id)
                return
        process_job(deps, generation_id)

    return call


def cancelling(world: World) -> Call:
    generation_id = queue(world, "Model A")
    return lambda deps: cancel_generation(deps, UNRESTRICTED, generation_id)


def queue(world: World, model: str) -> str:
    """Have ada request an asynchronous picture; return the generation's id."""
    created = creating(None, model, queued=True)(world)(world.deps)
    assert isinstance(created, Created)
    return created.generation.generation_id


def granting(user_id: str) -> Prepare:
    return lambda world: lambda deps: grant(deps, user_id, GRANTED_CREDITS, "bought", "grant-1")


def revoking(world: World) -> Call:
    granted = grant(world.deps, "ada", GRANTED_CREDITS, "bought", "grant-1")
    return lambda deps: revoke_grant(deps, "ada", granted.entry.entry_id.removesuffix("_grant"))


def settling_what_is_overdue(world: World) -> Call:
    abandon(world)
    world.clock.advance(seconds=181)
    ((overdue, _),) = next(generations_store.expired_generations(world.deps.db, world.clock(), 2)).generations
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


def reconciling_a_dead_worker(world: World) -> Call:
    generation_id = queue(world, "Model A")
    with Process(world, {"model": dies_before}) as mortal, pytest.raises(Killed):
        process_job(mortal.deps, generation_id)
    world.clock.advance(seconds=181)
    return reconcile


def reconciling_a_lost_task(world: World) -> Call:
    queue(world, "Model A")
    world.queue.tasks.clear()
    world.clock.advance(minutes=2)
    return reconcile


def reconciling_a_picture(world: World) -> Call:
    abandon(world)
    world.shelf.save(world.generations()[0]["id"], A_PICTURE)
    world.clock.advance(seconds=181)
    reconcile(world.deps)
    world.clock.advance(minutes=5)
    return reconcile


COLD_START = "success on a cold start"
KEYLESS = {
    "success": creating(None, "Model A"),
    COLD_START: creating(None, "Model A"),
    "failed model": creating(None, "Model B"),
}
KEYED = {
    "success with a key": creating("key-1", "Model A"),
    "failed model with a key": creating("key-1", "Model B"),
    "retry of what is overdue": retrying_what_is_overdue,
}
QUEUED = {
    "queued": creating("key-1", "Model A", queued=True),
    "queued where the queue fails": queueing_where_the_queue_fails,
    "task": processing("Model A"),
    "task of a failing model": processing("Model B"),
    "cancel": cancelling,
}
GRANTS = {"grant": granting("ada"), "grant that opens an account": granting("eve"), "revocation": revoking}
SETTLING = {
    "settle of what is overdue": settling_what_is_overdue,
    "reconcile": reconciling,
    "reconcile of a dead worker": reconciling_a_dead_worker,
    "reconcile of a lost task": reconciling_a_lost_task,
    "reconcile of a picture": reconciling_a_picture,
}
# Calls that a client without an answer repeats.
REPEATED = KEYED | QUEUED | GRANTS
CALLS = KEYLESS | REPEATED | SETTLING


def cases(names: Iterable[str], short: str) -> list[object]:
    """The cases of a test: `short` is in each run, as the representative of all others, which are `long`."""
    assert short in names
    return [pytest.param(name, marks=() if name == short else pytest.mark.long) for name in names]


# Its steps are a charge, a model and a picture; a task has those of a refund.
REPRESENTATIVE = "success with a key"


def rehearse(name: str, fates: Mapping[int | str, Fate] | None = None) -> tuple[list[str], Answer]:
    """Make a call once, to its end; return its steps and its answer."""
    with new_world() as world, Process(world, fates, is_cold_start=name == COLD_START) as process:
        call = CALLS[name](world)
        answer = answer_of(call, process.deps)
        assert process.steps
        return process.steps, answer


def numbered(steps: list[str], *names: str) -> list[int]:
    """The numbers of the steps of these names."""
    found = [number for number, name in enumerate(steps, start=1) if name in names]
    assert found
    return found


def faults_of(steps: list[str]) -> Iterator[tuple[int, Status]]:
    """Each RPC with UNAVAILABLE, and each commit with the other transient errors; other RPCs are just retried."""
    yield from ((number, Status.UNAVAILABLE) for number in rpcs(steps))
    yield from itertools.product(numbered(steps, "Commit"), PASSING)


def rpcs(steps: list[str]) -> list[int]:
    return numbered(steps, *{*steps} - NOT_RPCS)


# What must hold afterwards.


def answer_of(call: Call, deps: Deps) -> Answer:
    """The answer of a call; of a generation only its outcome, so that a replay equals the first answer."""
    try:
        answer = call(deps)
    except Killed:
        return ("killed",)
    except GenerationFailed as error:
        told = error.metadata
        return ("failed", told["generationRequestId"], told["refundedCredits"], told["failureReason"])
    except GenerationEnded as error:
        return (error.metadata["status"], error.metadata["generationRequestId"])
    except (Unavailable, RequestInProgress) as error:
        return (error.reason, "come back" if error.retry_after_seconds else "")
    except TryAgain:
        return ("TRY_AGAIN", "come back")
    except exceptions.GoogleAPICallError:
        return ("broken",)
    match answer:
        case Created(generation) if generation.status is GenerationStatus.PENDING:
            return ("pending", "come back")
        case Created(generation) if generation.status is GenerationStatus.FAILED:
            reason = str(generation.failure_reason)
            return ("failed", generation.generation_id, str(generation.credits_refunded), reason)
        case Created(generation):
            return (generation.status, generation.generation_id, str(generation.image_url))
        case Grant(entry):
            return ("granted", entry.entry_id, str(entry.balance_after))
        case Revocation(entry):
            return ("revoked", entry.entry_id, str(entry.balance_after))
        case Generation(status=GenerationStatus.CANCELLED):
            return ("cancelled", answer.generation_id)
        case Generation():
            return ("settled", answer.status)
        case Recovered():
            # Its numbers are for the log: a lost answer is no count.
            return ("done", "reconciled")
    return ("done", str(answer))


def is_final(answer: Answer) -> bool:
    return answer[0] in (*ENDS, "granted", "revoked", "done")


def reconcile_and_check(world: World, answers: list[Answer]) -> None:
    """Let all leases expire, reconcile and check; queued generations expire later."""
    world.clock.advance(seconds=181)
    reconcile(world.deps)
    waiting = [generation for generation in world.generations() if generation["status"] == "pending"]
    if waiting:
        assert {generation["startedAt"] for generation in waiting} == {None}
        world.clock.advance(seconds=world.deps.settings.queue_time_limit_seconds)
        reconcile(world.deps)
    check(world, answers)
    world.clock.advance(minutes=5)
    reconcile(world.deps)
    completed = {generation["id"] for generation in world.generations() if generation["status"] == "completed"}
    assert world.shelf.pictures.keys() <= completed, "each picture was paid for"


def check(world: World, answers: list[Answer]) -> None:
    """The books balance, no generation is pending, and the answers agree with the books."""
    accounts = world.accounts()
    for user_id in accounts:
        world.check_books(user_id)
    statuses = {generation["id"]: generation["status"] for generation in world.generations()}
    completed = [generation_id for generation_id, status in statuses.items() if status == "completed"]
    entries = [(entry["type"], entry["id"]) for user_id in accounts for entry in world.ledger(user_id)]
    grants, revocations = ([of for kind, of in entries if kind == wanted] for wanted in ("grant", "revocation"))
    assert (
        sum(world.credits(user_id) for user_id in accounts)
        == OPENING_CREDITS - len(completed) + (len(grants) - len(revocations)) * GRANTED_CREDITS
    )
    told = {answer for answer in answers if is_final(answer) and answer[0] != "done"}
    assert len(told) <= 1
    for end, name, *_ in told:
        happened = {"granted": grants == [name], "revoked": revocations == [name]}
        assert happened.get(end, statuses == {name: end})


def check_repeated(world: World, call: Call, answers: list[Answer]) -> None:
    """Repeat the call twice: one answer, which agrees with the earlier ones, and one charge, grant or revocation."""
    repeated = [answer_of(call, world.deps)]
    deliver_tasks(world)
    repeated.append(answer_of(call, world.deps))
    assert is_final(repeated[0]) or repeated[0] == ("pending", "come back")
    assert is_final(repeated[1])
    check(world, answers + repeated)
    entries = [entry["type"] for user_id in world.accounts() for entry in world.ledger(user_id)]
    assert entries
    assert len(entries) == len(set(entries))


def deliver_tasks(world: World) -> None:
    """Deliver the queued tasks, at least once; a task that asks for a retry is not repeated."""
    for _, generation_id in world.queue.tasks:
        with suppress(TryAgain):
            delivering(generation_id)(world.deps)


def run(name: str, fates: Mapping[int | str, Fate], again: str = "after a reconcile") -> Answer:
    """Make a call with faults, and everything that follows; return its answer."""
    late = [fate for fate in fates.values() if isinstance(fate, Late)]
    with new_world() as world, Process(world, fates, is_cold_start=name == COLD_START) as process:
        call = CALLS[name](world)
        answers = [answer_of(call, process.deps)]
        assert len(process.steps) >= max(number for number in fates if isinstance(number, int))
        if again == "at once":
            answers.append(answer_of(call, world.deps))
            assert is_final(answers[-1]) or answers[-1][1] == "come back"
        if again == "after the lease":
            world.clock.advance(seconds=181)
            answers.append(answer_of(call, world.deps))
            assert is_final(answers[-1]) or (name in QUEUED and answers[-1][1] == "come back")
        deliver_tasks(world)
        reconcile_and_check(world, answers)
        for fate in late:
            fate.arrive()
            deliver_tasks(world)
            reconcile_and_check(world, answers)
        if name in REPEATED:
            check_repeated(world, call, answers)
        return answers[0]


class TestDeath:
    @pytest.mark.parametrize("name", cases([*KEYLESS, *SETTLING], short="reconcile"))
    def test_at_every_step(self, firestore_host: str, subtests: pytest.Subtests, name: str) -> None:
        """Wherever the process dies, a reconcile after the lease balances the books."""
        steps, _ = rehearse(name)
        for number, fate in itertools.product(range(1, len(steps) + 1), (dies_before, dies_after)):
            with subtests.test(f"{fate.__name__} step {number}, {steps[number - 1]}"):
                assert run(name, {number: fate}) == ("killed",)

    @pytest.mark.parametrize("again", cases(["at once", "after the lease", "after a reconcile"], short="at once"))
    @pytest.mark.parametrize("name", cases(REPEATED, short="task of a failing model"))
    def test_at_every_step_and_again(
        self, firestore_host: str, subtests: pytest.Subtests, name: str, again: str
    ) -> None:
        """Wherever the process dies and whenever the call is repeated, it is answered and charged once."""
        steps, _ = rehearse(name)
        for number, fate in itertools.product(range(1, len(steps) + 1), (dies_before, dies_after)):
            with subtests.test(f"{fate.__name__} step {number}, {steps[number - 1]}"):
                assert run(name, {number: fate}, again) == ("killed",)

    @pytest.mark.parametrize("name", cases(CALLS, short=REPRESENTATIVE))
    @pytest.mark.long
    def test_while_recovering_a_lost_answer(self, firestore_host: str, subtests: pytest.Subtests, name: str) -> None:
        """A process that recovers from a commit's lost answer may die at every step of it."""
        lost = loses_the_answer(Status.UNAVAILABLE)
        for commit in numbered(rehearse(name)[0], "Commit"):
            steps, _ = rehearse(name, {commit: lost})
            assert len(steps) > commit
            for number, fate in itertools.product(range(commit + 1, len(steps) + 1), (dies_before, dies_after)):
                with subtests.test(f"after commit {commit}, {fate.__name__} step {number}, {steps[number - 1]}"):
                    assert run(name, {commit: lost, number: fate}) == ("killed",)


@pytest.mark.parametrize("name", cases(CALLS, short=REPRESENTATIVE))
class TestLostAnswer:
    """A lost answer is invisible to the caller: the result is the same as without the fault."""

    def test_of_every_step(self, firestore_host: str, subtests: pytest.Subtests, name: str) -> None:
        """A request whose answer is lost takes effect once."""
        steps, answer = rehearse(name)
        for number, code in faults_of(steps):
            with subtests.test(f"{code.name} at step {number}, {steps[number - 1]}"):
                assert run(name, {number: loses_the_answer(code)}) == answer

    def test_that_looks_like_a_conflict(self, firestore_host: str, subtests: pytest.Subtests, name: str) -> None:
        """A commit that was applied and is refused when it is resent is recognized as this call's own."""
        steps, answer = rehearse(name)
        for number, code in itertools.product(numbered(steps, "Commit"), RESENT):
            with subtests.test(f"{code.name} at step {number}"):
                assert run(name, {number: loses_the_answer(code)}) == answer

    def test_of_a_request_sent_twice(self, firestore_host: str, subtests: pytest.Subtests, name: str) -> None:
        """Each request may arrive twice, with only the second answer coming back."""
        steps, answer = rehearse(name)
        for number in rpcs(steps):
            with subtests.test(f"step {number}, {steps[number - 1]}"):
                assert run(name, {number: is_sent_twice}) == answer

    @pytest.mark.long
    def test_of_a_commit_that_is_late(self, firestore_host: str, subtests: pytest.Subtests, name: str) -> None:
        """A commit may arrive at any time after its caller gave up; it takes effect once at most."""
        steps, answer = rehearse(name)
        for commit in numbered(steps, "Commit"):
            steps, _ = rehearse(name, {commit: Late()})
            for number in (number for number in rpcs(steps) if number > commit):
                late = Late()
                with subtests.test(f"commit {commit} arrives before step {number}, {steps[number - 1]}"):
                    assert run(name, {commit: late, number: late.arrives_first}) == answer
            with subtests.test(f"commit {commit} arrives after the call"):
                assert run(name, {commit: Late()}) == answer
            for again in ("at once", "after a reconcile") if name in REPEATED else ("after a reconcile",):
                with subtests.test(f"commit {commit} arrives after the death, called again {again}"):
                    assert run(name, {commit: Late(), commit + 1: dies_before}, again) == ("killed",)


@pytest.mark.parametrize("name", cases(CALLS, short=REPRESENTATIVE))
class TestUnavailable:
    def test_for_a_moment(self, firestore_host: str, subtests: pytest.Subtests, name: str) -> None:
        """A request that is refused twice is tried a third time, and the caller does not notice."""
        steps, answer = rehearse(name)
        for number, code in faults_of(steps):
            with subtests.test(f"{code.name} at step {number}, {steps[number - 1]}"):
                assert run(name, {number: is_refused(code), number + 1: is_refused(code)}) == answer

    @pytest.mark.parametrize("code", [Status.UNAVAILABLE, pytest.param(Status.ABORTED, marks=pytest.mark.long)])
    def test_for_too_long(self, firestore_host: str, subtests: pytest.Subtests, name: str, code: Status) -> None:
        """If Firestore stays unavailable the answer is a 503 with Retry-After, and no charge remains."""
        steps, _ = rehearse(name)
        untouched = OPENING_CREDITS + (GRANTED_CREDITS if name == "revocation" else 0)
        for first in rpcs(steps):
            # The model, the image store and the queue are not Firestore, and work when they are reached.
            others = {number for number, step in enumerate(steps, start=1) if step in NOT_RPCS}
            refused = dict.fromkeys({*range(first, 10_000)} - others, is_refused(code))
            with (
                subtests.test(f"from step {first} on, {steps[first - 1]}"),
                new_world() as world,
                Process(world, refused, is_cold_start=name == COLD_START, settings=HASTY) as process,
            ):
                call = CALLS[name](world)
                answers = [answer_of(call, process.deps)]
                assert answers == [("UNAVAILABLE", "come back")]
                reconcile_and_check(world, answers)
                assert world.credits("ada") == untouched


class TestContention:
    def test_of_more_clients_than_an_account_can_serve(self, firestore_host: str) -> None:
        """Of many concurrent charges of one account each gets its picture or a 503; only pictures are charged."""
        with new_world() as world:
            world.account("ada", 100)
            deps = replace(world.deps, settings=HASTY, db=world.deps.db.within(0.15))
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
    @pytest.mark.long
    @pytest.mark.parametrize("fate", [dies_before, dies_after])
    def test_dies_at_every_step(self, firestore_host: str, subtests: pytest.Subtests, fate: Fate) -> None:
        """A run that dies leaves no report or a whole one, and the next run writes the complete report."""
        with new_world() as world:
            for items in ("models/model-b", "styles/oil-painting", "colors/vintage", "sizes/1024x1024"):
                world.db.document(items).delete()
            KEYLESS["success"](world)(world.deps)
            world.clock.now = WEEK.end_at
            with Process(world) as process:
                build_weekly_report(process.deps, WEEK)
                steps = process.steps
            report = world.db.document("weeklyReports/2026-W47")
            undisturbed = world.fields("weeklyReports/2026-W47")
            assert undisturbed["completed"] == 1
            for number in range(1, len(steps) + 1):
                report.delete()
                with subtests.test(f"step {number}"), Process(world, {number: fate}) as process:
                    with pytest.raises(Killed):
                        build_weekly_report(process.deps, WEEK)
                    assert world.fields("weeklyReports/2026-W47") in ({}, undisturbed)
                    build_weekly_report(world.deps, WEEK)
                    assert world.fields("weeklyReports/2026-W47") == undisturbed
