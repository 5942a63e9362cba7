"""Owns `make openapi`: the description of the API as a file. Knows nothing of what it says."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from imagegen import openapi
from imagegen.endpoints.description import ENDPOINTS

FILE = Path(__file__).parent.parent / "docs" / "openapi.json"


def main(arguments: list[str] | None = None) -> int:
    """Write the file, or only say whether it is current."""
    parser = argparse.ArgumentParser(prog="make openapi", description="Write docs/openapi.json from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the file is not current")
    options = parser.parse_args(arguments)
    if not options.check:
        FILE.write_text(text())
    elif not FILE.exists() or FILE.read_text() != text():
        sys.stderr.write("docs/openapi.json is not current; run `make openapi`.\n")
        return 1
    return 0


def text() -> str:
    """Return what the file should hold."""
    return json.dumps(openapi.document(ENDPOINTS), indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(main())
