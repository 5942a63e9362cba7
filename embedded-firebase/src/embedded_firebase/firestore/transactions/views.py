"""Owns which state a read asks for, and which one it sees; must not know how either is found."""

from __future__ import annotations

from dataclasses import dataclass

from embedded_firebase.firestore.messages import TransactionOptions
from embedded_firebase.firestore.transactions.transactions import Transaction


@dataclass(frozen=True, slots=True)
class Consistency:
    """Which state a read asks for: a transaction's, a new transaction's, that of a time, or the current one."""

    transaction: bytes = b""
    new_transaction: TransactionOptions | None = None
    read_time: int | None = None

    @property
    def in_transaction(self) -> bool:
        """Whether the read is on behalf of a transaction."""
        return bool(self.transaction) or self.new_transaction is not None


@dataclass(frozen=True, slots=True)
class View:
    """The state that a read sees: as of `read_time`, on behalf of a transaction or of none.

    `began` is the id of the transaction that the read itself started.
    """

    read_time: int
    transaction: Transaction | None
    began: bytes

    @property
    def tracked(self) -> Transaction | None:
        """The transaction whose reads its commit validates, None for others."""
        return None if self.transaction is None or self.transaction.read_only else self.transaction
