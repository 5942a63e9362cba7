"""Checks of the site that need no browser."""

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
        """A page calls a function at /api/ and its name, locally and deployed."""
        rewrites = json.loads((ROOT / "firebase.json").read_text())["hosting"]["rewrites"]
        found = {rule["source"]: (rule["function"]["functionId"], rule["function"]["region"]) for rule in rewrites}
        called = [each for each in functions_of(main) if not each.schedule and not each.queue]
        assert found == {f"/api/{each.name}": (each.name, each.region) for each in called}

    def test_no_script_reads_text_as_markup(self) -> None:
        """No script creates elements from text, so user text cannot become markup (XSS)."""
        assert SCRIPTS
        written = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser"
        markup = re.compile(written + r"|unsafe(HTML|SVG|MathML)|unsafeStatic|\beval\b|new Function")
        assert [path.name for path in SCRIPTS if markup.search(path.read_text())] == []

    def test_each_script_has_its_docstring(self) -> None:
        """Each script begins with "Owns"."""
        openings = {path.name: path.read_text().partition("\n\n")[0] for path in SCRIPTS}
        assert [name for name, text in openings.items() if not text.startswith("// Owns")] == []

    def test_the_libraries_come_with_their_licences(self) -> None:
        """Each vendored library has its licence beside it."""
        licences = {"lit-html": "BSD 3-Clause", "uplot": "MIT"}
        vendor = PUBLIC / "vendor"
        assert {folder.name for folder in vendor.iterdir() if folder.is_dir()} == set(licences)
        assert all(name in (vendor / folder / "LICENSE").read_text() for folder, name in licences.items())

    def test_vendored_files_are_listed(self) -> None:
        """Each vendored file is in the list of sources."""
        vendor = PUBLIC / "vendor"
        listed = (vendor / "README.md").read_text()
        files = [path for path in vendor.rglob("*") if path.is_file() and path.name not in ("README.md", "LICENSE")]
        assert [path.name for path in files if path.name not in listed] == []
