"""What holds on every page, for all users."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import serious_faults
from tests.browser.conftest import OpenPage
from tests.browser.console import Console

PAGES = [
    "create",
    *(pytest.param(name, marks=pytest.mark.long) for name in ("account", "accounts", "reports", "data", "operations")),
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
    @pytest.mark.parametrize("width", [320, 390])
    def test_the_longest_account_fits(self, console: Console, open_page: OpenPage, width: int) -> None:
        """An account of 128 characters makes no page wider than the screen, chosen, offered or missing."""
        account = str(width) + "a" * 125
        body = {"userId": account, "credits": 900_000}
        console.call("grantCredits", body, **{"Idempotency-Key": account})
        page = open_page(console, "create", width=width)
        for name in ("create", "account"):
            page.goto(f"{console.url}/#{name}")
            page.get_by_role("heading", level=1, name=name.title()).wait_for()
            page.get_by_label("Account", exact=True).fill("")
            page.get_by_role("button", name=account).wait_for()
            assert page.evaluate("document.documentElement.scrollWidth") == width
        page.get_by_role("button", name=account).click()
        page.goto(f"{console.url}/#accounts")
        page.get_by_role("link", name=account).wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.goto(f"{console.url}/#account")
        expect(page.get_by_label("Balance", exact=True)).to_have_text("900,000 credits")
        page.get_by_role("button", name="Grant credits").click()
        page.locator(".done").wait_for()
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth") == width

    @pytest.mark.long
    def test_the_name_has_its_own_room_at_320_pixels(self, console: Console, open_page: OpenPage) -> None:
        """The button of the theme does not lie over the name."""
        page = open_page(console, "create", width=320)
        right_of_name = page.evaluate(
            """() => {
              const range = document.createRange();
              range.selectNodeContents(document.querySelector('.brand'));
              return range.getBoundingClientRect().right;
            }"""
        )
        theme = page.get_by_role("button", name="Theme").bounding_box()
        assert theme
        assert right_of_name <= theme["x"]

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
