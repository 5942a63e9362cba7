"""Owns the subscriptions to the commits of a database; must not know the subscribers, nor how commits are made."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from embedded_firebase.firestore.messages import Document
from embedded_firebase.firestore.query.changes import Changes
from embedded_firebase.firestore.storage.storage import Change
from embedded_firebase.firestore.transactions.keys import write_keys
from embedded_firebase.firestore.transactions.turns import Keys
from embedded_firebase.firestore.values.paths import DocumentPath

# Called with the commit time in microseconds, the new content of each document, and their conflict keys.
Listener = Callable[[int, Changes, Keys], None]


class Feed:
    """Calls listeners for each commit, in commit order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[str, list[Listener]] = {}

    def subscribe(self, database: str, listener: Listener) -> None:
        """Call the listener for every commit from now on; it runs inside of the commit, so it must not block."""
        with self._lock:
            self._listeners[database] = [*self._listeners.get(database, ()), listener]

    def unsubscribe(self, database: str, listener: Listener) -> None:
        """Stop calling the listener; does nothing when it is not subscribed."""
        with self._lock:
            left = [other for other in self._listeners.get(database, ()) if other != listener]
            if left:
                self._listeners[database] = left
            else:
                self._listeners.pop(database, None)

    def publish(self, changes: Sequence[Change], commit_time: int) -> None:
        """Call the listeners of the databases that a commit changed. The caller holds the storage lock."""
        if not self._listeners:
            return
        by_database: dict[str, dict[DocumentPath, Document | None]] = {}
        for change in changes:
            if change.path.database in self._listeners:
                by_database.setdefault(change.path.database, {})[change.path] = change.document
        for database, changed in by_database.items():
            keys = write_keys(changed)
            for listener in self._listeners.get(database, ()):
                listener(commit_time, changed, keys)
