"""The walk over all accounts, on the embedded Firestore."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from imagegen.books import service as books_service
from imagegen.generations.errors import GenerationFailed
from tests.generations.test_creation import create
from tests.world import AlwaysFails, World


def breaches(world: World, max_accounts: int = 2) -> list[tuple[str, str]]:
    pages = books_service.walk(world.deps, max_accounts)
    return [(breach.user_id, str(breach.kind)) for page in pages for breach in page.breaches]


class TestVerifyBooks:
    @pytest.mark.parametrize("max_accounts", [1, 2, 5, 6, 100])
    def test_every_account_is_checked_once(self, make_world: Callable[..., World], max_accounts: int) -> None:
        """With any page size each account is in exactly one page."""
        world = make_world()
        for number in range(5):
            world.account(f"u{number}", 10)
        pages = list(books_service.walk(world.deps, max_accounts))
        assert sum(page.figures.accounts for page in pages) == 5
        assert [breach for page in pages for breach in page.breaches] == []

    def test_requests_made_by_the_services_balance(self, make_world: Callable[..., World]) -> None:
        """A picture and a refunded failure leave sound books."""
        world = make_world(model_b=AlwaysFails())
        world.account("u", 10)
        create(world, "u")
        with pytest.raises(GenerationFailed):
            create(world, "u", model="Model B")
        (page,) = books_service.walk(world.deps)
        assert (page.breaches, page.figures.entries, page.figures.generations) == ([], 3, 2)
        assert (page.figures.deducted_credits, page.figures.refunded_credits) == (2, 1)

    def test_orphans_are_found(self, make_world: Callable[..., World]) -> None:
        """Ledgers and generations without an account are reported, before, between and after the accounts."""
        world = make_world()
        for name in ("b", "d"):
            world.account(name, 1)
        for name in ("a", "c", "e"):
            world.db.document(f"users/{name}/transactions/x_grant").set({"type": "grant"})
        for name in ("", "a", "b/x", "cc", "f"):
            world.db.collection("generationRequests").add({"userId": name, "status": "completed"})
        missing = [user_id for user_id, kind in breaches(world) if kind == "ACCOUNT_MISSING"]
        assert missing == ["", "a", "b/x", "c", "cc", "e", "f"]

    def test_a_wrong_balance_is_found(self, make_world: Callable[..., World]) -> None:
        """A balance that was changed by hand is reported with its account."""
        world = make_world()
        for name in ("a", "b", "c"):
            world.account(name, 5)
        world.db.document("users/b").update({"credits": 6})
        assert breaches(world) == [("b", "BALANCE_WRONG")]
