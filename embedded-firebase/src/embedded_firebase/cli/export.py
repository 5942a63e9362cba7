"""Owns the command line that makes an export of readable JSON, `embedded-export`; must not know what documents mean."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from embedded_firebase.exports.source import SourceError, load_source, outdated_files, write_source

_DESCRIPTION = """\
Write the Firebase emulator export that a JSON source describes.

The source is one object:
  project    the Firebase project id
  asOf       the moment of the data, as RFC 3339 with a time zone; dates the export
  documents  {"collection/document": {field: value}}: plain JSON values; a number with a point is a double, one
             without is an integer, an object is a map, and {"$timestamp": "2026-01-01T00:00:00Z"} is a timestamp
  users      accounts of Firebase Auth: [{localId, email, displayName, password}]"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 1 for a bad source, and for an outdated export under --check."""
    parser = argparse.ArgumentParser(
        prog="embedded-export",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--source", type=Path, metavar="FILE", required=True, help="the JSON to read")
    parser.add_argument("--out", type=Path, metavar="DIR", required=True, help="the folder of the export")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail when --out is not what --source gives"
    )
    options = parser.parse_args(arguments)
    try:
        source = load_source(options.source)
    except SourceError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if not options.check:
        write_source(source, options.out)
        sys.stdout.write(f"{options.out}: {len(source.documents)} documents, {len(source.users)} users\n")
        return 0
    outdated = outdated_files(source, options.out)
    for file in outdated:
        sys.stderr.write(f"{options.out / file} is not what {options.source} gives; run without --check to write it\n")
    return 1 if outdated else 0


if __name__ == "__main__":
    sys.exit(main())
