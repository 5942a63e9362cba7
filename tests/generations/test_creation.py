"""Creating a generation: charge, picture, refund and replay by idempotency key, on a real Firestore."""

import asyncio
import hashlib
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from google.api_core import exceptions
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from embedded_firebase.firestore.errors import Code
from embedded_firebase.firestore.testing.faults import DatabaseFaults
from imagegen.config import Settings
from imagegen.credits.errors import InsufficientCredits, UserNotFound
from imagegen.generations.creation import Created, Quote, _fingerprint, create_generation_request, quote
from imagegen.generations.endpoints import read_request
from imagegen.generations.errors import GenerationDeleted, GenerationFailed, RequestInProgress
from imagegen.generations.records import GenerationStatus, Order
from imagegen.kit.errors import AppError, IdempotencyKeyReused, InvalidRequest, Unavailable
from imagegen.providers.model import ModelError, ModelRefusedError
from tests.crash.mortal import Fate, Process, Status, abandon, is_refused
from tests.world import NOON, AlwaysFails, Does, Draws, PausesOnly, World, refusal

MakeWorld = Callable[..., World]


def create(world: World, user_id: str, key: str | None = None, **changed: str) -> Created:
    return create_generation_request(world.deps, world.order(user_id, **changed), key)


class TestSuccess:
    def test_charges_and_completes(self, make_world: MakeWorld) -> None:
        """A picture costs its size's price; the generation, the ledger and the balance agree."""
        world = make_world()
        ada = world.account("ada", 10)
        created = create(world, ada, size="1024x1024", style="OIL_PAINTING", prompt="  a fox  ")
        assert not created.replayed
        assert created.generation.image_url == "https://images.example.com/drawn.png"
        assert world.credits(ada) == 7
        stored = world.fields(f"generationRequests/{created.generation.generation_id}")
        assert stored == {
            "userId": "ada",
            "model": "model-a",
            "style": "oil-painting",
            "color": "neon",
            "size": "1024x1024",
            "prompt": "a fox",
            "status": "completed",
            "creditsCharged": 3,
            "creditsRefunded": 0,
            "imageUrl": "https://images.example.com/drawn.png",
            "failureReason": None,
            "createdAt": NOON,
            "week": "2026-W47",
            "startedAt": NOON,
            "completedAt": NOON,
            "durationMs": 0,
            "leaseExpiresAt": NOON + timedelta(seconds=180),
            "attemptId": created.generation.attempt_id,
            "attempts": 1,
            "enqueuedAt": None,
            "enqueueAgainAt": None,
            "deletePictureAt": None,
            "idempotencyFingerprint": None,
            "webhookUrl": None,
            "webhook": None,
            "webhookDueAt": None,
            "webhookDelivery": None,
        }
        (entry,) = world.ledger(ada)
        assert entry["timestamp"] is not None
        assert entry["id"] == f"{created.generation.generation_id}_deduction"
        world.check_books(ada)

    def test_the_model_gets_canonical_names_and_its_own_settings(self, make_world: MakeWorld) -> None:
        """A model gets canonical ids, the trimmed prompt and the fields of its catalog document."""
        draws = Draws()
        world = make_world(model_b=draws)
        world.db.document("models/model-b").update({"steps": 30})
        create(world, world.account("ada", 1), model=" MODEL_b", prompt=" a fox ")
        (asked,) = draws.requests
        assert (asked.style, asked.color, asked.size, asked.prompt) == ("anime", "neon", "512x512", "a fox")
        assert asked.parameters["steps"] == 30

    def test_an_account_with_credits_alone_works(self, make_world: MakeWorld) -> None:
        """An account that has only `credits` opens its books with them at the first charge."""
        world = make_world()
        world.db.document("users/eve").set({"credits": 2})
        create(world, "eve")
        assert world.fields("users/eve")["openingCredits"] == 2
        world.check_books("eve")


