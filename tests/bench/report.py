"""Owns `make bench-report`: the cost of the weekly report and of a naive one, which reads every request.

The reported week has the given number of requests, and the eight weeks before it a tenth of that together. Both reports
are made in the same run, each in its own process, from a Firestore in another process; that both are equal is checked.
Billed reads are counted as Firestore bills them: one for each document, and for each aggregation one for every started
1,000 index entries that match.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import resource
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from google.cloud import firestore
from google.cloud.firestore_v1._helpers import encode_dict
from google.cloud.firestore_v1.base_query import FieldFilter
from google.cloud.firestore_v1.types import Document

from embedded_firebase.exports.source import load_source
from embedded_firebase.firestore.server import FirestoreServer
from embedded_firebase.firestore.testing.counters import Counts
from imagegen.kit.weeks import Week
from imagegen.reports import figures
from imagegen.reports.records import Totals, WeeklyReport
from imagegen.reports.service import build_weekly_report
from tests.world import make_deps

ROOT = Path(__file__).parent.parent.parent
PROJECT = "demo-bench-report"
MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
LAST_WEEK = Week.of(MONDAY).back(1)
# Billed reads as a share of the requests, and how much faster than reading each request.
_MOST_READS = 0.02
_LEAST_SPEED_UP = 5
WEEKS = 9


@dataclass(frozen=True)
class Measured:
    """One report: seconds, round trips, billed reads, memory growth at the peak, and its totals."""

    seconds: float
    round_trips: int
    billed_reads: int
    peak_mebibytes: float
    totals: Totals
    by_dimension: dict[str, dict[str, Totals]]


def main() -> int:
    """Measure at each size and print the figures with their bars; return 1 if one is missed."""
    parser = argparse.ArgumentParser(prog="make bench-report", description=__doc__)
    parser.add_argument(
        "--requests", type=int, action="append", help="requests in the week (default: 10000 and 100000)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    results = {size: measure(size) for size in options.requests or [10_000, 100_000]}
    if options.json:
        print(json.dumps({size: {name: as_json(one) for name, one in both.items()} for size, both in results.items()}))
        return 0 if are_met(results) else 1
    print(f"{'requests':>10}  {'report':<13}{'seconds':>9}{'round trips':>13}{'billed reads':>14}{'peak MiB':>10}")
    for size, both in results.items():
        for name, one in both.items():
            numbers = f"{one.seconds:>9.2f}{one.round_trips:>13,}{one.billed_reads:>14,}{one.peak_mebibytes:>10.1f}"
            print(f"{size:>10,}  {name:<13}{numbers}")
    print()
    for size, both in results.items():
        ours, streaming = both["aggregating"], both["streaming"]
        share = ours.billed_reads / size
        print(f"{size:>10,}  billed reads are {share:.2%} of the requests (at most {_MOST_READS:.0%})")
        print(f"{size:>10,}  {streaming.seconds / ours.seconds:.1f} times as fast (at least {_LEAST_SPEED_UP})")
    is_constant = len(round_trips(results)) == 1
    print(f"            round trips {'are the same at each size' if is_constant else 'differ by size'}")
    print(f"            {'all bars are met' if are_met(results) else 'a bar is MISSED'}")
    return 0 if are_met(results) else 1


def are_met(results: Mapping[int, Mapping[str, Measured]]) -> bool:
    """Return whether all bars are met; that both reports are equal is checked before."""
    return len(round_trips(results)) == 1 and all(
        both["aggregating"].billed_reads <= _MOST_READS * size
        and both["streaming"].seconds >= _LEAST_SPEED_UP * both["aggregating"].seconds
        for size, both in results.items()
    )


def round_trips(results: Mapping[int, Mapping[str, Measured]]) -> set[int]:
    """The numbers of round trips, one if it does not depend on the size."""
    return {both["aggregating"].round_trips for both in results.values()}


def as_json(one: Measured) -> dict[str, float]:
    """The JSON of one report."""
    return {
        "seconds": round(one.seconds, 3),
        "roundTrips": one.round_trips,
        "billedReads": one.billed_reads,
        "peakMebibytes": round(one.peak_mebibytes, 1),
    }


def measure(size: int) -> dict[str, Measured]:
    """Make both reports over the same requests."""
    with seeded(size) as server:
        both = {"streaming": server.measured(streaming), "aggregating": server.measured(aggregating)}
    ours, reference = both["aggregating"], both["streaming"]
    if (ours.totals, ours.by_dimension) != (reference.totals, reference.by_dimension):
        raise RuntimeError("the two reports differ")
    return both


# The two reports.


def aggregating(db: firestore.Client) -> WeeklyReport:
    """The report as it is deployed."""
    return build_weekly_report(make_deps(db, now=lambda: MONDAY), LAST_WEEK)


def streaming(db: firestore.Client) -> WeeklyReport:
    """The naive report: each request of the week is read once and none is kept."""
    week = LAST_WEEK
    overall: Counter[str] = Counter()
    groups: dict[str, dict[str, Counter[str]]] = {name: defaultdict(Counter) for name in figures.DIMENSIONS}
    query = (
        db.collection("generationRequests")
        .where(filter=FieldFilter("createdAt", ">=", week.start_at))
        .where(filter=FieldFilter("createdAt", "<", week.end_at))
    )
    for snapshot in query.stream(timeout=3600):
        fields = snapshot.to_dict() or {}
        counted = {
            "requests": 1,
            fields["status"]: 1,
            "credits_consumed": fields["creditsCharged"],
            "credits_refunded": fields["creditsRefunded"],
        }
        overall.update(counted)
        for dimension, values in groups.items():
            values[fields[dimension]].update(counted)
    return WeeklyReport(
        week=week,
        generated_at=MONDAY,
        totals=Totals(**overall),
        by_dimension={
            dimension: {value: Totals(**counts) for value, counts in sorted(values.items())}
            for dimension, values in groups.items()
        },
    )


# The measurement.


def run_report(make: Callable[[firestore.Client], WeeklyReport], address: str) -> tuple[float, float, WeeklyReport]:
    """Make a report in this process; return the seconds, the growth at the peak in MiB, and the report."""
    os.environ["FIRESTORE_EMULATOR_HOST"] = address
    # The first call of a process loads and connects; it uses another database, so that it is not counted.
    firestore.Client(project=f"{PROJECT}-warm").document("a/b").get()
    db = firestore.Client(project=PROJECT)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    made = make(db)
    seconds = time.perf_counter() - started
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return seconds, grown, made


class Server:
    """A seeded Firestore in another process, as seen from this one."""

    def __init__(self, pipe: Connection, address: str) -> None:
        self._pipe = pipe
        self._address = address

    def measured(self, make: Callable[[firestore.Client], WeeklyReport]) -> Measured:
        """Make a report in its own process and count the server's work for it."""
        before = self._counts()
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            seconds, grown, made = process.submit(run_report, make, self._address).result()
        spent = self._counts() - before
        groups = {dimension: dict(values) for dimension, values in made.by_dimension.items()}
        return Measured(seconds, spent.round_trips, spent.reads, grown, made.totals, groups)

    def _counts(self) -> Counts:
        self._pipe.send("counts")
        counts: Counts = self._pipe.recv()
        return counts


