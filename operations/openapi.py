"""Owns `make openapi`: writes the OpenAPI document and the Postman collection. Must not know their content."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from imagegen.api import ENDPOINTS
from imagegen.web import openapi
from operations import postman

FOLDER = Path(__file__).parent.parent / "docs"


def main(arguments: list[str] | None = None) -> int:
    """Write the files; with --check, only report which ones are outdated."""
    parser = argparse.ArgumentParser(
        prog="make openapi", description="Write docs/openapi.json and docs/postman.json from the code."
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is outdated")
    options = parser.parse_args(arguments)
    outdated = [path for path, text in files().items() if not path.exists() or path.read_text() != text]
    for path in outdated:
        if options.check:
            sys.stderr.write(f"docs/{path.name} is outdated; run `make openapi`.\n")
        else:
            path.write_text(files()[path])
    return 1 if outdated and options.check else 0


def files() -> dict[Path, str]:
    """Return the content of each file."""
    document = openapi.document(ENDPOINTS)
    contents = {"openapi.json": document, "postman.json": postman.collection(document)}
    return {FOLDER / name: json.dumps(content, indent=2) + "\n" for name, content in contents.items()}


if __name__ == "__main__":
    sys.exit(main())