class TestRefusals:
    def test_unknown_account(self, make_world: MakeWorld) -> None:
        """A request for an unknown account charges no account."""
        world = make_world()
        with pytest.raises(UserNotFound):
            create(world, "nobody")
        assert world.generations() == []

    def test_too_few_credits(self, make_world: MakeWorld) -> None:
        """An account that cannot pay keeps its credits, and no document is written."""
        world = make_world()
        ada = world.account("ada", 2)
        with pytest.raises(InsufficientCredits) as refused:
            create(world, ada, size="1024x1024")
        assert refused.value.metadata == {"currentCredits": "2", "requiredCredits": "3"}
        assert (world.credits(ada), world.ledger(ada), world.generations()) == (2, [], [])

    def test_unknown_names(self, make_world: MakeWorld) -> None:
        """A name that is not in the catalog is refused before any read or charge."""
        world = make_world()
        with pytest.raises(InvalidRequest) as refused:
            create(world, world.account("ada", 9), model="Model Z", size="9x9")
        assert refusal(refused) == {
            "model": "must be one of: Model A, Model B",
            "size": "must be one of: 1024x1024, 1024x1792, 512x512",
        }

    def test_all_violations_at_once(self, make_world: MakeWorld) -> None:
        """Schema and catalog are checked together: one answer names every bad field."""
        world = make_world()
        with pytest.raises(InvalidRequest) as refused:
            read_request(world.deps, {"userId": "a/b", "model": "Model Z", "prompt": " ", "seed": 1, "color": "neon"})
        assert refusal(refused).keys() == {"userId", "model", "style", "size", "prompt", "seed"}
        assert refusal(refused)["style"] == "must be one of: anime, oil painting"


class TestModelFailure:
    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (None, "MODEL_ERROR"),
            (ModelRefusedError("no"), "MODEL_REFUSED"),
            (ZeroDivisionError("a provider's bug"), "MODEL_ERROR"),
            (asyncio.CancelledError(), "MODEL_ERROR"),
            (SystemExit(1), "MODEL_ERROR"),
        ],
    )
    def test_refunds(self, make_world: MakeWorld, error: BaseException | None, reason: str) -> None:
        """After any failure of a model the credits are back and the ledger has both entries."""
        world = make_world(model_a=AlwaysFails(error))
        ada = world.account("ada", 5)
        with pytest.raises(GenerationFailed) as failed:
            create(world, ada, size="1024x1792")
        assert failed.value.metadata == {
            "generationRequestId": world.generations()[0]["id"],
            "deductedCredits": "0",
            "refundedCredits": "4",
            "failureReason": reason,
        }
        assert [entry["type"] for entry in world.ledger(ada)] == ["deduction", "refund"]
        (generation,) = world.generations()
        assert (generation["status"], generation["creditsCharged"], generation["creditsRefunded"]) == ("failed", 4, 4)
        assert world.credits(ada) == 5
        world.check_books(ada)

    def test_a_model_that_times_out_is_refunded(self, make_world: MakeWorld) -> None:
        """A model that does not answer in time fails as `MODEL_TIMEOUT`."""
        release = threading.Event()
        world = make_world(settings=Settings(model_time_limit_seconds=0.05), model_a=Does(release.wait))
        ada = world.account("ada", 5)
        with pytest.raises(GenerationFailed) as failed:
            create(world, ada)
        release.set()
        assert failed.value.metadata["failureReason"] == "MODEL_TIMEOUT"
        assert world.credits(ada) == 5

    def test_an_account_deleted_meanwhile_ends_the_generation(self, make_world: MakeWorld) -> None:
        """If the account is gone, the generation still fails, and its error reports a refund of 0."""

        def delete_and_fail() -> None:
            world.db.document("users/ada").delete()
            raise ZeroDivisionError

        world = make_world(model_a=Does(delete_and_fail))
        world.account("ada", 5)
        with pytest.raises(GenerationFailed) as failed:
            create(world, "ada")
        assert failed.value.metadata["refundedCredits"] == "0"
        assert world.generations()[0]["status"] == "failed"


class TestQuote:
    def test_of_an_account_with_exactly_the_price(self, make_world: MakeWorld) -> None:
        """The price may be the whole balance; one credit less is refused, and nothing is charged."""
        world = make_world()
        order = world.order(world.account("ada", 4), size="1024x1792")
        assert quote(world.deps, order) == Quote(cost_credits=4, current_credits=4)
        poor = world.order(world.account("bob", 3), size="1024x1792")
        with pytest.raises(InsufficientCredits):
            quote(world.deps, poor)
        assert (world.credits("ada"), world.credits("bob")) == (4, 3)


class TestFingerprint:
    ORDER = Order(user_id="ada", model="Model A", style="anime", color="neon", size="512x512", prompt="a fox")

    def test_is_the_same_after_a_deploy(self) -> None:
        """The hash of a request is stable, so that a key used before a deploy is replayed after it."""
        assert _fingerprint(self.ORDER) == "66372a9fa89cb618aadff291ff4bb6afe4784c0679b6a498e1511aae40a811d3"
        told = replace(self.ORDER, prompt="a fox\n\u00e9\U0001f98a", webhook_url="https://example.com/hook")
        assert _fingerprint(told) == "bfe817068ce429ced3f1bdbb6289219ece229b285d98538e30b016a7a63c6d48"

    @given(st.text(min_size=1), st.sampled_from([None, "https://example.com/hook"]))
    def test_is_that_of_the_canonical_json(self, prompt: str, webhook_url: str | None) -> None:
        """The fingerprint is the SHA-256 of pydantic's JSON of the request, as for the first stored generations."""
        order = replace(self.ORDER, prompt=prompt, webhook_url=webhook_url)
        canonical = TypeAdapter(Order).dump_json(order, exclude_none=True)
        assert _fingerprint(order) == hashlib.sha256(canonical).hexdigest()


