"""firebase.json and firestore.indexes.json, as the embedded Firebase reads them."""

import json
import subprocess
from fnmatch import fnmatch
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


class TestKeys:
    # As Google's consoles and tools name them.
    KEYS = (
        "imagegen-firebase-adminsdk-fbsvc-0123456789.json",
        "serviceAccountKey.json",
        "my-service-account.json",
        "service_account.json",
        "application_default_credentials.json",
    )

    @pytest.mark.parametrize("key", KEYS)
    @pytest.mark.parametrize("folder", ["", "functions/", "functions/imagegen/", "public/"])
    def test_a_key_is_not_committed(self, folder: str, key: str) -> None:
        """Git ignores keys of service accounts in any folder."""
        asked = ["git", "check-ignore", "--quiet", "--no-index", f"{folder}{key}"]
        assert subprocess.run(asked, cwd=ROOT, check=False).returncode == 0

    @pytest.mark.parametrize("key", KEYS)
    @pytest.mark.parametrize("folder", ["", "deeper/"])
    def test_a_key_is_not_deployed(self, folder: str, key: str) -> None:
        """Neither the source of the functions nor the site includes a key."""
        config = json.loads((ROOT / "firebase.json").read_text())
        for ignored in (config["functions"][0]["ignore"], config["hosting"]["ignore"]):
            # The CLI matches with `**/`, which stands for any folders, or none.
            assert any(fnmatch(f"/{folder}{key}", f"*/{pattern.removeprefix('**/')}") for pattern in ignored)

    def test_nothing_of_the_project_is_ignored(self) -> None:
        """No file that is deployed matches by accident."""
        tracked = subprocess.run(
            ["git", "ls-files", "-ci", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
        )
        assert tracked.stdout == b""


class TestStorage:
    def test_the_bucket_is_closed(self) -> None:
        """The rules of Cloud Storage are deployed, and allow clients nothing in any bucket."""
        config = json.loads((ROOT / "firebase.json").read_text())
        lines = [line.strip() for line in (ROOT / config["storage"]["rules"]).read_text().splitlines()]
        assert [line for line in lines if line.startswith("match")] == [
            "match /b/{bucket}/o {",
            "match /{object=**} {",
        ]
        assert [line for line in lines if line.startswith("allow")] == ["allow read, write: if false;"]


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
