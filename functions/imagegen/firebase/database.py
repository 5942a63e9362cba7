"""Owns access to Firestore: each exchange has a deadline that includes its retries.

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
    """Return the fields of a document; empty if it does not exist."""
    return snapshot.to_dict() or {}


@dataclass(frozen=True)
class Database:
    """A Firestore database. Every method is one exchange, which takes at most `timeout_seconds`.

    A `shared_deadline` replaces the time-out of each exchange by one for all of them. Thread-safe.

    Raises:
        Unavailable: Firestore did not answer before the deadline.
        GoogleAPICallError: a permanent error.
    """

    client: firestore.Client
    timeout_seconds: float
    shared_deadline: Deadline | None = None

    def within(self, timeout_seconds: float) -> Database:
        """Return this database with another time-out for each exchange."""
        return replace(self, timeout_seconds=timeout_seconds)

    def all_within(self, timeout_seconds: float) -> Database:
        """Return this database with one deadline for all exchanges together, `timeout_seconds` from now."""
        return replace(self, shared_deadline=Deadline(timeout_seconds))

    def get(self, reference: firestore.DocumentReference, read_time: datetime | None = None) -> Snapshot:
        """Read one document, in one round trip."""
        return self.exchange(lambda seconds: reference.get(retry=None, timeout=seconds, read_time=read_time))

    def get_all(
        self, references: Iterable[firestore.DocumentReference], read_time: datetime | None = None
    ) -> list[Snapshot]:
        """Read several documents at one read time, in one round trip; in any order."""
        wanted = list(references)
        return self.exchange(
            lambda seconds: list(self.client.get_all(wanted, retry=ONCE, timeout=seconds, read_time=read_time))
        )

    def run(self, query: Any, read_time: datetime | None = None) -> list[Snapshot]:
        """Read all documents of a query or a collection, in one round trip."""
        return self.exchange(lambda seconds: list(query.stream(retry=ONCE, timeout=seconds, read_time=read_time)))

    def aggregate(self, query: Any, read_time: datetime) -> dict[str, Any]:
        """Run an aggregation query in one round trip; return its results by alias."""
        ((*figures,),) = self.exchange(lambda seconds: query.get(retry=ONCE, timeout=seconds, read_time=read_time))
        return {figure.alias: figure.value for figure in figures}

    def set(self, reference: firestore.DocumentReference, fields: Mapping[str, Any]) -> None:
        """Create or replace a document."""
        self.exchange(lambda seconds: reference.set(dict(fields), retry=None, timeout=seconds))

    def merge(self, reference: firestore.DocumentReference, fields: Mapping[str, Any]) -> None:
        """Set some fields of a document, and create it if it does not exist."""
        self.exchange(lambda seconds: reference.set(dict(fields), merge=True, retry=None, timeout=seconds))

    def update(self, reference: firestore.DocumentReference, fields: Mapping[str, Any]) -> None:
        """Update some fields of an existing document."""
        self.exchange(lambda seconds: reference.update(dict(fields), retry=None, timeout=seconds))

    def update_if_unchanged(
        self, reference: firestore.DocumentReference, fields: Mapping[str, Any], updated_at: datetime
    ) -> bool:
        """Update some fields if the document is unchanged: compare-and-set on its update time, without retries.

        Return False if the commit was refused or its outcome is unknown; the caller must read the document again.
        """
        batch = self.client.batch()
        batch.update(reference, dict(fields), option=self.client.write_option(last_update_time=updated_at))
        try:
            batch.commit(retry=None, timeout=self.timeout_seconds)
        except exceptions.GoogleAPICallError as error:
            log.info(f"compare-and-set of {reference.path} was refused, or its outcome is unknown: {error}")
            return False
        return True

    def transact(self, body: Callable[[Transaction], T]) -> tuple[T, datetime | None]:
        """Run `body` in a transaction until it commits; return its result and the update time of its first write.

        The body reads, decides and writes. It runs again after a conflict, and after any error of a commit: such an
        error does not say whether the commit was applied. `transaction.retrying` is then True, and the body must first
        check whether its work is done. This read also conflicts with the lost commit, so that Firestore cannot apply it
        later. See docs/decisions/0001-own-transaction-loop.md.

        Raises:
            Unavailable: Firestore was not available, or there was contention, until the deadline; the outcome of the
                last commit is unknown.
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
                    # Firestore may have forgotten the aborted transaction. A new one without its id can still begin.
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
                # With the id of the aborted transaction the next one keeps its priority for locks.
                retry_id = transaction.id
                backoff.wait(error)
            except FINAL as error:
                # After begin, these errors can also mean that Firestore has lost or expired this transaction.
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
        """Call `attempt` with the seconds left; retry transient errors; return its result."""
        return retry_until(self._deadline(), attempt)

    def _deadline(self) -> Deadline:
        return self.shared_deadline or Deadline(self.timeout_seconds)
