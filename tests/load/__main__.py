"""Owns `make load`: many concurrent clients on the functions host, and whether the books agree with the answers.

Must not know how the functions work: it calls them over HTTP and reads Firestore afterwards.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from tests.load.books import bring_leases_forward, open_accounts, what_disagrees
from tests.load.clients import HOT, Clients
from tests.load.servers import Servers
from tests.load.summary import Summary, render

_AWAY_SECONDS = 3.0


def main() -> int:
    """Run the load, print the result, and return 1 if a bar is missed or the books disagree."""
    parser = argparse.ArgumentParser(prog="make load", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30, help="duration in seconds (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=24, help="concurrent clients (default: %(default)s)")
    parser.add_argument("--accounts", type=int, default=40, help="accounts beside the hot one (default: %(default)s)")
    parser.add_argument("--restart", action="store_true", help="kill Firestore half-way and start it again")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Servers(Path(folder)) as servers:
        accounts = [HOT, *(f"account-{number}" for number in range(options.accounts))]
        open_accounts(servers.db, accounts)
        clients = Clients(servers.functions_port, servers.project, accounts, options.clients)
        clients.start()
        started = time.monotonic()
        _watch(clients, started, options.seconds / 2)
        if options.restart:
            servers.kill_firestore()
            _watch(clients, time.monotonic(), _AWAY_SECONDS)
            servers.start_firestore()
        _watch(clients, started, options.seconds)
        clients.stop()
        elapsed_seconds = time.monotonic() - started
        if options.restart:
            # Charges of generations that Firestore interrupted are refunded when their lease expires.
            bring_leases_forward(servers.db)
            servers.fire("reconcile")
        disagreements = what_disagrees(servers.db, clients.answers)
    summary = Summary(clients.answers, elapsed_seconds, disagreements, restarted=options.restart)
    sys.stdout.write(json.dumps(summary.as_dict()) if options.json else render(summary))
    sys.stdout.write("\n")
    return 0 if summary.holds else 1


def _watch(clients: Clients, since: float, seconds: float) -> None:
    while (elapsed := time.monotonic() - since) < seconds:
        time.sleep(min(0.5, seconds - elapsed))
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{len(clients.answers):,} answers ")
    if sys.stderr.isatty():
        sys.stderr.write("\r" + " " * 30 + "\r")


if __name__ == "__main__":
    sys.exit(main())
