"""Owns the split points of a partition query; must not know where documents come from, nor pages."""

from __future__ import annotations

from collections.abc import Sequence

from embedded_firebase.firestore.errors import invalid
from embedded_firebase.firestore.query.query import Query

# A partition below this size is not worth its own query; production uses the same minimum.
MIN_PARTITION_DOCUMENTS = 128


def check(query: Query, count: int) -> None:
    """Refuse what production cannot partition.

    Raises:
        EmulatorError: INVALID_ARGUMENT, naming what is allowed.
    """
    if count <= 0:
        raise invalid("partition_count must be greater than 0.")
    if query.scope.parent:
        raise invalid("parent must be the root of a database; a document cannot be one.")
    if not query.scope.descendants or not query.scope.collection_id:
        raise invalid("A partition query must name a collection with all_descendants.")
    if not query.in_name_order:
        raise invalid("A partition query must be ordered by __name__ ascending, and by nothing else.")
    if query.condition or query.start or query.end or query.limit is not None or query.offset:
        raise invalid("A partition query must not have filters, cursors, an offset or a limit.")


def split_points(names: Sequence[str], count: int) -> list[str]:
    """Return the names at which partitions of about equal size begin, the first partition left out.

    Args:
        names: all results of the query in order.
        count: the maximum number of points.
    """
    parts = min(count + 1, len(names) // MIN_PARTITION_DOCUMENTS)
    return [names[part * len(names) // parts] for part in range(1, parts)]
