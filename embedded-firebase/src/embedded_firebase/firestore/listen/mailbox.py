"""Owns the queue of a listen stream, its client's requests and commits; must not know how they are processed."""

from __future__ import annotations

import threading
from collections import deque

from embedded_firebase.firestore.messages import ListenRequest
from embedded_firebase.firestore.query.changes import Changes
from embedded_firebase.firestore.transactions.turns import Keys

# Backpressure: beyond this number of documents a slow stream drops its commits and reads its targets again.
MAX_WAITING_DOCUMENTS = 10_000
# Backpressure: beyond this number of requests no more are read.
_MAX_WAITING_REQUESTS = 100


class Mailbox:
    """Requests and commits for one stream, queued by other threads, which never wait for its client.

    Commits to other than the `wanted` keys are dropped and wake no thread.
    """

    def __init__(self) -> None:
        self.wanted: Keys = frozenset()
        self._condition = threading.Condition()
        self._requests: deque[ListenRequest] = deque()
        self._commits: deque[tuple[int, Changes]] = deque()
        self._waiting_documents = 0
        # Commits up to this time are dropped.
        self._lost_until: int | None = None
        self._ended = False

    def put_request(self, request: ListenRequest) -> None:
        """Add a request; blocks while the queue is full."""
        with self._condition:
            self._condition.wait_for(lambda: self._ended or len(self._requests) < _MAX_WAITING_REQUESTS)
            self._requests.append(request)
            self._condition.notify_all()

    def put_commit(self, commit_time: int, changes: Changes, keys: Keys) -> None:
        """Add a commit to wanted keys; never blocks."""
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
        """Close the queue of requests; the stream ends when it has answered the remaining ones."""
        with self._condition:
            self._ended = True
            self._condition.notify_all()

    def wait(self) -> bool:
        """Block until there is a request or a commit; false when the stream has ended."""
        with self._condition:
            self._condition.wait_for(lambda: self._ended or self._requests or self._has_commits())
            return bool(self._requests) or not self._ended

    def take_request(self) -> ListenRequest | None:
        """Take the oldest request, None when there is none."""
        with self._condition:
            self._condition.notify_all()
            return self._requests.popleft() if self._requests else None

    def take_commits(self, time: int) -> list[Changes] | None:
        """Take the commits up to a time, in order; None when some were dropped and all targets must be read again."""
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
