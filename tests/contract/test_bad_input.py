"""What no honest client sends: each is refused with a clear 4xx that names what is wrong, and nothing is written."""

import base64
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import flask
import functions_framework
import httpx
import pytest

from embedded_firebase.functions import server
from imagegen import production
from tests.answers import error_of, violations_of
from tests.hosted import ROOT
from tests.world import World

CREATE, GRANT, CREDITS = "/createGenerationRequest", "/grantCredits", "/getUserCredits"
JSON = {"Content-Type": "application/json"}
KEY = {"Idempotency-Key": "key"}
PAGED = [CREDITS, "/listWeeklyReports", "/verifyBooks"]
Call = Callable[..., httpx.Response]

BAD_IDS = [
    *["", ".", "..", "__x__", "____", "/", "a/b", "../users/ada", "/etc/passwd", "ada/../bob"],
    *["a\x00b", "ada\n", "\x1b[2J", "ada\x7f", "ada\x85", "ada\x9f"],
    *["\u202eada", "ada\u200b", "\ufeffada", "ada\u2066", "a\u2028b", "a\u00adda", "ada\U000e0041"],
    *["x" * 129, "é" * 750, "\ud800", "ada\udfff"],
    *[None, True, 1, 1.5, [], ["ada"], {}, {"ada": 1}],
]

BAD_PAGE_SIZES = ["0", "201", "1.0", "1e1", "1e400", "9" * 5000, "true", '"5"', "null", "[1]"]

BAD_PAGE_SIZES_IN_A_QUERY = ["", "0", "201", "1.0", "1e1", "%2B1", "%205", "1_0", "%D9%A5", "x", "9" * 5000]

NO_JSON_OBJECTS = [
    *[b"", b" ", b"{", b"fox", b"{'userId': 'ada'}", b'{"userId": "ada"} x', b'\xef\xbb\xbf{"userId": "ada"}'],
    *[b"\xff", b'{"userId": "\xff"}', b'{"userId": "\xed\xa0\x80"}', '{"userId": "ada"}'.encode("utf-16")],
    *[b"[" * 16_000, b'{"a":' * 3_000, b'{"userId": "a\x00"}', b"\x00" * 100],
    *[b"[]", b"null", b"1", b'"ada"', b"true", b'[{"userId": "ada"}]'],
]

NO_PAGE_TOKENS: list[object] = [
    *["x", "é", "====", "AAAA", "\x00", "\ud800", "../..", "%", base64.urlsafe_b64encode(bytes(12)).decode()],
    *[base64.urlsafe_b64encode(text.encode()).decode() for text in ("[" * 2900, '["a"]', '["", ""]', "{}")],
    *[base64.urlsafe_b64encode(text.encode()).decode() for text in ('["a", "b"]', '["__x__", "b"]', "1e9999")],
    *[base64.urlsafe_b64encode(text.encode()).decode() for text in ('["\\ud800", "b"]', '["a", "\\ud800"]')],
    *[base64.urlsafe_b64encode(text.encode()).decode() for text in ('["a", "\\u0000"]', "9" * 2900, '["a/b",1]')],
    *[base64.urlsafe_b64encode(b"\xff" * 60).decode(), "2026-W46", "9999-W53", "0000-W01", "x" * 5000],
    *[None, 1, True, []],
]

OTHER_METHODS = ["HEAD", "PUT", "PATCH", "DELETE", "TRACE", "FOO"]


@pytest.fixture(autouse=True)
def nothing_written(world: World) -> Iterator[None]:
    """An account, which is the only one and as it was when the test is over."""
    ada = world.account("ada", 5)
    before = world.fields("users/ada")
    yield
    assert [snapshot.id for snapshot in world.db.collection("users").stream()] == [ada]
    assert (world.fields("users/ada"), world.ledger(ada), world.generations()) == (before, [], [])


@pytest.fixture(params=["host", "framework"])
def call(request: pytest.FixtureRequest, client: httpx.Client) -> Call:
    """Call a function on our host, and under the functions framework, which serves it when it is deployed."""
    if request.param == "host":
        return client.request

    def under_framework(method: str, url: str, **sent: Any) -> httpx.Response:
        name, _, query = url.removeprefix("/").partition("?")
        create_app: Callable[[str, str], flask.Flask] = functions_framework.create_app
        app = create_app(name, str(ROOT / "functions" / "main.py"))
        with httpx.Client(transport=httpx.WSGITransport(app=app), base_url="http://127.0.0.1") as http:
            return http.request(method, f"/?{query}", **sent)

    return under_framework


