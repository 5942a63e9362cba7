"""Owns short names for transactions on an engine: reads, queries and commits step by step, without a server."""

import pytest

from embedded_firebase.firestore.errors import Code, EmulatorError
from embedded_firebase.firestore.messages import StructuredQuery, TransactionOptions, Write
from embedded_firebase.firestore.query import query
from embedded_firebase.firestore.transactions.engine import Engine
from embedded_firebase.firestore.transactions.views import Consistency

DATABASE = "projects/p/databases/(default)"
ROOT = f"{DATABASE}/documents"


def name(path: str) -> str:
    return f"{ROOT}/{path}"


def put(path: str, value: int) -> Write:
    return Write(update={"name": name(path), "fields": {"v": {"integer_value": value}}})


def values(documents) -> list[int | None]:
    return [None if document is None else document.fields["v"].integer_value for document in documents]


class Session:
    """One transaction of an engine, with short method names."""

    def __init__(self, engine: Engine, options: TransactionOptions | None = None) -> None:
        self.engine = engine
        self.id = engine.begin(DATABASE, options)

    def read(self, *paths):
        documents, _ = self.engine.get(DATABASE, [name(path) for path in paths], Consistency(transaction=self.id))
        return values(documents)

    def find(self, collection="c", least=0, *, everywhere=False, limit=None):
        message = StructuredQuery(from_=[{"collection_id": collection, "all_descendants": everywhere}])
        message.where.field_filter.field.field_path = "v"
        message.where.field_filter.op = 4
        message.where.field_filter.value.integer_value = least
        if limit is not None:
            message.limit.value = limit
        found, _ = self.engine.query(query.parse(ROOT, message), Consistency(transaction=self.id))
        return values(found)

    def commit(self, *writes):
        return self.engine.commit(DATABASE, list(writes), self.id)

    def try_to_commit(self, *writes) -> bool:
        """Commit and return whether it succeeded or was aborted; any other error is raised."""
        try:
            self.commit(*writes)
        except EmulatorError as error:
            if error.code is not Code.ABORTED:
                raise
            return False
        return True


def code(call, *arguments) -> Code:
    with pytest.raises(EmulatorError) as caught:
        call(*arguments)
    return caught.value.code


READ_ONLY = TransactionOptions(read_only={})