class TestIdempotency:
    def test_a_generation_that_was_deleted(self, make_world: MakeWorld) -> None:
        """A key whose generation was deleted is refused as such, and nothing is charged again."""
        world = make_world()
        ada = world.account("ada", 5)
        generation_id = create(world, ada, "key-1").generation.generation_id
        world.db.document(f"generationRequests/{generation_id}").delete()
        with pytest.raises(GenerationDeleted) as refused:
            create(world, ada, "key-1")
        assert refused.value.metadata == {"generationRequestId": generation_id}
        assert world.credits(ada) == 4
        assert world.generations() == []

    def test_replays_a_success(self, make_world: MakeWorld) -> None:
        """The same key and body get the same picture and are charged once."""
        world = make_world()
        ada = world.account("ada", 5)
        first = create(world, ada, "key-1")
        again = create(world, ada, "key-1")
        assert (first.replayed, again.replayed) == (False, True)
        assert again.generation == first.generation
        assert world.credits(ada) == 4

    def test_replays_a_failure(self, make_world: MakeWorld) -> None:
        """A model failure is replayed for its key; a new key is a new attempt."""
        world = make_world(model_a=AlwaysFails())
        ada = world.account("ada", 5)
        answers = []
        for _ in range(2):
            with pytest.raises(GenerationFailed) as failed:
                create(world, ada, "key-1")
            answers.append(failed.value)
        assert answers[0].metadata == answers[1].metadata
        assert (answers[0].headers, answers[1].headers) == ({}, {"Idempotent-Replayed": "true"})
        assert len(world.ledger(ada)) == 2

    def test_replays_after_the_catalog_changed(self, make_world: MakeWorld) -> None:
        """A replay works after the price rose and the model was disabled."""
        world = make_world()
        ada = world.account("ada", 5)
        first = create(world, ada, "key-1")
        world.db.document("sizes/512x512").update({"credits": 5})
        world.db.document("models/model-a").update({"enabled": False})
        world.clock.advance(minutes=1)
        assert create(world, ada, "key-1").generation == first.generation
        with pytest.raises(InvalidRequest):
            create(world, ada, "key-2")

    def test_another_body_for_a_used_key_is_refused(self, make_world: MakeWorld) -> None:
        """A key identifies one request."""
        world = make_world()
        ada = world.account("ada", 5)
        create(world, ada, "key-1")
        with pytest.raises(IdempotencyKeyReused):
            create(world, ada, "key-1", prompt="a hare")
        assert world.credits(ada) == 4

    def test_keys_belong_to_the_account(self, make_world: MakeWorld) -> None:
        """Two accounts may use the same key."""
        world = make_world()
        for user_id in ("ada", "bob"):
            assert not create(world, world.account(user_id, 5), "key-1").replayed
        assert len(world.generations()) == 2

    def test_a_refused_request_does_not_use_its_key(self, make_world: MakeWorld) -> None:
        """A request refused before its charge can be repeated with the same key."""
        world = make_world()
        ada = world.account("ada", 0)
        with pytest.raises(InsufficientCredits):
            create(world, ada, "key-1")
        world.account("ada", 3)
        assert not create(world, ada, "key-1").replayed

    def test_a_running_request_is_a_conflict(self, make_world: MakeWorld) -> None:
        """While the first call runs, a second one with its key gets RequestInProgress."""
        conflicts: list[RequestInProgress] = []

        def retry() -> None:
            with pytest.raises(RequestInProgress) as conflict:
                create(world, "ada", "key-1")
            conflicts.append(conflict.value)

        world = make_world(model_a=Does(retry))
        world.account("ada", 5)
        assert not create(world, "ada", "key-1").replayed
        assert conflicts[0].retry_after_seconds == 5
        assert world.credits("ada") == 4

    def test_a_retry_settles_an_expired_generation(self, make_world: MakeWorld) -> None:
        """A pending generation with an expired lease is refunded by the retry, which gets the model failure."""
        world = make_world()
        ada = world.account("ada", 5)
        abandon(world, "key-1")
        assert (world.credits(ada), world.generations()[0]["status"]) == (4, "pending")
        world.clock.advance(seconds=179)
        with pytest.raises(RequestInProgress) as conflict:
            create(world, ada, "key-1")
        assert conflict.value.retry_after_seconds == 1
        world.clock.advance(seconds=1)
        with pytest.raises(GenerationFailed) as failed:
            create(world, ada, "key-1")
        assert failed.value.metadata["failureReason"] == "LEASE_EXPIRED"
        assert failed.value.headers == {"Idempotent-Replayed": "true"}
        assert world.credits(ada) == 5
        world.check_books(ada)

    def test_a_late_picture_after_a_refund_is_refused(self, make_world: MakeWorld) -> None:
        """A model that answers after its charge was refunded does not deliver a free picture."""

        def outlast_the_lease() -> None:
            world.clock.advance(seconds=200)
            with pytest.raises(GenerationFailed):
                create(world, "ada", "key-1")

        world = make_world(model_a=Does(outlast_the_lease))
        world.account("ada", 5)
        with pytest.raises(GenerationFailed) as late:
            create(world, "ada", "key-1")
        assert late.value.metadata["failureReason"] == "LEASE_EXPIRED"
        (generation,) = world.generations()
        assert (generation["status"], generation["imageUrl"]) == ("failed", None)
        assert world.credits("ada") == 5
        world.check_books("ada")

    def test_twenty_concurrent_calls_with_one_key_are_charged_once(self, make_world: MakeWorld) -> None:
        """Concurrent calls with one key draw one picture; the others replay it or get RequestInProgress."""
        draws = Draws()
        world = make_world(model_a=draws)
        ada = world.account("ada", 20)
        with ThreadPoolExecutor(20) as clients:
            answers = list(clients.map(lambda _: outcome_of(lambda: create(world, ada, "key-1")), range(20)))
        assert set(answers) <= {"Created", "RequestInProgress"}
        assert len(draws.requests) == 1
        assert world.credits(ada) == 19
        world.check_books(ada)


