"""Owns the consistency that a read requests and the snapshot that it gets; must not know how that is chosen."""

from __future__ import annotations

from dataclasses import dataclass

from embedded_firebase.firestore.messages import TransactionOptions
from embedded_firebase.firestore.transactions.transactions import Transaction


@dataclass(frozen=True, slots=True)
class Consistency:
    """The requested snapshot: of a transaction, of a new transaction, of a time, or the current one."""

    transaction: bytes = b""
    new_transaction: TransactionOptions | None = None
    read_time: int | None = None

    @property
    def in_transaction(self) -> bool:
        """Whether the read belongs to a transaction."""
        return bool(self.transaction) or self.new_transaction is not None


@dataclass(frozen=True, slots=True)
class View:
    """The snapshot of a read: as of `read_time`, inside of a transaction or of none.

    `began` is the id of the transaction that the read itself started.
    """

    read_time: int
    transaction: Transaction | None
    began: bytes

    @property
    def tracked(self) -> Transaction | None:
        """The transaction whose reads its commit validates, None for others."""
        return None if self.transaction is None or self.transaction.read_only else self.transaction