def body(world: World, **changed: Any) -> dict[str, Any]:
    return {**world.body("ada"), **changed}


class Wire:
    """A connection on which anything can be written."""

    def __init__(self, client: httpx.Client) -> None:
        assert client.base_url.port is not None
        self.base = client.base_url.path.rstrip("/").encode()
        self.connection = socket.create_connection(("127.0.0.1", client.base_url.port), timeout=20)

    def send(self, first: bytes, *lines: bytes, content: bytes = b"") -> None:
        method, _, path = first.partition(b" ")
        head = [method + b" " + self.base + path + b" HTTP/1.1", b"Host: 127.0.0.1", *lines]
        self.connection.sendall(b"\r\n".join(head) + b"\r\n\r\n" + content)

    def received(self) -> bytes:
        """All that comes until the host hangs up."""
        return b"".join(iter(lambda: self.connection.recv(65536), b""))

    def answer(self) -> tuple[int, bytes]:
        """The status, and all that comes."""
        received = self.received()
        return int(received.split(b" ", 2)[1]), received


@pytest.fixture
def wire(client: httpx.Client) -> Iterator[Wire]:
    """A connection to the host."""
    wire = Wire(client)
    yield wire
    wire.connection.close()


class TestIds:
    @pytest.mark.parametrize("path", [CREATE, GRANT, CREDITS])
    def test_what_no_account_is_called(self, world: World, client: httpx.Client, path: str) -> None:
        """An id that Firestore forbids, or that looks like another, is refused by its field's name."""
        for user_id in BAD_IDS:
            sent = {CREATE: body(world, userId=user_id), GRANT: {"userId": user_id, "credits": 1}}
            content = json.dumps(sent.get(path, {"userId": user_id}))
            response = client.post(path, content=content, headers=JSON | KEY)
            assert list(violations_of(response)) == ["userId"]

    @pytest.mark.parametrize(
        "user_id", ["..", "__x__", "%2e%2e", "a%2Fb", "..%2F..%2Fada", "%00", "ada%0d%0aX:%201", "%E2%80%AEada", ""]
    )
    def test_in_a_query(self, call: Call, user_id: str) -> None:
        """Percent-encoded, they are no better."""
        assert list(violations_of(call("GET", f"{CREDITS}?userId={user_id}"))) == ["userId"]

    def test_that_are_only_unusual(self, client: httpx.Client) -> None:
        """An id may be as long as is said in any script."""
        for user_id in ("\U0001f98a" * 128, "Ада Лавлейс", "عدة", "a b", "..."):
            assert error_of(client.get(CREDITS, params={"userId": user_id}))["reason"] == "USER_NOT_FOUND"

    def test_twins_are_others(self, world: World, client: httpx.Client) -> None:
        """An id that differs by Unicode normalisation or case alone is another account's."""
        for user_id in ("\uff41da", "Ada", "ada ", "a\u0308da"):
            response = client.post(CREATE, json=body(world, userId=user_id))
            assert error_of(response)["reason"] == "USER_NOT_FOUND"

    @pytest.mark.parametrize("path", ["/getUserCredits%2F..%2FgrantCredits", "/..%2f..%2fadmin", "/%2e%2e/%2e%2e/x"])
    def test_in_a_path(self, wire: Wire, path: str) -> None:
        """A path with encoded slashes and dots leads nowhere."""
        wire.send(b"GET " + path.encode())
        assert wire.answer()[0] in {400, 404}


