"""What all HTTP answers have in common: allowed callers, CORS, the form of errors."""

import pytest

from embedded_firebase.firestore.http.application import MAX_BODY_BYTES

pytestmark = pytest.mark.embedded


class TestRoot:
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_it_says_ok(self, http_client, method):
        """The root answers `Ok`, as Google's emulator does, for readiness checks."""
        answer = http_client(method, "/")
        assert (answer.status, answer.content) == (200, "Ok\n" if method == "GET" else "")

    @pytest.mark.parametrize(
        ("method", "path"), [("POST", "/"), ("GET", "/favicon.ico"), ("GET", "/v1"), ("BREW", "/")]
    )
    def test_any_other_path_is_not_found(self, http_client, method, path):
        """Any other path is a 404 in Google's error model."""
        answer = http_client(method, path)
        assert (answer.status, answer.content["error"]["status"]) == (404, "NOT_FOUND")


class TestOrigins:
    @pytest.mark.parametrize(
        "origin",
        ["http://localhost:3000", "https://localhost", "http://127.0.0.1:8081", "http://[::1]:1", "http://a.localhost"],
    )
    def test_pages_of_this_machine_may_read(self, http_client, documents, origin):
        """A page of this machine, on any port, can read answers and errors (CORS), of requests with credentials too."""
        for path in ("/", f"{documents}/c", f"{documents}/c/nothing", "/emulator/v1/nothing"):
            answer = http_client("GET", path, headers={"Origin": origin})
            assert answer.status != 403
            assert answer.headers["Access-Control-Allow-Origin"] == origin
            assert answer.headers["Access-Control-Allow-Credentials"] == "true"
            assert answer.headers["Vary"] == "Origin"

    def test_a_preflight_is_answered(self, http_client, documents):
        """The methods and headers that a preflight announces are allowed."""
        headers = {
            "Origin": "http://localhost:3000",
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "authorization, x-goog-api-client",
        }
        answer = http_client("OPTIONS", f"{documents}/c/a", headers=headers)
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
        assert answer.headers["Access-Control-Allow-Headers"] == "authorization, x-goog-api-client"

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example", "", "http://"])
    def test_pages_of_other_origins_are_refused(self, http_client, documents, db, origin):
        """A website that a developer visits cannot clear, export or read the local data (CSRF)."""
        db.document("c/a").set({})
        clear = documents.replace("/v1/", "/emulator/v1/", 1)
        for method, path in (("DELETE", clear), ("GET", f"{documents}/c/a"), ("OPTIONS", clear)):
            answer = http_client(method, path, headers={"Origin": origin})
            assert answer.status == 403
            assert "Access-Control-Allow-Origin" not in answer.headers
            assert "Access-Control-Allow-Credentials" not in answer.headers
        assert db.document("c/a").get().exists

    @pytest.mark.parametrize("path", ["/", "/emulator/v1/nothing"])
    def test_a_rebound_dns_name_is_refused(self, http_client, documents, path):
        """A site whose DNS name points here reads nothing, although its requests have no Origin (DNS rebinding)."""
        for asked in (path, f"{documents}/c/a"):
            answer = http_client("GET", asked, headers={"Host": "evil.example:8080", "Authorization": "Bearer owner"})
            assert (answer.status, answer.content["error"]["status"]) == (403, "PERMISSION_DENIED")


class TestBodies:
    def test_a_body_that_is_too_long_is_refused_unread(self, http_client, documents):
        """A body whose announced length exceeds the limit is refused unread."""
        announced = {"Content-Length": str(MAX_BODY_BYTES + 1)}
        answer = http_client("POST", f"{documents}:commit", b"{}", announced)
        assert (answer.status, answer.content["error"]["status"]) == (413, "INVALID_ARGUMENT")

    def test_a_request_beyond_10_mib_is_refused(self, http_client, documents):
        """A request of more than 10 MiB is refused, as over gRPC."""
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
