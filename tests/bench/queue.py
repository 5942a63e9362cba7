"""Owns `make bench-queue`: many queued generations through the running host, which is killed half-way."""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from tests.load.books import open_accounts, what_disagrees
from tests.load.servers import Servers

_ACCOUNTS = [f"account-{number}" for number in range(20)]
_CLIENTS = 8
_LONGEST_SECONDS = 300


def main() -> int:
    """Queue, kill, restart, wait for all; return 1 if a generation has not ended or the books disagree."""
    parser = argparse.ArgumentParser(prog="make bench-queue", description=__doc__)
    parser.add_argument("--generations", type=int, default=1000, help="number of generations (default: %(default)s)")
    count = parser.parse_args().generations
    with tempfile.TemporaryDirectory() as folder, Servers(Path(folder)) as servers:
        open_accounts(servers.db, _ACCOUNTS)
        started = time.monotonic()
        with ThreadPoolExecutor(_CLIENTS) as clients:
            submitting = clients.map(lambda number: _submit(servers, number), range(count))
            _await(servers, lambda ended: ended >= count // 2)
            servers.kill_functions()
            at_the_kill = _ended(servers)
            servers.start_functions()
            statuses = Counter(submitting)
        queued_seconds = time.monotonic() - started
        found = _await(servers, lambda ended: ended >= count)
        seconds = time.monotonic() - started
        stored = Counter(
            (snapshot.get("status"), snapshot.get("attempts"))
            for snapshot in servers.db.collection("generationRequests").select(["status", "attempts"]).stream()
        )
        disagreements = what_disagrees(servers.db, [])
    print(f"answers: {dict(statuses)} in {queued_seconds:.1f} s")
    print(f"ended: {at_the_kill:.0f} when the host was killed, {found:.0f} after {seconds:.1f} s")
    for (status, attempts), number in sorted(stored.items()):
        print(f"  {status}, begun {attempts} times: {number}")
    told = [line for line in disagreements if "without an answer to a client" not in line]
    print(f"books: {len(told)} disagreements", *told, sep="\n")
    return 0 if statuses == {202: count} and found == count and not told else 1


def _submit(servers: Servers, number: int) -> int:
    body = {"userId": _ACCOUNTS[number % len(_ACCOUNTS)], "model": "Model A", "style": "anime", "color": "neon"}
    body |= {"size": "512x512", "prompt": f"fox number {number}"}
    headers = {"Content-Type": "application/json", "Prefer": "respond-async", "Idempotency-Key": str(number)}
    path = f"/{servers.project}/us-central1/createGenerationRequest"
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", servers.functions_port, timeout=30)
        try:
            connection.request("POST", path, json.dumps(body), headers)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            # The host is down; the key makes it safe to send again.
            time.sleep(0.1)
        finally:
            connection.close()


def _await(servers: Servers, is_enough: Callable[[int], bool]) -> int:
    deadline = time.monotonic() + _LONGEST_SECONDS
    while not is_enough(ended := _ended(servers)) and time.monotonic() < deadline:
        time.sleep(0.25)
    return ended


def _ended(servers: Servers) -> int:
    requests = servers.db.collection("generationRequests")
    ended: Any = requests.where(filter=FieldFilter("status", "in", ("completed", "failed"))).count()
    count: int = ended.get()[0][0].value
    return count


if __name__ == "__main__":
    sys.exit(main())
