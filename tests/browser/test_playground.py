"""The page of requests as a playground: several at once, and what can be done with a generation."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.axe import serious_faults
from tests.browser.conftest import OpenPage, Watch
from tests.browser.console import Console

REQUEST = {"model": "model-a", "style": "anime", "color": "neon", "size": "512x512"}
# What a shell, Python or JavaScript could take for something else, and characters that hide what follows.
TRICKY = 'it\'s a "fox"\nfor $HOME, `id`, $(id), \\n, %s, {x}, ${y}, !! and \N{FOX FACE} \N{RIGHT-TO-LEFT OVERRIDE}x'


def open_account(console: Console, user_id: str) -> str:
    console.call("grantCredits", {"userId": user_id, "credits": 50}, **{"Idempotency-Key": f"open-{user_id}"})
    return user_id


def ask(page: Page, prompt: str, keys: str = "Control+Enter") -> None:
    page.get_by_label("Prompt").fill(prompt)
    page.get_by_label("Prompt").press(keys)


def result(page: Page, prompt: str) -> Locator:
    return page.get_by_role("group", name=f"Picture: {prompt}", exact=True)


def balance(page: Page) -> Locator:
    return page.get_by_label("Balance", exact=True)


def create(console: Console, user_id: str, *prompts: str) -> list[str]:
    """Create pictures, and return their ids."""
    asked = [REQUEST | {"userId": user_id, "prompt": prompt} for prompt in prompts]
    return [str(console.call("createGenerationRequest", body)["generationRequestId"]) for body in asked]


class TestFirstVisit:
    def test_a_newcomer_creates_at_once(self, console: Console, open_page: OpenPage) -> None:
        """An account is chosen, and a sample prompt and Ctrl+Enter are enough for a picture."""
        page = open_page(console, "create", width=390)
        expect(balance(page)).to_contain_text("credit")
        expect(page.get_by_text("Ctrl or ⌘ + Enter creates")).to_be_visible()
        page.get_by_role("group", name="Ideas").get_by_role("button").first.click()
        expect(page.get_by_label("Prompt")).to_be_focused()
        page.keyboard.press("Control+Enter")
        expect(result(page, "A lighthouse in a storm").locator("img")).to_be_visible()

    @pytest.mark.long
    def test_no_account_is_put_before_what_is_typed(self, console: Console, open_page: OpenPage) -> None:
        """Once the field has had the focus no account is chosen, however late the accounts are known."""
        page = open_page(console, "operations")
        held: list[Route] = []
        page.route("**:runQuery", lambda route: held.append(route))
        page.get_by_role("link", name="Create", exact=True).click()
        page.get_by_label("Account", exact=True).focus()
        page.wait_for_timeout(100)
        assert held
        for route in held:
            route.continue_()
        page.get_by_role("group", name="Accounts to choose from").get_by_role("button").first.wait_for()
        expect(page.get_by_label("Account", exact=True)).to_have_value("")

    @pytest.mark.long
    @pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844), (320, 640)])
    def test_the_prompt_is_above_the_fold(self, console: Console, open_page: OpenPage, width: int, height: int) -> None:
        """Prompt and button are seen without scrolling, before the choices; nothing is wider than the screen."""
        page = open_page(console, "create", width=width)
        page.set_viewport_size({"width": width, "height": height})
        button = page.get_by_role("button", name="Create for")
        for seen in (page.get_by_label("Prompt"), button):
            expect(seen).to_be_in_viewport(ratio=1)
        above, below = button.bounding_box(), page.get_by_role("group", name="Model").bounding_box()
        assert above
        assert below
        assert above["y"] + above["height"] < below["y"]
        assert page.evaluate("document.documentElement.scrollWidth") == width

    @pytest.mark.long
    def test_a_sample_can_be_undone(self, console: Console, open_page: OpenPage) -> None:
        """A sample takes the place of what was typed, which the browser's "undo" brings back."""
        page = open_page(console, "create", account="testUser1")
        page.get_by_label("Prompt").press_sequentially("a fox")
        page.get_by_role("button", name="Two foxes in fresh snow").click()
        expect(page.get_by_label("Prompt")).to_have_value("Two foxes in fresh snow")
        page.keyboard.press("Control+z")
        expect(page.get_by_label("Prompt")).to_have_value("a fox")

    @pytest.mark.long
    def test_a_simulated_model_is_called_so(self, console: Console, open_page: OpenPage) -> None:
        """The note stands while a simulated model is chosen, and not with another."""
        page = open_page(console, "operations", account="testUser1")

        def only_b(route: Route) -> None:
            answer = route.fetch()
            catalog = answer.json()
            catalog["models"][0]["simulated"] = False
            route.fulfill(response=answer, json=catalog)

        page.route("**/api/getCatalog", only_b)
        page.get_by_role("link", name="Create", exact=True).click()
        page.get_by_role("radio", name="Model B").check(force=True)
        expect(page.get_by_text("Simulated")).to_be_visible()
        page.get_by_role("radio", name="Model A").check(force=True)
        expect(page.get_by_text("Simulated")).to_have_count(0)


