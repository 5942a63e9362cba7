"""Owns what waits for a listen stream: requests of its client and commits; must not know what becomes of them."""

from __future__ import annotations

import threading
from collections import deque

from embedded_firebase.firestore.messages import ListenRequest
from embedded_firebase.firestore.query.changes import Changes
from embedded_firebase.firestore.transactions.turns import Keys

# A stream whose client is slow forgets the commits beyond this number of documents, and reads its targets anew.
MAX_WAITING_DOCUMENTS = 10_000
# Beyond this number of requests their reading waits.
_MAX_WAITING_REQUESTS = 100


class Mailbox:
    """Requests and commits for one stream, put in by other threads; none of them waits for the stream's client.

    Only commits to the `wanted` keys are kept, so that others wake nobody.
    """

    def __init__(self) -> None:
        self.wanted: Keys = frozenset()
        self._condition = threading.Condition()
        self._requests: deque[ListenRequest] = deque()
        self._commits: deque[tuple[int, Changes]] = deque()
        self._waiting_documents = 0
        # Commits up to this time have been forgotten.
        self._lost_until: int | None = None
        self._ended = False

    def put_request(self, request: ListenRequest) -> None:
        """Add a request; waits while there are too many."""
        with self._condition:
            self._condition.wait_for(lambda: self._ended or len(self._requests) < _MAX_WAITING_REQUESTS)
            self._requests.append(request)
            self._condition.notify_all()

    def put_commit(self, commit_time: int, changes: Changes, keys: Keys) -> None:
        """Add a commit, when it is wanted; never waits."""
        if self.wanted.isdisjoint(keys):
            return
        with self._condition:
            self._commits.append((commit_time, changes))
            self._waiting_documents += len(changes)
            if self._waiting_documents > MAX_WAITING_DOCUMENTS:
                self._commits.clear()
                self._waiting_documents = 0
                self._lost_until = commit_time
            self._condition.notify_all()

    def end(self) -> None:
        """Note that no further request will come; the stream ends when it has answered those that wait."""
        with self._condition:
            self._ended = True
            self._condition.notify_all()

    def wait(self) -> bool:
        """Wait until there is something, and tell whether the stream goes on."""
        with self._condition:
            self._condition.wait_for(lambda: self._ended or self._requests or self._has_commits())
            return bool(self._requests) or not self._ended

    def take_request(self) -> ListenRequest | None:
        """Take the oldest request, None when there is none."""
        with self._condition:
            self._condition.notify_all()
            return self._requests.popleft() if self._requests else None

    def take_commits(self, time: int) -> list[Changes] | None:
        """Take the commits up to a time, in order; None when some are lost, so that all must be read anew."""
        with self._condition:
            taken = []
            while self._commits and self._commits[0][0] <= time:
                _, changes = self._commits.popleft()
                self._waiting_documents -= len(changes)
                taken.append(changes)
            if self._lost_until is None:
                return taken
            if self._lost_until <= time:
                self._lost_until = None
            return None

    def _has_commits(self) -> bool:
        return bool(self._commits) or self._lost_until is not None
