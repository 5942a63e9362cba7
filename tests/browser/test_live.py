"""What changed elsewhere arrives, and what did not change is left alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import OpenPage, Watch
from tests.browser.console import Console

REQUEST = {"model": "model-a", "style": "anime", "color": "neon", "size": "512x512"}
CARET = "element => [element.value, element.selectionStart, element.selectionEnd]"


def grant(console: Console, user_id: str, credits: int, key: str) -> None:
    console.call("grantCredits", {"userId": user_id, "credits": credits}, **{"Idempotency-Key": f"{user_id}-{key}"})


def rows(page: Page) -> Locator:
    return page.get_by_role("table", name="Ledger, newest first").locator("tbody tr")


def calls_of(page: Page, function: str) -> list[str]:
    """The URLs of the calls of a function from now on."""
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url) if f"/api/{function}" in request.url else None)
    return urls


def hide(page: Page, is_hidden: bool) -> None:
    """Have the page believe that it is not visible, or visible again."""
    page.evaluate(
        """isHidden => {
          Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        is_hidden,
    )


class TestLive:
    def test_a_change_by_the_api_arrives(self, console: Console, open_page: OpenPage) -> None:
        """A grant over the API is in the balance and the ledger; text, caret, focus, scroll and pages stay."""
        for number in range(22):
            grant(console, "followed", 2, str(number))
        page = open_page(console, "account", account="followed")
        page.get_by_role("button", name="Show more").click()
        expect(rows(page)).to_have_count(22)
        reason = page.get_by_label("Reason")
        reason.fill("half typed")
        reason.press("ArrowLeft")
        before = page.evaluate("scrollY")
        grant(console, "followed", 30, "later")
        expect(page.get_by_label("Balance", exact=True)).to_have_text("74 credits")
        expect(rows(page)).to_have_count(23)
        expect(rows(page).first.locator("td").nth(1)).to_have_text("+30")
        expect(reason).to_be_focused()
        assert reason.evaluate(CARET) == ["half typed", 9, 9]
        assert page.evaluate("scrollY") == before

    @pytest.mark.long
    def test_a_picture_made_elsewhere_arrives(self, console: Console, open_page: OpenPage) -> None:
        """A picture that was asked for over the API is in the gallery, and its price is off the balance."""
        grant(console, "remote", 9, "1")
        page = open_page(console, "create", account="remote")
        expect(page.get_by_text("No pictures yet")).to_be_visible()
        console.call("createGenerationRequest", REQUEST | {"userId": "remote", "prompt": "a far fox"})
        expect(page.locator(".tile")).to_contain_text("a far fox")
        expect(page.get_by_label("Balance", exact=True)).to_have_text("8 credits")

    @pytest.mark.long
    def test_a_change_in_another_tab_arrives_at_once(self, console: Console, open_page: OpenPage) -> None:
        """What one tab does, another one shows at once, though its next look is a minute away."""
        grant(console, "shared", 5, "1")
        first = open_page(console, "account", account="shared")
        far_from_emulators(first)
        first.reload()
        expect(first.get_by_label("Balance", exact=True)).to_have_text("5 credits")
        second = first.context.new_page()
        second.goto(f"{console.url}/#account")
        form = second.locator("section", has=second.get_by_role("heading", name="Grant credits"))
        form.get_by_label("Credits").fill("40")
        form.get_by_role("button", name="Grant credits").click()
        expect(form).to_contain_text("40 credits granted")
        expect(first.get_by_label("Balance", exact=True)).to_have_text("45 credits")
        expect(rows(first)).to_have_count(2)

    @pytest.mark.long
    def test_what_is_deployed_says_as_of_when(self, console: Console, open_page: OpenPage) -> None:
        """Without emulators a look costs: the page looks when it is visible again, and says when it last did."""
        grant(console, "frugal", 5, "1")
        page = open_page(console, "account", account="frugal")
        expect(page.locator(".freshness")).to_have_text("live")
        far_from_emulators(page)
        page.reload()
        expect(page.locator(".freshness")).to_contain_text("as of ")
        asked = calls_of(page, "getUserCredits")
        grant(console, "frugal", 5, "2")
        page.wait_for_timeout(3000)
        assert asked == []
        hide(page, True)
        hide(page, False)
        expect(page.get_by_label("Balance", exact=True)).to_have_text("10 credits")
        expect(rows(page)).to_have_count(2)

    @pytest.mark.long
    def test_a_hidden_page_does_not_look(self, console: Console, open_page: OpenPage) -> None:
        """A tab that is not visible asks for nothing."""
        grant(console, "hidden", 5, "1")
        page = open_page(console, "account", account="hidden")
        expect(page.locator(".freshness")).to_have_text("live")
        hide(page, True)
        page.wait_for_timeout(300)
        asked = calls_of(page, "")
        page.wait_for_timeout(3000)
        assert asked == []

    @pytest.mark.long
    def test_a_look_that_finds_nothing_changes_nothing(self, console: Console, open_page: OpenPage) -> None:
        """Looks are one small call each; the list is not read again, and no node of the page changes."""
        grant(console, "still", 5, "1")
        page = open_page(console, "account", account="still")
        expect(rows(page)).to_have_count(1)
        page.wait_for_timeout(500)
        page.evaluate(
            """() => {
              window.changes = [];
              const differs = (record) =>
                record.type !== "attributes" || record.oldValue !== record.target.getAttribute(record.attributeName);
              const seen = new MutationObserver((records) =>
                window.changes.push(...records.filter(differs).map((record) => record.type)));
              const main = document.getElementById("main");
              const content = { subtree: true, childList: true, characterData: true };
              seen.observe(main, { ...content, attributes: true, attributeOldValue: true });
            }"""
        )
        asked = calls_of(page, "")
        page.wait_for_timeout(4500)
        assert len(asked) == 2
        assert all("pageSize=1" in url and "pageToken" not in url for url in asked)
        assert page.evaluate("window.changes") == []

    @pytest.mark.long
    def test_looks_do_not_pile_up(self, console: Console, open_page: OpenPage) -> None:
        """While one look has no answer no other begins; what changed meanwhile is looked for once, after it."""
        grant(console, "slow", 5, "1")
        page = open_page(console, "account", account="slow")
        expect(page.locator(".freshness")).to_have_text("live")
        held: list[Route] = []
        page.route("**/api/getUserCredits?*", lambda route: held.append(route))
        page.wait_for_timeout(2500)
        for _ in range(5):
            hide(page, False)
        page.wait_for_timeout(2500)
        assert len(held) == 1
        held[0].continue_()
        page.wait_for_timeout(500)
        assert len(held) == 2

    @pytest.mark.long
    def test_it_backs_off_and_says_that_it_is_old(self, console: Console, open_page: OpenPage, watch: Watch) -> None:
        """After errors the next look comes later; the balance stays, is said not to be live, and recovers."""
        watch.expect_refusal(503)
        grant(console, "shaky", 5, "1")
        page = open_page(console, "account", account="shaky")
        expect(page.locator(".freshness")).to_have_text("live")
        failed = {"error": {"code": 503, "message": "Busy.", "details": []}}
        page.route("**/api/getUserCredits?*", lambda route: route.fulfill(status=503, json=failed))
        expect(page.locator(".freshness")).to_have_text("not live")
        asked = calls_of(page, "getUserCredits")
        page.wait_for_timeout(5500)
        assert len(asked) == 1
        expect(page.get_by_label("Balance", exact=True)).to_have_text("5 credits")
        expect(rows(page)).to_have_count(1)
        page.unroute("**/api/getUserCredits?*")
        grant(console, "shaky", 5, "2")
        hide(page, False)
        expect(page.get_by_label("Balance", exact=True)).to_have_text("10 credits")
        expect(page.locator(".freshness")).to_have_text("live")

    @pytest.mark.long
    def test_an_open_dialog_follows_another_tab(self, console: Console, open_page: OpenPage) -> None:
        """A dialog reads again when another tab changes something."""
        grant(console, "looked-at", 9, "1")
        page = open_page(console, "create", account="looked-at")
        statuses = ["processing"]

        def answer(route: Route) -> None:
            fetched = route.fetch()
            body = fetched.json()
            for generation in body.get("generations", [body]):
                generation["status"] = statuses[-1]
            route.fulfill(response=fetched, json=body)

        page.route("**/api/listGenerationRequests?*", answer)
        page.route("**/api/getGenerationStatus?*", answer)
        console.call("createGenerationRequest", REQUEST | {"userId": "looked-at", "prompt": "a fox"})
        page.locator(".tile").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("Processing")
        asked = calls_of(page, "getGenerationStatus")
        page.wait_for_timeout(100)
        before = len(asked)
        other = page.context.new_page()
        other.goto(f"{console.url}/#account")
        other.evaluate("async () => (await import('/backend/live.js')).tellChange()")
        page.wait_for_timeout(300)
        assert len(asked) > before
        statuses.append("cancelled")
        expect(dialog).to_contain_text("Cancelled")


def far_from_emulators(page: Page) -> None:
    """Have the console believe that it is deployed."""

    def without(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"emulators": {}})

    page.context.route("**/__/firebase/init.json", without)
