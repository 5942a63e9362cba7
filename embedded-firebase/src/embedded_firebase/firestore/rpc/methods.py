"""Owns the table of RPCs and which sides of each stream; must not know what an RPC does."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Any

from embedded_firebase.firestore.rpc.rpcs import Rpcs

SERVICE = "google.firestore.v1.Firestore"


class Kind(Enum):
    """Which sides of a call send a stream of messages."""

    UNARY = auto()
    SERVER_STREAM = auto()
    BOTH_STREAM = auto()


# Called with a request, or with the stream of them, and gRPC's context, which is None over HTTP.
Method = Callable[[Rpcs, Any, Any], Any]

METHODS: dict[str, tuple[Kind, Method]] = {
    "GetDocument": (Kind.UNARY, Rpcs.get_document),
    "ListDocuments": (Kind.UNARY, Rpcs.list_documents),
    "CreateDocument": (Kind.UNARY, Rpcs.create_document),
    "UpdateDocument": (Kind.UNARY, Rpcs.update_document),
    "DeleteDocument": (Kind.UNARY, Rpcs.delete_document),
    "BatchGetDocuments": (Kind.SERVER_STREAM, Rpcs.batch_get_documents),
    "BeginTransaction": (Kind.UNARY, Rpcs.begin_transaction),
    "Commit": (Kind.UNARY, Rpcs.commit),
    "Rollback": (Kind.UNARY, Rpcs.rollback),
    "RunQuery": (Kind.SERVER_STREAM, Rpcs.run_query),
    "RunAggregationQuery": (Kind.SERVER_STREAM, Rpcs.run_aggregation_query),
    "ExecutePipeline": (Kind.SERVER_STREAM, Rpcs.execute_pipeline),
    "PartitionQuery": (Kind.UNARY, Rpcs.partition_query),
    "ListCollectionIds": (Kind.UNARY, Rpcs.list_collection_ids),
    "BatchWrite": (Kind.UNARY, Rpcs.batch_write),
    "Write": (Kind.BOTH_STREAM, Rpcs.write),
    "Listen": (Kind.BOTH_STREAM, Rpcs.listen),
}
