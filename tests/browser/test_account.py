"""The page of an account."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, Watch
from tests.browser.console import Console


def grant(console: Console, user_id: str, times: int) -> None:
    for number in range(times):
        console.call("grantCredits", {"userId": user_id, "credits": 2}, **{"Idempotency-Key": f"{user_id}-{number}"})


class TestStatement:
    def test_the_balance_is_plotted_and_listed(
        self, console: Console, open_page: OpenPage, keep_screenshot: Callable[[Page, str], None]
    ) -> None:
        """The balance after each entry is computed back from the present one, and stands in a table as well."""
        grant(console, "saver", 3)
        page = open_page(console, "account", account="saver")
        expect(page.get_by_role("img", name="Balance over time")).to_have_attribute(
            "aria-label", "Balance over time. 6 credits now, from 0, over 3 entries."
        )
        expect(page.locator(".plot canvas")).to_be_visible()
        ledger = page.get_by_role("table", name="Ledger, newest first")
        assert ledger.locator("tbody td:nth-child(3)").all_inner_texts() == ["6", "4", "2"]
        keep_screenshot(page, "account")

    def test_the_ledger_goes_on(self, console: Console, open_page: OpenPage) -> None:
        """There are fifty entries on a page, and more on request."""
        grant(console, "regular", 52)
        page = open_page(console, "account", account="regular")
        rows = page.get_by_role("table", name="Ledger, newest first").locator("tbody tr")
        expect(rows).to_have_count(50)
        page.get_by_role("button", name="Show more").click()
        expect(rows).to_have_count(52)
        expect(rows.last.locator("td").nth(2)).to_have_text("2")

    def test_an_unknown_account_is_said_to_be_unknown(
        self, console: Console, open_page: OpenPage, watch: Watch
    ) -> None:
        """The error says what is wrong, and offers another try."""
        watch.expect_refusal(404)
        page = open_page(console, "account", account="nobody-at-all")
        expect(page.get_by_role("alert")).to_contain_text("There is no account 'nobody-at-all'.")
        expect(page.get_by_role("button", name="Try again")).to_be_visible()


class TestGrants:
    def test_credits_are_granted(self, console: Console, open_page: OpenPage) -> None:
        """A grant raises the balance and stands in the ledger."""
        grant(console, "lucky", 1)
        page = open_page(console, "account", account="lucky")
        form = page.locator("section", has=page.get_by_role("heading", name="Grant credits"))
        form.get_by_label("Credits").fill("40")
        form.get_by_role("button", name="Grant credits").click()
        expect(form).to_contain_text("40 credits granted: lucky has 42 credits.")
        expect(page.get_by_label("Balance", exact=True)).to_have_text("42 credits")
        expect(page.get_by_role("table", name="Ledger, newest first").locator("tbody tr")).to_have_count(2)

    def test_an_account_is_created(self, console: Console, open_page: OpenPage) -> None:
        """A new account is chosen at once, with what it was given."""
        page = open_page(console, "account", account="testUser2")
        form = page.locator("section", has=page.get_by_role("heading", name="Create account"))
        form.get_by_label("Account").fill("newcomer")
        form.get_by_role("button", name="Create account").click()
        expect(form).to_contain_text("newcomer has 50 credits.")
        expect(page.get_by_label("Balance", exact=True)).to_have_text("50 credits")
        expect(page.get_by_role("table", name="Ledger, newest first").locator("tbody tr")).to_have_count(1)

    def test_a_fault_stands_beside_its_field(self, console: Console, open_page: OpenPage, watch: Watch) -> None:
        """Too many credits are refused at the number."""
        watch.expect_refusal(400)
        page = open_page(console, "account", account="testUser2")
        form = page.locator("section", has=page.get_by_role("heading", name="Grant credits"))
        form.get_by_label("Credits").fill("1000001")
        form.get_by_role("button", name="Grant credits").click()
        expect(form.locator("[data-field=credits] .fault")).to_contain_text("an integer from 1 to 1,000,000")
