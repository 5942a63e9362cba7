"""Owns counting the cost of a call at the embedded Firestore."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from embedded_firebase.firestore.server import FirestoreServer
from tests.world import World


class Cost(NamedTuple):
    """Round trips, and document operations as Firestore bills them."""

    round_trips: int
    reads: int
    writes: int


def measured(server: FirestoreServer, world: World, call: Callable[[], object]) -> Cost:
    """Run a call and count its requests to the world's database."""
    database = f"projects/{world.db.project}/databases/(default)"
    before = server.counters.snapshot(database)
    call()
    spent = server.counters.snapshot(database) - before
    return Cost(spent.round_trips, spent.reads, spent.writes)
