"""Owns the browser of these tests, its `make dev`, and the checks of console messages and requests."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from tests.browser import console as consoles
from tests.browser.console import Console

SCREENSHOTS = Path(__file__).parent / "screenshots"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; where there is none the tests are skipped, except in continuous integration."""
    executable = consoles.chromium()
    if executable is None:
        if os.environ.get("CI") == "true":
            pytest.fail("There is no Chromium, and continuous integration may not leave the browser tests out.")
        pytest.skip("there is no Chromium (apt-get install chromium, or name one with CHROMIUM)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=consoles.CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def console(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A fresh `make dev` whose models never fail; each test uses accounts of its own."""
    with consoles.running(tmp_path_factory.mktemp("console")) as running:
        yield running


@pytest.fixture(scope="session")
def history(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A `make dev` with the data of `make history`."""
    with consoles.running(tmp_path_factory.mktemp("history")) as running:
        running.fill_with_history()
        yield running


@pytest.fixture(scope="session")
def failing_console(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A fresh `make dev` whose models always fail."""
    with consoles.running(tmp_path_factory.mktemp("failing"), MODEL_FAILURE_RATE="1") as running:
        yield running


class Watch:
    """Console messages and requests of the pages."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.hosts: set[str] = set()
        self._refusals: set[int] = set()
        self._loses_answers = False

    def expect_refusal(self, *statuses: int) -> None:
        """Expect these error statuses, which the browser logs by itself."""
        self._refusals.update(statuses)

    def expect_lost_answers(self) -> None:
        """Expect requests without an answer, which the browser logs by itself."""
        self._loses_answers = True

    def hear(self, message: ConsoleMessage) -> None:
        refused = re.search(r"responded with a status of (\d+)", message.text)
        lost = self._loses_answers and "net::ERR_" in message.text
        if message.type in ("error", "warning") and not lost and not (refused and int(refused[1]) in self._refusals):
            self.said.append(f"{message.type}: {message.text}")

    def see(self, request: Request) -> None:
        if urlsplit(request.url).scheme in ("http", "https", "ws", "wss"):
            self.hosts.add(str(urlsplit(request.url).hostname))


@pytest.fixture
def watch() -> Iterator[Watch]:
    """A test fails on an unexpected console message or a request to another machine."""
    watch = Watch()
    yield watch
    assert watch.said == []
    assert watch.hosts <= {"127.0.0.1"}


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, watch: Watch) -> Iterator[OpenPage]:
    """Open watched pages: `open_page(console, "create", account="testUser1", width=360, scheme="dark")`."""
    contexts = []

    def open_page(
        console: Console,
        name: str,
        *,
        account: str | None = None,
        width: int = 1280,
        scale: int = 1,
        scheme: Literal["light", "dark"] = "light",
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 800},
            device_scale_factor=scale,
            color_scheme=scheme,
            reduced_motion="reduce",
            locale="en-US",
        )
        contexts.append(context)
        context.set_default_timeout(15_000)
        if account:
            context.add_init_script(
                f"sessionStorage.getItem('account') ?? sessionStorage.setItem('account', '{account}')"
            )
        page = context.new_page()
        page.on("console", watch.hear)
        page.on("pageerror", lambda error: watch.said.append(f"exception: {error}"))
        context.on("request", watch.see)
        page.goto(f"{console.url}/#{name}")
        page.get_by_role("heading", level=1).wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def keep_screenshot(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Keep a screenshot for people."""

    def keep(page: Page, name: str) -> None:
        SCREENSHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    return keep