class TestText:
    @pytest.mark.parametrize(
        "prompt", ["a\x00fox", "\x1b[2J", "a fox\x07", "a\x9ffox", "a\x80fox", "\ud800", "a \udc00 fox"]
    )
    def test_control_characters(self, world: World, call: Call, prompt: str) -> None:
        """A prompt holds neither control characters nor halves of a character."""
        response = call("POST", CREATE, content=json.dumps(body(world, prompt=prompt)), headers=JSON)
        assert list(violations_of(response)) == ["prompt"]

    @pytest.mark.parametrize("reason", ["a\x00", "\ud800", " ", "x" * 201, 7])
    def test_reasons(self, client: httpx.Client, reason: object) -> None:
        """Nor does the reason of a grant."""
        content = json.dumps({"userId": "ada", "credits": 1, "reason": reason})
        assert list(violations_of(client.post(GRANT, content=content, headers=JSON | KEY))) == ["reason"]

    @pytest.mark.parametrize("prompt", ["", " \n\t ", "\u3000", "x" * 2001, None, True, 1, ["a fox"]])
    def test_what_is_no_prompt(self, world: World, client: httpx.Client, prompt: object) -> None:
        """A prompt is a text in which there is something."""
        assert list(violations_of(client.post(CREATE, json=body(world, prompt=prompt)))) == ["prompt"]

    def test_names_that_are_nothing(self, world: World, call: Call) -> None:
        """A name that is no text, or half of a character, is refused with what is on offer, each field by itself."""
        sent = body(world, model="\ud800", style="\x00", color=True, size=512, extra=1)
        found = violations_of(call("POST", CREATE, content=json.dumps(sent), headers=JSON))
        assert found.keys() == {"model", "style", "color", "size", "extra"}
        assert found["size"] == "must be one of: 1024x1024, 1024x1792, 512x512"

    def test_a_field_of_half_a_character(self, world: World, call: Call) -> None:
        """A field's name that cannot be written is no JSON."""
        response = call("POST", CREATE, content=json.dumps(body(world, **{"\ud800": 1})), headers=JSON)
        assert violations_of(response) == {"body": "must be valid JSON in UTF-8"}


class TestNumbers:
    @pytest.mark.parametrize(
        "credits",
        ["0", "-1", "1000001", "1.0", "1e2", "1e400", "-1e400", "9" * 5000, "-" + "9" * 5000, "true", '"1"', "null"],
    )
    def test_of_credits(self, call: Call, credits: str) -> None:
        """Credits are an integer within its bounds, and nothing that can be made one."""
        content = f'{{"userId": "ada", "credits": {credits}}}'
        response = call("POST", GRANT, content=content, headers=JSON | KEY)
        assert violations_of(response) == {"credits": "must be an integer from 1 to 1,000,000"}

    @pytest.mark.parametrize("path", PAGED)
    def test_of_page_sizes(self, client: httpx.Client, path: str) -> None:
        """So is a page's size."""
        for page_size in BAD_PAGE_SIZES:
            content = f'{{"pageSize": {page_size}}}'.replace("{", '{"userId": "ada", ' if path == CREDITS else "{", 1)
            assert list(violations_of(client.post(path, content=content, headers=JSON))) == ["pageSize"]

    @pytest.mark.parametrize("path", PAGED)
    def test_of_page_sizes_in_a_query(self, client: httpx.Client, path: str) -> None:
        """In a query it is decimal digits."""
        for page_size in BAD_PAGE_SIZES_IN_A_QUERY:
            asked = f"userId=ada&pageSize={page_size}" if path == CREDITS else f"pageSize={page_size}"
            assert list(violations_of(client.get(f"{path}?{asked}"))) == ["pageSize"]

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
    def test_that_json_does_not_have(self, call: Call, number: str) -> None:
        """A body with a number that Python alone knows is no JSON, and says which."""
        content = f'{{"userId": "ada", "credits": {number}}}'
        response = call("POST", GRANT, content=content, headers=JSON | KEY)
        assert violations_of(response) == {"body": f"must not hold {number}, which is not JSON"}


