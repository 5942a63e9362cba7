"""Typed text and focus survive when the page around them is rendered again."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage, Watch
from tests.browser.console import Console

CARET = "element => [element.value, element.selectionStart, element.selectionEnd]"


def create(console: Console, user_id: str) -> None:
    request = {"userId": user_id, "model": "model-a", "style": "anime", "color": "neon", "size": "512x512"}
    console.call("createGenerationRequest", request | {"prompt": "a fox"})


def hold_status(page: Page) -> list[str]:
    """Have generations show the last status in the list that is returned, as long as it holds any."""
    statuses = ["processing"]

    def answer(route: Route) -> None:
        fetched = route.fetch()
        body = fetched.json()
        changed = {"status": statuses[-1], "imageUrl": None} if statuses else {}
        for generation in body.get("generations", [body]):
            generation.update(changed)
        route.fulfill(response=fetched, json=body)

    page.route("**/api/listGenerationRequests?*", answer)
    page.route("**/api/getGenerationStatus?*", answer)
    return statuses


class TestRendering:
    @pytest.mark.long
    def test_half_typed_text_keeps_its_caret(self, console: Console, open_page: OpenPage) -> None:
        """A tile that changes leaves the prompt, its caret and its focus unchanged."""
        console.call("grantCredits", {"userId": "typing", "credits": 9}, **{"Idempotency-Key": "typing"})
        create(console, "typing")
        page = open_page(console, "create")
        statuses = hold_status(page)
        page.get_by_label("Account", exact=True).fill("typing")
        page.get_by_label("Account", exact=True).press("Enter")
        tile = page.locator(".tile")
        expect(tile).to_contain_text("Processing")
        prompt = page.get_by_label("Prompt")
        prompt.focus()
        page.keyboard.type("a fox in snow")
        for _ in range(4):
            page.keyboard.press("ArrowLeft")
        statuses.clear()
        expect(tile.locator("img")).to_be_visible()
        expect(prompt).to_be_focused()
        assert prompt.evaluate(CARET) == ["a fox in snow", 9, 9]
        page.keyboard.type("the ")
        expect(prompt).to_have_value("a fox in the snow")

    @pytest.mark.long
    def test_a_half_typed_number_is_kept(self, console: Console, open_page: OpenPage) -> None:
        """An incomplete number has no value yet; the polling of a list beside it does not erase it."""
        calls: list[dict[str, object]] = []
        page = open_page(console, "create")
        page.route("**/__/calls", lambda route: route.fulfill(json={"calls": calls}))
        page.get_by_role("link", name="Operations").click()
        rate = page.get_by_label("Model B, %", exact=True)
        rate.focus()
        page.keyboard.type("1e")
        calls.append({"at": "2026-11-21T12:00:00+00:00", "method": "GET", "function": "getCatalog"})
        calls[0] |= {"status": 200, "durationMs": 1, "requestId": "request-1"}
        expect(page.get_by_role("table", name="Recent calls, newest first")).to_be_visible()
        expect(rate).to_be_focused()
        page.keyboard.type("1")
        expect(rate).to_have_value("1e1")

    @pytest.mark.long
    def test_the_focus_stays_with_its_document(self, console: Console, open_page: OpenPage) -> None:
        """A new document before the focused one takes neither its focus nor its opened state."""
        console.call("grantCredits", {"userId": "aSecond", "credits": 1}, **{"Idempotency-Key": "aSecond"})
        page = open_page(console, "data")
        page.get_by_text("users", exact=True).click()
        document = page.locator("summary", has_text="aSecond")
        document.press("Enter")
        expect(page.locator("details[open] > summary", has_text="aSecond")).to_be_focused()
        console.call("grantCredits", {"userId": "aFirst", "credits": 1}, **{"Idempotency-Key": "aFirst"})
        expect(page.locator("summary", has_text="aFirst")).to_be_visible()
        expect(page.locator("details[open] > summary", has_text="aSecond")).to_be_focused()
        expect(page.locator("details[open] > summary", has_text="aFirst")).to_have_count(0)

    @pytest.mark.long
    def test_tab_continues_from_its_position(self, console: Console, open_page: OpenPage) -> None:
        """After the tiles have changed, Tab moves to the next tile and not to the top of the page."""
        console.call("grantCredits", {"userId": "tabbing", "credits": 9}, **{"Idempotency-Key": "tabbing"})
        for _ in range(3):
            create(console, "tabbing")
        page = open_page(console, "create")
        statuses = hold_status(page)
        page.get_by_label("Account", exact=True).fill("tabbing")
        page.get_by_label("Account", exact=True).press("Enter")
        tiles = page.locator(".tile")
        expect(tiles).to_have_count(3)
        tiles.first.focus()
        page.keyboard.press("Tab")
        expect(tiles.nth(1)).to_be_focused()
        statuses.clear()
        expect(tiles.locator("img")).to_have_count(3)
        expect(tiles.nth(1)).to_be_focused()
        page.keyboard.press("Tab")
        expect(tiles.nth(2)).to_be_focused()


class TestPages:
    @pytest.mark.long
    def test_an_unknown_address_is_said_to_be_unknown(self, console: Console, open_page: OpenPage) -> None:
        """Another page is not shown in its place, and the way back is in the navigation."""
        page = open_page(console, "constructor")
        expect(page.get_by_role("heading", level=1)).to_have_text("No such page")
        page.get_by_role("link", name="Create", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Create")

    @pytest.mark.long
    def test_a_page_that_could_not_be_read_is_forgotten_with_its_list(
        self, console: Console, open_page: OpenPage, watch: Watch
    ) -> None:
        """Where "Show more" failed, the error stands at the end of that list and not of the next account's."""
        watch.expect_refusal(500)
        for name in ("first", "second"):
            for number in range(21):
                console.call("grantCredits", {"userId": name, "credits": 1}, **{"Idempotency-Key": f"{name}-{number}"})
        page = open_page(console, "account", account="first")
        failed = {"error": {"code": 500, "message": "It broke.", "details": []}}
        page.route("**/api/getUserCredits?*pageToken=*", lambda route: route.fulfill(status=500, json=failed))
        page.get_by_role("button", name="Show more").click()
        expect(page.locator(".more")).to_contain_text("It broke.")
        page.get_by_label("Account", exact=True).fill("second")
        page.get_by_label("Account", exact=True).press("Enter")
        expect(page.get_by_role("button", name="Show more")).to_be_visible()
        expect(page.locator(".more")).not_to_contain_text("It broke.")
