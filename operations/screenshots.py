"""Owns `make screenshots`: the pictures in docs/images/, taken from a running `make dev`.

Must not know the markup of the console: it finds elements by label, role and name.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from PIL import Image

from operations import connection

if TYPE_CHECKING:
    from playwright.sync_api import Page, ViewportSize

FOLDER = Path(__file__).parent.parent / "docs" / "images"
LIMIT_BYTES = 200_000
_ACCOUNT = "testUser1"
_CONSOLE: ViewportSize = {"width": 1280, "height": 1040}
# Oldest first; the last one is the largest.
_SHOWN = [
    ("Watercolor", "Pastel", "a lake in the spring"),
    ("Cyberpunk", "Neon", "a harbor at night"),
    ("Realistic", "Vibrant", "a valley in the morning"),
]
# The same request as that of the README's curl command.
_PICTURE = {"model": "Model A", "style": "anime", "color": "neon", "size": "1024x1024", "prompt": "a fox in the snow"}


class CannotTake(Exception):
    """A picture could not be taken; the message is for the user."""


def main(arguments: list[str] | None = None) -> int:
    """Write the pictures and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="make screenshots",
        description="Write docs/images/ from the running `make dev`, best after `make dev RESET=1`.",
    )
    parser.parse_args(arguments)
    try:
        taken = _take(connection.site_url())
        FOLDER.mkdir(exist_ok=True)
        for name, picture in taken.items():
            (FOLDER / name).write_bytes(_small(picture))
    except httpx.ConnectError:
        sys.stderr.write(f"make screenshots: no console answers at {connection.site_url()}; start `make dev`.\n")
        return 1
    except (CannotTake, httpx.HTTPError) as error:
        sys.stderr.write(f"make screenshots: {error}\n")
        return 1
    return 0


def _take(site_url: str) -> dict[str, bytes]:
    # Imported here: a development requirement that the other commands do not need.
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        raise CannotTake("no Chromium found; run apt-get install chromium, or set CHROMIUM=...")
    picture = httpx.get(_create(site_url), timeout=30).raise_for_status().content
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=_CONSOLE, color_scheme="light", reduced_motion="reduce")
        page.goto(f"{site_url}/#create")
        _create_in_console(page)
        console = page.screenshot()
        browser.close()
    return {"picture.png": picture, "console.png": console}


def _create(site_url: str) -> str:
    """Create a picture by the API and return its URL."""
    response = httpx.post(f"{site_url}/api/createGenerationRequest", json={"userId": _ACCOUNT, **_PICTURE}, timeout=30)
    return str(response.raise_for_status().json()["imageUrl"])


def _create_in_console(page: Page) -> None:
    """Create pictures in the console, and wait until they are shown."""
    page.get_by_label("Account", exact=True).fill(_ACCOUNT)
    page.get_by_label("Account", exact=True).press("Tab")
    for style, color, prompt in _SHOWN:
        page.get_by_role("radio", name=style).check(force=True)
        page.get_by_role("radio", name=color).check(force=True)
        page.get_by_label("Prompt").fill(prompt)
        page.get_by_role("button", name="Create for").click()
        page.get_by_role("img", name=f"{style} picture in {color.lower()} colors").first.wait_for()
    page.wait_for_load_state("networkidle")
    page.evaluate("scrollTo(0, 0)")


def _small(png: bytes) -> bytes:
    """Return a picture with at most 256 colors, which makes its file several times smaller.

    Raises:
        CannotTake: the file is larger than the limit.
    """
    kept = io.BytesIO()
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.thumbnail((_CONSOLE["width"], _CONSOLE["height"]))
    image.quantize(256, dither=Image.Dither.NONE).save(kept, "PNG", optimize=True)
    if kept.tell() > LIMIT_BYTES:
        raise CannotTake(f"a picture has {kept.tell():,} bytes; the limit is {LIMIT_BYTES:,}")
    return kept.getvalue()


if __name__ == "__main__":
    sys.exit(main())
