"""Owns `make bench`: the Firestore cost of calls, and the overhead of this code over its round trips.

Times are ratios within one run, because machines differ; the bar is beside each figure, and a missed one exits with 1.
"""

from __future__ import annotations

import argparse
import functools
import http.client
import itertools
import json
import operator
import os
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from embedded_firebase.firestore.server import FirestoreServer
from imagegen.credits.service import get_user_credits
from imagegen.generations.errors import GenerationFailed
from imagegen.generations.worker import process
from tests.bench.cold import LIBRARIES, ROOT, cpu_seconds
from tests.crash.costs import Cost, measured
from tests.generations.test_creation import create
from tests.generations.test_worker import submit
from tests.world import AlwaysFails, Draws, World, make_deps, write_catalog

PROJECT = "demo-bench"
USER = "bench"
_MOST_TIMES_BARE = 1.5
_MOST_MORE_MS = 10
_MOST_TIMES_IMPORTS = 1.15


class Figure(NamedTuple):
    """A measured figure; `holds` is None for one without a bar."""

    name: str
    text: str
    holds: bool | None = None


def main() -> int:
    """Print every figure with its bar, and return 1 if one is missed."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--calls", type=int, default=400, help="timed calls of each kind (default: %(default)s)")
    parser.add_argument("--starts", type=int, default=9, help="timed imports of each kind (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    figures = [*costs(), *overhead(options.calls), *waiting(options.calls), *import_time(options.starts)]
    print(json.dumps({figure.name: figure.text for figure in figures}) if options.json else render(figures))
    return 0 if all_hold(figures) else 1


def render(figures: Sequence[Figure]) -> str:
    """The figures for a person."""
    lines = [f"{name:<58}{text}{'  MISSED' if holds is False else ''}" for name, text, holds in figures]
    missed = sum(figure.holds is False for figure in figures)
    return "\n".join([*lines, f"{missed} bars missed"])


def all_hold(figures: Sequence[Figure]) -> bool:
    """Whether no bar is missed."""
    return not any(figure.holds is False for figure in figures)


def at_most(name: str, cost: Cost, most: Cost) -> Figure:
    """The cost of a call, with the cost that it may have."""
    bar = f"{most.round_trips}, {most.reads}, {most.writes}"
    return Figure(f"{name} (at most {bar})", str(cost), all(map(operator.le, cost, most)))


def costs() -> list[Figure]:
    """Count round trips and document operations in the embedded Firestore's server."""
    server = FirestoreServer()
    os.environ["FIRESTORE_EMULATOR_HOST"] = f"127.0.0.1:{server.start()}"
    numbers = itertools.count()
    deps = make_deps(
        firestore.Client(project=PROJECT),
        now=lambda: datetime.now(UTC),
        new_id=lambda: f"gen{next(numbers)}",
        image_models={"model-a": Draws(), "model-b": AlwaysFails()},
    )
    write_catalog(deps.db.client)
    world = World(deps)
    world.account(USER, 1000)
    deps.catalog.current()

    def fail() -> None:
        with suppress(GenerationFailed):
            create(world, USER, model="Model B")

    figures = [
        at_most("create: success", measured(server, world, lambda: create(world, USER)), Cost(4, 1, 4)),
        at_most(
            "create: success with a key", measured(server, world, lambda: create(world, USER, "key")), Cost(4, 2, 4)
        ),
        at_most("create: failed model", measured(server, world, fail), Cost(6, 3, 6)),
        at_most("create: asynchronous", measured(server, world, lambda: submit(world, USER)), Cost(3, 1, 3)),
        Figure("  and enqueued (1)", str(len(world.queue.tasks)), len(world.queue.tasks) == 1),
        at_most("drawing it", measured(server, world, lambda: process(deps, world.queue.tasks[0][1])), Cost(4, 1, 2)),
        at_most("a page of 3", measured(server, world, lambda: get_user_credits(deps, USER, 3, None)), Cost(2, 4, 0)),
    ]
    server.stop()
    return figures


def overhead(calls: int) -> list[Figure]:
    """Time createGenerationRequest through the functions host and a bare client's same round trips, alternately."""
    with ExitStack() as running:
        firestore_port = running.enter_context(server_process("embedded_firebase.cli.firestore"))
        os.environ["FIRESTORE_EMULATOR_HOST"] = f"127.0.0.1:{firestore_port}"
        os.environ["MODEL_FAILURE_RATE"] = "0"
        db = firestore.Client(project=PROJECT)
        write_catalog(db)
        db.document(f"users/{USER}").set({"credits": 100_000, "openingCredits": 100_000, "ledgerCount": 0})
        db.document("users/bare").set({"credits": 100_000, "openingCredits": 100_000, "ledgerCount": 0})
        firestore_host = os.environ["FIRESTORE_EMULATOR_HOST"]
        functions_port = running.enter_context(
            server_process("embedded_firebase.cli.functions", "--project", PROJECT, "--firestore", firestore_host)
        )
        through_host: list[float] = []
        bare: list[float] = []
        for number in range(calls + 20):
            for sample, call in (
                (through_host, lambda: call_host(functions_port)),
                (bare, lambda: call_bare(db)),
            ):
                elapsed = timed(call)
                if number >= 20:
                    sample.append(elapsed)
    host_p50, bare_p50 = statistics.median(through_host), statistics.median(bare)
    ratio = host_p50 / bare_p50
    return [
        Figure("create through the functions host, p50", f"{host_p50 * 1000:.2f} ms"),
        Figure("the same round trips by a bare client, p50", f"{bare_p50 * 1000:.2f} ms"),
        Figure(f"ratio (at most {_MOST_TIMES_BARE})", f"{ratio:.2f}", ratio <= _MOST_TIMES_BARE),
    ]


