"""The page for operators."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage, Watch
from tests.browser.console import Console


class TestOperations:
    def test_a_failure_rate_is_set_and_reset(self, console: Console, open_page: OpenPage) -> None:
        """A saved rate is in the model's settings, which clients cannot read; the default removes the field."""
        page = open_page(console, "operations")
        page.get_by_label("Model B, %", exact=True).fill("0")
        page.get_by_role("button", name="Save the failure rate of Model B").click()
        expect(page.get_by_text("Saved: 0 %.")).to_be_visible()
        assert console.document("modelSettings/model-b")["failureRate"] == {"doubleValue": 0}
        page.get_by_role("button", name="Use the default failure rate for Model B").click()
        expect(page.get_by_text("The default applies.")).to_be_visible()
        assert sorted(console.document("modelSettings/model-b")) == ["provider"]
        assert sorted(console.document("models/model-b")) == ["enabled", "name"]

    @pytest.mark.long
    def test_the_rates_stay_in_line(self, console: Console, open_page: OpenPage) -> None:
        """The note of a saved rate leaves the controls of the other model beside it where they are."""
        page = open_page(console, "operations")
        page.get_by_role("button", name="Use the default failure rate for Model B").click()
        expect(page.get_by_text("The default applies.")).to_be_visible()
        tops = [page.get_by_label(f"Model {name}, %", exact=True).bounding_box() for name in "AB"]
        assert tops[0]
        assert tops[1]
        assert tops[0]["y"] == tops[1]["y"]

    @pytest.mark.long
    def test_a_failure_rate_is_shown_as_it_was_typed(self, console: Console, open_page: OpenPage) -> None:
        """7% is shown as 7, although 0.07 * 100 is not exactly 7 in floating point."""
        page = open_page(console, "operations")
        page.get_by_label("Model B, %", exact=True).fill("7")
        page.get_by_role("button", name="Save the failure rate of Model B").press("Enter")
        expect(page.get_by_text("Saved: 7 %.")).to_be_visible()
        expect(page.get_by_role("button", name="Save the failure rate of Model B")).to_be_focused()
        page.reload()
        expect(page.get_by_label("Model B, %", exact=True)).to_have_value("7")
        page.get_by_role("button", name="Use the default failure rate for Model B").click()
        expect(page.get_by_text("The default applies.")).to_be_visible()

    @pytest.mark.long
    def test_expired_generations_are_reconciled(self, console: Console, open_page: OpenPage) -> None:
        """The button fires the trigger and says what the run did, and the call is in the list of recent calls."""
        page = open_page(console, "operations")
        page.get_by_role("button", name="Reconcile now").click()
        expect(page.get_by_text("Done: nothing was overdue.")).to_be_visible()
        calls = page.get_by_role("table", name="Recent calls, newest first")
        expect(calls.get_by_role("row", name="reconcile").first).to_contain_text("200")

    @pytest.mark.long
    def test_a_run_of_reconcile_says_what_it_did(self, console: Console, open_page: OpenPage) -> None:
        """The figures of its answer are told, without those that are zero."""
        page = open_page(console, "operations")
        figures = {"refunded": 1, "takenBack": 0, "enqueued": 2, "picturesDeleted": 0, "webhooksEnqueued": 0}
        headers = {"Access-Control-Allow-Origin": "*"}
        page.route("**/triggers/us-central1-reconcile-0", lambda route: route.fulfill(json=figures, headers=headers))
        page.get_by_role("button", name="Reconcile now").click()
        expect(page.get_by_text("Done: 1 generation refunded, 2 tasks enqueued again.")).to_be_visible()

    @pytest.mark.long
    def test_a_run_of_reconcile_that_failed_leads_to_its_log(
        self, console: Console, open_page: OpenPage, watch: Watch
    ) -> None:
        """The error has the id of the run, which leads to the reasons."""
        watch.expect_refusal(500)
        page = open_page(console, "operations")
        error = {"error": {"code": 500, "message": "An internal error occurred.", "details": []}}
        headers = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "X-Request-Id"}
        headers |= {"X-Request-Id": "run-1"}
        page.route(
            "**/triggers/us-central1-reconcile-0",
            lambda route: route.fulfill(status=500, json=error, headers=headers),
        )
        page.get_by_role("button", name="Reconcile now").click()
        expect(page.get_by_role("alert")).to_contain_text("An internal error occurred.")
        expect(page.get_by_role("link", name="run-1")).to_have_attribute("href", "#operations/run-1")

    def test_the_books_are_verified(
        self, console: Console, open_page: OpenPage, keep_screenshot: Callable[[Page, str], None]
    ) -> None:
        """All accounts are checked, and the result is shown."""
        page = open_page(console, "operations")
        page.get_by_role("button", name="Verify the books").press("Enter")
        expect(page.get_by_text("The books balance.", exact=True).first).to_be_visible()
        expect(page.get_by_role("button", name="Verify the books")).to_be_focused()
        expect(page.locator(".facts")).to_contain_text("Ledger entries")
        keep_screenshot(page, "operations")

    @pytest.mark.long
    def test_the_last_audit_is_shown(self, console: Console, open_page: OpenPage) -> None:
        """Before the first audit the card says so; then it shows its result, with what is wrong."""
        page = open_page(console, "create")
        figures = {"accounts": 1234, "entries": 9, "generations": 4, "overdue": 0, "openedCredits": 1}
        figures |= {"grantedCredits": 0, "deductedCredits": 0, "refundedCredits": 0, "heldCredits": 1}
        audit: dict[str, object] = {
            "startedAt": "2026-11-21T03:00:00Z",
            "updatedAt": "2026-11-21T03:05:00Z",
            "endedAt": "2026-11-21T03:05:00Z",
            "figures": figures,
            "breachCount": 0,
            "breaches": [],
            "unverifiedCount": 0,
            "unverified": [],
        }
        faults = {
            "endedAt": None,
            "breachCount": 1,
            "breaches": [{"kind": "BALANCE_WRONG", "userId": "ada", "where": None, "message": "off by 1"}],
            "unverifiedCount": 1,
            "unverified": [{"userId": "bob", "message": "Unavailable while its documents were read"}],
        }
        answers = [None, audit, audit | faults]
        page.route("**/api/getAudit", lambda route: route.fulfill(json={"audit": answers[len(told)]}))
        told: list[str] = []
        while True:
            page.get_by_role("link", name="Operations").click()
            shown = page.locator(".audit p")
            expect(shown).to_be_visible()
            told.append(" ".join(shown.inner_text().split()))
            if len(told) == len(answers):
                break
            page.get_by_role("link", name="Create").click()
            expect(shown).to_have_count(0)
        assert told[0] == "There was no nightly audit yet."
        assert told[1].endswith("1,234 accounts, no breach.")
        assert "not finished" in told[2]
        assert told[2].endswith("1,234 accounts, 1 breaches, 1 accounts not verified.")
        expect(page.get_by_role("table", name="Breaches")).to_contain_text("off by 1")
        expect(page.get_by_role("table", name="Not verified")).to_contain_text("bob")


