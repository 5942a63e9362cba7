"""Owns the count of round trips and billed operations per database; must not know of the protocol or of storage."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Counts:
    """How often what was done: calls by RPC name, and document operations as Firestore bills them."""

    calls: Mapping[str, int] = field(default_factory=dict)
    reads: int = 0
    writes: int = 0
    deletes: int = 0

    @property
    def round_trips(self) -> int:
        """All calls, whatever their RPC."""
        return sum(self.calls.values())

    def __sub__(self, earlier: Counts) -> Counts:
        calls = {rpc: count - earlier.calls.get(rpc, 0) for rpc, count in self.calls.items()}
        return Counts(
            {rpc: count for rpc, count in calls.items() if count},
            self.reads - earlier.reads,
            self.writes - earlier.writes,
            self.deletes - earlier.deletes,
        )


class Counters:
    """Running counts of a server. A database is named `projects/{project}/databases/{database}`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._calls: Counter[tuple[str, str]] = Counter()

    def count_call(self, rpc: str, database: str) -> None:
        """Count one round trip."""
        with self._lock:
            self._calls[database, rpc] += 1

    def count_reads(self, database: str, count: int) -> None:
        """Count billed document reads."""
        with self._lock:
            self._counts[database, "reads"] += count

    def count_changes(self, database: str, *, writes: int, deletes: int) -> None:
        """Count billed document writes and deletes."""
        with self._lock:
            self._counts[database, "writes"] += writes
            self._counts[database, "deletes"] += deletes

    def snapshot(self, database: str | None = None) -> Counts:
        """Return the counts so far, of one database or of all. The difference of two tells what lies between them."""
        with self._lock:
            calls: Counter[str] = Counter()
            for (of, rpc), count in self._calls.items():
                if database is None or of == database:
                    calls[rpc] += count
            totals: Counter[str] = Counter()
            for (of, what), count in self._counts.items():
                if database is None or of == database:
                    totals[what] += count
        return Counts(dict(calls), totals["reads"], totals["writes"], totals["deletes"])
