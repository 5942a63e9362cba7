"""Every page at every width of a window: nothing is cut, and what is wider than its place can be scrolled."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator

from tests.browser.conftest import OpenPage
from tests.browser.console import Console
from tests.browser.test_accessibility import settle

# The last ones are what an anomaly and an error lead to.
PAGES = ["create", "account", "reports", "data", "operations", "reports/current", "failures", "operations/unknown"]
# By the scale of a pixel: a window that is zoomed to 200 % has half the width.
WIDTHS = {1: [320, 390, 600, 900, 1100, 1440, 2560], 2: [450, 550, 640, 720]}
ACCOUNT = "a-name-of-sixty-characters-" + "x" * 33
TWO_FRAMES = "new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"

# Controls that are too narrow, content that is cut or lies over its neighbour, and scrolling that keys cannot reach.
FAULTS = """() => {
  const faults = [];
  const page = document.documentElement;
  if (page.scrollWidth > innerWidth) faults.push(`the page is ${page.scrollWidth} px wide`);
  for (const control of document.querySelectorAll("input:not([type=radio], [type=checkbox]), select, textarea")) {
    const { width } = control.getBoundingClientRect();
    if (width && width < 44) faults.push(`${control.id} is ${width} px wide`);
  }
  for (const element of document.querySelectorAll("main *")) {
    const { overflowX, textOverflow, display } = getComputedStyle(element);
    const isWide = element.scrollWidth > element.clientWidth + 1 && display !== "inline";
    if (!isWide || textOverflow === "ellipsis" || element.closest(".visually-hidden, caption, .uplot, svg")) continue;
    const name = `${element.localName}.${element.className}`;
    const isRegion = element.role === "region" && element.ariaLabel && element.tabIndex === 0;
    if (overflowX === "auto" && !isRegion) faults.push(`${name} is scrolled and is no labelled region`);
    if (overflowX !== "auto" && !element.matches("input, select")) {
      faults.push(`${name} has ${element.scrollWidth} px of content on ${element.clientWidth} px`);
    }
  }
  return faults;
}"""


@pytest.fixture
def full(history: Console) -> Console:
    """A `make dev` with nine weeks of reports, and an account with a picture and a long name."""
    key = {"Idempotency-Key": "widths"}
    history.call("grantCredits", {"userId": ACCOUNT, "credits": 900_000}, **key)
    asked = {"userId": ACCOUNT, "model": "model-a", "style": "anime", "color": "neon", "size": "512x512"}
    history.call("createGenerationRequest", asked | {"prompt": "a fox " * 60}, **key)
    return history


# The first one waits for nine weeks of requests to be written.
@pytest.mark.timeout(180)
@pytest.mark.long
class TestEveryWidth:
    @pytest.mark.parametrize("scale", WIDTHS)
    @pytest.mark.parametrize("name", PAGES)
    def test_nothing_is_cut(self, full: Console, open_page: OpenPage, name: str, scale: int) -> None:
        """No page is scrolled sideways, no control is narrower than a finger, and wide tables scroll on their own."""
        if name == "failures":
            name = f"reports/{full.call('getWeeklyReport', {})['week']}/failed"
        page = open_page(full, name, account=ACCOUNT, scale=scale)
        settle(page)
        page.evaluate("for (const each of document.querySelectorAll('main details')) each.open = true;")
        settle(page)
        faults = {}
        for width in WIDTHS[scale]:
            page.set_viewport_size({"width": width, "height": 800})
            page.evaluate(TWO_FRAMES)
            faults[width] = page.evaluate(FAULTS)
        assert {width: found for width, found in faults.items() if found} == {}

    def test_a_table_that_goes_on_looks_like_it(self, full: Console, open_page: OpenPage) -> None:
        """The edge behind which a table goes on is shaded, and only that one."""
        page = open_page(full, "reports", width=320)
        region = page.get_by_role("region", name="By model")
        region.locator("td").first.wait_for()
        # What is left is the shade.
        region.evaluate(
            """element => {
              element.firstElementChild.style.width = "900px";
              for (const each of element.querySelectorAll("*")) each.style.visibility = "hidden";
            }"""
        )
        region.scroll_into_view_if_needed()
        assert _shades(region) == {"left": False, "right": True}
        region.evaluate("element => { element.scrollLeft = 300; }")
        assert _shades(region) == {"left": True, "right": True}
        region.evaluate("element => { element.scrollLeft = 9999; }")
        assert _shades(region) == {"left": True, "right": False}


def _shades(region: Locator) -> dict[str, bool]:
    """Return whether each edge has another colour than the middle."""
    box = region.bounding_box()
    assert box

    def strip(x: float) -> bytes:
        return region.page.screenshot(clip={"x": x, "y": box["y"] + 8, "width": 2, "height": 8})

    middle = strip(box["x"] + box["width"] / 2)
    return {"left": strip(box["x"]) != middle, "right": strip(box["x"] + box["width"] - 2) != middle}
