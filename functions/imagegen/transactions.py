"""Owns the one transaction wrapper, `transact`: it runs a body until it is committed, and ends by a deadline.

Knows nothing of what is read and written in a transaction.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from google.api_core import exceptions
from google.cloud import firestore

from .deadlines import FINAL, remaining_seconds, until

T = TypeVar("T")


class _TransactionOver(exceptions.GoogleAPICallError):
    """Firestore no longer knows a transaction that it began."""


class Transaction(firestore.Transaction):
    """Google's transaction, each of whose calls is made once and ends by a deadline.

    Google's own begin, commit and rollback take no time-out and resend for minutes while Firestore is away, the commit
    without saying so. These go to the client's `_firestore_api`, a documented class behind a private name; see
    docs/decisions/0001-own-transaction-loop.md.
    """

    def __init__(self, db: firestore.Client, deadline: float, *, retrying: bool) -> None:
        super().__init__(db)
        self._deadline = deadline
        # Whether an earlier attempt may have been applied although it ended in an error.
        self.retrying = retrying

    def begin(self, retry_id: bytes | None) -> None:
        """Begin, in the place in line of the aborted transaction `retry_id` if there was one."""
        self._id = self._call("begin_transaction", options=self._options_protobuf(retry_id)).transaction

    def commit_once(self) -> datetime | None:
        """Commit; return the update time of the first document written, if any was."""
        results = self._call("commit", writes=self._write_pbs, transaction=self._id).write_results
        return results[0].update_time if results else None

    def roll_back(self) -> None:
        """Let go of the locks; where that fails the transaction expires, and nothing of it is written either way."""
        if self.in_progress:
            with suppress(exceptions.GoogleAPICallError):
                self._call("rollback", transaction=self._id)

    def read(self, *references: firestore.DocumentReference) -> list[Mapping[str, Any] | None]:
        """Read documents in one round trip; return their fields in the order asked, None where there is none."""
        fields = {
            snapshot.reference.path: snapshot.to_dict()
            for snapshot in self.get_all(list(references), retry=None, timeout=remaining_seconds(self._deadline))
        }
        return [fields[reference.path] for reference in references]

    def _call(self, method: str, **request: Any) -> Any:
        client = self._client
        return getattr(client._firestore_api, method)(
            request={"database": client._database_string, **request},
            metadata=client._rpc_metadata,
            retry=None,
            timeout=remaining_seconds(self._deadline),
        )


def transact(
    db: firestore.Client, timeout_seconds: float, body: Callable[[Transaction], T]
) -> tuple[T, datetime | None]:
    """Run `body` in a transaction until it is committed; return what it returned and its first write's update time.

    The body reads, decides and writes. It runs again after a conflict, and after a commit that ended in any error: that
    is no verdict, since the commit may have been applied. `transaction.retrying` then tells it to look first whether
    its work is done; reading what the lost commit wrote also keeps that commit from being applied later on.

    Raises:
        Unavailable: Firestore was away or contended until the deadline; what the last commit did is not known.
    """
    deadline = time.monotonic() + timeout_seconds
    retry_id, retrying = None, False

    def attempt() -> tuple[T, datetime | None]:
        nonlocal retry_id, retrying
        transaction = Transaction(db, deadline, retrying=retrying)
        try:
            transaction.begin(retry_id)
        except FINAL as error:
            # The transaction to take the place of may be forgotten, which is no reason not to begin another one.
            if retry_id is None:
                raise
            retry_id = None
            raise _TransactionOver(error.message) from error
        try:
            result = body(transaction)
            retrying = True
            return result, transaction.commit_once()
        except exceptions.Aborted:
            # A transaction that lost keeps its place in line.
            retry_id = transaction.id
            raise
        except FINAL as error:
            # Once begun, these may mean no more than that Firestore has lost or ended this very transaction.
            retry_id = None
            raise _TransactionOver(error.message) from error  # type: ignore[no-untyped-call]
        except BaseException:
            retry_id = None
            transaction.roll_back()
            raise

    return until(deadline, attempt)