def waiting(calls: int) -> list[Figure]:
    """Time synchronous and asynchronous requests with a model that takes no time, alternately."""
    with ExitStack() as running:
        firestore_host = f"127.0.0.1:{running.enter_context(server_process('embedded_firebase.cli.firestore'))}"
        os.environ |= {
            "FIRESTORE_EMULATOR_HOST": firestore_host,
            "MODEL_FAILURE_RATE": "0",
            "PLACEHOLDER_IMAGES": "true",
        }
        db = firestore.Client(project=PROJECT)
        write_catalog(db)
        db.document(f"users/{USER}").set({"credits": 100_000, "openingCredits": 100_000, "ledgerCount": 0})
        port = running.enter_context(
            server_process("embedded_firebase.cli.functions", "--project", PROJECT, "--firestore", firestore_host)
        )
        synchronous: list[float] = []
        asynchronous: list[float] = []
        for number in range(calls + 20):
            for sample, headers in ((synchronous, {}), (asynchronous, {"Prefer": "respond-async"})):
                elapsed = timed(functools.partial(call_host, port, headers))
                # The queued generation is drawn before the next one is timed.
                drain(db)
                if number >= 20:
                    sample.append(elapsed)
    ours, theirs = statistics.median(asynchronous), statistics.median(synchronous)
    more_ms = (ours - theirs) * 1000
    return [
        Figure("create, waiting for a model that takes no time, p50", f"{theirs * 1000:.2f} ms"),
        Figure("create, asynchronous, p50", f"{ours * 1000:.2f} ms"),
        Figure(f"difference (at most {_MOST_MORE_MS} ms)", f"{more_ms:+.2f} ms", more_ms <= _MOST_MORE_MS),
    ]


def drain(db: firestore.Client) -> None:
    """Wait until no generation is pending."""
    pending = db.collection("generationRequests").where(filter=FieldFilter("status", "==", "pending")).limit(1)
    while list(pending.stream()):
        time.sleep(0.005)


def call_host(port: int, headers: Mapping[str, str] | None = None) -> None:
    """One successful createGenerationRequest."""
    body = {
        "userId": USER,
        "model": "Model A",
        "style": "anime",
        "color": "neon",
        "size": "512x512",
        "prompt": "a fox",
    }
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request(
        "POST",
        f"/{PROJECT}/us-central1/createGenerationRequest",
        json.dumps(body),
        {"Content-Type": "application/json", **(headers or {})},
    )
    response = connection.getresponse()
    if response.status not in {200, 202}:
        raise RuntimeError(f"the host answered {response.status}: {response.read()!r}")
    response.read()
    connection.close()


def call_bare(db: firestore.Client) -> None:
    """The four round trips of a successful request: begin, read, commit three writes, commit one guarded write."""
    account = db.document("users/bare")
    generation = db.document(f"generationRequests/{uuid.uuid4().hex}")
    now = datetime.now(UTC)

    @firestore.transactional
    def reserve(transaction: firestore.Transaction) -> None:
        (snapshot,) = transaction.get_all([account])
        fields = snapshot.to_dict() or {}
        transaction.create(
            generation,
            {
                "userId": "bare",
                "model": "model-a",
                "style": "anime",
                "color": "neon",
                "size": "512x512",
                "prompt": "a fox",
                "status": "pending",
                "creditsCharged": 1,
                "creditsRefunded": 0,
                "imageUrl": None,
                "failureReason": None,
                "createdAt": now,
                "startedAt": now,
                "completedAt": None,
                "leaseExpiresAt": now + timedelta(minutes=3),
                "attemptId": "bare",
                "idempotencyFingerprint": None,
            },
        )
        transaction.update(
            account, {"credits": fields["credits"] - 1, "ledgerCount": fields["ledgerCount"] + 1, "updatedAt": now}
        )
        transaction.create(
            account.collection("transactions").document(f"{generation.id}_deduction"),
            {
                "type": "deduction",
                "credits": 1,
                "sequence": fields["ledgerCount"] + 1,
                "balanceAfter": fields["credits"] - 1,
                "generationRequestId": generation.id,
                "reason": "",
                "timestamp": firestore.SERVER_TIMESTAMP,
            },
        )

    transaction = db.transaction()
    reserve(transaction)
    assert transaction.write_results is not None
    batch = db.batch()
    settled = {"status": "completed", "imageUrl": "https://images.example.com/drawn.png", "completedAt": now}
    guard = db.write_option(last_update_time=transaction.write_results[0].update_time)
    batch.update(generation, settled, option=guard)
    batch.commit()


def import_time(starts: int) -> list[Figure]:
    """Compare the import of main.py with that of the libraries that it needs: CPU time of processes, in pairs."""
    everything, libraries = [], []
    for _ in range(starts):
        libraries.append(cpu_seconds(ROOT, LIBRARIES))
        everything.append(cpu_seconds(ROOT, "import main"))
    ratio = statistics.median(ours / theirs for ours, theirs in zip(everything, libraries, strict=True))
    return [
        Figure("import main.py, median CPU", f"{statistics.median(everything) * 1000:.0f} ms"),
        Figure("import https_fn + firestore + pydantic, median CPU", f"{statistics.median(libraries) * 1000:.0f} ms"),
        Figure(f"ratio of imports (at most {_MOST_TIMES_IMPORTS})", f"{ratio:.2f}", ratio <= _MOST_TIMES_IMPORTS),
    ]


def timed(call: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


@contextmanager
def server_process(module: str, *arguments: str) -> Iterator[int]:
    """Run a server of the emulator on a free port and end it afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, "--port", "0", "--until-stdin-closes", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        ready = next(line for line in process.stdout if "ready on" in line)
        # The log must not fill the pipe.
        subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
        yield int(ready.rpartition(":")[2])
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
