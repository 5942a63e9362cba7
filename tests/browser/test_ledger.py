"""The ledger of an account: its filters, its totals, and the file of its entries."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import OpenPage, Watch
from tests.browser.console import Console

REQUEST = {"model": "model-a", "style": "anime", "color": "neon", "size": "512x512", "prompt": "a fox"}


def open_account(console: Console, user_id: str, grants: int = 2) -> str:
    """Open an account with grants of 10 credits and one picture."""
    for number in range(grants):
        key = {"Idempotency-Key": f"{user_id}-{number}"}
        console.call("grantCredits", {"userId": user_id, "credits": 10, "reason": f"order {number}"}, **key)
    console.call("createGenerationRequest", REQUEST | {"userId": user_id})
    return user_id


def rows(page: Page) -> Locator:
    return page.get_by_role("table", name="Ledger, newest first").locator("tbody tr")


def saved(page: Page) -> str:
    """Save the ledger and return the text of the file."""
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Save as CSV").press("Enter")
    return downloading.value.path().read_bytes().decode()


class TestFilters:
    @pytest.mark.long
    def test_by_type(self, console: Console, open_page: OpenPage) -> None:
        """A type shows its entries with the balances as they were, and the totals are those of what is shown."""
        page = open_page(console, "account", account=open_account(console, "sorter"))
        totals = page.get_by_role("list", name="Totals of the ledger").get_by_role("listitem")
        expect(totals).to_have_text(
            ["1 deduction: \N{MINUS SIGN}1", "0 refunds: ±0", "2 grants: +20", "0 revocations: ±0", "Together: +19"]
        )
        page.get_by_label("Type", exact=True).focus()
        page.get_by_label("Type", exact=True).select_option("grant")
        expect(rows(page)).to_have_count(2)
        assert rows(page).locator("td:nth-child(3)").all_inner_texts() == ["20", "10"]
        totals = page.get_by_role("list", name="Totals of what fits").get_by_role("listitem")
        expect(totals).to_have_text(["2 grants: +20", "Together: +20"])
        expect(page.get_by_label("Type", exact=True)).to_be_focused()
        page.get_by_label("Type", exact=True).select_option("refund")
        expect(page.locator(".ledger")).to_contain_text("Nothing fits")

    @pytest.mark.long
    def test_by_day(self, console: Console, open_page: OpenPage) -> None:
        """Days are whole ones, the last included, of the browser's clock."""
        page = open_page(console, "account", account=open_account(console, "diarist"))
        expect(rows(page)).to_have_count(3)
        today = page.evaluate("new Date().toLocaleDateString('sv')")
        tomorrow = str(datetime.fromisoformat(today).date() + timedelta(days=1))
        yesterday = str(datetime.fromisoformat(today).date() - timedelta(days=1))
        since, until = page.get_by_label("From", exact=True), page.get_by_label("To", exact=True)
        since.fill(today)
        until.fill(today)
        expect(page.get_by_role("img", name="Balance over time")).to_have_attribute(
            "aria-label", "Balance over time. 19 credits at the end, from 0, over 3 entries."
        )
        expect(rows(page)).to_have_count(3)
        since.fill(tomorrow)
        until.fill("")
        expect(page.locator(".ledger")).to_contain_text("Nothing fits")
        since.fill("")
        until.fill(yesterday)
        expect(page.locator(".ledger")).to_contain_text("Nothing fits")
        until.fill("")
        expect(rows(page)).to_have_count(3)

    @pytest.mark.long
    def test_a_refused_filter_can_be_changed(self, console: Console, open_page: OpenPage, watch: Watch) -> None:
        """A date that the server refuses shows its error below the filters."""
        watch.expect_refusal(400)
        page = open_page(console, "account", account=open_account(console, "dreamer"))
        expect(rows(page)).to_have_count(3)
        page.get_by_label("To", exact=True).fill("9999-12-31")
        expect(page.get_by_role("alert")).to_contain_text("createdBefore")
        page.get_by_label("To", exact=True).fill("12345-01-01")
        expect(page.get_by_role("alert")).to_contain_text("a year with four digits")
        page.get_by_label("To", exact=True).fill("")
        expect(rows(page)).to_have_count(3)

    @pytest.mark.long
    def test_a_filtered_ledger_is_live(self, console: Console, open_page: OpenPage) -> None:
        """A new entry that fits comes first, one that does not stays away, and the totals follow."""
        page = open_page(console, "account", account=open_account(console, "watchful", grants=22))
        page.get_by_label("Type", exact=True).select_option("grant")
        totals = page.get_by_role("list", name="Totals of what fits")
        expect(totals.get_by_role("listitem")).to_have_text(["22 grants: +220", "Together: +220"])
        page.get_by_role("button", name="Show more").click()
        expect(rows(page)).to_have_count(22)
        console.call("createGenerationRequest", REQUEST | {"userId": "watchful"})
        key = {"Idempotency-Key": "watchful-more"}
        console.call("grantCredits", {"userId": "watchful", "credits": 5, "reason": "gift"}, **key)
        expect(totals).to_contain_text("23 grants: +225")
        expect(rows(page)).to_have_count(23)
        expect(rows(page).first).to_contain_text("gift")