class TestRecentCalls:
    @pytest.mark.long
    def test_reads_and_writes_are_shown_where_known(self, console: Console, open_page: OpenPage) -> None:
        """The cost of a call has its own columns; an unknown cost is a dash."""
        page = open_page(console, "create")
        page.route("**/__/calls", lambda route: route.fulfill(json={"calls": [_call(1), _call(2, reads=3, writes=2)]}))
        page.get_by_role("link", name="Operations").click()
        table = page.get_by_role("table", name="Recent calls, newest first")
        expect(table.locator("thead th")).to_contain_text(["Reads", "Writes", "Request"])
        cells = table.locator("tbody tr").nth(1).locator("td")
        assert cells.all_inner_texts()[4:7] == ["2 ms", "3", "2"]
        assert table.locator("tbody tr").first.locator("td").all_inner_texts()[4:7] == [
            "1 ms",
            "\N{EN DASH}",
            "\N{EN DASH}",
        ]

    @pytest.mark.long
    def test_an_unknown_cost_has_no_columns(self, console: Console, open_page: OpenPage) -> None:
        """Without any known cost there are no cost columns, until a call has one."""
        page = open_page(console, "create")
        calls = [_call(1)]
        page.route("**/__/calls", lambda route: route.fulfill(json={"calls": calls}))
        page.get_by_role("link", name="Operations").click()
        head = page.get_by_role("table", name="Recent calls, newest first").locator("thead")
        expect(head).not_to_contain_text("Reads")
        calls.insert(0, _call(2, reads=1, writes=0))
        expect(head).to_contain_text("Reads")

    @pytest.mark.long
    def test_a_shared_cost_says_why(self, console: Console, open_page: OpenPage) -> None:
        """A call that ran beside another one has no cost of its own, and the page says so."""
        page = open_page(console, "create")
        calls: list[dict[str, object]] = [_call(1, reads=1, writes=0)]
        page.route("**/__/calls", lambda route: route.fulfill(json={"calls": calls}))
        page.get_by_role("link", name="Operations").click()
        rows = page.get_by_role("table", name="Recent calls, newest first").locator("tbody tr")
        expect(rows).to_have_count(1)
        expect(page.get_by_text("ran beside others")).to_have_count(0)
        calls.insert(0, _call(2) | {"overlapped": True})
        expect(rows).to_have_count(2)
        assert rows.first.locator("td").all_inner_texts()[4:7] == ["2 ms", "shared", "shared"]
        expect(page.get_by_text("Shared: the call ran beside others")).to_be_visible()

    @pytest.mark.long
    def test_what_the_console_reads_is_listed_on_demand(self, console: Console, open_page: OpenPage) -> None:
        """Its own polling does not fill the list; what is done by its buttons, and calls of programs, are there."""
        page = open_page(console, "account", account="testUser2")
        page.get_by_role("link", name="Operations").click()
        page.get_by_role("button", name="Reconcile now").click()
        calls = page.get_by_role("table", name="Recent calls, newest first")
        expect(calls.get_by_role("row", name="reconcile").first).to_be_visible()
        expect(calls.get_by_role("row", name="getAudit")).to_have_count(0)
        page.get_by_label("Also what this console reads for itself").check()
        expect(calls.get_by_role("row", name="getAudit").first).to_be_visible()

    def test_an_error_leads_to_its_call(self, console: Console, open_page: OpenPage, watch: Watch) -> None:
        """The id of a call that failed opens the call, with the log line that says why."""
        watch.expect_refusal(500)
        console.write("users", {"broken": {"credits": "many"}})
        page = open_page(console, "account", account="broken")
        link = page.get_by_role("alert").get_by_role("link").first
        request_id = link.inner_text()
        link.click()
        expect(page).to_have_url(f"{console.url}/#operations/{request_id}")
        found = page.locator(".card", has=page.get_by_role("heading", name="Request"))
        expect(found.locator(".facts").first).to_contain_text("GET getUserCredits")
        expect(found.locator(".facts").first).to_contain_text("500")
        expect(found.get_by_role("region", name="Log lines")).to_contain_text("ERROR")
        expect(found.get_by_role("region", name="Log lines")).to_contain_text(request_id)

    @pytest.mark.long
    def test_a_forgotten_call_is_said_to_be_forgotten(self, console: Console, open_page: OpenPage) -> None:
        """For an id that the host does not know, the page says so, and leads back."""
        page = open_page(console, "operations/unknown")
        expect(page.get_by_text("The host has forgotten this call.")).to_be_visible()
        page.get_by_role("link", name="Back to all calls").click()
        expect(page.get_by_text("The host has forgotten this call.")).to_have_count(0)

    @pytest.mark.long
    def test_deployed_an_id_leads_to_cloud_logging(self, console: Console, open_page: OpenPage) -> None:
        """Where there is no development host, the page shows the filter that finds the call."""
        page = open_page(console, "create")
        page.route("**/__/firebase/init.json", lambda route: route.fulfill(json={"projectId": "p", "apiKey": "k"}))
        page.goto("about:blank")
        page.goto(f"{console.url}/#operations/abc-1")
        expect(page.get_by_text('jsonPayload.requestId="abc-1"')).to_be_visible()
        expect(page.get_by_role("button", name="Reconcile now")).to_have_count(0)

    @pytest.mark.long
    def test_an_update_leaves_the_table_where_it_is(self, console: Console, open_page: OpenPage) -> None:
        """The table keeps its scroll position and the focus when another call is listed."""
        page = open_page(console, "create")
        calls = [_call(number) for number in range(60)]

        def answer(route: Route) -> None:
            route.fulfill(json={"calls": calls})

        page.route("**/__/calls", answer)
        page.get_by_role("link", name="Operations").click()
        region = page.get_by_role("region", name="Recent calls, newest first")
        region.focus()
        region.evaluate("element => { element.scrollTop = 200; }")
        calls.insert(0, _call(999))
        expect(region).to_contain_text("999 ms")
        expect(region).to_be_focused()
        assert region.evaluate("element => element.scrollTop") == 200
        heights = "element => [element, element.querySelector('th')].map((each) => each.getBoundingClientRect().top)"
        top, head = region.evaluate(heights)
        assert head == top


def _call(number: int, **cost: int) -> dict[str, object]:
    made = {"at": "2026-11-21T12:00:00+00:00", "method": "GET", "function": "getCatalog", "status": 200}
    made |= {"durationMs": number, "requestId": f"request-{number}"}
    return made | ({"firestore": cost} if cost else {})
