"""What the site promises that needs no browser to be seen."""

from __future__ import annotations

import json
import re

import main
from embedded_firebase.functions.discovery import functions_of
from tests.browser.console import ROOT

PUBLIC = ROOT / "public"
SCRIPTS = [path for path in PUBLIC.rglob("*.js") if "vendor" not in path.parts]


class TestSite:
    def test_each_https_function_is_below_api(self) -> None:
        """The page calls a function at /api/ and its name, on this machine and deployed."""
        rewrites = json.loads((ROOT / "firebase.json").read_text())["hosting"]["rewrites"]
        found = {rule["source"]: (rule["function"]["functionId"], rule["function"]["region"]) for rule in rewrites}
        called = [each for each in functions_of(main) if not each.schedule and not each.queue]
        assert found == {f"/api/{each.name}": (each.name, each.region) for each in called}

    def test_no_script_reads_text_as_markup(self) -> None:
        """Nothing that a user wrote can become an element, since nothing ever makes elements of text."""
        assert SCRIPTS
        markup = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function")
        assert [path.name for path in SCRIPTS if markup.search(path.read_text())] == []

    def test_the_libraries_come_with_their_licences(self) -> None:
        """What is shipped of others has its licence beside it."""
        assert [folder.name for folder in (PUBLIC / "vendor").iterdir() if folder.is_dir()] == ["uplot"]
        assert "MIT" in (PUBLIC / "vendor" / "uplot" / "LICENSE").read_text()
