"""Owns the keys of recently changed documents, in memory; must not know what changed in them, nor how they are stored.

Index entries describe the current documents, so a read of the past has to check these documents one by one. The caller
holds the storage lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

# A read of the past checks up to this many changed documents of a collection one by one; beyond, it scans all.
MAX_RECENT_CHANGES = 1_000


class RecentChanges:
    """The keys of changed documents by collection; commits up to `opened_at` are not recorded."""

    def __init__(self, opened_at: int) -> None:
        self._opened_at = opened_at
        self._changed_at: dict[int, int] = {}
        # By collection: the changes in commit order, and the time up to which they are evicted.
        self._recent: dict[int, deque[tuple[int, bytes]]] = {}
        self._forgotten_to: dict[int, int] = {}

    def note(self, touched: Iterable[tuple[int, bytes]], commit_time: int) -> None:
        """Record a commit of documents, each given by its collection and key."""
        for collection, key in touched:
            self._changed_at[collection] = commit_time
            recent = self._recent.setdefault(collection, deque())
            recent.append((commit_time, key))
            if len(recent) > MAX_RECENT_CHANGES:
                self._forgotten_to[collection] = recent.popleft()[0]

    def changed_since(self, collection: int, time: int) -> bool:
        """Tell whether a document of a collection may have changed after a time."""
        return self._changed_at.get(collection, self._opened_at) > time

    def since(self, collection: int, time: int) -> set[bytes] | None:
        """Return the keys of what changed in a collection after a time; None when they are evicted."""
        if not self.changed_since(collection, time):
            return set()
        if time < self._forgotten_to.get(collection, self._opened_at):
            return None
        return {key for changed_at, key in self._recent[collection] if changed_at > time}
