"""Owns the count of round trips and billed operations per database; must not know of the protocol or of storage."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from embedded_firebase.firestore.errors import Code, EmulatorError

# Each holds the counts of all databases.
MAX_MARKS = 100
MAX_OPERATIONS = 2_000


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of calls by RPC name, of documents as Firestore bills them, and of matched index entries."""

    calls: Mapping[str, int] = field(default_factory=dict)
    reads: int = 0
    writes: int = 0
    deletes: int = 0
    index_entries: int = 0

    @property
    def round_trips(self) -> int:
        """The calls of all RPCs."""
        return sum(self.calls.values())

    def __sub__(self, earlier: Counts) -> Counts:
        calls = {rpc: count - earlier.calls.get(rpc, 0) for rpc, count in self.calls.items()}
        return Counts(
            {rpc: count for rpc, count in calls.items() if count},
            self.reads - earlier.reads,
            self.writes - earlier.writes,
            self.deletes - earlier.deletes,
            self.index_entries - earlier.index_entries,
        )


class Counters:
    """Running counts of a server. A database is named `projects/{project}/databases/{database}`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._calls: Counter[tuple[str, str]] = Counter()
        self._marks: dict[str, tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]] = {}
        self._last_mark = 0
        # Time, client, reads and writes. Operations as old as the first one may have been evicted.
        self._operations = deque([(time.time(), "", 0, 0)], maxlen=MAX_OPERATIONS)
        # A call is answered by one thread.
        self._answered = threading.local()

    def count_call(self, rpc: str, database: str, client: str = "") -> None:
        """Count one round trip; further counts of this thread are attributed to its client."""
        self._answered.client = client
        with self._lock:
            self._calls[database, rpc] += 1

    def count_reads(self, database: str, count: int) -> None:
        """Count billed document reads."""
        with self._lock:
            self._counts[database, "reads"] += count
            self._note(count, 0)

    def count_changes(self, database: str, *, writes: int, deletes: int) -> None:
        """Count billed document writes and deletes."""
        with self._lock:
            self._counts[database, "writes"] += writes
            self._counts[database, "deletes"] += deletes
            self._note(0, writes)

    def count_index_entries(self, database: str, count: int) -> None:
        """Count index entries that a query or an aggregation matched; production bills aggregations by them."""
        with self._lock:
            self._counts[database, "index_entries"] += count

    def _note(self, reads: int, writes: int) -> None:
        self._operations.append((time.time(), getattr(self._answered, "client", ""), reads, writes))

    def between(self, started_at: float, ended_at: float, client: str) -> Counts:
        """Return the reads and writes of one client between two times, in seconds since 1970.

        Raises:
            EmulatorError: NOT_FOUND for a start before the newest `MAX_OPERATIONS`.
        """
        with self._lock:
            operations = list(self._operations)
        if not started_at > operations[0][0]:
            raise EmulatorError(Code.NOT_FOUND, f"It is too long ago: the newest {MAX_OPERATIONS} operations are kept.")
        found = [each for each in operations if started_at <= each[0] <= ended_at and each[1] == client]
        return Counts(reads=sum(each[2] for each in found), writes=sum(each[3] for each in found))

    def snapshot(self, database: str | None = None) -> Counts:
        """Return the counts so far, of one database or of all. Subtract two to get the counts in between."""
        with self._lock:
            return _counts(self._calls, self._counts, database)

    def mark(self) -> str:
        """Remember this moment under a name that `since` takes. Only the newest are kept, `MAX_MARKS` of them."""
        with self._lock:
            self._last_mark += 1
            name = str(self._last_mark)
            self._marks[name] = (self._calls.copy(), self._counts.copy())
            self._marks.pop(str(self._last_mark - MAX_MARKS), None)
        return name

    def since(self, mark: str, database: str | None = None) -> Counts:
        """Return what was counted since a mark, "" for the server's start, of one database or of all.

        Raises:
            EmulatorError: NOT_FOUND for an unknown or evicted mark.
        """
        now = self.snapshot(database)
        if not mark:
            return now
        with self._lock:
            if mark not in self._marks:
                raise EmulatorError(Code.NOT_FOUND, f'No mark "{mark[:100]}": the newest {MAX_MARKS} are kept.')
            earlier = _counts(*self._marks[mark], database)
        return now - earlier


def _counts(
    calls_by_rpc: Counter[tuple[str, str]], counts_by_kind: Counter[tuple[str, str]], database: str | None
) -> Counts:
    calls: Counter[str] = Counter()
    for (of, rpc), count in calls_by_rpc.items():
        if database is None or of == database:
            calls[rpc] += count
    totals: Counter[str] = Counter()
    for (of, kind), count in counts_by_kind.items():
        if database is None or of == database:
            totals[kind] += count
    return Counts(dict(calls), totals["reads"], totals["writes"], totals["deletes"], totals["index_entries"])
