"""firebase.json and firestore.indexes.json, as the embedded Firebase reads them."""

from pathlib import Path

import pytest
from werkzeug.test import Client

from embedded_firebase.firestore.indexes.definitions import IndexSet, parse
from embedded_firebase.functions import server
from embedded_firebase.hosting import site

ROOT = Path(__file__).parent.parent


class TestIndexes:
    def test_long_texts_are_exempt(self) -> None:
        """Long texts have no index, because no query uses them; every other field has its automatic indexes."""
        indexes = parse((ROOT / "firestore.indexes.json").read_text())
        assert not indexes.modes("generationRequests", ("prompt",))
        assert indexes.modes("generationRequests", ("createdAt",)) == IndexSet().modes("any", ("field",))


class TestSite:
    @pytest.mark.parametrize("path", ["/", "/index.html", "/app.js", "/nothing"])
    def test_its_headers(self, path: str) -> None:
        """No other site can frame the console (clickjacking), and browsers do not guess content types (nosniff)."""
        console = site.read_site(ROOT / "firebase.json")
        assert console
        headers = (
            Client(site.application(console, server.application([], "demo"), "demo")).get(path, buffered=True).headers
        )
        assert headers["Content-Security-Policy"] == "frame-ancestors 'none'"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
