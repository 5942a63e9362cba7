"""Owns the raw protobuf classes of `google.firestore.v1`, without proto-plus wrappers; must not know what they mean."""

# ruff: noqa: D101 - the protocol documents its messages.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from google.cloud.firestore_v1 import types
from google.protobuf import empty_pb2

if TYPE_CHECKING:

    class _Message:
        """What the type checker may assume of a raw message: any field, and the methods of protobuf."""

        def __init__(self, **fields: Any) -> None: ...
        @classmethod
        def FromString(cls, data: bytes) -> Self: ...  # noqa: N802 - protobuf's name
        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...

    class Empty(_Message): ...

    class Document(_Message): ...

    class Value(_Message): ...

    class Precondition(_Message): ...

    class TransactionOptions(_Message): ...

    class Write(_Message): ...

    class WriteResult(_Message): ...

    class FieldTransform(_Message): ...

    class StructuredQuery(_Message): ...

    class StructuredAggregationQuery(_Message): ...

    class Filter(_Message): ...

    class GetDocumentRequest(_Message): ...

    class ListDocumentsRequest(_Message): ...

    class ListDocumentsResponse(_Message): ...

    class CreateDocumentRequest(_Message): ...

    class UpdateDocumentRequest(_Message): ...

    class DeleteDocumentRequest(_Message): ...

    class BatchGetDocumentsRequest(_Message): ...

    class BatchGetDocumentsResponse(_Message): ...

    class BeginTransactionRequest(_Message): ...

    class BeginTransactionResponse(_Message): ...

    class CommitRequest(_Message): ...

    class CommitResponse(_Message): ...

    class RollbackRequest(_Message): ...

    class RunQueryRequest(_Message): ...

    class RunQueryResponse(_Message): ...

    class RunAggregationQueryRequest(_Message): ...

    class RunAggregationQueryResponse(_Message): ...

    class ListCollectionIdsRequest(_Message): ...

    class ListCollectionIdsResponse(_Message): ...

    class BatchWriteRequest(_Message): ...

    class BatchWriteResponse(_Message): ...

    class PartitionQueryRequest(_Message): ...

    class PartitionQueryResponse(_Message): ...

    class ExecutePipelineRequest(_Message): ...

    class WriteRequest(_Message): ...

    class WriteResponse(_Message): ...

    class ListenRequest(_Message): ...

    class ListenResponse(_Message): ...

else:
    Empty = empty_pb2.Empty
    Document = types.Document.pb()
    Value = types.Value.pb()
    Precondition = types.Precondition.pb()
    TransactionOptions = types.TransactionOptions.pb()
    Write = types.Write.pb()
    WriteResult = types.WriteResult.pb()
    FieldTransform = types.DocumentTransform.FieldTransform.pb()
    StructuredQuery = types.StructuredQuery.pb()
    StructuredAggregationQuery = types.StructuredAggregationQuery.pb()
    Filter = types.StructuredQuery.Filter.pb()
    GetDocumentRequest = types.GetDocumentRequest.pb()
    ListDocumentsRequest = types.ListDocumentsRequest.pb()
    ListDocumentsResponse = types.ListDocumentsResponse.pb()
    CreateDocumentRequest = types.CreateDocumentRequest.pb()
    UpdateDocumentRequest = types.UpdateDocumentRequest.pb()
    DeleteDocumentRequest = types.DeleteDocumentRequest.pb()
    BatchGetDocumentsRequest = types.BatchGetDocumentsRequest.pb()
    BatchGetDocumentsResponse = types.BatchGetDocumentsResponse.pb()
    BeginTransactionRequest = types.BeginTransactionRequest.pb()
    BeginTransactionResponse = types.BeginTransactionResponse.pb()
    CommitRequest = types.CommitRequest.pb()
    CommitResponse = types.CommitResponse.pb()
    RollbackRequest = types.RollbackRequest.pb()
    RunQueryRequest = types.RunQueryRequest.pb()
    RunQueryResponse = types.RunQueryResponse.pb()
    RunAggregationQueryRequest = types.RunAggregationQueryRequest.pb()
    RunAggregationQueryResponse = types.RunAggregationQueryResponse.pb()
    ListCollectionIdsRequest = types.ListCollectionIdsRequest.pb()
    ListCollectionIdsResponse = types.ListCollectionIdsResponse.pb()
    BatchWriteRequest = types.BatchWriteRequest.pb()
    BatchWriteResponse = types.BatchWriteResponse.pb()
    PartitionQueryRequest = types.PartitionQueryRequest.pb()
    PartitionQueryResponse = types.PartitionQueryResponse.pb()
    ExecutePipelineRequest = types.ExecutePipelineRequest.pb()
    WriteRequest = types.WriteRequest.pb()
    WriteResponse = types.WriteResponse.pb()
    ListenRequest = types.ListenRequest.pb()
    ListenResponse = types.ListenResponse.pb()