class TestSeveralRequests:
    def test_each_has_its_own_end_and_key(self, console: Console, open_page: OpenPage, watch: Watch) -> None:
        """While one is held back another ends; a lost one is tried again with its key, over a reload too."""
        watch.expect_refusal(500)
        page = open_page(console, "create", account=open_account(console, "impatient"))
        held: list[Route] = []
        keys: dict[str, list[str | None]] = {"a fox": [], "a bear": [], "an owl": []}
        lost = {"a bear"}

        def answer(route: Route) -> None:
            prompt = json.loads(route.request.post_data or "")["prompt"]
            keys[prompt].append(route.request.header_value("Idempotency-Key"))
            if prompt in lost:
                route.fetch()
                route.fulfill(status=500, json={"error": {"code": 500, "message": "It broke.", "details": []}})
            elif prompt == "a fox":
                held.append(route)
            else:
                route.continue_()

        page.route("**/api/createGenerationRequest", answer)
        for prompt in keys:
            ask(page, prompt)
        bear = result(page, "a bear")
        expect(bear.get_by_role("alert")).to_contain_text("It broke.")
        expect(bear.get_by_role("alert")).to_contain_text("charged once at most")
        expect(result(page, "an owl").locator("img")).to_be_visible()
        expect(result(page, "a fox")).to_contain_text("Sending the request")
        held.pop().continue_()
        expect(result(page, "a fox").locator("img")).to_be_visible()
        page.reload()
        expect(bear.get_by_role("alert")).to_contain_text("The answer to the last request was lost.")
        expect(page.locator(".result")).to_have_count(1)
        lost.clear()
        bear.get_by_role("button", name="Try again").click()
        expect(bear.locator("img")).to_be_visible()
        assert keys["a bear"][0] == keys["a bear"][1]
        assert len({key for each in keys.values() for key in each}) == 3
        expect(balance(page)).to_have_text("47 credits")

    @pytest.mark.long
    def test_those_under_way_are_found_again(self, console: Console, open_page: OpenPage) -> None:
        """After a reload each of them is followed to its end."""
        page = open_page(console, "create", account=open_account(console, "returner"))
        statuses = ["processing"]

        def under_way(route: Route) -> None:
            fetched = route.fetch()
            route.fulfill(response=fetched, json=fetched.json() | {"status": statuses[-1]})

        page.route("**/api/getGenerationStatus?*", under_way)
        for prompt, keys in (("a fox", "Control+Enter"), ("a bear", "Meta+Enter")):
            ask(page, prompt, keys)
            expect(result(page, prompt)).to_contain_text("The model is drawing")
        page.reload()
        expect(page.locator(".result")).to_contain_text(["The model is drawing"] * 2)
        assert page.locator(".asked").all_inner_texts() == ["a bear", "a fox"]
        assert serious_faults(page) == []
        statuses.append("completed")
        expect(page.locator(".result img")).to_have_count(2)
        page.reload()
        expect(page.locator(".result")).to_contain_text("Nothing yet")

    @pytest.mark.long
    def test_a_double_click_asks_for_one(self, console: Console, open_page: OpenPage) -> None:
        """A double click and a key that is held down ask once; two clicks apart ask twice."""
        page = open_page(console, "create", account=open_account(console, "nervous"))
        page.get_by_label("Prompt").fill("a fox")
        page.get_by_role("button", name="Create for").click()
        expect(page.locator(".result .done")).to_have_count(1)
        # The second click of a double click, which comes after the answer to the first.
        page.mouse.down(click_count=2)
        page.mouse.up(click_count=2)
        page.wait_for_timeout(300)
        expect(page.locator(".result")).to_have_count(1)
        page.get_by_role("button", name="Create for").click()
        expect(page.locator(".result .done")).to_have_count(2)
        page.get_by_label("Prompt").focus()
        page.keyboard.down("Control")
        page.keyboard.down("Enter")
        expect(page.locator(".result .done")).to_have_count(3)
        page.keyboard.down("Enter")
        page.wait_for_timeout(300)
        expect(balance(page)).to_have_text("47 credits")
        expect(page.locator(".result")).to_have_count(3)

    @pytest.mark.long
    def test_the_same_request_in_flight_is_not_a_second_one(self, console: Console, open_page: OpenPage) -> None:
        """Until it is answered, the unchanged request is the one that is being sent."""
        page = open_page(console, "create", account=open_account(console, "twice"))
        held: list[Route] = []
        page.route("**/api/createGenerationRequest", lambda route: held.append(route))
        ask(page, "a fox")
        ask(page, "a fox")
        page.wait_for_timeout(100)
        expect(page.locator(".result")).to_have_count(1)
        assert len(held) == 1
        held[0].continue_()
        expect(page.locator(".result .done")).to_be_visible()
        expect(balance(page)).to_have_text("49 credits")

    @pytest.mark.long
    def test_one_that_cannot_be_followed_is_not_asked_for_again(
        self, console: Console, open_page: OpenPage, watch: Watch
    ) -> None:
        """Where a status cannot be read, "Try again" reads it again and sends no second request."""
        watch.expect_refusal(500)
        page = open_page(console, "create", account=open_account(console, "blinded"))
        failed = {"error": {"code": 500, "message": "It broke.", "details": []}}
        page.route("**/api/getGenerationStatus?*", lambda route: route.fulfill(status=500, json=failed), times=1)
        ask(page, "a fox")
        expect(page.locator(".result").get_by_role("alert")).to_contain_text("It broke.")
        expect(page.locator(".result")).not_to_contain_text("charged once at most")
        page.get_by_role("button", name="Try again").click()
        expect(page.locator(".result img")).to_be_visible()
        expect(page.locator(".tile")).to_have_count(1)
        expect(balance(page)).to_have_text("49 credits")

    @pytest.mark.long
    def test_a_refusal_of_another_request_stays_out_of_the_form(
        self, console: Console, open_page: OpenPage, watch: Watch
    ) -> None:
        """What is wrong with a request that the form holds no longer is said in its own place."""
        watch.expect_refusal(400)
        page = open_page(console, "create", account=open_account(console, "hasty"))
        held: list[Route] = []
        page.route("**/api/createGenerationRequest", lambda route: held.append(route))
        ask(page, "a\x01b")
        page.get_by_label("Prompt").fill("a bear")
        held[0].continue_()
        expect(page.locator(".result").get_by_role("alert")).to_contain_text("prompt")
        expect(page.locator("[data-field=prompt] .fault")).to_be_hidden()
        expect(page.get_by_label("Prompt")).to_have_value("a bear")

    @pytest.mark.long
    def test_those_that_have_ended_make_room(self, console: Console, open_page: OpenPage, watch: Watch) -> None:
        """Nine are shown, and of those before them the ones that are under way or without an answer."""
        watch.expect_refusal(402)
        page = open_page(console, "create", account="emptyUser")
        page.route("**/api/createGenerationRequest", lambda route: None, times=1)
        for number in range(11):
            ask(page, f"fox {number}")
            if number > 0:
                expect(page.locator(".result .error")).to_have_count(min(number, 9))
        expect(page.locator(".result")).to_have_count(10)
        expect(result(page, "fox 0")).to_contain_text("Sending the request")
        expect(result(page, "fox 1")).to_have_count(0)
        page.unroute_all(behavior="ignoreErrors")

    @pytest.mark.long
    def test_a_failed_one_is_tried_again(self, failing_console: Console, open_page: OpenPage) -> None:
        """It is a new request, which is refunded if it fails as well; also from the dialog."""
        page = open_page(failing_console, "create", account=open_account(failing_console, "stubborn"))
        ask(page, "a fox")
        result(page, "a fox").get_by_role("button", name="Try again").click(timeout=30_000)
        expect(page.locator(".tile")).to_have_count(2)
        expect(page.locator(".result")).to_have_count(1)
        page.locator(".tile").last.click()
        page.get_by_role("dialog").get_by_role("button", name="Try again").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page.locator(".tile")).to_have_count(3)
        expect(page.locator(".result")).to_have_count(2)
        expect(page.locator(".result .error-title")).to_have_count(2, timeout=30_000)
        expect(balance(page)).to_have_text("50 credits")


