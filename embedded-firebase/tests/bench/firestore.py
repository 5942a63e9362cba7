"""Owns `make bench-firestore`: the speed of the embedded Firestore; each figure has a reference from the same run.

The client is Google's own and works in this process; the servers run in their own. NODE_FIRESTORE names a folder with
`@firestore-emulator/server` installed by npm; without it that reference says "not here".
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter
from google.cloud.firestore_v1.bulk_writer import BulkWriterOptions

_SMALL = 1_000
_FIELDS = 10
_PER_BUCKET = 10
_PAGE = 50
_CONTENDERS = 20
_NODE = """
const { FirestoreServer } = require("@firestore-emulator/server");
const free = require("net").createServer().listen(0, "127.0.0.1", () => {
  const port = free.address().port;
  free.close(() => new FirestoreServer().start(port).then(() => console.log("Firestore ready on 127.0.0.1:" + port)));
});
"""


class Figure(NamedTuple):
    """A measurement, its reference, and whether the bar is met; None without a bar."""

    name: str
    measured: str
    reference: str
    holds: bool | None = None


def main() -> int:
    """Print every figure with its reference; the exit code is 1 if a bar is not met."""
    parser = argparse.ArgumentParser(prog="make bench-firestore", description=__doc__)
    parser.add_argument(
        "--documents", type=int, default=100_000, help="size of the large collection (default: %(default)s)"
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="of each rate (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object for each figure")
    options = parser.parse_args()
    holds = True
    for figure in figures(options.documents, options.seconds):
        holds &= figure.holds is not False
        if options.json:
            print(json.dumps(figure._asdict()), flush=True)
        else:
            verdict = {None: "", True: "holds", False: "FAILS"}[figure.holds]
            print(f"{figure.name:<58}{figure.measured:<16}{figure.reference:<44}{verdict}", flush=True)
    return 0 if holds else 1


def figures(documents: int, seconds: float) -> Iterator[Figure]:
    """Make one measurement after the other."""
    yield from start()
    yield from rates(seconds)
    yield from queries(documents)
    yield from contention()


def start() -> Iterator[Figure]:
    """Start the server a few times and measure its memory."""
    times, sizes = [], []
    for _ in range(5):
        began = time.perf_counter()
        with embedded() as (_, process):
            times.append(time.perf_counter() - began)
            sizes.append(int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(process.pid)])) / 1024)
    ready, size = statistics.median(times), max(sizes)
    yield Figure("ready after process start", f"{ready:.2f} s", "at most 1 s", ready < 1)
    yield Figure("resident memory, empty", f"{size:.0f} MB", "at most 100 MB", size < 100)


def rates(seconds: float) -> Iterator[Figure]:
    """Count set+get pairs in rounds that alternate between the servers."""
    with ExitStack() as running:
        folder = running.enter_context(tempfile.TemporaryDirectory())
        with socket.create_server(("127.0.0.1", 0)) as free:
            grpc_port = free.getsockname()[1]
        clients = {
            "in memory": client(running.enter_context(embedded("--grpc-port", str(grpc_port)))[0]),
            "gRPC port": client(f"127.0.0.1:{grpc_port}"),
            "on disk": client(running.enter_context(embedded("--data", folder))[0]),
        }
        node = node_folder()
        if node is not None:
            clients["npm"] = client(running.enter_context(server(["node", "-e", _NODE], cwd=node))[0])
        for threads in (1, 8):
            rounds: dict[str, list[float]] = {name: [] for name in clients}
            for number in range(4):
                for name, db in clients.items():
                    rate = pairs_per_second(db, threads, seconds / 3)
                    if number:
                        rounds[name].append(rate)
            best = {name: statistics.median(found) for name, found in rounds.items()}
            reference = f"{best['npm']:.0f}/s, @firestore-emulator/server" if node else "not here (NODE_FIRESTORE)"
            label = f"set+get pairs, {threads} thread{'s' if threads > 1 else ''}"
            for name in ("in memory", "gRPC port"):
                # Two servers that both wait for the client differ by a few percent from run to run.
                level = best[name] >= 0.95 * best["npm"] if node else None
                port = "" if name == "in memory" else ", port for gRPC alone"
                yield Figure(f"{label}, in memory{port}", f"{best[name]:.0f}/s", reference, level)
            yield Figure(f"{label}, on disk", f"{best['on disk']:.0f}/s", f"{best['in memory']:.0f}/s in memory")


def pairs_per_second(db: firestore.Client, threads: int, seconds: float) -> float:
    """Let each thread write and read its own documents for a while."""
    ends_at = time.perf_counter() + seconds

    def work(number: int) -> int:
        document = db.document(f"rates/{number}")
        done = 0
        while time.perf_counter() < ends_at:
            document.set({"number": done, "name": "a name"})
            document.get()
            done += 1
        return done

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(work, range(threads))) / seconds


def queries(documents: int) -> Iterator[Figure]:
    """Load two collections on disk and query both."""
    with tempfile.TemporaryDirectory() as folder, embedded("--data", folder) as (host, _):
        db = client(host)
        load(db, "small", _SMALL)
        took = timed(lambda: load(db, "large", documents))
        name = f"{documents:,} documents of {_FIELDS} fields by BatchWrite, on disk"
        yield Figure(name, f"{took:.1f} s", "at most 60 s", took < 60)
        large, small = db.collection("large"), db.collection("small")

        def bucket(collection: firestore.CollectionReference) -> Callable[[], None]:
            query = collection.where(filter=FieldFilter("bucket", "==", 7))
            return lambda: expect(len(list(query.stream())), _PER_BUCKET)

        def page(collection: firestore.CollectionReference) -> Callable[[], None]:
            return lambda: expect(len(list(collection.order_by("score").limit(_PAGE).stream())), _PAGE)

        for name, query in ((f"equality query of {_PER_BUCKET}", bucket), (f"page of {_PAGE} by order_by", page)):
            many, few = in_turn(query(large), query(small), 40)
            yield Figure(f"{name}, in {documents:,} documents", f"{many * 1000:.2f} ms",
                         f"{few * 1000:.2f} ms in {_SMALL:,}; at most twice", many <= 2 * few)  # fmt: skip
        half = large.where(filter=FieldFilter("half", "==", True))
        counted = statistics.median(timed(lambda: half.count().get()) for _ in range(9))
        expect(int(half.count().get()[0][0].value), documents // 2)
        streamed = timed(lambda: expect(sum(1 for _ in half.stream()), documents // 2))
        yield Figure(f"count of {documents // 2:,}", f"{counted * 1000:.1f} ms",
                     f"{streamed:.1f} s to stream them; at least 20 times", streamed >= 20 * counted)  # fmt: skip
        db.close()


def load(db: firestore.Client, collection: str, documents: int) -> None:
    """Write documents with BulkWriter, with its rate limiter off."""
    numbers = random.Random(documents)
    writer = db.bulk_writer(BulkWriterOptions(initial_ops_per_second=1_000_000, max_ops_per_second=1_000_000))
    failed: list[object] = []
    writer.on_write_error(lambda failure, _writer: bool(failed.append(failure)))
    for number in range(documents):
        writer.create(
            db.document(f"{collection}/{number:06}"),
            {
                "number": number,
                "bucket": number // _PER_BUCKET,
                "half": number % 2 == 0,
                "score": numbers.random(),
                "name": f"name of {number}",
                "city": numbers.choice(["Oslo", "Lima", "Accra", "Hanoi"]),
                "note": "some words that no query uses",
                "rank": numbers.randrange(100),
                "active": True,
                "size": number % 7,
            },
        )
    writer.close()
    if failed:
        raise RuntimeError(f"{len(failed)} writes failed, the first with {failed[0]}")


def contention() -> Iterator[Figure]:
    """Let threads increment one counter in transactions, in each mode that the server has."""
    usage = subprocess.check_output([sys.executable, "-m", "embedded_firebase.cli.firestore", "--help"], text=True)
    modes = ("optimistic", "pessimistic") if "--concurrency" in usage else ("",)
    for mode in modes:
        with embedded(*(["--concurrency", mode] if mode else [])) as (host, _):
            db = client(host)
            took = statistics.median(increments(db, f"counters/{number}") for number in range(3))
            name = f"{_CONTENDERS} threads increment one counter{f', {mode}' if mode else ''}"
            yield Figure(name, f"{took:.2f} s", "at most 1 s, none lost", took < 1)
            db.close()


def increments(db: firestore.Client, path: str) -> float:
    """Return the seconds until all threads have incremented the counter once, in transactions of five attempts."""
    counter = db.document(path)
    counter.set({"value": 0})
    barrier = threading.Barrier(_CONTENDERS + 1)

    @firestore.transactional
    def increment(transaction: firestore.Transaction) -> None:
        value = counter.get(transaction=transaction).get("value")
        transaction.update(counter, {"value": value + 1})

    def work() -> None:
        barrier.wait()
        increment(db.transaction())

    with ThreadPoolExecutor(_CONTENDERS) as pool:
        done = [pool.submit(work) for _ in range(_CONTENDERS)]
        barrier.wait()
        took = timed(lambda: [future.result() for future in done])
    expect(counter.get().get("value"), _CONTENDERS)
    return took


def expect(found: int, wanted: int) -> None:
    """Stop when a server answers wrongly, because its speed would have no meaning."""
    if found != wanted:
        raise RuntimeError(f"the server answered {found} where {wanted} is right")


def in_turn(one: Callable[[], None], other: Callable[[], None], times: int) -> tuple[float, float]:
    """Time two calls alternately and return both medians in seconds; the first few warm up."""
    samples = [(timed(one), timed(other)) for _ in range(times)][5:]
    return statistics.median(first for first, _ in samples), statistics.median(second for _, second in samples)


def timed(call: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def client(host: str) -> firestore.Client:
    """Return a client of the server at an address."""
    os.environ["FIRESTORE_EMULATOR_HOST"] = host
    db = firestore.Client(project="demo-bench", credentials=AnonymousCredentials())
    # The client reads the address at its first call.
    list(db.collection("none").limit(1).stream())
    return db


def embedded(*arguments: str) -> AbstractContextManager[tuple[str, subprocess.Popen[str]]]:
    """Run the embedded Firestore on a free port."""
    return server(
        [sys.executable, "-m", "embedded_firebase.cli.firestore", "--port", "0", "--until-stdin-closes", *arguments]
    )


def node_folder() -> Path | None:
    """Return the folder of the npm server, or None."""
    folder = Path(os.environ.get("NODE_FIRESTORE", ""))
    return folder if (folder / "node_modules" / "@firestore-emulator" / "server").is_dir() else None


@contextmanager
def server(command: list[str], cwd: Path | None = None) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run a server that prints its address when it is ready, and end it afterwards."""
    process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        ready = next((line for line in process.stdout if "Firestore ready on" in line), None)
        if ready is None:
            raise RuntimeError(f"{command[0]} ended before it was ready")
        yield ready.split()[-1], process
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


if __name__ == "__main__":
    sys.exit(main())
