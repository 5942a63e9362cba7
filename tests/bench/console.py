"""Owns `make bench-console`: the weight of each page, and its first paint in a browser, from a fresh `make dev`.

Must not know what is on the pages. A page is opened a few times, each time with an empty cache;
against another checkout's site the two take turns.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser import console as consoles

PAGES = ["create", "account", "accounts", "reports", "data", "operations"]
TIMES = 5
# On a busy machine medians of 15 differ by a quarter: a page that looks too slow is opened more often before it is
# called so.
TIMES_AGAINST = 15
MAX_TIMES_AGAINST = 45
MAX_KILOBYTES = 500
MAX_MILLISECONDS = 1000
MAX_RATIO = 1.2

_MEASURED = """() => {
  const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  const own = entries.filter((entry) => entry.name.startsWith(location.origin) && !entry.name.includes("/api/"));
  return [
    own.reduce((sum, entry) => sum + entry.transferSize, 0) / 1000,
    performance.getEntriesByName("first-contentful-paint")[0].startTime,
  ];
}"""


@dataclass
class Measured:
    """The measurements of one page of one site: the weight in kB, the first paint in ms."""

    weights: list[float] = field(default_factory=list)
    paints: list[float] = field(default_factory=list)

    @property
    def kilobytes(self) -> float:
        """The highest weight."""
        return max(self.weights)

    @property
    def milliseconds(self) -> float:
        """The median time."""
        return statistics.median(self.paints)

    def __str__(self) -> str:
        slowest = f"(slowest of {len(self.paints)}: {max(self.paints):.0f} ms)"
        return f"{self.kilobytes:>6.0f} kB   first paint {self.milliseconds:>4.0f} ms {slowest}"


def main() -> int:
    """Print a line for each page and return the exit code: 1 if one is too heavy or too slow."""
    parser = argparse.ArgumentParser(prog="make bench-console", description=__doc__)
    parser.add_argument("--against", type=Path, help="another checkout; no page may exceed 1.2 times its figures")
    options = parser.parse_args()
    executable = consoles.chromium()
    if executable is None:
        sys.stderr.write("make bench-console: there is no Chromium; name one with CHROMIUM=...\n")
        return 1
    is_good = True
    with ExitStack() as running, sync_playwright() as playwright:
        urls = [_served(running, consoles.ROOT)]
        if options.against:
            urls.append(_served(running, options.against.resolve()))
        browser = playwright.chromium.launch(executable_path=executable, args=consoles.CHROMIUM_ARGUMENTS)
        for name in PAGES:
            sites = [Measured() for _ in urls]
            _measure(browser, [f"{url}/#{name}" for url in urls], sites)
            while options.against and _paint_ratio(*sites) > MAX_RATIO and len(sites[0].paints) < MAX_TIMES_AGAINST:
                _measure(browser, [f"{url}/#{name}" for url in urls], sites)
            print(f"{name:<12}{sites[0]}")
            is_good &= sites[0].kilobytes < MAX_KILOBYTES and max(sites[0].paints) < MAX_MILLISECONDS
            if options.against:
                is_good &= _compared(*sites)
        browser.close()
    return 0 if is_good else 1


def _served(running: ExitStack, checkout: Path) -> str:
    """Start a `make dev` of this checkout with the site of `checkout`, and return its address."""
    folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
    for path in consoles.ROOT.iterdir():
        (folder / path.name).symlink_to(checkout / "public" if path.name == "public" else path)
    return running.enter_context(consoles.running(folder / "data", root=folder)).url


def _measure(browser: Browser, urls: list[str], sites: list[Measured]) -> None:
    """Open each page a few times, alternating the sites, so that other load affects all of them alike."""
    for turn in range(TIMES if len(urls) == 1 else TIMES_AGAINST):
        # The sites begin in turn: the first pays for what the page before left to do.
        for url, site in list(zip(urls, sites, strict=True))[:: 1 if turn % 2 else -1]:
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            page = context.new_page()
            page.goto(url)
            page.wait_for_load_state("networkidle")
            weight, paint = page.evaluate(_MEASURED)
            site.weights.append(weight)
            site.paints.append(paint)
            context.close()


def _paint_ratio(site: Measured, other: Measured) -> float:
    return site.milliseconds / other.milliseconds


def _compared(site: Measured, other: Measured) -> bool:
    """Print the other site's figures and the ratio; False if this one exceeds the limit."""
    weight, paint = site.kilobytes / other.kilobytes, _paint_ratio(site, other)
    is_good = max(weight, paint) <= MAX_RATIO
    verdict = "" if is_good else f"   more than {MAX_RATIO} times"
    print(f"{'  against':<12}{other}\n{'  ratio':<12}{weight:>6.2f}      first paint {paint:>4.2f}{verdict}")
    return is_good


if __name__ == "__main__":
    sys.exit(main())
