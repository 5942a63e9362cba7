"""Owns one attempt of a Firestore transaction, whose calls have a deadline and are not retried.

Must not know what is read and written in it, nor when it is retried.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from google.api_core import exceptions
from google.cloud import firestore

from imagegen.firebase.retries import ONCE, Deadline


class Transaction(firestore.Transaction):
    """Google's transaction, with calls that have a deadline and are not retried.

    Google's own begin, commit and rollback have no time-out, and retry for minutes while Firestore is not available;
    the commit does not report that it did. The calls here use the client's `_firestore_api`, a documented class behind
    a private name; see docs/decisions/0001-own-transaction-loop.md.
    """

    def __init__(self, client: firestore.Client, deadline: Deadline, *, retrying: bool) -> None:
        super().__init__(client)
        self.client = client
        self._deadline = deadline
        # Whether an earlier attempt may have been applied although its commit ended in an error.
        self.retrying = retrying

    def begin(self, retry_id: bytes | None) -> None:
        """Begin, with the lock priority of the aborted transaction `retry_id` if there is one."""
        self._id = self._call("begin_transaction", options=self._options_protobuf(retry_id)).transaction

    def commit_once(self) -> datetime | None:
        """Commit; return the update time of the first document written; None without writes."""
        results = self._call("commit", writes=self._write_pbs, transaction=self._id).write_results
        return results[0].update_time if results else None

    def roll_back(self) -> None:
        """Release the locks, without writing. If this fails, the locks are held until the transaction expires."""
        if self.in_progress:
            with suppress(exceptions.GoogleAPICallError):
                self._call("rollback", transaction=self._id)

    def read(self, *references: firestore.DocumentReference) -> list[Mapping[str, Any] | None]:
        """Read documents in one round trip; return their fields in the same order, None for a missing document."""
        fields = {
            snapshot.reference.path: snapshot.to_dict()
            for snapshot in self.get_all(list(references), retry=None, timeout=self._deadline.remaining_seconds)
        }
        return [fields[reference.path] for reference in references]

    def find(self, query: firestore.Query) -> tuple[str, Mapping[str, Any]] | None:
        """Run a query in one round trip; return id and fields of its first document, None without one."""
        snapshots = query.stream(self, retry=ONCE, timeout=self._deadline.remaining_seconds)
        return next(((snapshot.id, snapshot.to_dict() or {}) for snapshot in list(snapshots)), None)

    def count(self, query: Any) -> int:
        """Count the results of a query in one round trip."""
        counted = query.count("count").get(transaction=self, retry=ONCE, timeout=self._deadline.remaining_seconds)
        ((figure,),) = counted
        return int(figure.value)

    def _call(self, method: str, **request: Any) -> Any:
        return getattr(self.client._firestore_api, method)(
            request={"database": self.client._database_string, **request},
            metadata=self.client._rpc_metadata,
            retry=None,
            timeout=self._deadline.remaining_seconds,
        )