def patient(world: World) -> World:
    """A loaded machine may take longer than the 3 seconds of production for a crowd on one account."""
    return replace(world, deps=replace(world.deps, db=world.deps.db.within(50)))


class TestConcurrency:
    def test_fifty_clients_and_twenty_credits(self, make_world: MakeWorld) -> None:
        """Of fifty concurrent clients exactly as many succeed as the account can pay for; the rest get 402."""
        world = patient(make_world())
        ada = world.account("ada", 20)
        with ThreadPoolExecutor(50) as clients:
            answers = Counter(clients.map(lambda _: outcome_of(lambda: create(world, ada)), range(50)))
        assert answers == {"Created": 20, "InsufficientCredits": 30}
        assert world.credits(ada) == 0
        assert len(world.generations()) == len(world.ledger(ada)) == 20
        world.check_books(ada)

    def test_failing_and_drawing_models_side_by_side(self, make_world: MakeWorld) -> None:
        """Concurrent charges and refunds of one account neither lose nor create credits."""
        world = patient(make_world(model_b=AlwaysFails()))
        ada = world.account("ada", 30)
        with ThreadPoolExecutor(20) as clients:
            answers = Counter(
                clients.map(
                    lambda number: outcome_of(lambda: create(world, ada, model="model-a" if number % 2 else "model-b")),
                    range(40),
                )
            )
        assert answers == {"Created": 20, "GenerationFailed": 20}
        assert world.credits(ada) == 10
        world.check_books(ada)


