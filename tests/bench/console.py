"""Owns `make bench-console`: what each page weighs, and how soon a browser paints it, from a fresh `make dev`.

Must not know what is on the pages. A page is opened a few times, each time by a browser that has nothing of it yet.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser import console as consoles

PAGES = ["create", "account", "reports", "data", "operations"]
TIMES = 5
MOST_KILOBYTES = 500
MOST_MILLISECONDS = 1000

_MEASURED = """() => {
  const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  const own = entries.filter((entry) => entry.name.startsWith(location.origin) && !entry.name.includes("/api/"));
  return [
    own.reduce((sum, entry) => sum + entry.transferSize, 0) / 1000,
    performance.getEntriesByName("first-contentful-paint")[0].startTime,
  ];
}"""


def main() -> int:
    """Print a line for each page and return the exit code: 1 where one is too heavy or too slow."""
    executable = consoles.chromium()
    if executable is None:
        sys.stderr.write("make bench-console: there is no Chromium; name one with CHROMIUM=...\n")
        return 1
    is_good = True
    with (
        tempfile.TemporaryDirectory() as data,
        consoles.running(Path(data)) as console,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=executable, args=consoles.CHROMIUM_ARGUMENTS)
        for name in PAGES:
            measured = list(_measured(browser, f"{console.url}/#{name}"))
            kilobytes = max(weight for weight, _ in measured)
            paints = [paint for _, paint in measured]
            is_good &= kilobytes < MOST_KILOBYTES and max(paints) < MOST_MILLISECONDS
            print(
                f"{name:<12}{kilobytes:>6.0f} kB   first paint {statistics.median(paints):>4.0f} ms"
                f" (slowest of {TIMES}: {max(paints):.0f} ms)"
            )
        browser.close()
    return 0 if is_good else 1


def _measured(browser: Browser, url: str) -> Iterator[tuple[float, float]]:
    for _ in range(TIMES):
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        page.goto(url)
        page.wait_for_load_state("networkidle")
        weight, paint = page.evaluate(_MEASURED)
        yield weight, paint
        context.close()


if __name__ == "__main__":
    sys.exit(main())
