"""The page on which pictures are made."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Dialog, Page, Route, expect

from tests.browser.axe import serious_faults
from tests.browser.conftest import OpenPage, Watch
from tests.browser.console import Console

Keep = Callable[[Page, str], None]


def open_account(console: Console, user_id: str, credits: int = 50) -> str:
    console.call("grantCredits", {"userId": user_id, "credits": credits}, **{"Idempotency-Key": f"open-{user_id}"})
    return user_id


def submit(page: Page) -> None:
    page.get_by_role("button", name="Create for").click()


def change_generations(page: Page, first: dict[str, object]) -> list[dict[str, object]]:
    """Have generations show the last of the changes in the list that is returned."""
    changes = [first]

    def change(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        for generation in body.get("generations", [body]):
            generation.update(changes[-1])
        route.fulfill(response=answer, json=body)

    page.route("**/api/listGenerationRequests?*", change)
    page.route("**/api/getGenerationStatus?*", change)
    return changes


class TestRequest:
    @pytest.mark.long
    def test_the_button_has_the_price_of_the_size(self, console: Console, open_page: OpenPage) -> None:
        """The price on the button is that of the chosen size."""
        page = open_page(console, "create", account="testUser1")
        expect(page.get_by_role("button", name="Create for 1 credit", exact=True)).to_be_visible()
        page.locator("[data-value='1024x1792']").click()
        expect(page.get_by_role("button", name="Create for 4 credits", exact=True)).to_be_visible()

    def test_a_picture_is_created_and_shown(self, console: Console, open_page: OpenPage, keep_screenshot: Keep) -> None:
        """A request ends with its picture, a lower balance, and an entry in the gallery that opens with its details."""
        page = open_page(console, "create", account=open_account(console, "painter"))
        expect(page.get_by_label("Balance")).to_have_text("50 credits")
        page.get_by_role("radio", name="Watercolor").check(force=True)
        page.get_by_role("radio", name="Pastel").check(force=True)
        page.locator("[data-value='1024x1024']").click()
        page.get_by_label("Prompt").fill("a fox in the snow")
        submit(page)
        picture = page.locator(".result img")
        expect(picture).to_have_attribute("alt", "Watercolor picture in pastel colors by Model A, 1024x1024")
        page.wait_for_function("() => document.querySelector('.result img').naturalWidth === 1024")
        expect(page.get_by_label("Balance")).to_have_text("47 credits")
        page.get_by_role("button", name="Watercolor picture").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("a fox in the snow")
        expect(dialog).to_contain_text("3 credits")
        assert serious_faults(page) == []
        keep_screenshot(page, "picture")
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        keep_screenshot(page, "create")

    @pytest.mark.long
    def test_a_failed_picture_is_refunded(self, failing_console: Console, open_page: OpenPage) -> None:
        """After a model failure the page says so, and that nothing was charged."""
        page = open_page(failing_console, "create", account="testUser1")
        page.get_by_label("Prompt").fill("a fox")
        submit(page)
        expect(page.locator(".result")).to_contain_text("1 credit refunded. Nothing was charged.", timeout=30_000)
        expect(page.locator(".result .error-title")).to_have_text("The model failed.")
        expect(page.get_by_label("Balance")).to_have_text("100 credits")

    def test_a_poor_account_sees_why_it_is_refused(self, console: Console, open_page: OpenPage, watch: Watch) -> None:
        """The page warns before the request; the refusal has its request id and a way out."""
        watch.expect_refusal(402)
        page = open_page(console, "create", account="emptyUser")
        expect(page.locator("form", has=page.get_by_label("Prompt"))).to_contain_text("This account has 0 credits.")
        page.get_by_label("Prompt").fill("a fox")
        submit(page)
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("Account 'emptyUser' has 0 credits; this request costs 1.")
        expect(alert).to_contain_text("Request ")
        alert.get_by_role("link", name="Grant credits").click()
        expect(page.get_by_role("heading", level=1, name="Account")).to_be_focused()

    @pytest.mark.long
    def test_an_account_is_needed(self, console: Console, open_page: OpenPage) -> None:
        """Without an account nothing is sent, the account field gets the focus, and accounts are offered."""
        page = open_page(console, "create", account="testUser1")
        page.get_by_label("Account", exact=True).fill("")
        page.get_by_label("Prompt").fill("a fox")
        submit(page)
        expect(page.get_by_label("Account", exact=True)).to_be_focused()
        expect(page.locator("[data-field=account] .fault")).to_have_text("Choose an account.")
        expect(page.locator(".result")).to_contain_text("Nothing yet")
        assert serious_faults(page) == []
        page.get_by_role("group", name="Accounts to choose from").get_by_role("button").first.click()
        expect(page.get_by_label("Balance", exact=True)).to_contain_text("credits")
        expect(page.get_by_label("Balance", exact=True)).to_be_focused()
        expect(page.get_by_role("group", name="Accounts to choose from")).to_be_hidden()

    @pytest.mark.long
    def test_an_unknown_account_sends_nothing(self, console: Console, open_page: OpenPage, watch: Watch) -> None:
        """The error is shown only at the account field, which gets the focus."""
        watch.expect_refusal(404)
        page = open_page(console, "create", account="nobody-here")
        expect(page.locator("[data-field=account] .fault")).to_have_text("No such account")
        page.get_by_label("Prompt").fill("a fox")
        submit(page)
        expect(page.get_by_label("Account", exact=True)).to_be_focused()
        expect(page.get_by_label("Balance", exact=True)).to_have_text("\N{EN DASH}")
        expect(page.locator(".result")).to_contain_text("Nothing yet")

    @pytest.mark.long
    def test_a_prompt_is_needed(self, console: Console, open_page: OpenPage) -> None:
        """An empty prompt is an error at its field before sending, until the prompt is edited."""
        page = open_page(console, "create", account="testUser1")
        page.get_by_label("Prompt").fill("  ")
        submit(page)
        fault = page.locator("[data-field=prompt] .fault")
        expect(fault).to_have_text("Say what the picture should show.")
        expect(page.get_by_label("Prompt")).to_be_focused()
        expect(page.get_by_label("Prompt")).to_have_attribute("aria-invalid", "true")
        page.get_by_label("Prompt").fill("a fox")
        expect(fault).to_be_hidden()
        expect(page.get_by_label("Prompt")).not_to_have_attribute("aria-invalid", "true")

    @pytest.mark.long
    def test_an_error_is_beside_its_field(self, console: Console, open_page: OpenPage, watch: Watch) -> None:
        """An error of the server about the prompt is shown only at the prompt."""
        watch.expect_refusal(400)
        page = open_page(console, "create", account="testUser1")
        page.get_by_label("Prompt").fill("a\x01b")
        submit(page)
        expect(page.locator("[data-field=prompt] .fault")).to_contain_text("1 to 2,000 characters")
        expect(page.get_by_label("Prompt")).to_be_focused()
        expect(page.locator(".result")).to_contain_text("Nothing yet")
        expect(page.get_by_role("alert")).to_have_count(0)

    def test_markup_in_a_prompt_is_text(self, console: Console, open_page: OpenPage) -> None:
        """Markup in a prompt is shown as text everywhere (XSS)."""
        prompt = "<img src=x onerror=alert(1)>"
        page = open_page(console, "create", account=open_account(console, "joker"))
        dialogs: list[str] = []

        def note(dialog: Dialog) -> None:
            dialogs.append(dialog.message)
            dialog.dismiss()

        page.on("dialog", note)
        page.get_by_label("Prompt").fill(prompt)
        submit(page)
        page.locator(".result .done").wait_for()
        page.locator(".tile").click()
        expect(page.get_by_role("dialog").locator(".prompt")).to_have_text(prompt)
        assert page.locator("img[src=x]").count() == 0
        assert dialogs == []

    @pytest.mark.long
    def test_a_prompt_has_its_own_direction(self, console: Console, open_page: OpenPage) -> None:
        """Arabic runs from the right in the field, on the tile and in the dialog; U+202E is shown by its number."""
        page = open_page(console, "create", account=open_account(console, "calligrapher"))
        page.get_by_label("Prompt").fill("\N{ARABIC LETTER THEH}\N{ARABIC LETTER AIN} \u202etxet")
        submit(page)
        page.locator(".result .done").wait_for()
        page.locator(".tile").click()
        for selector in ("textarea", ".tile-text", "dialog .prompt"):
            assert page.locator(selector).evaluate("place => getComputedStyle(place).direction") == "rtl"
        for selector in (".tile-text", "dialog .prompt"):
            expect(page.locator(selector)).to_contain_text("[U+202E]txet")
        page.keyboard.press("Escape")
        (generation,) = console.call("listGenerationRequests", {"userId": "calligrapher"})["generations"]
        page.goto(f"{console.url}/#data")
        page.get_by_text("generationRequests", exact=True).click()
        page.locator("summary", has_text=generation["generationRequestId"]).click()
        expect(page.locator(".value.string bdi", has_text="[U+202E]txet")).to_be_visible()

    def test_a_503_is_retried_with_the_same_key(self, console: Console, open_page: OpenPage, watch: Watch) -> None:
        """A 503 is retried with the same key, so that the account is charged once."""
        watch.expect_refusal(503)
        keys: list[str | None] = []
        page = open_page(console, "create", account=open_account(console, "patient"))

        def lose_the_first_answer(route: Route) -> None:
            keys.append(route.request.header_value("Idempotency-Key"))
            if len(keys) > 1:
                route.continue_()
                return
            route.fetch()
            route.fulfill(status=503, json={"error": {"code": 503, "message": "busy", "details": []}})

        page.route("**/api/createGenerationRequest", lose_the_first_answer)
        page.get_by_label("Prompt").fill("a fox")
        submit(page)
        expect(page.locator(".result")).to_contain_text("still trying")
        page.locator(".result .done").wait_for()
        assert keys[0]
        assert keys == [keys[0]] * 2
        expect(page.get_by_label("Balance")).to_have_text("49 credits")

    def test_a_pending_picture_can_be_cancelled(self, console: Console, open_page: OpenPage) -> None:
        """A generation cancelled while it waits shows its refund, which gets the focus."""
        page = open_page(console, "create", account=open_account(console, "fickle"))
        cancelled: list[str] = []

        def waiting(route: Route) -> None:
            answer = route.fetch()
            changed = {"status": "cancelled" if cancelled else "queued", "imageUrl": None, "creditsRefunded": 1}
            route.fulfill(response=answer, json=answer.json() | changed)

        def cancel(route: Route) -> None:
            asked = route.request.post_data_json
            assert asked is not None
            cancelled.append(asked["generationRequestId"])
            route.fulfill(json={})

        page.route("**/api/getGenerationStatus?*", waiting)
        page.route("**/api/cancelGenerationRequest", cancel)
        page.get_by_label("Prompt").fill("a fox")
        submit(page)
        page.get_by_role("button", name="Cancel").press("Enter")
        expect(page.locator(".result")).to_contain_text("1 credit refunded. Nothing was charged.")
        expect(page.locator(".result")).to_be_focused()
        assert len(cancelled) == 1

    @pytest.mark.long
    def test_the_focus_stays_while_a_picture_is_made(self, console: Console, open_page: OpenPage) -> None:
        """When the progress changes, a button keeps the focus; when Cancel goes, its group has the focus."""
        page = open_page(console, "create", account=open_account(console, "watcher"))
        statuses = ["queued"]

        def under_way(route: Route) -> None:
            answer = route.fetch()
            route.fulfill(response=answer, json=answer.json() | {"status": statuses[-1]})

        page.route("**/api/getGenerationStatus?*", under_way)
        page.get_by_label("Prompt").fill("a fox")
        page.get_by_role("button", name="Create for").press("Enter")
        page.get_by_role("button", name="Cancel").wait_for()
        expect(page.get_by_role("button", name="Create for")).to_be_focused()
        page.get_by_role("button", name="Cancel").focus()
        statuses.append("processing")
        expect(page.locator(".result")).to_contain_text("The model is drawing")
        expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
        expect(page.locator(".result")).to_be_focused()
        page.get_by_role("button", name="Create for").focus()
        statuses.append("completed")
        page.locator(".result .done").wait_for()
        expect(page.get_by_role("button", name="Create for")).to_be_focused()

    @pytest.mark.long
    def test_the_request_is_kept(self, console: Console, open_page: OpenPage) -> None:
        """The prompt and the choices are as they were after another page, also by "Grant credits", and a reload."""
        page = open_page(console, "create", account="emptyUser")
        page.get_by_label("Prompt").fill("a fox in the snow")
        page.get_by_role("radio", name="Watercolor").check(force=True)
        page.get_by_role("link", name="Grant credits").click()
        page.get_by_role("heading", level=1, name="Account").wait_for()
        page.get_by_role("link", name="Create", exact=True).click()
        for again in (page.reload, lambda: None):
            expect(page.get_by_label("Prompt")).to_have_value("a fox in the snow")
            expect(page.get_by_role("radio", name="Watercolor")).to_be_checked()
            again()

    @pytest.mark.long
    def test_a_pending_picture_survives_navigation(self, console: Console, open_page: OpenPage) -> None:
        """After a visit to another page the pending picture is still waited for."""
        page = open_page(console, "create", account=open_account(console, "wanderer"))
        statuses = ["processing"]

        def under_way(route: Route) -> None:
            answer = route.fetch()
            route.fulfill(response=answer, json=answer.json() | {"status": statuses[-1]})

        page.route("**/api/getGenerationStatus?*", under_way)
        page.get_by_label("Prompt").fill("a fox")
        submit(page)
        expect(page.locator(".result")).to_contain_text("The model is drawing")
        page.get_by_role("link", name="Account", exact=True).click()
        expect(page.get_by_role("heading", level=1, name="Account")).to_be_visible()
        page.get_by_role("link", name="Create", exact=True).click()
        expect(page.locator(".result")).to_contain_text("The model is drawing")
        statuses.append("completed")
        expect(page.locator(".result img")).to_be_visible()

    @pytest.mark.long
    def test_a_phone_scrolls_to_the_progress(self, console: Console, open_page: OpenPage) -> None:
        """On a phone the result is below the form, and is scrolled into view when the request starts."""
        page = open_page(console, "create", account=open_account(console, "commuter"), width=390)
        page.get_by_label("Prompt").fill("a fox")
        submit(page)
        page.locator(".result .done").wait_for()
        expect(page.locator(".result img")).to_be_in_viewport(ratio=0.9)

    @pytest.mark.long
    def test_the_keyboard_is_enough(self, console: Console, open_page: OpenPage) -> None:
        """A picture can be requested without a mouse, from the skip link on."""
        page = open_page(console, "create", account=open_account(console, "typist"))
        page.get_by_role("button", name="Create for").wait_for()
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        for _ in range(2):
            page.keyboard.press("Tab")
        expect(page.get_by_label("Prompt")).to_be_focused()
        page.keyboard.type("a fox")
        while not page.get_by_role("radio", name="Model A").evaluate("radio => radio === document.activeElement"):
            page.keyboard.press("Tab")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowRight")
        while not page.get_by_role("button", name="Create for").evaluate("it => it === document.activeElement"):
            page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")
        expect(page.locator(".result img")).to_have_attribute(
            "alt", "Cyberpunk picture in vibrant colors by Model B, 512x512"
        )


class TestGallery:
    @pytest.mark.long
    def test_filters_narrow_it(self, console: Console, open_page: OpenPage) -> None:
        """Only matching pictures are shown; without a match the page says so."""
        account = open_account(console, "collector")
        request = {"userId": account, "model": "model-a", "color": "neon", "size": "512x512", "prompt": "a fox"}
        for style in ("anime", "sketch"):
            console.call("createGenerationRequest", request | {"style": style})
        page = open_page(console, "create", account=account)
        expect(page.locator(".tile")).to_have_count(2)
        page.locator(".filters").get_by_label("Style").select_option("sketch")
        expect(page.locator(".tile")).to_have_count(1)
        page.locator(".filters").get_by_label("Model").select_option("model-b")
        expect(page.get_by_text("Nothing fits")).to_be_visible()

    @pytest.mark.long
    def test_a_queued_picture_is_cancelled_in_its_dialog(self, console: Console, open_page: OpenPage) -> None:
        """What was started elsewhere is cancelled there; the dialog opens at its start and shows how it ends."""
        account = open_account(console, "delegator")
        request = {"userId": account, "model": "model-a", "color": "neon", "size": "512x512", "style": "anime"}
        console.call("createGenerationRequest", request | {"prompt": "a fox\n" * 300})
        page = open_page(console, "create")
        changes = change_generations(page, {"status": "queued", "imageUrl": None})

        def cancel(route: Route) -> None:
            changes.append({"status": "cancelled", "imageUrl": None, "creditsRefunded": 1})
            route.fulfill(json={})

        page.route("**/api/cancelGenerationRequest", cancel)
        page.get_by_label("Account", exact=True).fill(account)
        page.get_by_label("Account", exact=True).press("Enter")
        page.locator(".tile").click()
        dialog = page.get_by_role("dialog", name="Generation")
        expect(dialog).to_be_focused()
        assert dialog.evaluate("place => [place.scrollTop, place.scrollHeight > place.clientHeight]") == [0, True]
        dialog.get_by_role("button", name="Cancel").click()
        expect(dialog.locator(".badge")).to_have_text("Cancelled")
        expect(dialog).to_contain_text("1 credit")
        expect(dialog.get_by_role("button", name="Cancel")).to_have_count(0)

    @pytest.mark.long
    def test_an_open_dialog_follows_its_generation(self, console: Console, open_page: OpenPage) -> None:
        """Opened while it is drawn, the dialog shows the picture when it is there."""
        account = open_account(console, "follower")
        request = {"userId": account, "model": "model-a", "color": "neon", "size": "512x512", "style": "anime"}
        console.call("createGenerationRequest", request | {"prompt": "a fox"})
        page = open_page(console, "create")
        changes = change_generations(page, {"status": "processing", "imageUrl": None})
        page.get_by_label("Account", exact=True).fill(account)
        page.get_by_label("Account", exact=True).press("Enter")
        page.locator(".tile").click()
        dialog = page.get_by_role("dialog", name="Generation")
        expect(dialog.locator(".badge")).to_have_text("Processing")
        changes.append({})
        expect(dialog.locator("img")).to_be_visible()
        expect(dialog.locator(".badge")).to_have_text("Completed")

    @pytest.mark.long
    def test_the_error_of_a_read_goes_with_the_next(self, console: Console, open_page: OpenPage, watch: Watch) -> None:
        """A dialog that cannot read its generation for a moment says so, and no longer once it can."""
        watch.expect_refusal(503)
        account = open_account(console, "interrupted")
        request = {"userId": account, "model": "model-a", "color": "neon", "size": "512x512", "style": "anime"}
        console.call("createGenerationRequest", request | {"prompt": "a fox"})
        page = open_page(console, "create")
        change_generations(page, {"status": "processing", "imageUrl": None})
        page.get_by_label("Account", exact=True).fill(account)
        page.get_by_label("Account", exact=True).press("Enter")
        page.locator(".tile").click()
        dialog = page.get_by_role("dialog", name="Generation")
        answer = {"code": "UNAVAILABLE", "message": "Firestore is away.", "requestId": "r1"}
        page.route("**/api/getGenerationStatus?*", lambda route: route.fulfill(status=503, json={"error": answer}))
        expect(dialog).to_contain_text("Firestore is away.")
        expect(dialog.locator(".badge")).to_have_text("Processing")
        page.unroute("**/api/getGenerationStatus?*")
        expect(dialog.locator(".badge")).to_have_text("Completed")
        expect(dialog).not_to_contain_text("Firestore is away.")

    @pytest.mark.long
    def test_it_has_more_pages(self, console: Console, open_page: OpenPage) -> None:
        """There are twelve pictures on a page, and more on request; the first new one gets the focus."""
        account = open_account(console, "hoarder")
        request = {"userId": account, "model": "model-a", "color": "neon", "size": "512x512", "prompt": "a fox"}
        for _ in range(13):
            console.call("createGenerationRequest", request | {"style": "anime"})
        page = open_page(console, "create", account=account)
        expect(page.locator(".tile")).to_have_count(12)
        page.get_by_role("button", name="Show more").press("Enter")
        expect(page.locator(".tile")).to_have_count(13)
        expect(page.locator(".tile").last).to_be_focused()
        expect(page.get_by_role("button", name="Show more")).to_have_count(0)

    @pytest.mark.long
    def test_it_follows_pending_pictures(self, console: Console, open_page: OpenPage) -> None:
        """A picture replaces its pending tile without a reload and without losing the focus."""
        account = open_account(console, "observer")
        request = {"userId": account, "model": "model-a", "color": "neon", "size": "512x512", "prompt": "a fox"}
        console.call("createGenerationRequest", request | {"style": "anime"})
        page = open_page(console, "create")

        def not_yet(route: Route) -> None:
            answer = route.fetch()
            changed = answer.json()
            for generation in changed["generations"]:
                generation.update(status="processing", imageUrl=None)
            route.fulfill(response=answer, json=changed)

        page.route("**/api/listGenerationRequests?*", not_yet)
        page.get_by_label("Account", exact=True).fill(account)
        page.get_by_label("Account", exact=True).press("Enter")
        tile = page.locator(".tile")
        expect(tile).to_contain_text("Processing")
        tile.focus()
        expect(tile.locator("img")).to_be_visible()
        expect(tile).to_be_focused()
