"""The page of the embedded Firestore's documents."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.console import Console


class TestTree:
    def test_documents_are_shown_with_typed_values(
        self, console: Console, open_page: OpenPage, keep_screenshot: Callable[[Page, str], None]
    ) -> None:
        """Collections open to documents, and documents to fields with their types."""
        page = open_page(console, "data")
        page.get_by_text("sizes", exact=True).click()
        page.locator("summary", has_text="1024x1792").click()
        fields = page.locator("details", has=page.locator("summary", has_text="1024x1792")).last.locator(".fields")
        expect(fields).to_contain_text("credits4integer")
        expect(fields).to_contain_text("enabledtrueboolean")
        expect(fields).to_contain_text("name“1024x1792”string")
        keep_screenshot(page, "data")

    @pytest.mark.long
    def test_it_follows_changes(self, console: Console, open_page: OpenPage) -> None:
        """A document that is written while the page is open changes there, with the collections below it."""
        # Other tests open accounts too: these come first of all, and so are on the first page.
        console.call("grantCredits", {"userId": "0-before", "credits": 1}, **{"Idempotency-Key": "before"})
        page = open_page(console, "data")
        page.get_by_text("users", exact=True).click()
        page.locator("summary", has_text="0-before").wait_for()
        console.call("grantCredits", {"userId": "0-watched", "credits": 7}, **{"Idempotency-Key": "watched-1"})
        page.locator("summary", has_text="0-watched").click()
        fields = page.locator("details", has=page.locator("summary", has_text="0-watched")).last
        expect(fields).to_contain_text("credits7integer")
        console.call("grantCredits", {"userId": "0-watched", "credits": 5}, **{"Idempotency-Key": "watched-2"})
        expect(fields).to_contain_text("credits12integer")
        expect(fields).to_contain_text("transactions")

    @pytest.mark.long
    def test_all_documents_are_within_reach(self, console: Console, open_page: OpenPage) -> None:
        """More than 300 are shown page by page, and a poll is answered by names, without the fields."""
        console.write("crowd", {f"member-{number:03}": {"text": "x" * 1000} for number in range(320)})
        page = open_page(console, "data")
        page.get_by_text("crowd", exact=True).click()
        rows = page.locator("details", has=page.get_by_text("crowd", exact=True)).locator(".branch > div > details")
        for count in (50, 100, 150, 200, 250, 300):
            expect(rows).to_have_count(count)
            page.get_by_role("button", name="Show more").press("Enter")
        expect(rows).to_have_count(320)
        expect(page.get_by_role("button", name="Show more")).to_have_count(0)
        with page.expect_response("**/documents/crowd?*") as polled:
            pass
        assert len(polled.value.body()) < 100_000
        rows.last.locator("summary").click()
        expect(rows.last.locator(".fields")).to_contain_text("xxx")

    @pytest.mark.long
    def test_it_is_hidden_without_an_embedded_firestore(self, console: Console, open_page: OpenPage) -> None:
        """A deployed page shows neither the data nor the buttons that fire a trigger."""
        page = open_page(console, "create", account="testUser1")
        page.route("**/__/firebase/init.json", lambda route: route.fulfill(json={"projectId": "demo-imagegen"}))
        page.goto(f"{console.url}/#operations")
        page.reload()
        expect(page.get_by_role("button", name="Verify the books")).to_be_visible()
        expect(page.get_by_role("link", name="Data")).to_have_count(0)
        expect(page.get_by_role("button", name="Reconcile now")).to_have_count(0)
        expect(page.get_by_role("heading", name="Failure rate")).to_have_count(0)
