"""Requests whose answers are lost are charged once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage, Watch
from tests.browser.console import Console

# The waits between the tries are shorter.
WAIT_MILLISECONDS = 9_000
TRIES = 8


class Network:
    """The network between a page and a function: it loses the answers while `loses` is true, and keeps the keys."""

    def __init__(self, page: Page, function: str) -> None:
        self.loses = True
        self.keys: list[str | None] = []
        page.route(f"**/api/{function}", self._pass)

    def _pass(self, route: Route) -> None:
        self.keys.append(route.request.header_value("Idempotency-Key"))
        if not self.loses:
            route.continue_()
            return
        # The server carries it out all the same.
        route.fetch()
        route.abort()


def wait_for_all_tries(page: Page, network: Network, retry: Callable[[], None]) -> None:
    before = len(network.keys)
    retry()
    for done in range(1, TRIES):
        while len(network.keys) < before + done:
            page.wait_for_timeout(10)
        expect(page.locator("main")).to_contain_text("still trying")
        page.wait_for_timeout(50)
        page.clock.fast_forward(WAIT_MILLISECONDS)


def open_account(console: Console, user_id: str) -> str:
    console.call("grantCredits", {"userId": user_id, "credits": 50}, **{"Idempotency-Key": f"open-{user_id}"})
    return user_id


def ask(page: Page, prompt: str) -> None:
    page.get_by_label("Prompt").fill(prompt)
    page.get_by_role("button", name="Create for").click()


class TestCreate:
    def test_a_request_without_an_answer_is_charged_once(
        self, console: Console, open_page: OpenPage, watch: Watch
    ) -> None:
        """After all tries bar and gallery show the charge, and "Try again" uses the same key, over a reload too."""
        watch.expect_lost_answers()
        page = open_page(console, "create", account=open_account(console, "unlucky"))
        network = Network(page, "createGenerationRequest")
        expect(page.get_by_label("Balance", exact=True)).to_have_text("50 credits")
        page.clock.install()
        wait_for_all_tries(page, network, lambda: ask(page, "a fox"))
        result = page.locator(".result")
        expect(result.get_by_role("alert")).to_contain_text("The server could not be reached.")
        expect(result.get_by_role("alert")).to_contain_text("charged once at most")
        expect(page.get_by_label("Balance", exact=True)).to_have_text("49 credits")
        expect(page.locator(".tile")).to_have_count(1)
        page.reload()
        expect(result.get_by_role("alert")).to_contain_text("The answer to the last request was lost.")
        network.loses = False
        result.get_by_role("button", name="Try again").click()
        expect(result.locator("img")).to_be_visible()
        expect(page.get_by_label("Balance", exact=True)).to_have_text("49 credits")
        expect(page.locator(".tile")).to_have_count(1)
        assert network.keys == [network.keys[0]] * (TRIES + 1)
        page.reload()
        expect(result).to_contain_text("Nothing yet")

    @pytest.mark.long
    def test_the_key_belongs_to_the_unchanged_request(
        self, console: Console, open_page: OpenPage, watch: Watch
    ) -> None:
        """The same request has the key of its lost answer, another one and a later one new keys."""
        watch.expect_lost_answers()
        watch.expect_refusal(500)
        page = open_page(console, "create", account=open_account(console, "repeater"))
        network = Network(page, "createGenerationRequest")
        failed = {"error": {"code": 500, "message": "It broke.", "details": []}}

        def lose(route: Route) -> None:
            network.keys.append(route.request.header_value("Idempotency-Key"))
            route.fetch()
            route.fulfill(status=500, json=failed)

        page.route("**/api/createGenerationRequest", lose, times=1)
        ask(page, "a fox")
        expect(page.locator(".result")).to_contain_text("It broke.")
        network.loses = False
        for done, prompt in enumerate(("a bear", "a fox", "a fox"), start=1):
            ask(page, prompt)
            expect(page.locator(".result .done")).to_have_count(done)
        lost, other, again, anew = network.keys
        assert lost == again
        assert len({lost, other, anew}) == 3
        expect(page.get_by_label("Balance", exact=True)).to_have_text("47 credits")

    @pytest.mark.long
    def test_an_offline_browser_is_called_offline(self, console: Console, open_page: OpenPage, watch: Watch) -> None:
        """Offline the page says so at once, keeps what it shows, and tries again when asked."""
        watch.expect_lost_answers()
        page = open_page(console, "create", account=open_account(console, "hiker"))
        expect(page.get_by_label("Balance", exact=True)).to_have_text("50 credits")
        page.context.set_offline(True)
        ask(page, "a fox")
        alert = page.locator(".result").get_by_role("alert")
        expect(alert).to_contain_text("You are offline.")
        expect(page.get_by_label("Balance", exact=True)).to_have_text("50 credits")
        expect(page.get_by_text("No pictures yet")).to_be_visible()
        page.context.set_offline(False)
        alert.get_by_role("button", name="Try again").click()
        page.locator(".result .done").wait_for()
        expect(page.get_by_label("Balance", exact=True)).to_have_text("49 credits")


class TestGrants:
    @pytest.mark.long
    def test_a_grant_without_an_answer_is_granted_once(
        self, console: Console, open_page: OpenPage, watch: Watch
    ) -> None:
        """The same grant again has the key of the first, also after a reload."""
        watch.expect_lost_answers()
        page = open_page(console, "account", account=open_account(console, "granted"))
        network = Network(page, "grantCredits")
        button = page.get_by_role("button", name="Grant credits")
        page.clock.install()
        wait_for_all_tries(page, network, button.click)
        expect(page.get_by_role("alert")).to_contain_text("The server could not be reached.")
        network.loses = False
        page.reload()
        button.click()
        expect(page.locator(".done")).to_contain_text("granted has 100 credits.")
        assert network.keys == [network.keys[0]] * (TRIES + 1)
