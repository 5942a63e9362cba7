"""The page of an account."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.error import HTTPError

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage, Watch
from tests.browser.console import Console


def grant(console: Console, user_id: str, times: int) -> None:
    for number in range(times):
        console.call("grantCredits", {"userId": user_id, "credits": 2}, **{"Idempotency-Key": f"{user_id}-{number}"})


class TestStatement:
    def test_the_balance_is_plotted_and_listed(
        self, console: Console, open_page: OpenPage, keep_screenshot: Callable[[Page, str], None]
    ) -> None:
        """The balance after each entry is computed back from the current one, and is in a table too."""
        grant(console, "saver", 3)
        page = open_page(console, "account", account="saver")
        expect(page.get_by_role("img", name="Balance over time")).to_have_attribute(
            "aria-label", "Balance over time. 6 credits now, from 0, over 3 entries."
        )
        path = page.locator(".steps path").get_attribute("d") or ""
        heights = [float(height) for height in re.findall(r"V([\d.]+)", path)]
        assert heights == pytest.approx([100, 66.7, 33.3, 0, 0])
        ledger = page.get_by_role("table", name="Ledger, newest first")
        assert ledger.locator("tbody td:nth-child(3)").all_inner_texts() == ["6", "4", "2"]
        keep_screenshot(page, "account")

    @pytest.mark.long
    def test_the_ledger_has_more_pages(self, console: Console, open_page: OpenPage) -> None:
        """There are twenty entries on a page, and more on request; the first new one gets the focus."""
        grant(console, "regular", 22)
        page = open_page(console, "account", account="regular")
        rows = page.get_by_role("table", name="Ledger, newest first").locator("tbody tr")
        expect(rows).to_have_count(20)
        page.get_by_role("button", name="Show more").press("Enter")
        expect(rows).to_have_count(22)
        expect(rows.nth(20)).to_be_focused()
        expect(rows.last.locator("td").nth(2)).to_have_text("2")

    @pytest.mark.long
    def test_an_entry_says_what_it_was_for(self, console: Console, open_page: OpenPage) -> None:
        """A grant shows its reason where it has one, and a generation opens with its prompt."""
        grant(console, "customer", 1)
        body = {"userId": "customer", "model": "model-a", "style": "anime", "color": "neon", "size": "512x512"}
        console.call("createGenerationRequest", body | {"prompt": "a fox"})
        page = open_page(console, "account")

        def give_a_reason(route: Route) -> None:
            answer = route.fetch()
            changed = answer.json()
            for entry in changed["transactions"]:
                if entry["type"] == "grant":
                    entry["reason"] = "a good customer"
            route.fulfill(response=answer, json=changed)

        page.route("**/api/getUserCredits?*", give_a_reason)
        page.get_by_label("Account", exact=True).fill("customer")
        page.get_by_label("Account", exact=True).press("Enter")
        rows = page.get_by_role("table", name="Ledger, newest first").locator("tbody tr")
        expect(rows.nth(1).locator("td").last).to_contain_text("a good customer")
        rows.first.get_by_role("button", name="Show generation").press("Enter")
        expect(page.get_by_role("dialog")).to_contain_text("a fox")
        page.keyboard.press("Escape")
        expect(rows.first.get_by_role("button", name="Show generation")).to_be_focused()

    @pytest.mark.long
    @pytest.mark.parametrize("width", [360, 1280])
    def test_a_refund_says_why_and_opens_its_generation(
        self, failing_console: Console, open_page: OpenPage, watch: Watch, width: int
    ) -> None:
        """A refund has its reason in plain words and its generation, in view on a phone too."""
        account = f"refunded-{width}"
        grant(failing_console, account, 1)
        body = {"userId": account, "model": "model-a", "style": "anime", "color": "neon", "size": "512x512"}
        with pytest.raises(HTTPError):
            failing_console.call("createGenerationRequest", body | {"prompt": "a fox"})
        page = open_page(failing_console, "account", account=account, width=width)
        rows = page.get_by_role("table", name="Ledger, newest first").locator("tbody tr")
        expect(rows.first).to_contain_text("The model failed.")
        assert page.locator(".ledger .table").evaluate("place => place.scrollWidth - place.clientWidth") == 0
        rows.first.get_by_role("button", name="Show generation").click()
        expect(page.get_by_role("dialog")).to_contain_text("a fox")

    @pytest.mark.long
    def test_an_unknown_account_is_reported(self, console: Console, open_page: OpenPage, watch: Watch) -> None:
        """The field has an error, and other accounts are offered."""
        watch.expect_refusal(404)
        page = open_page(console, "account", account="nobody-at-all")
        account = page.get_by_label("Account", exact=True)
        expect(account).to_have_attribute("aria-invalid", "true")
        expect(page.locator("[data-field=account] .fault")).to_have_text("No such account")
        expect(page.get_by_label("Balance", exact=True)).to_have_text("\N{EN DASH}")
        expect(page.locator("main")).to_contain_text("There is no account nobody-at-all yet")
        expect(page.get_by_role("alert")).to_have_count(0)
        page.get_by_role("group", name="Accounts to choose from").get_by_role("button").first.click()
        expect(account).not_to_have_attribute("aria-invalid", "true")
        expect(page.get_by_label("Balance", exact=True)).to_contain_text("credits")

    @pytest.mark.long
    def test_accounts_are_found_by_their_beginning(self, console: Console, open_page: OpenPage) -> None:
        """Of more than fifty accounts those that fit what is typed are offered, and among all the richest."""
        for number in range(60):
            console.call(
                "grantCredits",
                {"userId": f"many-{number:02}", "credits": 1 if number < 59 else 950_000},
                **{"Idempotency-Key": f"many-{number}"},
            )
        console.write("users", {"many-text": {"credits": "many"}})
        page = open_page(console, "account")
        offered = page.get_by_role("group", name="Accounts to choose from").get_by_role("button")
        expect(offered.filter(has_text="many-59 950,000 credits")).to_be_visible()
        expect(offered.filter(has_text="many-text")).to_have_count(0)
        with page.expect_response("**/documents:runQuery") as asked:
            page.get_by_label("Account", exact=True).press_sequentially("many-5")
        assert len(asked.value.body()) < 15_000
        options = page.locator("#known-accounts option")
        expect(options).to_have_count(10)
        assert options.first.get_attribute("value") == "many-50"

    @pytest.mark.long
    def test_an_emptied_field_has_no_balance(self, console: Console, open_page: OpenPage) -> None:
        """Without an account there is no balance of the one before."""
        page = open_page(console, "account", account="testUser2")
        expect(page.get_by_label("Balance", exact=True)).to_contain_text("credits")
        page.get_by_label("Account", exact=True).fill("")
        page.get_by_label("Account", exact=True).press("Enter")
        expect(page.get_by_label("Balance", exact=True)).to_have_text("\N{EN DASH}")


class TestGrants:
    def test_credits_are_granted(self, console: Console, open_page: OpenPage) -> None:
        """A grant raises the balance and is in the ledger."""
        grant(console, "lucky", 1)
        page = open_page(console, "account", account="lucky")
        form = page.locator("section", has=page.get_by_role("heading", name="Grant credits"))
        form.get_by_label("Credits").fill("40")
        form.get_by_role("button", name="Grant credits").press("Enter")
        expect(form).to_contain_text("40 credits granted: lucky has 42 credits.")
        expect(form.get_by_role("button", name="Grant credits")).to_be_focused()
        expect(page.get_by_label("Balance", exact=True)).to_have_text("42 credits")
        expect(page.get_by_role("table", name="Ledger, newest first").locator("tbody tr")).to_have_count(2)

    @pytest.mark.long
    def test_a_grant_does_not_scroll_the_page(self, console: Console, open_page: OpenPage) -> None:
        """The old ledger stays until the new one is loaded, and the result is in view."""
        grant(console, "veteran", 25)
        page = open_page(console, "account", account="veteran")
        rows = page.get_by_role("table", name="Ledger, newest first").locator("tbody tr")
        expect(rows).to_have_count(20)
        form = page.locator("section", has=page.get_by_role("heading", name="Grant credits"))
        held: list[Route] = []
        is_held = [True]
        page.route("**/api/getUserCredits?*", lambda route: held.append(route) if is_held else route.continue_())
        form.get_by_role("button", name="Grant credits").scroll_into_view_if_needed()
        before = page.evaluate("scrollY")
        form.get_by_role("button", name="Grant credits").click()
        expect(form.get_by_text("50 credits granted")).to_be_in_viewport()
        expect(rows).to_have_count(20)
        expect(page.locator(".skeleton")).to_have_count(0)
        # The ledger is read once the balance is known.
        is_held.clear()
        for route in held:
            route.continue_()
        expect(rows.first.locator("td").nth(1)).to_have_text("+50")
        assert page.evaluate("scrollY") == before

    @pytest.mark.long
    def test_a_grant_needs_an_account(self, console: Console, open_page: OpenPage) -> None:
        """Without an account nothing is sent, and the account field gets the focus."""
        page = open_page(console, "account")
        page.get_by_role("button", name="Grant credits").click()
        expect(page.locator("[data-field=account] .fault")).to_have_text("Choose an account.")
        expect(page.get_by_label("Account", exact=True)).to_be_focused()

    @pytest.mark.long
    def test_an_account_is_created(self, console: Console, open_page: OpenPage, watch: Watch) -> None:
        """A new account is listed and shown with its opening credits."""
        watch.expect_refusal(404)
        page = open_page(console, "accounts")
        form = page.locator("section", has=page.get_by_role("heading", name="Create account"))
        form.get_by_label("Name").fill("newcomer")
        form.get_by_role("button", name="Create account").click()
        expect(page.locator("#announcer")).to_have_text("Account newcomer is open with 50 credits.")
        expect(page.get_by_role("heading", level=1, name="Account", exact=True)).to_be_focused()
        page.wait_for_url(lambda url: url.endswith("#account/newcomer"))
        expect(page.get_by_label("Account", exact=True)).to_have_value("newcomer")
        expect(page.locator("#known-accounts option[value=newcomer]")).to_have_count(1)
        expect(page.get_by_label("Balance", exact=True)).to_have_text("50 credits")
        expect(page.get_by_role("table", name="Ledger, newest first").locator("tbody tr")).to_have_count(1)
        page.get_by_role("link", name="All accounts").click()
        page.get_by_label("Account", exact=True).fill("newc")
        expect(page.get_by_role("link", name="newcomer")).to_be_visible()

    @pytest.mark.long
    def test_an_account_is_not_created_twice(self, console: Console, open_page: OpenPage) -> None:
        """The name of another account is refused at the field, and the other account is granted no credits."""
        grant(console, "taken", 1)
        page = open_page(console, "accounts")
        form = page.locator("section", has=page.get_by_role("heading", name="Create account"))
        form.get_by_label("Name").fill("taken")
        form.get_by_role("button", name="Create account").click()
        fault = "There is an account of this name; grant credits to it instead."
        expect(form.locator("[data-field=userId] .fault")).to_have_text(fault)
        expect(form.get_by_label("Name")).to_be_focused()
        assert console.document("users/taken")["credits"] == {"integerValue": "2"}

    @pytest.mark.long
    def test_an_error_is_beside_its_field(self, console: Console, open_page: OpenPage) -> None:
        """Errors that the page can find are shown at their fields before sending, until the field is edited."""
        page = open_page(console, "accounts")
        form = page.locator("section", has=page.get_by_role("heading", name="Create account"))
        form.get_by_label("Credits").fill("1000001")
        form.get_by_role("button", name="Create account").click()
        faults = form.locator(".fault")
        expect(faults).to_have_text(["Give the account a name.", "Give a whole number from 1 to 1,000,000."])
        expect(form.get_by_label("Name")).to_be_focused()
        expect(page.get_by_role("alert")).to_have_count(0)
        form.get_by_label("Name").fill("somebody")
        expect(faults.first).to_be_hidden()
        expect(form.get_by_label("Name")).not_to_have_attribute("aria-invalid", "true")
        expect(faults.last).to_be_visible()

    @pytest.mark.long
    def test_an_error_of_the_server_is_beside_its_field(
        self, console: Console, open_page: OpenPage, watch: Watch
    ) -> None:
        """An invalid reason is an error of the reason field only."""
        watch.expect_refusal(400)
        page = open_page(console, "account", account="testUser2")
        form = page.locator("section", has=page.get_by_role("heading", name="Grant credits"))
        form.get_by_label("Reason").fill("a\x01b")
        form.get_by_role("button", name="Grant credits").click()
        expect(form.locator("[data-field=reason] .fault")).to_contain_text("without control characters")
        expect(page.get_by_role("alert")).to_have_count(0)


class TestWebhookSecret:
    def test_it_is_shown_on_request(self, console: Console, open_page: OpenPage) -> None:
        """The secret of the chosen account is shown when asked for, and hidden when another account is chosen."""
        for user_id in ("receiver", "another"):
            grant(console, user_id, 1)
        page = open_page(console, "account", account="receiver")
        secret = console.call("getWebhookSecret", {"userId": "receiver"})["secret"]
        expect(page.get_by_text("whsec_")).to_have_count(0)
        page.get_by_role("button", name="Show secret").press("Enter")
        expect(page.get_by_text(secret, exact=True)).to_be_visible()
        rotated = console.call("rotateWebhookSecret", {"userId": "receiver"}, **{"Idempotency-Key": "1"})
        page.get_by_role("button", name="Show secret").press("Enter")
        expect(page.get_by_text(rotated["secret"], exact=True)).to_be_visible()
        expect(page.get_by_text(secret, exact=True)).to_be_visible()
        page.get_by_label("Account", exact=True).fill("another")
        page.get_by_label("Account", exact=True).press("Enter")
        expect(page.get_by_text("whsec_")).to_have_count(0)