class TestBodies:
    @pytest.mark.parametrize("path", [CREATE, GRANT, *PAGED])
    def test_that_are_no_json_object(self, client: httpx.Client, path: str) -> None:
        """Whatever is no JSON object in UTF-8 is refused as a whole."""
        for content in NO_JSON_OBJECTS:
            assert list(violations_of(client.post(path, content=content, headers=JSON | KEY))) == ["body"]

    @pytest.mark.parametrize("content", [b"[" * 100_000, b'{"userId": "' + b"x" * 1_000_000 + b'"}'])
    def test_that_are_too_large(self, call: Call, content: bytes) -> None:
        """A hundred thousand brackets are not read."""
        response = call("POST", CREATE, content=content, headers=JSON)
        assert (response.status_code, error_of(response)["reason"]) == (413, "BODY_TOO_LARGE")

    def test_that_are_wrong_all_over(self, call: Call, world: World) -> None:
        """Of very many bad fields some are named, the request's own before others, and the rest are counted."""
        content = body(world, prompt="") | {f"unknown{number}": 0 for number in range(800)}
        response = call("POST", CREATE, json=content)
        assert (len(violations_of(response)), next(iter(violations_of(response)))) == (20, "prompt")
        assert response.json()["error"]["message"].endswith("and 781 more.")
        assert len(response.content) < 4096

    @pytest.mark.parametrize("content", [b"\xff", b"[" * 16_000, b"", b'{"a": 1, "a": 2}'])
    def test_when_deployed(self, call: Call, content: bytes) -> None:
        """The framework leaves that to the function."""
        assert list(violations_of(call("POST", CREATE, content=content, headers=JSON))) == ["body"]

    def test_that_name_a_field_twice(self, world: World, client: httpx.Client) -> None:
        """A field that is given twice, also in an inner object, means nothing."""
        twice = json.dumps(body(world))[:-1] + ', "userId": "bob"}'
        inner = json.dumps(body(world))[:-1] + ', "more": {"a": 1, "a": 2}}'
        for content in (twice, inner):
            response = client.post(CREATE, content=content, headers=JSON)
            assert violations_of(response) == {"body": "must not name a field twice"}

    @pytest.mark.parametrize(
        "content_type",
        [
            *["", "text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"],
            *["application/xml", "application/jsonx", "json", "application/json, text/plain", ";;;"],
            *["application/json; charset=utf-16", "application/json; charset=latin-1", "application/json;charset=x"],
        ],
    )
    def test_of_another_type(self, world: World, call: Call, content_type: str) -> None:
        """A body that does not say that it is JSON in UTF-8 is not read."""
        headers = {"Content-Type": content_type}
        response = call("POST", CREATE, content=json.dumps(body(world)), headers=headers)
        assert (response.status_code, error_of(response)["reason"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


class TestQueries:
    @pytest.mark.parametrize("query", ["userId=%FF", "userId=%C0%AF", "userId=%ED%A0%80", "%FF=1", "userId=ada&x=%80"])
    def test_that_are_no_utf_8(self, call: Call, query: str) -> None:
        """Bytes that are no text are refused rather than replaced."""
        assert violations_of(call("GET", f"{CREDITS}?{query}")) == {"query": "must be percent-encoded UTF-8"}

    def test_that_are_raw_bytes(self, wire: Wire) -> None:
        """So are those that are not percent-encoded."""
        wire.send(b"GET " + CREDITS.encode() + b"?userId=\xff", b"Connection: close")
        status, received = wire.answer()
        assert status == 400
        assert b'"field":"query"' in received

    @pytest.mark.parametrize("query", ["userId=ada&userId=bob", "userId=ada&user%49d=ada"])
    def test_that_name_a_field_twice(self, call: Call, query: str) -> None:
        """A field that is given twice means nothing."""
        assert violations_of(call("GET", f"{CREDITS}?{query}")) == {"userId": "must be given once"}

    def test_that_hold_more(self, call: Call) -> None:
        """A field that is not known is named, also one without a value."""
        found = violations_of(call("GET", f"{CREDITS}?userId=ada&USERID=1&x&userId[]=bob"))
        assert found == dict.fromkeys(["USERID", "x", "userId[]"], "is not a field of this request")

    def test_that_are_huge(self, client: httpx.Client, wire: Wire) -> None:
        """A long id is refused by its name, and a longer line is not read."""
        assert list(violations_of(client.get(f"{CREDITS}?userId={'x' * 60_000}"))) == ["userId"]
        wire.send(b"GET " + CREDITS.encode() + b"?userId=" + b"x" * 70_000)
        assert b"currentCredits" not in wire.received()

    def test_of_thousands_of_fields(self, client: httpx.Client) -> None:
        """Many fields are refused, the first of them by name."""
        found = violations_of(client.get(f"{CREDITS}?userId=ada&" + "&".join(f"f{number}=" for number in range(5000))))
        assert (len(found), "f0" in found) == (20, True)


class TestPageTokens:
    @pytest.mark.parametrize("path", PAGED)
    def test_that_nobody_was_given(self, client: httpx.Client, path: str) -> None:
        """A page token that is no page token is refused by its field's name."""
        for token in NO_PAGE_TOKENS:
            sent = {"userId": "ada", "pageToken": token} if path == CREDITS else {"pageToken": token}
            response = client.post(path, content=json.dumps(sent), headers=JSON)
            if token is None:
                assert response.status_code == 200
            else:
                assert list(violations_of(response)) == ["pageToken"]

    @pytest.mark.parametrize(
        "week",
        ["", "2026", "2026-W00", "2026-W54", "2025-W53", "10000-W01", "\uff12026-W46", "2026-W46 ", "../x", "\x00", 1],
    )
    def test_weeks(self, client: httpx.Client, week: object) -> None:
        """What is no week is refused by its field's name."""
        response = client.post("/getWeeklyReport", content=json.dumps({"week": week}), headers=JSON)
        assert violations_of(response) == {"week": "must be an ISO week such as 2026-W46"}


class TestHeaders:
    @pytest.mark.parametrize("key", [b"", b"x" * 256, b"a\tb", b"\x80", "é".encode(), b"\xe9", b"\xff\xfe", b"a\x7f"])
    def test_idempotency_keys(self, world: World, client: httpx.Client, key: bytes) -> None:
        """A key is 1 to 255 printable ASCII characters."""
        headers = {b"Idempotency-Key": key}
        for response in (
            client.post(CREATE, json=body(world), headers=headers),
            client.post(GRANT, json={"userId": "ada", "credits": 1}, headers=headers),
        ):
            assert list(violations_of(response)) == ["Idempotency-Key"]

    def test_the_longest_key(self, world: World, client: httpx.Client) -> None:
        """255 characters are a key: another fault of the request is what is found."""
        headers = {"Idempotency-Key": "x" * 255}
        assert list(violations_of(client.post(CREATE, json=body(world, prompt=""), headers=headers))) == ["prompt"]

    @pytest.mark.parametrize("key", [b"a\r\n\tb", b"a\rSet-Cookie: b", b"a\x00b", b"a\nSet-Cookie: b\x00"])
    def test_broken_lines(self, world: World, wire: Wire, key: bytes) -> None:
        """A line break in a header is no way to write one of the answer's."""
        content = json.dumps(body(world, prompt="")).encode()
        length = b"Content-Length: %d" % len(content)
        wire.send(b"POST /createGenerationRequest", length, b"Idempotency-Key: " + key, content=content)
        status, received = wire.answer()
        assert 400 <= status < 500
        assert b"set-cookie" not in received.lower()

    @pytest.mark.parametrize("sent", [b"a\xffb", b"a b", b"x" * 65, b"<script>", b"a,b", b""])
    def test_request_ids(self, client: httpx.Client, sent: bytes) -> None:
        """A request id that is not fit for a log is replaced."""
        response = client.get(f"{CREDITS}?userId=ada", headers={b"X-Request-Id": sent})
        assert len(response.headers["X-Request-Id"]) == 32

    def test_a_request_id_whatever_happens(self, client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
        """A back end that cannot even be set up names the call, too, so that its log can be found."""
        monkeypatch.setenv("MODEL_FAILURE_RATE", "often")
        production._built.cache_clear()
        response = client.get(f"{CREDITS}?userId=ada")
        monkeypatch.setenv("MODEL_FAILURE_RATE", "0")
        assert error_of(response)["message"] == "An internal error occurred."
        assert len(response.headers["X-Request-Id"]) == 32

    @pytest.mark.parametrize("lines", [[b"X: " + b"x" * 1_000_000], [b"X: " + b"x" * 1_000] * 1_000])
    def test_a_megabyte(self, world: World, client: httpx.Client, lines: list[bytes]) -> None:
        """Headers of a megabyte are not read, whether in one line or in a thousand."""
        content = json.dumps(body(world)).encode()
        wire = Wire(client)
        try:
            wire.send(b"POST /createGenerationRequest", b"Content-Length: %d" % len(content), *lines, content=content)
            assert wire.answer()[0] == 431
        except (ConnectionResetError, BrokenPipeError):
            # The host hung up on what it would not read before it was all sent.
            pass
        finally:
            wire.connection.close()
        assert client.get(f"{CREDITS}?userId=ada").status_code == 200


class TestMethods:
    @pytest.mark.parametrize("path", [CREATE, GRANT, *PAGED, "/openapi", "/getWeeklyReport"])
    def test_others(self, world: World, client: httpx.Client, path: str) -> None:
        """A method that is not declared is refused with those that are, and its body is not looked at."""
        for method in OTHER_METHODS:
            wire = Wire(client)
            wire.send(f"{method} {path}?userId=ada".encode(), b"Connection: close")
            status, received = wire.answer()
            wire.connection.close()
            assert status == 405
            assert b"\r\nAllow: " in received
            assert (b"METHOD_NOT_ALLOWED" in received) is (method != "HEAD")

    def test_options_charge_nothing(self, world: World, call: Call) -> None:
        """A preflight with a request's body is no request."""
        headers = {"Origin": "https://shop.example.com", "Access-Control-Request-Method": "POST"}
        assert call("OPTIONS", CREATE, json=body(world), headers=headers).status_code == 200

    def test_an_override(self, world: World, call: Call) -> None:
        """A header that asks for another method is no other method."""
        headers = {"X-HTTP-Method-Override": "POST"}
        response = call("GET", CREATE, headers=headers)
        assert (response.status_code, response.headers["Allow"]) == (405, "POST")


class TestTransfers:
    @pytest.mark.parametrize(
        ("lines", "content"),
        [
            ([b"Content-Length: 500"], b'{"userId": "ada"'),
            ([b"Content-Length: -1"], b"{}"),
            ([b"Content-Length: x"], b"{}"),
            ([b"Content-Length: 1"], b'{"userId": "ada"}'),
            ([b"Transfer-Encoding: chunked"], b"x\r\n{}\r\n0\r\n\r\n"),
            ([b"Transfer-Encoding: chunked"], b"-2\r\n{}\r\n0\r\n\r\n"),
            ([b"Transfer-Encoding: chunked"], b"5\r\n{}"),
            ([], b'{"userId": "ada"}'),
        ],
    )
    def test_that_lie(self, wire: Wire, lines: list[bytes], content: bytes) -> None:
        """A body that is not as long as it says is refused as a whole."""
        wire.send(b"POST /createGenerationRequest", b"Content-Type: application/json", *lines, content=content)
        wire.connection.shutdown(socket.SHUT_WR)
        status, received = wire.answer()
        assert status == 400
        assert b'"field":"body"' in received
        assert received.count(b"HTTP/1.1 ") == 1

    def test_in_chunks(self, world: World, wire: Wire) -> None:
        """A body in chunks is read as one, here one with a fault."""
        content = json.dumps(body(world, prompt="")).encode()
        chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in content) + b"0\r\n\r\n"
        headers = [b"Content-Type: application/json", b"Transfer-Encoding: chunked"]
        wire.send(b"POST /createGenerationRequest", *headers, content=chunks)
        status, received = wire.answer()
        assert status == 400
        assert b'"field":"prompt"' in received

    def test_that_never_end(self, client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whoever sends a byte and falls silent keeps nobody else waiting, and is told in the end."""
        monkeypatch.setattr(server._Handler, "timeout", 0.5)
        silent = [Wire(client) for _ in range(30)]
        for wire in silent:
            wire.send(
                b"POST /createGenerationRequest", b"Content-Type: application/json", b"Content-Length: 9", content=b"{"
            )
        assert client.get(f"{CREDITS}?userId=ada").status_code == 200
        for wire in silent:
            status, received = wire.answer()
            wire.connection.close()
            assert status == 400
            assert b'"field":"body"' in received

    def test_garbage(self, client: httpx.Client) -> None:
        """What is no HTTP is no call."""
        for garbage in (
            b"\x00" * 100 + b"\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
            b"fox\r\n\r\n",
        ):
            wire = Wire(client)
            wire.connection.sendall(garbage)
            wire.connection.shutdown(socket.SHUT_WR)
            assert b" 200 " not in wire.connection.recv(65536)
            wire.connection.close()
        assert client.get(f"{CREDITS}?userId=ada").status_code == 200
