"""Owns authorization: a caller bound by the rules reads and writes only what they allow, and learns nothing else.

Must not know what a rule says, nor the protocol. It wraps the engine and offers only guarded operations: default deny.
No TOCTOU: a document is checked as it was read, a write inside of the lock of its commit, and a query for every
document that it could match.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

from embedded_firebase.firestore.errors import Code, EmulatorError
from embedded_firebase.firestore.messages import Document, TransactionOptions, Write, WriteResult
from embedded_firebase.firestore.messages import Value as Message
from embedded_firebase.firestore.query.aggregation import Aggregation
from embedded_firebase.firestore.query.filters import Condition, Op, disjuncts
from embedded_firebase.firestore.query.query import NAME, Query, Scope
from embedded_firebase.firestore.rules.matching import Path, Unknown
from embedded_firebase.firestore.rules.ruleset import Request, Ruleset
from embedded_firebase.firestore.rules.syntax import NULL, PartlyKnown, Value, number, of_fields, string
from embedded_firebase.firestore.transactions import writes as write_rules
from embedded_firebase.firestore.transactions.engine import Engine, now_micros
from embedded_firebase.firestore.transactions.views import Consistency, View
from embedded_firebase.firestore.values.encoding import ARRAY, MAP, VECTOR, encode
from embedded_firebase.firestore.values.paths import DocumentPath, parse_document
from embedded_firebase.firestore.values.timestamps import set_micros
from embedded_firebase.firestore.verify import operation


class GuardedEngine:
    """The engine as one caller may use it.

    Args:
        engine: carries out what is allowed.
        ruleset: decides what is allowed.
        auth: `request.auth` of the caller.
        wall_clock: microseconds since the epoch.
    """

    def __init__(
        self, engine: Engine, ruleset: Ruleset, auth: Value, wall_clock: Callable[[], int] = now_micros
    ) -> None:
        self._engine = engine
        self._ruleset = ruleset
        self._auth = auth
        self._wall_clock = wall_clock

    def begin(self, database: str, options: TransactionOptions | None) -> bytes:
        """Start a transaction; it discloses nothing by itself."""
        return self._engine.begin(database, options)

    def rollback(self, database: str, transaction_id: bytes) -> None:
        """End a transaction."""
        self._engine.rollback(database, transaction_id)

    def get(self, database: str, names: Sequence[str], consistency: Consistency) -> tuple[list[Document | None], View]:
        """Return documents as `Engine.get` does.

        Raises:
            EmulatorError: PERMISSION_DENIED unless all of them may be read; that ends the transaction.
        """
        documents, view = self._engine.get(database, names, consistency)
        try:
            self.check_documents(names, documents)
        except EmulatorError:
            if view.transaction is not None:
                # Otherwise its commit would disclose whether the document has changed since.
                self._engine.rollback(database, view.transaction.id)
            raise
        return documents, view

    def query(self, query: Query, consistency: Consistency) -> tuple[Iterator[Document], View]:
        """Return the results as `Engine.query` does.

        Raises:
            EmulatorError: PERMISSION_DENIED unless every document that the query could find may be listed.
        """
        self.check_query(query)
        return self._engine.query(query, consistency)

    def aggregate(
        self, query: Query, aggregations: Sequence[Aggregation], consistency: Consistency
    ) -> tuple[dict[str, Message], int, View]:
        """Return figures as `Engine.aggregate` does, of documents that may be listed."""
        self.check_query(query)
        return self._engine.aggregate(query, aggregations, consistency)

    def commit(
        self, database: str, writes: Sequence[Write], transaction_id: bytes = b""
    ) -> tuple[int, list[WriteResult]]:
        """Apply all writes or none, as `Engine.commit` does.

        Raises:
            EmulatorError: PERMISSION_DENIED unless each of them is allowed.
        """
        return self._engine.commit(database, writes, transaction_id, self._check_write)

    def write_each(self, database: str, writes: Sequence[Write]) -> list[WriteResult | EmulatorError]:
        """Apply each write that is allowed, as `Engine.write_each` does."""
        return self._engine.write_each(database, writes, self._check_write)

    def collection_ids(self, database: str, parent: str, read_time: int | None) -> NoReturn:
        """Refuse: no rule is about the names of collections."""
        raise denied()

    def missing_documents(self, database: str, collection_path: str, read_time: int) -> NoReturn:
        """Refuse: no rule is about documents that do not exist in a list."""
        raise denied()

    def check_documents(self, names: Sequence[str], documents: Sequence[Document | None]) -> None:
        """Check that documents may be read, as they are; None for each missing one.

        Raises:
            EmulatorError: PERMISSION_DENIED.
        """
        for name, document in zip(names, documents, strict=True):
            path = parse_document(name)
            if not self._allow("get", _path(path), _resource(path, document)):
                raise denied()

    def check_query(self, query: Query) -> None:
        """Check that every document that a query could find may be listed.

        Raises:
            EmulatorError: PERMISSION_DENIED.
        """
        path = _path_of_all(query.scope)
        shape: dict[bytes, Value] = {string("offset"): number(query.offset)}
        if query.asked_limit is not None:
            shape[string("limit")] = number(query.asked_limit)
        # A query that matches nothing is judged as if it had no condition.
        for conjunction in disjuncts(query.condition) or [()]:
            common = PartlyKnown({string("data"): _common_fields(conjunction)})
            if not self._allow("list", path, common, query=shape):
                raise denied()

    def _check_write(self, write: Write, path: DocumentPath, current: Document | None, commit_time: int) -> None:
        after: Value = NULL
        kind = operation(write)
        if kind == "verify":
            method = "get"
        elif kind == "delete":
            method = "delete"
        else:
            method = "create" if current is None else "update"
            after = _resource(path, _written(write, current, commit_time))
        if not self._allow(method, _path(path), _resource(path, current), new_resource=after):
            raise denied()

    def _allow(
        self, method: str, path: Path, resource: Value, *, new_resource: Value = NULL, query: Value | None = None
    ) -> bool:
        now = Message()
        set_micros(now.timestamp_value, self._wall_clock())
        return self._ruleset.allow(Request(method, path, self._auth, encode(now), resource, new_resource, query))


def denied() -> EmulatorError:
    """Return the one error for everything denied; it is the same whether or not a document exists (no oracle)."""
    return EmulatorError(Code.PERMISSION_DENIED, "Missing or insufficient permissions.")


def _written(write: Write, current: Document | None, commit_time: int) -> Document | None:
    """Return the document after a write whose precondition is assumed to hold; the commit checks it."""
    unconditional = Write()
    unconditional.CopyFrom(write)
    unconditional.ClearField("current_document")
    try:
        return write_rules.apply(unconditional, current, commit_time).document
    except EmulatorError:
        # The commit reports it, if the rules allow the write regardless of its content.
        return None


def _resource(path: DocumentPath, document: Document | None) -> Value:
    if document is None:
        return NULL
    return {string("data"): of_fields(document.fields), string("id"): string(path.document_id)}


def _path(path: DocumentPath) -> tuple[str, ...]:
    return (*_root(path.database), *path.collection.split("/"), path.document_id)


def _root(database: str) -> tuple[str, ...]:
    return ("databases", database.rpartition("/")[2], "documents")


def _path_of_all(scope: Scope) -> Path:
    """Return the path of every document that a query could find."""
    parent: Path = tuple(scope.parent.split("/")) if scope.parent else ()
    between: Path = (Unknown.ANY_NUMBER,) if scope.descendants else ()
    return (*_root(scope.database), *parent, *between, scope.collection_id or Unknown.ONE, Unknown.ONE)


def _common_fields(conjunction: Sequence[Condition]) -> PartlyKnown:
    """Return the fields that all matching documents have in common: those compared for equality with a scalar."""
    known = PartlyKnown({})
    for condition in conjunction:
        (operand, *_) = condition.operands
        if condition.op is not Op.EQUAL or condition.path == NAME or operand[0] in (ARRAY, VECTOR, MAP):
            continue
        holder: Value = known
        for name in map(string, condition.path[:-1]):
            if not isinstance(holder, PartlyKnown):
                break
            holder = holder.entries.setdefault(name, PartlyKnown({}))
        if isinstance(holder, PartlyKnown):
            holder.entries[string(condition.path[-1])] = operand
    return known
