"""What every HTTP answer has: who may ask, what a browser sees, how failures look."""

import pytest

from embedded_firebase.firestore.http.application import MAX_BODY_BYTES

pytestmark = pytest.mark.embedded


class TestRoot:
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_it_says_ok(self, http_client, method):
        """As Google's emulator does, for readiness checks."""
        answer = http_client(method, "/")
        assert (answer.status, answer.content) == (200, "Ok\n" if method == "GET" else "")

    @pytest.mark.parametrize(
        ("method", "path"), [("POST", "/"), ("GET", "/favicon.ico"), ("GET", "/v1"), ("BREW", "/")]
    )
    def test_anything_else_is_not_there(self, http_client, method, path):
        """And says so in Google's model."""
        answer = http_client(method, path)
        assert (answer.status, answer.content["error"]["status"]) == (404, "NOT_FOUND")


class TestOrigins:
    @pytest.mark.parametrize(
        "origin",
        ["http://localhost:3000", "https://localhost", "http://127.0.0.1:8081", "http://[::1]:1", "http://a.localhost"],
    )
    def test_pages_of_this_machine_may_read(self, http_client, documents, origin):
        """At any port; errors too."""
        for path in ("/", f"{documents}/c", f"{documents}/c/nothing", "/emulator/v1/nothing"):
            answer = http_client("GET", path, headers={"Origin": origin})
            assert answer.status != 403
            assert answer.headers["Access-Control-Allow-Origin"] == origin
            assert answer.headers["Vary"] == "Origin"

    def test_a_browser_may_ask_first(self, http_client, documents):
        """The methods and headers that it announces are let through."""
        headers = {
            "Origin": "http://localhost:3000",
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "authorization, x-goog-api-client",
        }
        answer = http_client("OPTIONS", f"{documents}/c/a", headers=headers)
        assert answer.status == 204
        assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
        assert answer.headers["Access-Control-Allow-Headers"] == "authorization, x-goog-api-client"

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example", "", "http://"])
    def test_pages_from_elsewhere_may_do_nothing(self, http_client, documents, db, origin):
        """A site that a developer visits cannot clear, export or read what runs on the developer's machine."""
        db.document("c/a").set({})
        clear = documents.replace("/v1/", "/emulator/v1/", 1)
        for method, path in (("DELETE", clear), ("GET", f"{documents}/c/a"), ("OPTIONS", clear)):
            answer = http_client(method, path, headers={"Origin": origin})
            assert answer.status == 403
            assert "Access-Control-Allow-Origin" not in answer.headers
        assert db.document("c/a").get().exists

    @pytest.mark.parametrize("path", ["/", "/emulator/v1/nothing"])
    def test_a_name_that_was_made_to_lead_here(self, http_client, documents, path):
        """A site that makes its own name lead to this machine reads nothing, though its pages need no Origin then."""
        for asked in (path, f"{documents}/c/a"):
            answer = http_client("GET", asked, headers={"Host": "evil.example:8080", "Authorization": "Bearer owner"})
            assert (answer.status, answer.content["error"]["status"]) == (403, "PERMISSION_DENIED")


class TestBodies:
    def test_one_that_is_too_long_is_refused_unread(self, http_client, documents):
        """By what it announces."""
        announced = {"Content-Length": str(MAX_BODY_BYTES + 1)}
        answer = http_client("POST", f"{documents}:commit", b"{}", announced)
        assert (answer.status, answer.content["error"]["status"]) == (413, "INVALID_ARGUMENT")

    def test_a_request_beyond_10_mib_is_refused(self, http_client, documents):
        """As over gRPC."""
        writes = [
            {
                "update": {
                    "name": f"{documents.removeprefix('/v1/')}/c/{i}",
                    "fields": {"v": {"stringValue": "x" * 10**6}},
                }
            }
            for i in range(11)
        ]
        answer = http_client("POST", f"{documents}:commit", {"writes": writes})
        assert answer.status == 400
        assert "10,485,760 bytes" in answer.content["error"]["message"]