class TestDetails:
    @pytest.mark.long
    def test_neighbours_are_shown_by_keys(self, console: Console, open_page: OpenPage) -> None:
        """Arrows and buttons show the next and the previous one, up to the ends; "Use again" fills in the form."""
        account = open_account(console, "browsing")
        create(console, account, "a fox", "a bear", "an owl")
        page = open_page(console, "create", account=account)
        page.locator(".tile").first.click()
        dialog = page.get_by_role("dialog")
        prompt = dialog.locator(".prompt")
        expect(prompt).to_have_text("an owl")
        for key, text, place in (
            ("ArrowLeft", "an owl", "1 of 3"),
            ("ArrowRight", "a bear", "2 of 3"),
            ("ArrowRight", "a fox", "3 of 3"),
            ("ArrowRight", "a fox", "3 of 3"),
            ("ArrowLeft", "a bear", "2 of 3"),
        ):
            page.keyboard.press(key)
            expect(prompt).to_have_text(text)
            expect(dialog.get_by_role("status")).to_have_text(place)
        dialog.get_by_role("button", name="Next").click()
        expect(prompt).to_have_text("a fox")
        assert serious_faults(page) == []
        dialog.get_by_role("button", name="Use again").click()
        expect(page.get_by_label("Prompt")).to_have_value("a fox")
        expect(page.get_by_label("Prompt")).to_be_focused()
        expect(page.get_by_role("radio", name="Neon")).to_be_checked()
        expect(page.get_by_role("radio", name="Vibrant")).not_to_be_checked()

    @pytest.mark.long
    def test_arrows_that_choose_a_language_turn_no_page(self, console: Console, open_page: OpenPage) -> None:
        """Among the languages and in the code the arrow keys do what they do there."""
        account = open_account(console, "polyglot")
        create(console, account, "a fox", "a bear")
        page = open_page(console, "create", account=account)
        page.locator(".tile").first.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_text("The request as code").click()
        dialog.get_by_role("radio", name="curl").focus()
        page.keyboard.press("ArrowRight")
        expect(dialog.get_by_role("radio", name="Python")).to_be_checked()
        dialog.locator("pre").first.focus()
        page.keyboard.press("ArrowRight")
        expect(dialog.locator(".prompt")).to_have_text("a bear")
        expect(dialog.get_by_role("region", name="The request in Python")).to_contain_text("urlopen")

    @pytest.mark.long
    def test_the_link_opens_it(self, console: Console, open_page: OpenPage, tmp_path: Path) -> None:
        """Link, id and JSON are copied, the link opens the generation, and its picture is downloaded."""
        account = open_account(console, "sharing")
        (generation_id,) = create(console, account, TRICKY)
        page = open_page(console, "create", account=account)
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        copied = "() => navigator.clipboard.readText()"
        page.locator(".tile").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("button", name="Copy id").click()
        expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
        assert page.evaluate(copied) == generation_id
        with page.expect_download() as downloading:
            dialog.get_by_role("button", name="Download").click()
        assert downloading.value.suggested_filename == f"{generation_id}.png"
        downloading.value.save_as(tmp_path / "picture.png")
        assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
        dialog.get_by_text("The answer as JSON").click()
        dialog.get_by_role("button", name="Copy the JSON").click()
        expect(dialog.get_by_role("button", name="Copy the JSON")).to_have_count(0)
        answer = json.loads(page.evaluate(copied))
        assert answer == console.call("getGenerationStatus", {"generationRequestId": generation_id})
        assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in (dialog.locator("pre").last.text_content() or "")
        dialog.get_by_role("button", name="Copy link").click()
        expect(dialog.get_by_role("button", name="Copy link")).to_have_count(0)
        link = page.evaluate(copied)
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        page.goto(link)
        expect(dialog).to_contain_text(generation_id)

    @pytest.mark.long
    def test_it_is_used_again_from_the_account(self, console: Console, open_page: OpenPage) -> None:
        """From the ledger "Use again" leads to the page of requests with the form filled in."""
        account = open_account(console, "remembering")
        create(console, account, "a heron")
        page = open_page(console, "account", account=account)
        page.get_by_role("button", name="Show generation").first.click()
        page.get_by_role("dialog").get_by_role("button", name="Use again").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Create")
        expect(page.get_by_label("Prompt")).to_have_value("a heron")
        expect(page.get_by_role("radio", name="Neon")).to_be_checked()

    @pytest.mark.long
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_it_fits_a_small_phone(self, console: Console, open_page: OpenPage, scheme: str) -> None:
        """At 320 pixels, with all code open, nothing is wider than the screen, and axe finds nothing serious."""
        account = open_account(console, "small")
        create(console, account, "a fox", TRICKY, "w" * 300)
        page = open_page(console, "create", account=account, width=320, scheme=scheme)
        ask(page, TRICKY)
        page.locator(".result .done").wait_for()
        page.get_by_text("The request as code").click()
        page.get_by_role("radio", name="Python").wait_for(state="attached")
        assert serious_faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        page.locator(".tile").nth(1).click()
        dialog = page.get_by_role("dialog")
        for summary in dialog.locator("summary").all():
            summary.click()
        assert serious_faults(page) == []
        assert dialog.evaluate("place => place.scrollWidth <= place.clientWidth")


