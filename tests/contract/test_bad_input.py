"""Malformed and hostile requests: each is a 4xx that names what is wrong, and no document is written."""

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
    """An account; after the test it is unchanged and the only one."""
    ada = world.account("ada", 5)
    before = world.fields("users/ada")
    yield
    assert [snapshot.id for snapshot in world.db.collection("users").stream()] == [ada]
    assert (world.fields("users/ada"), world.ledger(ada), world.generations()) == (before, [], [])


@pytest.fixture(params=["host", "framework"])
def call(request: pytest.FixtureRequest, client: httpx.Client) -> Call:
    """Call a function on our host and under the functions framework, which serves it when it is deployed."""
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
    """A raw connection for any bytes."""

    def __init__(self, client: httpx.Client) -> None:
        assert client.base_url.port is not None
        self.base = client.base_url.path.rstrip("/").encode()
        self.connection = socket.create_connection(("127.0.0.1", client.base_url.port), timeout=20)

    def send(self, first: bytes, *lines: bytes, content: bytes = b"") -> None:
        method, _, path = first.partition(b" ")
        head = [method + b" " + self.base + path + b" HTTP/1.1", b"Host: 127.0.0.1", *lines]
        self.connection.sendall(b"\r\n".join(head) + b"\r\n\r\n" + content)

    def received(self) -> bytes:
        """All bytes until the host closes the connection."""
        return b"".join(iter(lambda: self.connection.recv(65536), b""))

    def answer(self) -> tuple[int, bytes]:
        """The status, and all received bytes."""
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
    def test_invalid_user_ids(self, world: World, client: httpx.Client, path: str) -> None:
        """An id that is invalid in Firestore, or looks like another one, is refused by its field's name."""
        for user_id in BAD_IDS:
            sent = {CREATE: body(world, userId=user_id), GRANT: {"userId": user_id, "credits": 1}}
            content = json.dumps(sent.get(path, {"userId": user_id}))
            response = client.post(path, content=content, headers=JSON | KEY)
            assert list(violations_of(response)) == ["userId"]

    @pytest.mark.parametrize(
        "user_id", ["..", "__x__", "%2e%2e", "a%2Fb", "..%2F..%2Fada", "%00", "ada%0d%0aX:%201", "%E2%80%AEada", ""]
    )
    def test_in_a_query(self, call: Call, user_id: str) -> None:
        """Percent-encoded invalid ids are refused too."""
        assert list(violations_of(call("GET", f"{CREDITS}?userId={user_id}"))) == ["userId"]

    def test_unusual_ids(self, client: httpx.Client) -> None:
        """An id may use any script, up to the documented length."""
        for user_id in ("\U0001f98a" * 128, "Ада Лавлейс", "عدة", "a b", "..."):
            assert error_of(client.get(CREDITS, params={"userId": user_id}))["reason"] == "USER_NOT_FOUND"

    def test_similar_ids_are_different_accounts(self, world: World, client: httpx.Client) -> None:
        """An id that differs only by Unicode normalisation or case is another account."""
        for user_id in ("\uff41da", "Ada", "ada ", "a\u0308da"):
            response = client.post(CREATE, json=body(world, userId=user_id))
            assert error_of(response)["reason"] == "USER_NOT_FOUND"

    @pytest.mark.parametrize("path", ["/getUserCredits%2F..%2FgrantCredits", "/..%2f..%2fadmin", "/%2e%2e/%2e%2e/x"])
    def test_in_a_path(self, wire: Wire, path: str) -> None:
        """A path with encoded slashes and dots is a 400 or 404 (path traversal)."""
        wire.send(b"GET " + path.encode())
        assert wire.answer()[0] in {400, 404}


