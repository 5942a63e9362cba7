"""What holds on every page, for all users."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import serious_faults
from tests.browser.conftest import OpenPage
from tests.browser.console import Console

PAGES = [
    "create",
    *(pytest.param(name, marks=pytest.mark.long) for name in ("account", "reports", "data", "operations")),
]


def settle(page: Page) -> None:
    """Wait until the page has loaded everything."""
    page.wait_for_load_state("networkidle")
    page.wait_for_function("() => !document.querySelector('[aria-busy=true], .skeleton')")


@pytest.fixture(scope="module")
def used_console(console: Console) -> Console:
    """A `make dev` whose first account has a picture and a ledger."""
    body = {"userId": "testUser1", "model": "model-a", "style": "anime", "color": "neon", "size": "512x512"}
    console.call("createGenerationRequest", body | {"prompt": "a fox"})
    return console


class TestEveryPage:
    @pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
    @pytest.mark.parametrize("name", PAGES)
    def test_axe_finds_nothing_serious(
        self, used_console: Console, open_page: OpenPage, name: str, scheme: str
    ) -> None:
        """No serious or critical rule of axe-core is broken."""
        page = open_page(used_console, name, account="testUser1", scheme=scheme)
        settle(page)
        assert serious_faults(page) == []

    @pytest.mark.parametrize("name", PAGES)
    def test_a_phone_needs_no_horizontal_scrolling(self, used_console: Console, open_page: OpenPage, name: str) -> None:
        """No element is wider than a screen of 360 pixels."""
        page = open_page(used_console, name, account="testUser1", width=360)
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth") == 360

    @pytest.mark.long
    def test_a_new_page_has_the_focus(self, console: Console, open_page: OpenPage) -> None:
        """After a change of page by the keyboard the heading has the focus, and the title names the page."""
        page = open_page(console, "create")
        page.get_by_role("link", name="Reports").press("Enter")
        expect(page.get_by_role("heading", level=1, name="Reports")).to_be_focused()
        expect(page).to_have_title("Reports · Image generations")

    @pytest.mark.long
    def test_the_theme_is_kept(self, console: Console, open_page: OpenPage) -> None:
        """A chosen theme overrides the system's, also after a reload."""
        page = open_page(console, "create", scheme="light")
        ground = "getComputedStyle(document.documentElement).backgroundColor"
        bright = page.evaluate(ground)
        for _ in range(2):
            page.get_by_role("button", name="Theme").click()
        expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
        page.reload()
        expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
        assert page.evaluate(ground) != bright

    @pytest.mark.long
    def test_the_theme_is_set_before_the_first_paint(self, console: Console, open_page: OpenPage) -> None:
        """A chosen theme is set before any module runs, so that the other one does not flash."""
        page = open_page(console, "create")
        page.evaluate("localStorage.setItem('theme', 'dark')")
        page.route("**/app.js", lambda route: route.fulfill(content_type="text/javascript", body=""))
        page.reload()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
