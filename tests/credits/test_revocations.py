"""Taking back a grant, once and as a whole."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from imagegen.credits.errors import GrantNotFound, GrantSpent, InsufficientCredits
from imagegen.credits.service import Revocation, get_user_credits, revoke_grant
from imagegen.generations.errors import GenerationFailed
from tests.credits.test_grants import give
from tests.generations.test_creation import create
from tests.world import AlwaysFails, World

MakeWorld = Callable[..., World]


def granted(world: World, user_id: str, credits: int = 5, key: str = "key") -> str:
    """Grant credits; return the id of the grant."""
    return give(world, user_id, credits, key).entry.entry_id.removesuffix("_grant")


def take_back(world: World, user_id: str, grant_id: str, by: str | None = "root") -> Revocation:
    return revoke_grant(world.deps, user_id, grant_id, administrator_uid=by)


class TestRevokeGrant:
    def test_takes_the_whole_grant(self, make_world: MakeWorld) -> None:
        """The balance is what it was before the grant; the entry says what for the grant was, and who took it back."""
        world = make_world()
        ada = world.account("ada", 2)
        grant_id = granted(world, ada)
        revoked = take_back(world, ada, grant_id)
        assert (revoked.replayed, revoked.entry.balance_after, world.credits(ada)) == (False, 2, 2)
        entry = world.ledger(ada)[-1]
        assert entry["id"] == f"{grant_id}_revocation"
        assert (entry["type"], entry["credits"], entry["sequence"]) == ("revocation", 5, 2)
        assert (entry["reason"], entry["administratorUid"]) == ("bought", "root")
        assert entry["generationRequestId"] is None
        world.check_books(ada)

    def test_of_spent_credits_is_refused(self, make_world: MakeWorld) -> None:
        """If the balance is less than the grant nothing is taken back; with enough credits again, all of it is."""
        world = make_world()
        grant_id = granted(world, "ada")
        create(world, "ada")
        with pytest.raises(GrantSpent) as refused:
            take_back(world, "ada", grant_id)
        assert refused.value.metadata == {"currentCredits": "4", "grantedCredits": "5"}
        assert world.credits("ada") == 4
        granted(world, "ada", credits=1, key="another")
        assert take_back(world, "ada", grant_id).entry.balance_after == 0
        world.check_books("ada")

    def test_after_a_refund(self, make_world: MakeWorld) -> None:
        """Credits that were refunded can be taken back."""
        world = make_world(model_a=AlwaysFails())
        grant_id = granted(world, "ada")
        with pytest.raises(GenerationFailed):
            create(world, "ada")
        assert take_back(world, "ada", grant_id).entry.balance_after == 0
        world.check_books("ada")

    def test_a_repeated_call_takes_nothing_more(self, make_world: MakeWorld) -> None:
        """It has the answer of the first, also after later changes and by another administrator."""
        world = make_world()
        grant_id = granted(world, "ada")
        take_back(world, "ada", grant_id)
        granted(world, "ada", key="another")
        again = take_back(world, "ada", grant_id, by="other")
        assert (again.replayed, again.entry.balance_after, again.entry.administrator_uid) == (True, 0, "root")
        assert world.credits("ada") == 5

    def test_concurrent_calls_take_once(self, make_world: MakeWorld) -> None:
        """Of ten calls at once one takes it back, and all say so."""
        world = make_world()
        grant_id = granted(world, world.account("ada", 20))
        with ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(lambda _: take_back(world, "ada", grant_id), range(10)))
        assert [answer.replayed for answer in answers].count(False) == 1
        assert {answer.entry.balance_after for answer in answers} == {20}
        world.check_books("ada")

    def test_concurrent_with_a_charge(self, make_world: MakeWorld) -> None:
        """Of a charge and a revocation that need the same credits one succeeds."""
        world = make_world()
        grant_id = granted(world, "ada", credits=1)

        def attempt(call: Callable[[], object]) -> bool:
            try:
                call()
            except (GrantSpent, InsufficientCredits):
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            calls: list[Callable[[], object]] = [
                lambda: take_back(world, "ada", grant_id),
                lambda: create(world, "ada"),
            ]
            assert sorted(pool.map(attempt, calls)) == [False, True]
        world.check_books("ada")

    def test_of_no_grant(self, make_world: MakeWorld) -> None:
        """Without the account, or the grant in this account, there is nothing to take back."""
        world = make_world()
        grant_id = granted(world, "ada")
        world.account("bob", 10)
        for user_id, of_id in (("eve", grant_id), ("bob", grant_id), ("ada", "0" * 32)):
            with pytest.raises(GrantNotFound):
                take_back(world, user_id, of_id)
        assert (world.credits("ada"), world.credits("bob")) == (5, 10)

    def test_a_grant_repeated_after_it(self, make_world: MakeWorld) -> None:
        """The key of a grant that was taken back grants nothing again."""
        world = make_world()
        take_back(world, "ada", granted(world, "ada"))
        assert give(world, "ada").replayed
        assert world.credits("ada") == 0

    def test_is_in_the_ledger(self, make_world: MakeWorld) -> None:
        """The statement of the account shows grant and revocation."""
        world = make_world()
        take_back(world, "ada", granted(world, "ada"))
        statement = get_user_credits(world.deps, "ada", 10, None)
        assert [(entry.type, entry.credits) for entry in statement.entries] == [("revocation", 5), ("grant", 5)]


class TestEndpoint:
    def test_answers(self, client: httpx.Client, world: World) -> None:
        """The answer has the entry, and says when it was an earlier call that took the grant back."""
        entry_id = give(world, "ada").entry.entry_id
        body = {"userId": "ada", "transactionId": entry_id}
        first, again = (client.post("/revokeGrant", json=body) for _ in range(2))
        wanted = {
            "transactionId": entry_id.replace("grant", "revocation"),
            "userId": "ada",
            "revokedCredits": 5,
            "currentCredits": 0,
        }
        assert (first.json(), again.json()) == (wanted, wanted)
        assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"

    def test_refusals(self, client: httpx.Client, world: World) -> None:
        """A wrong id is a 400 that names the field, an unknown grant a 404, a spent one a 409."""
        entry_id = give(world, "ada").entry.entry_id
        create(world, "ada")
        for transaction_id, status, reason in (
            (entry_id.replace("_grant", "_deduction"), 400, "INVALID_REQUEST"),
            (f"{'0' * 32}_grant", 404, "GRANT_NOT_FOUND"),
            (entry_id, 409, "GRANT_SPENT"),
        ):
            answer = client.post("/revokeGrant", json={"userId": "ada", "transactionId": transaction_id})
            assert (answer.status_code, answer.json()["error"]["details"][0]["reason"]) == (status, reason)
