"""The page for operators."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.console import Console


class TestOperations:
    def test_a_failure_rate_is_set_and_taken_back(self, console: Console, open_page: OpenPage) -> None:
        """What is saved stands in the model's document; the default is the absence of it."""
        page = open_page(console, "operations")
        page.get_by_label("Model B, %", exact=True).fill("0")
        page.get_by_role("button", name="Save the failure rate of Model B").click()
        expect(page.get_by_text("Saved: 0 %.")).to_be_visible()
        assert console.document("models/model-b")["failureRate"] == {"doubleValue": 0}
        page.get_by_role("button", name="Use the default failure rate for Model B").click()
        expect(page.get_by_text("The default applies.")).to_be_visible()
        assert sorted(console.document("models/model-b")) == ["enabled", "name"]

    def test_what_was_left_pending_is_reconciled(self, console: Console, open_page: OpenPage) -> None:
        """The button fires the trigger, and the call is among the recent ones."""
        page = open_page(console, "operations")
        page.get_by_role("button", name="Reconcile now").click()
        expect(page.get_by_text("Done: what was left pending")).to_be_visible()
        calls = page.get_by_role("table", name="Recent calls, newest first")
        expect(calls.get_by_role("row", name="reconcile").first).to_contain_text("200")

    def test_the_books_are_verified(
        self, console: Console, open_page: OpenPage, keep_screenshot: Callable[[Page, str], None]
    ) -> None:
        """All accounts are gone through, and the verdict is said."""
        page = open_page(console, "operations")
        page.get_by_role("button", name="Verify the books").click()
        expect(page.get_by_text("The books balance.", exact=True).first).to_be_visible()
        expect(page.locator(".facts")).to_contain_text("Ledger entries")
        keep_screenshot(page, "operations")