@pytest.mark.embedded
class TestFaults:
    """Network and Firestore faults during a call; each case ends with balanced books and one charge at most."""

    @pytest.mark.parametrize("code", [Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.ABORTED, Code.INTERNAL])
    @pytest.mark.parametrize("key", [None, "key-1"])
    def test_a_lost_answer_of_the_reserve_is_recognized(
        self, make_world: MakeWorld, faults: DatabaseFaults, code: Code, key: str | None
    ) -> None:
        """When the charge was applied but its answer lost, the call recognizes its own charge and continues."""
        world = make_world()
        ada = world.account("ada", 5)
        faults.lose_answer(code)
        assert not create(world, ada, key).replayed
        assert world.credits(ada) == 4
        world.check_books(ada)

    @pytest.mark.parametrize("code", [Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.ABORTED, Code.FAILED_PRECONDITION])
    def test_a_lost_answer_of_the_settle_is_recognized(
        self, make_world: MakeWorld, faults: DatabaseFaults, code: Code
    ) -> None:
        """When the settle was applied but its answer lost, the call answers the settled generation."""
        world = make_world(model_a=Does(lambda: faults.lose_answer(code)))
        ada = world.account("ada", 5)
        assert create(world, ada).generation.status is GenerationStatus.COMPLETED
        assert world.credits(ada) == 4
        world.check_books(ada)

    @pytest.mark.parametrize("code", [Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.ABORTED])
    def test_a_lost_answer_of_the_refund_is_recognized(
        self, make_world: MakeWorld, faults: DatabaseFaults, code: Code
    ) -> None:
        """When the refund was applied but its answer lost, it is not written a second time."""

        def fail() -> None:
            faults.lose_answer(code)
            raise ModelError("no picture")

        world = make_world(model_a=Does(fail))
        ada = world.account("ada", 5)
        with pytest.raises(GenerationFailed):
            create(world, ada)
        assert world.credits(ada) == 5
        world.check_books(ada)

    def test_contention_is_retried(self, make_world: MakeWorld, faults: DatabaseFaults) -> None:
        """Aborted commits are retried."""
        world = make_world()
        ada = world.account("ada", 5)
        faults.fail(Code.ABORTED, 3)
        assert not create(world, ada).replayed
        assert world.credits(ada) == 4

    def test_endless_contention_is_unavailable(
        self, make_world: MakeWorld, faults: DatabaseFaults, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Contention beyond the deadline is a 503, and nothing is charged."""
        monkeypatch.setattr("imagegen.firebase.retries.time", PausesOnly())
        world = make_world()
        ada = world.account("ada", 5)
        world.deps.catalog.current()
        faults.fail(Code.ABORTED, 1000)
        with pytest.raises(Unavailable) as away:
            create(world, ada)
        faults.clear()
        assert away.value.retry_after_seconds == 2
        assert world.credits(ada) == 5

    @pytest.mark.parametrize("code", [Code.NOT_FOUND, Code.INVALID_ARGUMENT, Code.PERMISSION_DENIED])
    def test_a_permanent_error_fails_at_once(self, make_world: MakeWorld, faults: DatabaseFaults, code: Code) -> None:
        """A missing database or permission is not retried: it needs a repair."""
        world = make_world()
        world.account("ada", 5)
        faults.fail(code, rpc="BeginTransaction")
        with pytest.raises(exceptions.GoogleAPICallError):
            create(world, "ada")

    def test_a_retry_whose_old_transaction_is_unknown(self, make_world: MakeWorld) -> None:
        """If Firestore no longer knows the transaction to retry, a new one begins without `retryTransaction`."""
        world = make_world()
        ada = world.account("ada", 5)
        fates: dict[int | str, Fate] = {3: is_refused(Status.ABORTED), 4: is_refused(Status.INVALID_ARGUMENT)}
        with Process(world, fates) as process:
            assert not create(replace(world, deps=process.deps), ada).replayed
        transaction = ["BeginTransaction", "BatchGetDocuments", "Commit"]
        # The retry looks for its ledger entry as well.
        again = ["BeginTransaction", "BeginTransaction", "BatchGetDocuments", "BatchGetDocuments", "Commit"]
        assert process.steps[:9] == [*transaction, *again, "model"]
        assert world.credits(ada) == 4
        world.check_books(ada)

    @pytest.mark.parametrize("rpc", ["BatchGetDocuments", "Commit"])
    def test_a_transaction_that_firestore_lost_is_begun_again(
        self, make_world: MakeWorld, faults: DatabaseFaults, rpc: str
    ) -> None:
        """After a restart Firestore does not know the transaction; a new one does the work."""
        world = make_world()
        ada = world.account("ada", 5)
        faults.fail(Code.INVALID_ARGUMENT, rpc=rpc)
        assert not create(world, ada).replayed
        assert world.credits(ada) == 4
        world.check_books(ada)

    def test_an_outage_at_the_settle_is_refunded_later(
        self, make_world: MakeWorld, faults: DatabaseFaults, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """If Firestore fails during the model call, the caller gets a 503; a retry after the lease refunds it."""
        monkeypatch.setattr("imagegen.firebase.retries.time", PausesOnly())
        world = make_world(model_a=Does(lambda: faults.fail(Code.UNAVAILABLE, 1000)))
        ada = world.account("ada", 5)
        with pytest.raises(Unavailable):
            create(world, ada, "key-1")
        faults.clear()
        world.clock.advance(seconds=181)
        with pytest.raises(GenerationFailed):
            create(world, ada, "key-1")
        assert world.credits(ada) == 5
        world.check_books(ada)


def outcome_of(call: Callable[[], object]) -> str:
    try:
        return type(call()).__name__
    except AppError as error:
        return type(error).__name__
