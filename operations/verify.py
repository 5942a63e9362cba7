"""Owns `make verify`: the verification of all books, in a terminal. Must not know the rules of the books."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, fields

from google.api_core import exceptions

from imagegen import production
from imagegen.books import service as books_service
from imagegen.books.check import Breach, Figures
from imagegen.books.records import Unverified
from imagegen.config import Settings
from imagegen.kit.errors import Unavailable
from operations import connection


def main(arguments: list[str] | None = None) -> int:
    """Print the figures and each breach; return 0 if the books balance, 1 if not, 2 without Firestore."""
    parser = argparse.ArgumentParser(
        prog="make verify", description="Verify the books of all accounts in the running Firestore."
    )
    parser.add_argument("--project", help="the deployed project; the running Firestore by default")
    parser.add_argument("--json", action="store_true", help="print figures and breaches as JSON")
    options = parser.parse_args(arguments)
    figures, breaches, unverified = Figures(), list[Breach](), list[Unverified]()
    try:
        client = connection.connect_to(options.project) if options.project else connection.connect()
        for page in books_service.walk(production.build(client, Settings())):
            figures += page.figures
            breaches += page.breaches
            unverified += page.unverified
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{figures.accounts:,} accounts checked, {len(breaches):,} breaches")
    except connection.NotRunning as error:
        return _fail(str(error))
    except Unavailable:
        return _fail("Firestore did not answer in time; try again.")
    except exceptions.GoogleAPICallError as error:
        return _fail(f"Firestore refused a read: {error.message}")
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
    shown = (figures, breaches, unverified)
    sys.stdout.write(_json(*shown) if options.json else render(*shown))
    sys.stdout.write("\n")
    return 1 if breaches or unverified else 0


def render(figures: Figures, breaches: list[Breach], unverified: list[Unverified]) -> str:
    """Return the figures as a table, then a line for each account that could not be verified and for each breach."""
    lines = [f"{each.name.replace('_', ' '):<20}{getattr(figures, each.name):>14,}" for each in fields(figures)]
    lines.append(f"{'breaches':<20}{len(breaches):>14,}")
    lines += [f"NOT VERIFIED {each.user_id}: {each.message}" for each in unverified]
    for breach in breaches:
        where = f" {breach.where}" if breach.where else ""
        lines.append(f"{breach.kind} {breach.user_id}{where}: {breach.message}")
    return "\n".join(lines)


def _json(figures: Figures, breaches: list[Breach], unverified: list[Unverified]) -> str:
    return json.dumps(
        {
            "figures": asdict(figures),
            "breaches": [asdict(breach) for breach in breaches],
            "unverified": [asdict(each) for each in unverified],
        }
    )


def _fail(line: str) -> int:
    sys.stderr.write(f"make verify: {line}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
