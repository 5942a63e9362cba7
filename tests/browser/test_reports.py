"""The page of the weekly reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import console as consoles
from tests.browser.axe import serious_faults
from tests.browser.conftest import OpenPage
from tests.browser.console import Console


@pytest.fixture(scope="module")
def history(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A `make dev` that `make history` has filled."""
    with consoles.running(tmp_path_factory.mktemp("history")) as running:
        running.fill_with_history()
        yield running


@pytest.fixture
def empty(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with consoles.running(tmp_path_factory.mktemp("empty")) as running:
        yield running


class TestReports:
    def test_the_first_report_is_run_from_here(self, empty: Console, open_page: OpenPage) -> None:
        """Where there is no report the page says so; run now, the report of the last whole week is there."""
        page = open_page(empty, "reports")
        expect(page.get_by_text("No report yet")).to_be_visible()
        expect(page.get_by_text("make history")).to_be_visible()
        page.get_by_role("button", name="Run the report now").click()
        expect(page.get_by_text("The report of the last whole week is written.")).to_be_visible()
        expect(page.get_by_label("Week", exact=True).locator("option")).to_have_count(1)

    def test_a_history_is_filled_from_here(self, empty: Console, open_page: OpenPage) -> None:
        """A button fills nine weeks, and the latest of their reports is shown."""
        page = open_page(empty, "reports")
        page.get_by_role("button", name="Fill nine weeks").click()
        expect(page.get_by_text("Nine weeks of requests are there")).to_be_visible(timeout=60_000)
        expect(page.get_by_label("Week", exact=True).locator("option")).to_have_count(9)
        expect(page.locator(".anomaly").first).to_contain_text("failed")

    def test_the_latest_week_leads_with_what_is_unusual(
        self, history: Console, open_page: OpenPage, keep_screenshot: Callable[[Page, str], None]
    ) -> None:
        """The planted anomaly is on top with its sentence, and its week is marked in both plots."""
        page = open_page(history, "reports")
        expect(page.locator(".anomaly").first).to_contain_text("Model model-b failed")
        latest = page.get_by_label("Week", exact=True).input_value()
        for title in ("Success rate", "Volume"):
            plot = page.get_by_role("img", name=title)
            assert f"unusual: {latest}" in (plot.get_attribute("aria-label") or "")
            expect(plot.locator("canvas")).to_be_visible()
        for dimension in ("model", "style", "color", "size"):
            assert page.get_by_role("table", name=f"By {dimension}").locator("tbody tr").count() > 1
        keep_screenshot(page, "reports")

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_axe_finds_nothing_serious_in_a_full_report(
        self, history: Console, open_page: OpenPage, scheme: str
    ) -> None:
        """Plots, tables and anomalies break no serious rule, nor are they wider than a phone."""
        page = open_page(history, "reports", width=360, scheme=scheme)
        page.locator(".anomaly").first.wait_for()
        assert serious_faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == 360

    def test_another_week_can_be_picked(self, history: Console, open_page: OpenPage) -> None:
        """Each of the nine weeks can be looked at, and its totals are those of the report."""
        page = open_page(history, "reports")
        weeks = page.get_by_label("Week", exact=True)
        expect(weeks.locator("option")).to_have_count(9)
        earlier = str(weeks.locator("option").nth(4).get_attribute("value"))
        weeks.select_option(earlier)
        report = history.call("getWeeklyReport", {"week": earlier})
        expect(page.locator(".figure").first).to_contain_text(f"Requests{report['requests']}")
        assert page.url.endswith(f"#reports/{earlier}")
