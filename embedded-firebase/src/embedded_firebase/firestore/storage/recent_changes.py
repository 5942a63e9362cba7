"""Owns which documents have changed lately, in memory; must not know what of them changed, nor how they are stored.

It tells a read of the past where index entries mislead, which say how documents are now. Whoever calls holds the lock
of the storage.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

# A read of the past looks at so many changed documents of a collection one by one; at more, all are scanned.
MAX_RECENT_CHANGES = 1_000


class RecentChanges:
    """The keys of changed documents by collection; `opened_at` is the last commit of which nothing is known."""

    def __init__(self, opened_at: int) -> None:
        self._opened_at = opened_at
        self._changed_at: dict[int, int] = {}
        # By collection: what has changed, in the order of time, and the time up to which that is forgotten.
        self._recent: dict[int, deque[tuple[int, bytes]]] = {}
        self._forgotten_to: dict[int, int] = {}

    def note(self, touched: Iterable[tuple[int, bytes]], commit_time: int) -> None:
        """Note a commit to documents, each named by its collection and key."""
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
        """Return the keys of what changed in a collection after a time; None when that is not known any more."""
        if not self.changed_since(collection, time):
            return set()
        if time < self._forgotten_to.get(collection, self._opened_at):
            return None
        return {key for changed_at, key in self._recent[collection] if changed_at > time}
