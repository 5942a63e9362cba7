"""Owns `make bench-webhooks`: webhooks to a socket that never answers, beside those of another account."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from google.cloud.firestore_v1.base_query import FieldFilter

from imagegen.firebase.database import Snapshot, fields_of
from tests.load.books import open_accounts
from tests.load.servers import Servers
from tests.receiver import Receiver
from tests.world import MASTER_SECRET

_BAR_SECONDS = 1.0
_CLIENTS = 8
_PAUSE_SECONDS = 0.25
# Longer than a delivery that holds a slot.
_WATCHED_SECONDS = 15
_PATIENCE_SECONDS = 60
_CREATED, _AT_ONCE, _QUIET = "hanging-created", "hanging-at-once", "quiet"


class _Watch:
    """Creates webhooks of an account that its receiver answers at once; measures from the event to the arrival."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._receiver = Receiver()

    def during(self, attack: Callable[[], object]) -> list[float]:
        """Return the seconds of each webhook that was created during an attack and for some seconds after it."""
        created, before = 0, len(self._receiver.received)
        attacking = threading.Thread(target=attack)
        attacking.start()
        ends_at = time.monotonic() + _WATCHED_SECONDS
        while attacking.is_alive() or time.monotonic() < ends_at:
            _create(self._servers, _QUIET, self._receiver.url)
            created += 1
            time.sleep(_PAUSE_SECONDS)
        attacking.join()
        gives_up_at = time.monotonic() + _PATIENCE_SECONDS
        while len(self._receiver.received) < before + created and time.monotonic() < gives_up_at:
            time.sleep(0.05)
        arrived = [
            (received_at - datetime.fromisoformat(json.loads(body)["timestamp"])).total_seconds()
            for received_at, (_, body) in zip(
                self._receiver.received_at[before:], self._receiver.received[before:], strict=True
            )
        ]
        return arrived + [float("inf")] * (created - len(arrived))

    def stop(self) -> None:
        """Stop answering."""
        self._receiver.stop()


def main() -> int:
    """Attack in two ways; return 1 if a webhook of the other account took longer than the bar."""
    parser = argparse.ArgumentParser(prog="make bench-webhooks", description=__doc__)
    parser.add_argument("--webhooks", type=int, default=100, help="webhooks that hang (default: %(default)s)")
    count = parser.parse_args().webhooks
    os.environ |= {"WEBHOOK_ALLOW_LOOPBACK": "true", "WEBHOOK_SECRET": MASTER_SECRET, "PLACEHOLDER_IMAGES": "true"}
    with (
        tempfile.TemporaryDirectory() as folder,
        Servers(Path(folder)) as servers,
        # It completes connections and never reads.
        socket.create_server(("127.0.0.1", 0), backlog=1024) as silent,
    ):
        hook = f"http://127.0.0.1:{silent.getsockname()[1]}/hook"
        open_accounts(servers.db, [_CREATED, _AT_ONCE, _QUIET])
        watch = _Watch(servers)
        figures = {
            "alone": watch.during(lambda: None),
            f"beside {count} created one after the other": watch.during(lambda: _create_all(servers, hook, count)),
            f"beside {count} handed over at once": watch.during(lambda: _hand_over(servers, hook, count)),
        }
        watch.stop()
        states = [snapshot.get("webhook") for snapshot in _of(servers, _CREATED) + _of(servers, _AT_ONCE)]
    print(f"{'seconds from the event to the arrival':<45}{'number':>8}{'median':>8}{'longest':>9}")
    for name, seconds in figures.items():
        print(f"{name:<45}{len(seconds):>8}{statistics.median(seconds):>8.3f}{max(seconds):>9.3f}")
    print(f"webhooks to the silent socket: {len(states)}, of which due: {states.count('due')}")
    print(f"longest: {max(map(max, figures.values())):.3f} s (less than {_BAR_SECONDS:g} s)")
    return 0 if holds(figures, states, 2 * count) else 1


def holds(figures: Mapping[str, Sequence[float]], states: Sequence[str], hanging: int) -> bool:
    """Return whether each webhook arrived in time, while as many as wanted were due to the silent socket."""
    in_time = all(seconds and max(seconds) < _BAR_SECONDS for seconds in figures.values())
    return in_time and states.count("due") == len(states) == hanging


def _create_all(servers: Servers, hook: str, count: int) -> None:
    with ThreadPoolExecutor(_CLIENTS) as clients:
        list(clients.map(lambda _: _create(servers, _CREATED, hook), range(count)))


def _hand_over(servers: Servers, hook: str, count: int) -> None:
    """Let reconcile hand over webhooks that are due, as after an outage of the queue: all at once."""
    stored = fields_of(_of(servers, _CREATED)[0])
    batch = servers.db.batch()
    for number in range(count):
        due_at = datetime.now(UTC) - timedelta(minutes=1)
        copy = {**stored, "userId": _AT_ONCE, "webhookUrl": hook, "webhookDueAt": due_at, "webhookDelivery": None}
        batch.set(servers.db.document(f"generationRequests/at-once-{number}"), copy)
    batch.commit()
    servers.fire("reconcile")


def _of(servers: Servers, user_id: str) -> list[Snapshot]:
    owned = FieldFilter("userId", "==", user_id)
    return list(servers.db.collection("generationRequests").where(filter=owned).stream())


def _create(servers: Servers, user_id: str, hook: str) -> None:
    body = {"userId": user_id, "model": "Model A", "style": "anime", "color": "neon", "size": "512x512"}
    body |= {"prompt": "a fox", "webhookUrl": hook}
    connection = http.client.HTTPConnection("127.0.0.1", servers.functions_port, timeout=30)
    try:
        path = f"/{servers.project}/us-central1/createGenerationRequest"
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        # A failed model has a webhook too.
        if (status := connection.getresponse().status) not in (200, 500):
            raise RuntimeError(f"createGenerationRequest answered {status}")
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
