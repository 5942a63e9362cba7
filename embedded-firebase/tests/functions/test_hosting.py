"""A site is served as Firebase Hosting serves it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask
import pytest
import werkzeug.test

from embedded_firebase.functions import server
from embedded_firebase.functions.discovery import Function
from embedded_firebase.hosting import site as hosting

FILES = {
    "index.html": "<p>home",
    "about.html": "<p>about",
    "404.html": "<p>nowhere",
    "app.js": "let a",
    "docs/index.html": "<p>docs",
    "a b.txt": "spaced",
    ".secret": "no",
    "node_modules/x/index.js": "no",
}
IGNORE = ["firebase.json", "**/.*", "**/node_modules/**"]


class Browser(werkzeug.test.Client):
    """A client that reads each answer to its end, so that its file is closed."""

    def open(self, *args: Any, **options: Any) -> werkzeug.test.TestResponse:
        return super().open(*args, buffered=True, **options)


MakeSite = Callable[..., Browser]


def echo(request: flask.Request) -> flask.Response:
    seen = {name: request.headers.get(name) for name in ("Cookie", "X-Forwarded-Host", "X-Original-Url")}
    return flask.jsonify(
        seen | {"method": request.method, "path": request.path, "body": request.get_data(as_text=True)}
    )


@pytest.fixture
def make_site(tmp_path: Path) -> MakeSite:
    """Return a client of a site with the given settings, in front of functions of two regions."""
    for name, text in FILES.items():
        (tmp_path / "public" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "public" / name).write_text(text)
    (tmp_path / "outside.txt").write_text("no")

    def make(**settings: Any) -> Browser:
        config = tmp_path / "firebase.json"
        config.write_text(json.dumps({"hosting": {"public": "public", "ignore": IGNORE} | settings}))
        functions = [Function("echo", "us-central1", echo), Function("far", "europe-west1", echo)]
        site = hosting.read_site(config)
        assert site
        return Browser(hosting.application(site, server.application(functions, "demo"), "demo"), use_cookies=False)

    return make


class TestFiles:
    @pytest.mark.parametrize(
        ("path", "mime_type", "text"),
        [
            ("/", "text/html", "<p>home"),
            ("/index.html", "text/html", "<p>home"),
            ("/app.js", "text/javascript", "let a"),
            ("/docs/", "text/html", "<p>docs"),
            ("/a%20b.txt", "text/plain", "spaced"),
        ],
    )
    def test_are_served(self, make_site: MakeSite, path: str, mime_type: str, text: str) -> None:
        """A file has the content type of its name; a folder is its index.html."""
        response = make_site().get(path)
        assert (response.status_code, response.mimetype, response.text) == (200, mime_type, text)

    @pytest.mark.parametrize(
        "path", ["/nothing", "/about", "/../outside.txt", "/%2e%2e/outside.txt", "/.secret", "/node_modules/x/index.js"]
    )
    def test_missing_files(self, make_site: MakeSite, path: str) -> None:
        """A path that is missing, ignored or outside of the folder gets 404.html."""
        response = make_site().get(path)
        assert (response.status_code, response.mimetype, response.text) == (404, "text/html", "<p>nowhere")

    def test_a_symbolic_link_does_not_lead_out(self, make_site: MakeSite, tmp_path: Path) -> None:
        """A symbolic link to a file outside of the folder is a 404."""
        (tmp_path / "public" / "link.txt").symlink_to(tmp_path / "outside.txt")
        assert make_site().get("/link.txt").status_code == 404

    def test_without_a_404_page(self, make_site: MakeSite, tmp_path: Path) -> None:
        """Without a 404.html the answer is plain text."""
        (tmp_path / "public" / "404.html").unlink()
        response = make_site().get("/nothing")
        assert (response.status_code, response.text) == (404, "Not Found\n")

    def test_are_not_sent_twice(self, make_site: MakeSite) -> None:
        """A browser revalidates each time, and gets a 304."""
        site = make_site()
        first = site.get("/app.js")
        assert first.headers["Cache-Control"] == "no-cache"
        again = site.get("/app.js", headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.text) == (304, "")

    def test_a_folder_without_its_slash(self, make_site: MakeSite) -> None:
        """It is redirected, so that relative links work."""
        response = make_site().get("/docs")
        assert (response.status_code, response.location) == (301, "/docs/")

    def test_headers(self, make_site: MakeSite) -> None:
        """The headers in firebase.json are set on the matching paths."""
        rule = {"source": "**/*.@(js|css)", "headers": [{"key": "Cache-Control", "value": "max-age=60"}]}
        site = make_site(headers=[rule])
        assert site.get("/app.js").headers["Cache-Control"] == "max-age=60"
        assert site.get("/").headers["Cache-Control"] == "no-cache"


class TestCleanUrls:
    @pytest.mark.parametrize(("path", "status", "text"), [("/about", 200, "<p>about"), ("/", 200, "<p>home")])
    def test_without_the_extension(self, make_site: MakeSite, path: str, status: int, text: str) -> None:
        """A page has a URL without .html."""
        response = make_site(cleanUrls=True).get(path)
        assert (response.status_code, response.text) == (status, text)

    @pytest.mark.parametrize(("path", "location"), [("/about.html", "/about"), ("/index.html", "/")])
    def test_the_extension_is_redirected(self, make_site: MakeSite, path: str, location: str) -> None:
        """A URL with .html is redirected to the one without."""
        response = make_site(cleanUrls=True).get(path)
        assert (response.status_code, response.location) == (301, location)


class TestRewrites:
    @pytest.mark.parametrize(
        "rewrite",
        [
            {"source": "/api/**", "function": "echo"},
            {"source": "/api/**", "function": {"functionId": "far", "region": "europe-west1"}},
            {"source": "/api/**", "function": "far", "region": "europe-west1"},
            {"regex": "/api/.+", "function": "echo"},
            {"source": "/@(api|rpc)/*", "function": "echo"},
            {"source": "**", "function": {"functionId": "echo"}},
        ],
    )
    def test_to_a_function(self, make_site: MakeSite, rewrite: dict[str, Any]) -> None:
        """The function gets the whole request, but only the cookie __session."""
        headers = {"Cookie": "other=1; __session=abc", "Host": "shop.example.com"}
        response = make_site(rewrites=[rewrite]).post("/api/x?y=1", data="body", headers=headers)
        assert response.json == {
            "method": "POST",
            "path": "/api/x",
            "body": "body",
            "Cookie": "__session=abc",
            "X-Forwarded-Host": "shop.example.com",
            "X-Original-Url": "/api/x?y=1",
        }

    def test_to_a_missing_function(self, make_site: MakeSite) -> None:
        """A missing function is answered as by the functions emulator."""
        response = make_site(rewrites=[{"source": "/api/**", "function": "nothing"}]).get("/api/x")
        assert response.status_code == 404
        assert response.text.startswith("Function us-central1-nothing does not exist")

    def test_a_file_comes_first(self, make_site: MakeSite) -> None:
        """A rewrite applies only without a matching file, and the first matching rewrite wins."""
        site = make_site(
            rewrites=[{"source": "/deep/**", "function": "echo"}, {"source": "**", "destination": "/index.html"}]
        )
        assert site.get("/app.js").text == "let a"
        assert site.get("/some/page").text == "<p>home"
        assert site.get("/deep/page").json["path"] == "/deep/page"

    def test_to_a_missing_file(self, make_site: MakeSite) -> None:
        """A missing destination gets 404.html."""
        assert make_site(rewrites=[{"source": "**", "destination": "/none.html"}]).get("/x").text == "<p>nowhere"


class TestReadSite:
    def test_none(self, tmp_path: Path) -> None:
        """A project without hosting has no site."""
        (tmp_path / "firebase.json").write_text('{"functions": []}')
        assert hosting.read_site(tmp_path / "firebase.json") is None

    @pytest.mark.parametrize(
        "given",
        [{}, {"public": "none"}, {"public": "public", "rewrites": [{}]}, {"public": "public", "headers": 5}, "public"],
    )
    def test_an_invalid_site_is_named(self, make_site: MakeSite, tmp_path: Path, given: Any) -> None:
        """The error of an invalid site names its file."""
        make_site()
        (tmp_path / "firebase.json").write_text(json.dumps({"hosting": given}))
        with pytest.raises(ValueError, match=r"firebase\.json: hosting"):
            hosting.read_site(tmp_path / "firebase.json")

    def test_unsupported_settings_are_named(self, make_site: MakeSite, capsys: pytest.CaptureFixture[str]) -> None:
        """Settings that are not supported are reported, not ignored silently."""
        make_site(redirects=[], trailingSlash=True)
        assert "of hosting, redirects, trailingSlash is not served here" in capsys.readouterr().out