class TestFile:
    def test_all_pages_of_what_fits_are_saved(self, console: Console, open_page: OpenPage) -> None:
        """The file has each entry that fits once, newest first, whichever are shown; spreadsheets read no formula."""
        user_id = open_account(console, "exporter", grants=3)
        for number, reason in enumerate(['=1+1,"x"', "-2", "@SUM(A1)", "+1", "  = a", 'say "hi", then'], start=7):
            key = {"Idempotency-Key": f"exporter-reason-{number}"}
            console.call("grantCredits", {"userId": user_id, "credits": number, "reason": reason}, **key)
        page = open_page(console, "account", account=user_id)
        # A page of two shows that there are several.
        page.route("**/api/getUserCredits?*pageSize=200*", lambda route: route.continue_(url=small(route)))
        page.get_by_label("Type", exact=True).select_option("grant")
        expect(rows(page)).to_have_count(9)
        text = saved(page)
        assert text.count("\r\n") == 10
        table = list(csv.reader(io.StringIO(text, newline="")))
        assert table[0] == ["timestamp", "type", "credits", "balanceAfter", "reason", "generationRequestId", "id"]
        assert [row[4] for row in table[1:]] == [
            *['say "hi", then', "'= a", "'+1", "'@SUM(A1)", "'-2", '\'=1+1,"x"'],
            *["order 2", "order 1", "order 0"],
        ]
        assert [int(row[2]) for row in table[1:]] == [12, 11, 10, 9, 8, 7, 10, 10, 10]
        assert [row[1] for row in table[1:]] == ["grant"] * 9
        assert abs(datetime.fromisoformat(table[1][0]) - datetime.now(UTC)) < timedelta(hours=1)
        expect(page.get_by_text("9 entries saved.")).to_be_visible()

    @pytest.mark.long
    def test_a_long_ledger_says_how_far_it_is(self, console: Console, open_page: OpenPage) -> None:
        """While pages are read, the page counts the entries."""
        page = open_page(console, "account", account=open_account(console, "archivist", grants=4))
        second: list[Route] = []

        def answer(route: Route) -> None:
            if "pageToken" in route.request.url and not second:
                second.append(route)
            else:
                route.continue_(url=small(route))

        page.route("**/api/getUserCredits?*pageSize=200*", answer)
        expect(rows(page)).to_have_count(5)
        page.get_by_role("button", name="Save as CSV").click()
        expect(page.get_by_text("2 of 5 entries …")).to_be_visible()
        second[0].continue_(url=small(second[0]))
        expect(page.get_by_text("5 entries saved.")).to_be_visible()

    @pytest.mark.long
    @pytest.mark.parametrize(
        ("values", "line"),
        [
            (["a", 1, None], "a,1,\r\n"),
            (["a,b", 'say "x"', "two\nlines"], '"a,b","say ""x""","two\nlines"\r\n'),
            (["=1", "+1", "-1", "@a", "\tb", "\rc"], "'=1,'+1,'-1,'@a,'\tb,\"'\rc\"\r\n"),
            ([-1, "a=1"], "-1,a=1\r\n"),
        ],
    )
    def test_a_line(self, console: Console, open_page: OpenPage, values: list[object], line: str) -> None:
        """A line is as RFC 4180 has it; a text that begins as a formula gets an apostrophe, a number does not."""
        page = open_page(console, "accounts")
        script = "async (values) => (await import('/pages/account/csv.js')).line(values)"
        assert page.evaluate(script, values) == line


def small(route: Route) -> str:
    return route.request.url.replace("pageSize=200", "pageSize=2")


class TestUndo:
    @pytest.mark.long
    def test_a_grant_is_taken_back(self, console: Console, open_page: OpenPage) -> None:
        """It is asked for once, then the ledger has both entries, and the grant no button."""
        page = open_page(console, "account", account=open_account(console, "regret"))
        undo = page.get_by_role("button", name="Undo the grant of 10 credits")
        expect(undo).to_have_count(2)
        undo.first.click()
        dialog = page.get_by_role("dialog", name="Take back 10 credits?")
        dialog.get_by_role("button", name="Keep it").click()
        expect(dialog).to_have_count(0)
        undo.first.press("Enter")
        dialog.get_by_role("button", name="Take back").click()
        expect(rows(page).first).to_contain_text("Taken back: order 1")
        expect(page.get_by_label("Balance", exact=True)).to_have_text("9 credits")
        expect(undo).to_have_count(1)

    @pytest.mark.long
    def test_a_grant_that_is_spent_is_kept(self, console: Console, open_page: OpenPage, watch: Watch) -> None:
        """The dialog says that the account has fewer credits, and nothing changes."""
        watch.expect_refusal(409)
        page = open_page(console, "account", account=open_account(console, "spender", grants=1))
        page.get_by_role("button", name="Undo the grant of 10 credits").click()
        dialog = page.get_by_role("dialog", name="Take back 10 credits?")
        dialog.get_by_role("button", name="Take back").click()
        expect(dialog.get_by_role("alert")).to_contain_text("fewer than the grant of 10")
        dialog.get_by_role("button", name="Keep it").click()
        expect(rows(page)).to_have_count(2)
