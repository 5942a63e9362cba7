"""Owns running axe-core on a page; must not know which page it is."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

_AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"


def serious_faults(page: Page) -> list[tuple[str, list[str]]]:
    """Return the serious and critical rules that a page breaks, with the elements."""
    # By the DevTools protocol, because the page's own policy (CSP) admits no other script.
    page.evaluate(_AXE.read_text() + "; undefined")
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    serious = [each for each in found["violations"] if each["impact"] in ("serious", "critical")]
    return [(each["id"], [node["html"] for node in each["nodes"]]) for each in serious]
