"""Signing in, where the functions require it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser import console as consoles
from tests.browser.axe import serious_faults
from tests.browser.conftest import OpenPage, Watch
from tests.browser.console import PROJECT, Console
from tests.tokens import claims, unsigned

PASSWORD = "open sesame"


class _AuthEmulator(BaseHTTPRequestHandler):
    """The part of Identity Toolkit and the token service that a page needs to sign in."""

    def do_OPTIONS(self) -> None:
        self._answer(204, {})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        uid = "testUser1"
        if self.path.endswith("/accounts:lookup"):
            self._answer(200, {"users": [{"localId": uid}]})
        elif asked.get("grant_type") == "refresh_token":
            self._answer(200, {"id_token": _id_token(uid), "refresh_token": "refresh", "expires_in": "3600"})
        elif asked.get("password") != PASSWORD:
            self._answer(400, {"error": {"code": 400, "message": "INVALID_LOGIN_CREDENTIALS"}})
        else:
            # The token expires at once, so that the next call must renew it.
            issued = {"idToken": _id_token(uid), "refreshToken": "refresh", "expiresIn": "1"}
            self._answer(200, issued | {"localId": uid, "email": asked["email"]})
        self.server.paths.append(self.path.partition("?")[0])  # type: ignore[attr-defined]

    def _answer(self, status: int, body: dict[str, object]) -> None:
        content = json.dumps(body).encode() if status != 204 else b""
        self.send_response(status)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Allow-Headers", "content-type")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def _id_token(uid: str) -> str:
    return unsigned(claims(PROJECT, uid, user_id=uid, auth_time=0, admin=True))


@pytest.fixture(scope="module")
def auth_emulator() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _AuthEmulator)
    server.paths = []  # type: ignore[attr-defined]
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    yield server
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.fixture(scope="module")
def guarded(
    browser: Browser, auth_emulator: ThreadingHTTPServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Console]:
    """A `make dev` that requires a sign-in."""
    host = f"127.0.0.1:{auth_emulator.server_port}"
    data = tmp_path_factory.mktemp("guarded")
    with consoles.running(data, REQUIRE_AUTH="true", FIREBASE_AUTH_EMULATOR_HOST=host) as running:
        yield running


class TestSignIn:
    def test_a_401_opens_the_form(
        self,
        guarded: Console,
        auth_emulator: ThreadingHTTPServer,
        open_page: OpenPage,
        watch: Watch,
        keep_screenshot: Callable[[Page, str], None],
    ) -> None:
        """A 401 opens the form; a wrong password is an error, and after the right one the page continues."""
        watch.expect_refusal(400, 401)
        page = open_page(guarded, "account", account="testUser1")
        form = page.get_by_role("dialog", name="Sign in")
        form.wait_for()
        keep_screenshot(page, "sign-in")
        assert serious_faults(page) == []
        form.get_by_label("Email").fill("testuser1@example.com")
        form.get_by_label("Password").fill("wrong")
        form.get_by_role("button", name="Sign in").click()
        expect(form.get_by_role("alert")).to_have_text("The email or password is wrong.")
        form.get_by_label("Password").fill(PASSWORD)
        form.get_by_role("button", name="Sign in").click()
        expect(page.get_by_label("Balance", exact=True)).to_have_text("100 credits")
        assert "/securetoken.googleapis.com/v1/token" in auth_emulator.paths  # type: ignore[attr-defined]
        expect(page.get_by_role("button", name="Sign out testuser1@example.com")).to_be_visible()
        assert page.evaluate("JSON.stringify([localStorage, sessionStorage])").count("eyJ") == 0

    @pytest.mark.long
    def test_the_account_is_forgotten_with_the_session(
        self, guarded: Console, open_page: OpenPage, watch: Watch
    ) -> None:
        """Signing out leaves neither the account nor its address, and asks for no new sign-in."""
        watch.expect_refusal(401)
        page = open_page(guarded, "account/testUser1")
        form = page.get_by_role("dialog", name="Sign in")
        form.get_by_label("Email").fill("testuser1@example.com")
        form.get_by_label("Password").fill(PASSWORD)
        form.get_by_role("button", name="Sign in").click()
        expect(page.get_by_label("Balance", exact=True)).to_contain_text("credits")
        page.get_by_role("button", name="Sign out testuser1@example.com").click()
        expect(page.locator("main")).to_contain_text("No account chosen")
        page.wait_for_url(lambda url: url.endswith("#account"))
        page.wait_for_timeout(2500)
        expect(form).to_have_count(0)

    @pytest.mark.long
    def test_a_closed_form_leaves_the_refusal(self, guarded: Console, open_page: OpenPage, watch: Watch) -> None:
        """Without a sign-in the page says that it is needed, and offers another try."""
        watch.expect_refusal(401)
        page = open_page(guarded, "account", account="testUser1")
        page.get_by_role("dialog", name="Sign in").get_by_role("button", name="Cancel").click()
        expect(page.get_by_role("alert").first).to_contain_text("Sign in")
        expect(page.get_by_role("button", name="Try again").first).to_be_visible()
        expect(page.get_by_label("Balance", exact=True)).to_have_text("Sign in to see it")

    @pytest.mark.long
    def test_no_account_is_chosen_before_the_sign_in(self, guarded: Console, open_page: OpenPage) -> None:
        """At the first visit no account but that of the one who signs in is chosen, and no form opens."""
        page = open_page(guarded, "create")
        page.get_by_role("group", name="Accounts to choose from").get_by_role("button").first.wait_for()
        expect(page.get_by_label("Account", exact=True)).to_have_value("")
        expect(page.get_by_role("dialog")).to_have_count(0)

    @pytest.mark.long
    def test_a_closed_form_can_be_opened_again(self, guarded: Console, open_page: OpenPage, watch: Watch) -> None:
        """Without an Auth emulator in the settings, the sign-in button appears after the first 401."""
        watch.expect_refusal(401)
        page = open_page(guarded, "account")

        def without_auth(route: Route) -> None:
            answer = route.fetch()
            changed = answer.json()
            del changed["emulators"]["auth"]
            route.fulfill(response=answer, json=changed)

        page.route("**/__/firebase/init.json", without_auth)
        page.reload()
        sign_in = page.get_by_role("banner").get_by_role("button", name="Sign in")
        page.get_by_role("heading", level=1).wait_for()
        expect(sign_in).to_be_hidden()
        page.get_by_label("Account", exact=True).fill("testUser1")
        page.get_by_label("Account", exact=True).press("Enter")
        form = page.get_by_role("dialog", name="Sign in")
        expect(form).to_contain_text("There is no Auth emulator on this machine")
        form.get_by_role("button", name="Cancel").click()
        sign_in.click()
        expect(page.get_by_role("dialog", name="Sign in")).to_be_visible()


class TestAnyAccount:
    @pytest.mark.long
    def test_a_developer_acts_as_a_user_and_as_an_administrator(
        self, browser: Browser, tmp_path: Path, open_page: OpenPage, watch: Watch
    ) -> None:
        """Without an Auth emulator the form asks for an account alone; an administrator may read the reports."""
        watch.expect_refusal(401, 403)
        with consoles.running(tmp_path, REQUIRE_AUTH="true") as alone:
            page = open_page(alone, "reports")
            form = page.get_by_role("dialog", name="Sign in")
            form.get_by_label("Account").fill("testUser1")
            assert serious_faults(page) == []
            form.get_by_role("button", name="Sign in").click()
            expect(page.get_by_role("alert").first).to_contain_text("Only an administrator may do this.")
            page.get_by_role("button", name="Sign out testUser1").click()
            form.get_by_label("Account").fill("testUser1")
            form.get_by_label("As an administrator").check()
            form.get_by_role("button", name="Sign in").click()
            expect(page.get_by_text("No report yet")).to_be_visible()