class TestText:
    @pytest.mark.parametrize(
        "prompt", ["a\x00fox", "\x1b[2J", "a fox\x07", "a\x9ffox", "a\x80fox", "\ud800", "a \udc00 fox"]
    )
    def test_control_characters(self, world: World, call: Call, prompt: str) -> None:
        """A prompt with control characters or lone surrogates is refused."""
        response = call("POST", CREATE, content=json.dumps(body(world, prompt=prompt)), headers=JSON)
        assert list(violations_of(response)) == ["prompt"]

    @pytest.mark.parametrize("reason", ["a\x00", "\ud800", " ", "x" * 201, 7])
    def test_reasons(self, client: httpx.Client, reason: object) -> None:
        """A reason with control characters or lone surrogates, or an empty or too long one, is refused."""
        content = json.dumps({"userId": "ada", "credits": 1, "reason": reason})
        assert list(violations_of(client.post(GRANT, content=content, headers=JSON | KEY))) == ["reason"]

    @pytest.mark.parametrize("prompt", ["", " \n\t ", "\u3000", "x" * 2001, None, True, 1, ["a fox"]])
    def test_invalid_prompts(self, world: World, client: httpx.Client, prompt: object) -> None:
        """A prompt must be a non-blank string of at most 2,000 characters."""
        assert list(violations_of(client.post(CREATE, json=body(world, prompt=prompt)))) == ["prompt"]

    def test_invalid_names(self, world: World, call: Call) -> None:
        """Each name that is no string, or has a lone surrogate, is a violation of its own field."""
        sent = body(world, model="\ud800", style="\x00", color=True, size=512, extra=1)
        found = violations_of(call("POST", CREATE, content=json.dumps(sent), headers=JSON))
        assert found.keys() == {"model", "style", "color", "size", "extra"}
        assert found["size"] == "must be one of: 1024x1024, 1024x1792, 512x512"

    def test_a_field_name_with_a_lone_surrogate(self, world: World, call: Call) -> None:
        """A field name that is not encodable as UTF-8 makes the body invalid JSON."""
        response = call("POST", CREATE, content=json.dumps(body(world, **{"\ud800": 1})), headers=JSON)
        assert violations_of(response) == {"body": "must be valid JSON in UTF-8"}


class TestNumbers:
    @pytest.mark.parametrize(
        "credits",
        ["0", "-1", "1000001", "1.0", "1e2", "1e400", "-1e400", "9" * 5000, "-" + "9" * 5000, "true", '"1"', "null"],
    )
    def test_of_credits(self, call: Call, credits: str) -> None:
        """Credits are an integer within the bounds; values that could be converted are refused."""
        content = f'{{"userId": "ada", "credits": {credits}}}'
        response = call("POST", GRANT, content=content, headers=JSON | KEY)
        assert violations_of(response) == {"credits": "must be an integer from 1 to 1,000,000"}

    @pytest.mark.parametrize("path", PAGED)
    def test_of_page_sizes(self, client: httpx.Client, path: str) -> None:
        """A page size is an integer within the bounds too."""
        for page_size in BAD_PAGE_SIZES:
            content = f'{{"pageSize": {page_size}}}'.replace("{", '{"userId": "ada", ' if path == CREDITS else "{", 1)
            assert list(violations_of(client.post(path, content=content, headers=JSON))) == ["pageSize"]

    @pytest.mark.parametrize("path", PAGED)
    def test_of_page_sizes_in_a_query(self, client: httpx.Client, path: str) -> None:
        """In a query a page size is decimal digits."""
        for page_size in BAD_PAGE_SIZES_IN_A_QUERY:
            asked = f"userId=ada&pageSize={page_size}" if path == CREDITS else f"pageSize={page_size}"
            assert list(violations_of(client.get(f"{path}?{asked}"))) == ["pageSize"]

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
    def test_that_json_does_not_have(self, call: Call, number: str) -> None:
        """A body with a number that only Python's parser accepts is refused, and the number is named."""
        content = f'{{"userId": "ada", "credits": {number}}}'
        response = call("POST", GRANT, content=content, headers=JSON | KEY)
        assert violations_of(response) == {"body": f"must not hold {number}, which is not JSON"}


