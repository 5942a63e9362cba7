"""Owns the way to Firestore: its client, and by when an exchange with it has ended, its retries included.

Must not know what is read or written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from google.api_core import exceptions
from google.cloud import firestore

from imagegen.firebase.retries import FINAL, ONCE, Backoff, Deadline, retry_until
from imagegen.firebase.transactions import Transaction
from imagegen.kit import log

T = TypeVar("T")
Snapshot = firestore.DocumentSnapshot[Any]


def fields_of(snapshot: Snapshot) -> Mapping[str, Any]:
    """Return the fields of a document, none where there is no document."""
    return snapshot.to_dict() or {}


@dataclass(frozen=True)
class Database:
    """A Firestore database; every method is one exchange, which takes `timeout_seconds` at most.

    With a `shared_deadline`, all exchanges end by that instead. Safe to use from several threads.

    Raises:
        Unavailable: Firestore gave no answer in time.
        GoogleAPICallError: retrying would not help.
    """

    client: firestore.Client
    timeout_seconds: float
    shared_deadline: Deadline | None = None

    def within(self, timeout_seconds: float) -> Database:
        """Return this database with another time limit for each exchange."""
        return replace(self, timeout_seconds=timeout_seconds)

    def all_within(self, timeout_seconds: float) -> Database:
        """Return this database with one time limit for all exchanges together, which begins now."""
        return replace(self, shared_deadline=Deadline(timeout_seconds))

    def get(self, reference: firestore.DocumentReference) -> Snapshot:
        """Read one document, in one round trip."""
        return self.exchange(lambda seconds: reference.get(retry=None, timeout=seconds))

    def get_all(self, references: Iterable[firestore.DocumentReference]) -> list[Snapshot]:
        """Read several documents as of one moment, in one round trip, in any order."""
        wanted = list(references)
        return self.exchange(lambda seconds: list(self.client.get_all(wanted, retry=ONCE, timeout=seconds)))

    def run(self, query: Any, read_time: datetime | None = None) -> list[Snapshot]:
        """Read all documents of a query or a collection, in one round trip."""
        return self.exchange(lambda seconds: list(query.stream(retry=ONCE, timeout=seconds, read_time=read_time)))

    def aggregate(self, query: Any, read_time: datetime) -> dict[str, Any]:
        """Return the figures of an aggregation by their aliases, in one round trip."""
        ((*figures,),) = self.exchange(lambda seconds: query.get(retry=ONCE, timeout=seconds, read_time=read_time))
        return {figure.alias: figure.value for figure in figures}

    def set(self, reference: firestore.DocumentReference, fields: Mapping[str, Any]) -> None:
        """Write a document over what there was."""
        self.exchange(lambda seconds: reference.set(dict(fields), retry=None, timeout=seconds))

    def update(self, reference: firestore.DocumentReference, fields: Mapping[str, Any]) -> None:
        """Write some fields of a document that exists."""
        self.exchange(lambda seconds: reference.update(dict(fields), retry=None, timeout=seconds))

    def update_if_unchanged(
        self, reference: firestore.DocumentReference, fields: Mapping[str, Any], updated_at: datetime
    ) -> bool:
        """Write some fields in one guarded commit (compare-and-set on the update time), tried once.

        Return False where it is refused or in doubt: the document then has to be read again.
        """
        batch = self.client.batch()
        batch.update(reference, dict(fields), option=self.client.write_option(last_update_time=updated_at))
        try:
            batch.commit(retry=None, timeout=self.timeout_seconds)
        except exceptions.GoogleAPICallError as error:
            log.info(f"the guarded commit of {reference.path} is in doubt: {error}")
            return False
        return True

    def transact(self, body: Callable[[Transaction], T]) -> tuple[T, datetime | None]:
        """Run `body` in a transaction until it is committed; return its result and its first write's update time.

        The body reads, decides and writes. It runs again after a conflict, and after a commit that ended in any error:
        that is no verdict, since the commit may have been applied. `transaction.retrying` then tells it to look first
        whether its work is done; reading what the lost commit wrote also keeps that commit from being applied later.
        See docs/decisions/0001-own-transaction-loop.md.

        Raises:
            Unavailable: Firestore was away or contended until the deadline; whether the last commit was applied is not
                known.
        """
        deadline = self._deadline()
        backoff = Backoff(deadline)
        retry_id, retrying = None, False
        while True:
            transaction = Transaction(self.client, deadline, retrying=retrying)
            try:
                transaction.begin(retry_id)
            except exceptions.GoogleAPICallError as error:
                if isinstance(error, FINAL):
                    # The aborted transaction may be forgotten, which does not keep another one from beginning.
                    if retry_id is None:
                        raise
                    retry_id = None
                backoff.wait(error)
                continue
            try:
                result = body(transaction)
                retrying = True
                return result, transaction.commit_once()
            except exceptions.Aborted as error:
                # A transaction that lost keeps its place in line.
                retry_id = transaction.id
                backoff.wait(error)
            except FINAL as error:
                # Once begun, these may mean no more than that Firestore has lost or ended this very transaction.
                retry_id = None
                backoff.wait(error)
            except exceptions.GoogleAPICallError as error:
                retry_id = None
                transaction.roll_back()
                backoff.wait(error)
            except BaseException:
                transaction.roll_back()
                raise

    def exchange(self, attempt: Callable[[float], T]) -> T:
        """Return what `attempt` returns, called with the seconds left, and again after a transient error."""
        return retry_until(self._deadline(), attempt)

    def _deadline(self) -> Deadline:
        return self.shared_deadline or Deadline(self.timeout_seconds)