@pytest.mark.long
class TestSnippets:
    @pytest.mark.parametrize(
        ("language", "command"),
        [("curl", ["sh"]), ("Python", [sys.executable]), ("JavaScript", ["node"])],
        ids=["curl", "python", "javascript"],
    )
    def test_it_runs_as_it_is(
        self,
        console: Console,
        open_page: OpenPage,
        tmp_path: Path,
        language: str,
        command: list[str],
    ) -> None:
        """A snippet creates what the form says, whatever the prompt holds; run twice, it is charged once."""
        if shutil.which("node") is None and language == "JavaScript":
            assert os.environ.get("CI") != "true"
            pytest.skip("there is no Node (apt-get install nodejs)")
        page = open_page(console, "create", account=open_account(console, f"coding-{language}"))
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.get_by_label("Prompt").fill(TRICKY)
        page.get_by_text("The request as code").click()
        page.get_by_role("radio", name=language, exact=True).check(force=True)
        page.get_by_role("button", name="Copy the code").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        script = tmp_path / "snippet.mjs"
        script.write_text(page.evaluate("() => navigator.clipboard.readText()"), encoding="utf-8")
        assert script.read_text(encoding="utf-8") == page.locator("pre").text_content()
        for _ in range(2):
            done = subprocess.run([*command, str(script)], capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 0, done.stderr
            assert "generationRequestId" in done.stdout
        (generation,) = console.call("listGenerationRequests", {"userId": f"coding-{language}"})["generations"]
        assert generation["prompt"] == TRICKY
        assert [generation[name] for name in ("model", "color")] == ["model-a", "vibrant"]

    def test_a_token_is_named_and_not_shown(self, console: Console, open_page: OpenPage) -> None:
        """Who is signed in gets code that takes the token from ID_TOKEN, in each language."""
        page = open_page(console, "create", account="testUser1")
        snippets = page.evaluate(
            """async () => {
              const { LANGUAGES } = await import('/generations/snippets.js');
              const call = { url: location.href, key: 'key', body: { userId: 'a' }, hasToken: true };
              return Object.values(LANGUAGES).map((language) => language.write(call));
            }"""
        )
        for text, used in zip(snippets, ("$ID_TOKEN", "os.environ['ID_TOKEN']", "process.env.ID_TOKEN"), strict=True):
            assert used in text