@contextmanager
def seeded(size: int) -> Iterator[Server]:
    """Run a Firestore with nine weeks of requests, `size` of them in the last."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(size, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        while isinstance(received := ours.recv(), int):
            show(received, size)
        yield Server(ours, received)
    finally:
        ours.close()
        process.join()


def serve(size: int, pipe: Connection) -> None:
    """Seed and serve until the other end of the pipe closes; send the progress, then the address, then counts."""
    server = FirestoreServer(indexes=ROOT / "firestore.indexes.json", require_indexes=True)
    server.load(load_source(ROOT / "initial_data" / "source.json").documents, PROJECT)
    for done, documents in chunks(size):
        server.load(documents, PROJECT)
        pipe.send(done)
    pipe.send(f"127.0.0.1:{server.start()}")
    with suppress(EOFError):
        while pipe.recv():
            pipe.send(server.counters.snapshot(f"projects/{PROJECT}/databases/(default)"))
    server.stop()


def show(done: int, size: int) -> None:
    """Draw the progress of the seeding on a terminal."""
    if sys.stderr.isatty():
        share = min(done / (size + size // 10), 1)
        bar = f"[{'#' * round(30 * share):.<30}]"
        sys.stderr.write(f"\r{bar} seeding {size:,} requests" + ("\n" if share == 1 else ""))
        sys.stderr.flush()


# The seed data.


def chunks(size: int) -> Iterator[tuple[int, list[Any]]]:
    """Yield the number of requests so far, and documents: requests, and finally their accounts."""
    chance = random.Random(size)
    last = LAST_WEEK
    accounts = max(10, size // 20)
    credits: Counter[tuple[int, str]] = Counter()
    requests: Counter[int] = Counter()
    sizes_by_week = {last.back(weeks): size // 10 // (WEEKS - 1) for weeks in range(WEEKS - 1, 0, -1)} | {last: size}
    documents: list[Any] = []
    done = 0
    for week, count in sizes_by_week.items():
        for number in range(count):
            account = min(int(chance.expovariate(4 / accounts)), accounts - 1)
            created_at = week.start_at + timedelta(seconds=7 * 24 * 3600 * number / count)
            document, cost_credits = generation(chance, f"{week.week_id}-{number}", account, week, created_at)
            if week == last:
                requests[account] += 1
                credits[account, created_at.date().isoformat()] += cost_credits
            documents.append(document)
            done += 1
            if len(documents) == 1000:
                yield done, documents
                documents = []
    days: dict[int, dict[str, int]] = defaultdict(dict)
    for (account, day), spent in credits.items():
        days[account][day] = spent
    opened_at = last.start_at - timedelta(days=60)
    for account in range(accounts):
        spending = {"requests": requests[account], "credits": sum(days[account].values()), "days": days[account]}
        fields = {"credits": 0, "createdAt": opened_at + timedelta(days=67 * account / accounts)}
        weeks = {last.week_id: spending} if requests[account] else {}
        documents.append(document_of(f"users/u{account}", fields | {"weeks": weeks}))
    yield done, documents


def generation(
    chance: random.Random, generation_id: str, account: int, week: Week, created_at: datetime
) -> tuple[Any, int]:
    """A stored request of a random kind, and its price."""
    size, cost_credits = chance.choice((("512x512", 1), ("1024x1024", 3), ("1024x1792", 4)))
    status = chance.choices(("completed", "failed", "pending", "cancelled"), (93, 5, 1, 1))[0]
    document = Document.pb()()
    document.CopyFrom(TEMPLATE)
    document.name = name_of(f"generationRequests/{generation_id}")
    texts = {
        "userId": f"u{account}",
        "model": chance.choice(("model-a", "model-a", "model-b")),
        "style": chance.choice(("realistic", "anime", "oil-painting", "sketch", "cyberpunk", "watercolor")),
        "color": chance.choice(("vibrant", "monochrome", "pastel", "neon", "vintage")),
        "size": size,
        "status": status,
        "week": week.week_id,
    }
    for field, text in texts.items():
        document.fields[field].string_value = text
    document.fields["creditsCharged"].integer_value = cost_credits
    document.fields["creditsRefunded"].integer_value = cost_credits if status in ("failed", "cancelled") else 0
    for field in ("createdAt", "startedAt", "leaseExpiresAt", "completedAt"):
        document.fields[field].timestamp_value.FromDatetime(created_at)
    if status == "pending":
        document.fields["completedAt"].null_value = 0
        document.fields["durationMs"].null_value = 0
    else:
        document.fields["durationMs"].integer_value = round(chance.lognormvariate(8, 0.5))
    return document, cost_credits


def name_of(path: str) -> str:
    return f"projects/{PROJECT}/databases/(default)/documents/{path}"


def document_of(path: str, fields: dict[str, Any]) -> Any:
    return Document.pb(Document(name=name_of(path), fields=encode_dict(fields)))


TEMPLATE = document_of(
    "generationRequests/template",
    {
        "prompt": "a fox in the snow, at dawn, in the style of an old woodcut",
        "imageUrl": "https://images.example.com/placeholders/model-a.png",
        "failureReason": None,
        "attemptId": "0123456789abcdef0123456789abcdef",
        "idempotencyFingerprint": None,
    },
)


if __name__ == "__main__":
    sys.exit(main())
