"""Owns the raw protobuf classes of `google.firestore.v1`, without proto-plus wrappers; must not know what they mean.

Their fields are typed in `messages.pyi`, which `tools/message_stubs.py` writes.
"""

from __future__ import annotations

from google.cloud.firestore_v1 import types
from google.protobuf import empty_pb2, timestamp_pb2

Empty = empty_pb2.Empty
Timestamp = timestamp_pb2.Timestamp
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
FieldFilter = types.StructuredQuery.FieldFilter.pb()
Cursor = types.Cursor.pb()
Target = types.Target.pb()
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
