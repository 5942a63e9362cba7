"""The list of accounts, and the address of each."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, Watch
from tests.browser.console import Console
from tests.browser.test_live import far_from_emulators


def grant(console: Console, user_id: str, credits: int = 2, key: str = "1") -> None:
    console.call("grantCredits", {"userId": user_id, "credits": credits}, **{"Idempotency-Key": key})


def listed(page: Page) -> list[str]:
    return page.get_by_role("table", name="Accounts, by name").locator("tbody a").all_inner_texts()


class TestList:
    def test_an_account_is_found_and_opened(self, console: Console, open_page: OpenPage) -> None:
        """The list is narrowed by the beginning of a name, leads to an account, and back leads to the list."""
        for name in ("fellow-1", "fellow-2", "felloe"):
            grant(console, name, 7)
        page = open_page(console, "accounts")
        page.get_by_label("Account", exact=True).press_sequentially("fellow-")
        expect(page.get_by_role("link", name="felloe")).to_have_count(0)
        assert listed(page) == ["fellow-1", "fellow-2"]
        page.get_by_role("link", name="fellow-2").click()
        expect(page.get_by_label("Balance", exact=True)).to_have_text("7 credits")
        page.wait_for_url(lambda url: url.endswith("#account/fellow-2"))
        expect(page.get_by_role("link", name="Account", exact=True)).to_have_attribute("aria-current", "page")
        page.go_back()
        expect(page.get_by_role("heading", level=1)).to_have_text("Accounts")

    @pytest.mark.long
    def test_all_accounts_can_be_reached(self, console: Console, open_page: OpenPage) -> None:
        """Further parts follow the first, in order and without a gap, with names and credits alone."""
        for number in range(60):
            grant(console, f"paged-{number:02}")
        page = open_page(console, "accounts")
        with page.expect_response("**/documents:runQuery") as asked:
            page.get_by_label("Account", exact=True).fill("paged-")
        assert len(asked.value.body()) < 20_000
        assert "weeks" not in asked.value.text()
        links = page.get_by_role("table", name="Accounts, by name").locator("tbody a")
        expect(links).to_have_count(50)
        page.get_by_role("button", name="Show more").press("Enter")
        expect(links).to_have_count(60)
        expect(links.nth(50)).to_be_focused()
        assert listed(page) == [f"paged-{number:02}" for number in range(60)]
        expect(page.get_by_role("button", name="Show more")).to_have_count(0)
        grant(console, "paged-55", 30, "2")
        expect(page.get_by_role("row", name="paged-55")).to_contain_text("32")
        expect(links).to_have_count(60)
        expect(links.nth(50)).to_be_focused()

    @pytest.mark.long
    def test_enter_opens_the_account_of_that_name(self, console: Console, open_page: OpenPage) -> None:
        """A whole name and Enter open the account, also where accounts cannot be listed."""
        grant(console, "by name?#%")
        page = open_page(console, "accounts")
        far_from_emulators(page)
        page.reload()
        expect(page.locator("main")).to_contain_text("Not listed here")
        page.get_by_label("Account", exact=True).fill("by name?#%")
        page.get_by_label("Account", exact=True).press("Enter")
        expect(page.get_by_label("Balance", exact=True)).to_have_text("2 credits")
        page.wait_for_url(lambda url: url.endswith("#account/by%20name%3F%23%25"))


class TestAddress:
    @pytest.mark.long
    def test_the_address_chooses_the_account(self, console: Console, open_page: OpenPage) -> None:
        """A deep link opens its account, whichever was chosen before, and the choice holds on other pages."""
        grant(console, "émile & co", 9)
        page = open_page(console, "account/%C3%A9mile%20%26%20co", account="testUser1")
        expect(page.get_by_label("Account", exact=True)).to_have_value("émile & co")
        expect(page.get_by_label("Balance", exact=True)).to_have_text("9 credits")
        page.get_by_role("link", name="Create", exact=True).click()
        expect(page.get_by_label("Account", exact=True)).to_have_value("émile & co")
        page.get_by_role("link", name="Account", exact=True).click()
        expect(page.get_by_label("Balance", exact=True)).to_have_text("9 credits")
        expect(page).to_have_url(f"{console.url}/#account/%C3%A9mile%20%26%20co")

    @pytest.mark.long
    def test_back_leads_to_the_account_before(self, console: Console, open_page: OpenPage) -> None:
        """Another choice is another address; the focus stays in the field, and back and forward work."""
        for number, name in enumerate(("early", "late"), start=1):
            grant(console, name, number)
        page = open_page(console, "account", account="early")
        account, balance = page.get_by_label("Account", exact=True), page.get_by_label("Balance", exact=True)
        expect(balance).to_have_text("1 credit")
        page.wait_for_url(lambda url: url.endswith("#account/early"))
        account.fill("late")
        account.press("Enter")
        expect(balance).to_have_text("2 credits")
        expect(account).to_be_focused()
        page.wait_for_url(lambda url: url.endswith("#account/late"))
        page.go_back()
        expect(balance).to_have_text("1 credit")
        expect(account).to_have_value("early")
        page.go_forward()
        expect(balance).to_have_text("2 credits")

    @pytest.mark.long
    def test_a_broken_address(self, console: Console, open_page: OpenPage, watch: Watch) -> None:
        """An address that is not percent-encoded is taken as it stands."""
        watch.expect_refusal(404)
        page = open_page(console, "account/100%")
        expect(page.get_by_label("Account", exact=True)).to_have_value("100%")
        expect(page.locator("main")).to_contain_text("There is no account 100% yet")

    @pytest.mark.long
    def test_an_account_that_cannot_exist(self, console: Console, open_page: OpenPage, watch: Watch) -> None:
        """Of an address with a slash no part is taken for the account."""
        watch.expect_refusal(400)
        page = open_page(console, "account/testUser1/x")
        expect(page.get_by_label("Account", exact=True)).to_have_value("testUser1/x")
        expect(page.locator("[data-field=account] .fault")).not_to_be_empty()
        expect(page.get_by_label("Balance", exact=True)).to_have_text("\N{EN DASH}")