class TestBodies:
    @pytest.mark.parametrize("path", [CREATE, GRANT, *PAGED])
    def test_that_are_no_json_object(self, client: httpx.Client, path: str) -> None:
        """A body that is no JSON object in UTF-8 is refused as a whole."""
        for content in NO_JSON_OBJECTS:
            assert list(violations_of(client.post(path, content=content, headers=JSON | KEY))) == ["body"]

    @pytest.mark.parametrize("content", [b"[" * 100_000, b'{"userId": "' + b"x" * 1_000_000 + b'"}'])
    def test_that_are_too_large(self, call: Call, content: bytes) -> None:
        """A body of more than 16 KiB is a 413, and is not parsed."""
        response = call("POST", CREATE, content=content, headers=JSON)
        assert (response.status_code, error_of(response)["reason"]) == (413, "BODY_TOO_LARGE")

    def test_with_many_bad_fields(self, call: Call, world: World) -> None:
        """Of very many bad fields 20 are named, the request's own first, and the rest are counted."""
        content = body(world, prompt="") | {f"unknown{number}": 0 for number in range(800)}
        response = call("POST", CREATE, json=content)
        assert (len(violations_of(response)), next(iter(violations_of(response)))) == (20, "prompt")
        assert response.json()["error"]["message"].endswith("and 781 more.")
        assert len(response.content) < 4096

    @pytest.mark.parametrize("content", [b"\xff", b"[" * 16_000, b"", b'{"a": 1, "a": 2}'])
    def test_when_deployed(self, call: Call, content: bytes) -> None:
        """The functions framework leaves the check of the body to the function."""
        assert list(violations_of(call("POST", CREATE, content=content, headers=JSON))) == ["body"]

    def test_that_name_a_field_twice(self, world: World, client: httpx.Client) -> None:
        """A duplicate field, also in an inner object, is refused."""
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
    def test_with_another_content_type(self, world: World, call: Call, content_type: str) -> None:
        """A body without the content type JSON in UTF-8 is a 415."""
        headers = {"Content-Type": content_type}
        response = call("POST", CREATE, content=json.dumps(body(world)), headers=headers)
        assert (response.status_code, error_of(response)["reason"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


class TestQueries:
    @pytest.mark.parametrize("query", ["userId=%FF", "userId=%C0%AF", "userId=%ED%A0%80", "%FF=1", "userId=ada&x=%80"])
    def test_that_are_no_utf_8(self, call: Call, query: str) -> None:
        """Bytes that are not UTF-8 are refused, not replaced."""
        assert violations_of(call("GET", f"{CREDITS}?{query}")) == {"query": "must be percent-encoded UTF-8"}

    def test_that_are_raw_bytes(self, wire: Wire) -> None:
        """Bytes that are not percent-encoded are refused too."""
        wire.send(b"GET " + CREDITS.encode() + b"?userId=\xff", b"Connection: close")
        status, received = wire.answer()
        assert status == 400
        assert b'"field":"query"' in received

    @pytest.mark.parametrize("query", ["userId=ada&userId=bob", "userId=ada&user%49d=ada"])
    def test_that_name_a_field_twice(self, call: Call, query: str) -> None:
        """A duplicate field is refused."""
        assert violations_of(call("GET", f"{CREDITS}?{query}")) == {"userId": "must be given once"}

    def test_with_unknown_fields(self, call: Call) -> None:
        """Unknown fields are named, also those without a value."""
        found = violations_of(call("GET", f"{CREDITS}?userId=ada&USERID=1&x&userId[]=bob"))
        assert found == dict.fromkeys(["USERID", "x", "userId[]"], "is not a field of this request")

    def test_that_are_huge(self, client: httpx.Client, wire: Wire) -> None:
        """A long id is refused by its name, and a longer request line is not read."""
        assert list(violations_of(client.get(f"{CREDITS}?userId={'x' * 60_000}"))) == ["userId"]
        wire.send(b"GET " + CREDITS.encode() + b"?userId=" + b"x" * 70_000)
        assert b"currentCredits" not in wire.received()

    def test_of_thousands_of_fields(self, client: httpx.Client) -> None:
        """Thousands of fields are refused, and the first are named."""
        found = violations_of(client.get(f"{CREDITS}?userId=ada&" + "&".join(f"f{number}=" for number in range(5000))))
        assert (len(found), "f0" in found) == (20, True)


class TestPageTokens:
    @pytest.mark.parametrize("path", PAGED)
    def test_invalid_tokens(self, client: httpx.Client, path: str) -> None:
        """A value that is not a page token is refused by its field's name."""
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
        """An invalid week is refused by its field's name."""
        response = client.post("/getWeeklyReport", content=json.dumps({"week": week}), headers=JSON)
        assert violations_of(response) == {"week": "must be an ISO week such as 2026-W46, or current"}


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
        """A key of 255 characters is accepted: only the request's other fault is reported."""
        headers = {"Idempotency-Key": "x" * 255}
        assert list(violations_of(client.post(CREATE, json=body(world, prompt=""), headers=headers))) == ["prompt"]

    @pytest.mark.parametrize("key", [b"a\r\n\tb", b"a\rSet-Cookie: b", b"a\x00b", b"a\nSet-Cookie: b\x00"])
    def test_header_injection(self, world: World, wire: Wire, key: bytes) -> None:
        """A line break in a request header does not add a header to the answer (response splitting)."""
        content = json.dumps(body(world, prompt="")).encode()
        length = b"Content-Length: %d" % len(content)
        wire.send(b"POST /createGenerationRequest", length, b"Idempotency-Key: " + key, content=content)
        status, received = wire.answer()
        assert 400 <= status < 500
        assert b"set-cookie" not in received.lower()

    @pytest.mark.parametrize("sent", [b"a\xffb", b"a b", b"x" * 65, b"<script>", b"a,b", b""])
    def test_request_ids(self, client: httpx.Client, sent: bytes) -> None:
        """A request id that is not safe for a log is replaced."""
        response = client.get(f"{CREDITS}?userId=ada", headers={b"X-Request-Id": sent})
        assert len(response.headers["X-Request-Id"]) == 32

    def test_a_request_id_after_a_failed_set_up(self, client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
        """An answer has a request id for the log even if the back end's configuration is invalid."""
        monkeypatch.setenv("MODEL_FAILURE_RATE", "often")
        production._built.cache_clear()
        response = client.get(f"{CREDITS}?userId=ada")
        monkeypatch.setenv("MODEL_FAILURE_RATE", "0")
        assert error_of(response)["message"] == "An internal error occurred."
        assert len(response.headers["X-Request-Id"]) == 32

    @pytest.mark.parametrize("lines", [[b"X: " + b"x" * 1_000_000], [b"X: " + b"x" * 1_000] * 1_000])
    def test_a_megabyte(self, world: World, client: httpx.Client, lines: list[bytes]) -> None:
        """Headers of a megabyte, in one line or in a thousand, are a 431."""
        content = json.dumps(body(world)).encode()
        wire = Wire(client)
        try:
            wire.send(b"POST /createGenerationRequest", b"Content-Length: %d" % len(content), *lines, content=content)
            assert wire.answer()[0] == 431
        except (ConnectionResetError, BrokenPipeError):
            # The host may close the connection before everything was sent.
            pass
        finally:
            wire.connection.close()
        assert client.get(f"{CREDITS}?userId=ada").status_code == 200


class TestMethods:
    @pytest.mark.parametrize("path", [CREATE, GRANT, *PAGED, "/openapi", "/getWeeklyReport"])
    def test_undeclared_methods(self, world: World, client: httpx.Client, path: str) -> None:
        """An undeclared method is a 405 with Allow, and its body is ignored."""
        for method in OTHER_METHODS:
            wire = Wire(client)
            wire.send(f"{method} {path}?userId=ada".encode(), b"Connection: close")
            status, received = wire.answer()
            wire.connection.close()
            assert status == 405
            assert b"\r\nAllow: " in received
            assert (b"METHOD_NOT_ALLOWED" in received) is (method != "HEAD")

    def test_options_charge_nothing(self, world: World, call: Call) -> None:
        """A preflight with the body of a request charges nothing."""
        headers = {"Origin": "https://shop.example.com", "Access-Control-Request-Method": "POST"}
        assert call("OPTIONS", CREATE, json=body(world), headers=headers).status_code == 200

    def test_an_override(self, world: World, call: Call) -> None:
        """A method override header is ignored."""
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
    def test_with_a_wrong_length(self, wire: Wire, lines: list[bytes], content: bytes) -> None:
        """A body that does not match its length is refused, and not read as a second request (smuggling)."""
        wire.send(b"POST /createGenerationRequest", b"Content-Type: application/json", *lines, content=content)
        wire.connection.shutdown(socket.SHUT_WR)
        status, received = wire.answer()
        assert status == 400
        assert b'"field":"body"' in received
        assert received.count(b"HTTP/1.1 ") == 1

    def test_in_chunks(self, world: World, wire: Wire) -> None:
        """A chunked body is read like any other; here its prompt is bad."""
        content = json.dumps(body(world, prompt="")).encode()
        chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in content) + b"0\r\n\r\n"
        headers = [b"Content-Type: application/json", b"Transfer-Encoding: chunked"]
        wire.send(b"POST /createGenerationRequest", *headers, content=chunks)
        status, received = wire.answer()
        assert status == 400
        assert b'"field":"prompt"' in received

    def test_that_never_end(self, client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
        """A client that stops sending blocks no other client, and gets a 400 after the time limit."""
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
        """Bytes that are not HTTP are refused, and the host keeps running."""
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
