"""The page of the weekly reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser import console as consoles
from tests.browser.axe import serious_faults
from tests.browser.conftest import OpenPage
from tests.browser.console import Console


@pytest.fixture
def empty(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with consoles.running(tmp_path_factory.mktemp("empty")) as running:
        yield running


class TestReports:
    def test_the_first_report_is_run_from_the_page(self, empty: Console, open_page: OpenPage) -> None:
        """Without a report the page says so; the button writes the report of the last whole week."""
        page = open_page(empty, "reports")
        expect(page.get_by_text("No report yet")).to_be_visible()
        expect(page.get_by_text("make history")).to_be_visible()
        page.get_by_role("button", name="Run the report now").press("Enter")
        expect(page.get_by_text("The report of the last whole week is written.")).to_be_visible()
        expect(page.get_by_label("Week", exact=True).locator("option")).to_have_count(2)
        expect(page.get_by_role("button", name="Run the report now")).to_be_focused()
        expect(page.locator("main")).to_contain_text("Not judged yet")
        expect(page.get_by_text("One week so far")).to_be_visible()
        expect(page.locator(".plot")).to_have_count(0)

    @pytest.mark.long
    def test_a_history_is_filled_from_the_page(self, empty: Console, open_page: OpenPage) -> None:
        """A button fills nine weeks and shows the latest report; it stays visible while others load."""
        page = open_page(empty, "reports")
        page.get_by_role("button", name="Fill nine weeks").click()
        expect(page.get_by_text("Nine weeks of requests are there")).to_be_visible(timeout=60_000)
        expect(page.get_by_label("Week", exact=True).locator("option")).to_have_count(10)
        expect(page.locator(".anomaly").first).to_contain_text("failed")
        held: list[Route] = []
        page.route("**/api/listWeeklyReports?*", lambda route: held.append(route))
        page.get_by_role("button", name="Run the report now").click()
        expect(page.locator("[aria-busy=true]")).to_have_count(1)
        expect(page.locator(".skeleton")).to_have_count(0)
        expect(page.locator(".anomaly").first).to_contain_text("failed")
        for route in held:
            route.continue_()
        expect(page.get_by_text("The report of the last whole week is written.")).to_be_visible()

    @pytest.mark.long
    def test_the_latest_week_starts_with_its_anomalies(
        self, history: Console, open_page: OpenPage, keep_screenshot: Callable[[Page, str], None]
    ) -> None:
        """The planted anomaly is on top with its sentence, and its week is marked in its plot."""
        page = open_page(history, "reports")
        expect(page.locator(".anomaly").first).to_contain_text("Model B failed")
        latest = page.get_by_label("Week", exact=True).input_value()
        for title, said in (("Success rate", f"unusual: {latest}"), ("Volume", "no week unusual")):
            plot = page.get_by_role("img", name=title)
            assert said in (plot.get_attribute("aria-label") or "")
            expect(plot.locator("canvas")).to_be_visible()
        for dimension in ("model", "style", "color", "size"):
            assert page.get_by_role("table", name=f"By {dimension}").locator("tbody tr").count() > 1
        keep_screenshot(page, "reports")

    @pytest.mark.long
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_axe_finds_nothing_serious_in_a_full_report(
        self, history: Console, open_page: OpenPage, scheme: str
    ) -> None:
        """Plots, tables and anomalies break no serious rule, and are not wider than a phone."""
        page = open_page(history, "reports", width=360, scheme=scheme)
        page.locator(".anomaly").first.wait_for()
        assert serious_faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == 360

    @pytest.mark.long
    def test_another_week_can_be_selected(self, history: Console, open_page: OpenPage) -> None:
        """Each of nine weeks can be selected, beside this one: its totals are its report's, and the plots mark it."""
        page = open_page(history, "reports")
        weeks = page.get_by_label("Week", exact=True)
        expect(weeks.locator("option")).to_have_count(10)
        earlier = str(weeks.locator("option").nth(4).get_attribute("value"))
        weeks.select_option(earlier)
        report = history.call("getWeeklyReport", {"week": earlier})
        expect(page.locator(".figure").first).to_contain_text(f"Requests{report['requests']}")
        expect(page.locator(".figures")).to_contain_text(f"Cancelled{report['cancelled']}")
        page.wait_for_url(lambda url: url.endswith(f"#reports/{earlier}"))
        plot = page.get_by_role("img", name="Volume")
        assert f"{report['requests']} in {earlier}" in (plot.get_attribute("aria-label") or "")
        expect(plot.locator(".u-legend")).to_contain_text(f"Week{earlier}")
        expect(plot.locator(".u-legend")).to_contain_text(f"Requests{report['requests']}")

    @pytest.mark.long
    def test_this_week_so_far(self, console: Console, open_page: OpenPage) -> None:
        """The running week can be selected, marked as not final; counted again it has what came since."""
        page = open_page(console, "reports")
        page.get_by_label("Week", exact=True).select_option("This week so far")
        expect(page.get_by_role("heading", name="Not final")).to_be_visible()
        before = console.call("getWeeklyReport", {"week": "current"})["requests"]
        expect(page.locator(".figure").first).to_have_text(f"Requests{before}")
        expect(page.get_by_text("Nothing unusual")).to_have_count(0)
        asked = {"userId": "testUser1", "model": "model-a", "style": "anime", "color": "neon", "size": "512x512"}
        console.call("createGenerationRequest", asked | {"prompt": "a fox"})
        page.get_by_role("button", name="Count again").click()
        expect(page.locator(".figure").first).to_have_text(f"Requests{before + 1}")
        page.reload()
        expect(page).to_have_url(f"{console.url}/#reports/current")
        expect(page.get_by_role("heading", name="Not final")).to_be_visible()

    @pytest.mark.long
    def test_an_anomaly_leads_to_its_failed_generations(self, history: Console, open_page: OpenPage) -> None:
        """The link lists those of its model and week, as many as the report counts, each with its reason."""
        page = open_page(history, "reports")
        anomaly = page.locator(".anomaly", has_text="Model B failed")
        week = page.get_by_label("Week", exact=True).input_value()
        anomaly.get_by_role("link", name="Show the failed generations").click()
        expect(page).to_have_url(f"{history.url}/#reports/{week}/failed/model/model-b")
        rows = page.get_by_role("table", name="Failed generations").locator("tbody tr")
        failed = history.call("getWeeklyReport", {"week": week})["byModel"]["model-b"]["failed"]
        expect(rows).to_have_count(failed)
        expect(rows.first).to_contain_text("The model failed.")
        assert set(rows.locator("td:nth-child(4)").all_inner_texts()) == {"Model B"}
        rows.first.get_by_role("button").click()
        expect(page.get_by_role("dialog")).to_contain_text("Failed")
        page.keyboard.press("Escape")
        page.get_by_role("link", name="Back to the report").click()
        expect(anomaly).to_be_visible()

    @pytest.mark.long
    def test_the_failed_generations_of_a_whole_week(self, history: Console, open_page: OpenPage) -> None:
        """They are loaded page by page, those of the week alone."""
        week = history.call("getWeeklyReport", {})["week"]
        page = open_page(history, "create")
        paged: list[str] = []

        def short(route: Route) -> None:
            paged.append(route.request.url)
            route.continue_(url=route.request.url.replace("pageSize=50", "pageSize=20"))

        page.route("**/api/listGenerationRequests?*status=failed*", short)
        page.goto(f"{history.url}/#reports/{week}/failed")
        rows = page.get_by_role("table", name="Failed generations").locator("tbody tr")
        expect(rows).to_have_count(20)
        page.get_by_role("button", name="Show more").click()
        expect(rows).to_have_count(40)
        page.get_by_role("button", name="Show more").click()
        expect(rows).to_have_count(history.call("getWeeklyReport", {"week": week})["failed"])
        assert len(paged) == 3

    @pytest.mark.long
    @pytest.mark.parametrize("address", ["x/failed", "2026-W46/failed/userId/ada"])
    def test_an_unknown_address_of_failures_is_a_week_without_a_report(
        self, history: Console, open_page: OpenPage, address: str
    ) -> None:
        """It shows the latest report, and says that the other one is not there."""
        page = open_page(history, f"reports/{address}")
        expect(page.get_by_text(f"There is no report of {address} here")).to_be_visible()

    @pytest.mark.long
    def test_a_second_history_is_no_error(self, history: Console, open_page: OpenPage) -> None:
        """Where the history is there already, the page says so without an alert."""
        page = open_page(history, "reports")
        page.get_by_role("button", name="Fill nine weeks").click()
        expect(page.get_by_text("There is a history already")).to_be_visible(timeout=60_000)
        expect(page.get_by_role("alert")).to_have_count(0)

    @pytest.mark.long
    def test_differences_are_good_or_bad(self, history: Console, open_page: OpenPage) -> None:
        """More failures are bad and a higher success rate is good, in colour too."""
        page = open_page(history, "reports")
        for title, good in (("Failed", "-"), ("Success rate", "+")):
            figure = page.locator(".figure", has=page.get_by_text(title, exact=True))
            gain = figure.locator(".difference").get_attribute("data-gain")
            is_good = figure.locator(".difference").inner_text()[0].replace("\N{MINUS SIGN}", "-") == good
            assert gain == ("1" if is_good else "-1")

    @pytest.mark.long
    def test_a_week_without_a_report_is_said_to_have_none(self, history: Console, open_page: OpenPage) -> None:
        """For a week that has no report the page says so before it shows the latest."""
        page = open_page(history, "reports/2020-W01")
        expect(page.get_by_text("There is no report of 2020-W01 here; this is the latest.")).to_be_visible()
        weeks = page.get_by_label("Week", exact=True)
        weeks.select_option(index=1)
        expect(page.get_by_text("There is no report of 2020-W01")).to_have_count(0)
