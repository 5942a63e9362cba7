"""What the type checker knows of `messages`. Written by tools/message_stubs.py; do not edit."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self, overload

from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty as Empty
from google.protobuf.internal.containers import (
    MessageMap,
    RepeatedCompositeFieldContainer,
    RepeatedScalarFieldContainer,
    ScalarMap,
)
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp as Timestamp
from google.protobuf.wrappers_pb2 import DoubleValue, Int32Value, Int64Value


class _AggregationResult(Message):
    @property
    def aggregate_fields(self) -> MessageMap[str, Value]: ...
    def __init__(
        self,
        *,
        aggregate_fields: Mapping[str, Value | Mapping[str, Any]] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...

class _ArrayValue(Message):
    @property
    def values(self) -> RepeatedCompositeFieldContainer[Value]: ...
    def __init__(
        self,
        *,
        values: Iterable[Value | Mapping[str, Any]] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...

class BatchGetDocumentsRequest(Message):
    database: str
    @property
    def documents(self) -> RepeatedScalarFieldContainer[str]: ...
    @property
    def mask(self) -> _DocumentMask: ...
    transaction: bytes
    @property
    def new_transaction(self) -> TransactionOptions: ...
    @property
    def read_time(self) -> Timestamp: ...
    @property
    def request_options(self) -> _RequestOptions: ...
    def __init__(
        self,
        *,
        database: str | None = None,
        documents: Iterable[str] | None = None,
        mask: _DocumentMask | Mapping[str, Any] | None = None,
        transaction: bytes | None = None,
        new_transaction: TransactionOptions | Mapping[str, Any] | None = None,
        read_time: Timestamp | Mapping[str, Any] | None = None,
        request_options: _RequestOptions | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["mask", "transaction", "new_transaction", "read_time", "request_options", "consistency_selector"]) -> bool: ...
    def WhichOneof(self, oneof_group: Literal["consistency_selector"]) -> Literal["transaction", "new_transaction", "read_time"] | None: ...

class BatchGetDocumentsResponse(Message):
    @property
    def found(self) -> Document: ...
    missing: str
    transaction: bytes
    @property
    def read_time(self) -> Timestamp: ...
    def __init__(
        self,
        *,
        found: Document | Mapping[str, Any] | None = None,
        missing: str | None = None,
        transaction: bytes | None = None,
        read_time: Timestamp | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["found", "missing", "read_time", "result"]) -> bool: ...
    def WhichOneof(self, oneof_group: Literal["result"]) -> Literal["found", "missing"] | None: ...

class BatchWriteRequest(Message):
    database: str
    @property
    def writes(self) -> RepeatedCompositeFieldContainer[Write]: ...
    @property
    def labels(self) -> ScalarMap[str, str]: ...
    @property
    def request_options(self) -> _RequestOptions: ...
    def __init__(
        self,
        *,
        database: str | None = None,
        writes: Iterable[Write | Mapping[str, Any]] | None = None,
        labels: Mapping[str, str] | None = None,
        request_options: _RequestOptions | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["request_options"]) -> bool: ...

class BatchWriteResponse(Message):
    @property
    def write_results(self) -> RepeatedCompositeFieldContainer[WriteResult]: ...
    @property
    def status(self) -> RepeatedCompositeFieldContainer[_Status]: ...
    def __init__(
        self,
        *,
        write_results: Iterable[WriteResult | Mapping[str, Any]] | None = None,
        status: Iterable[_Status | Mapping[str, Any]] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...

class BeginTransactionRequest(Message):
    database: str
    @property
    def options(self) -> TransactionOptions: ...
    @property
    def request_options(self) -> _RequestOptions: ...
    def __init__(
        self,
        *,
        database: str | None = None,
        options: TransactionOptions | Mapping[str, Any] | None = None,
        request_options: _RequestOptions | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["options", "request_options"]) -> bool: ...

class BeginTransactionResponse(Message):
    transaction: bytes
    def __init__(
        self,
        *,
        transaction: bytes | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...

class _BitSequence(Message):
    bitmap: bytes
    padding: int
    def __init__(
        self,
        *,
        bitmap: bytes | None = None,
        padding: int | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...

class _BloomFilter(Message):
    @property
    def bits(self) -> _BitSequence: ...
    hash_count: int
    def __init__(
        self,
        *,
        bits: _BitSequence | Mapping[str, Any] | None = None,
        hash_count: int | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["bits"]) -> bool: ...

class CommitRequest(Message):
    database: str
    @property
    def writes(self) -> RepeatedCompositeFieldContainer[Write]: ...
    transaction: bytes
    @property
    def request_options(self) -> _RequestOptions: ...
    def __init__(
        self,
        *,
        database: str | None = None,
        writes: Iterable[Write | Mapping[str, Any]] | None = None,
        transaction: bytes | None = None,
        request_options: _RequestOptions | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["request_options"]) -> bool: ...

class CommitResponse(Message):
    @property
    def write_results(self) -> RepeatedCompositeFieldContainer[WriteResult]: ...
    @property
    def commit_time(self) -> Timestamp: ...
    def __init__(
        self,
        *,
        write_results: Iterable[WriteResult | Mapping[str, Any]] | None = None,
        commit_time: Timestamp | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["commit_time"]) -> bool: ...

class CreateDocumentRequest(Message):
    parent: str
    collection_id: str
    document_id: str
    @property
    def document(self) -> Document: ...
    @property
    def mask(self) -> _DocumentMask: ...
    @property
    def request_options(self) -> _RequestOptions: ...
    def __init__(
        self,
        *,
        parent: str | None = None,
        collection_id: str | None = None,
        document_id: str | None = None,
        document: Document | Mapping[str, Any] | None = None,
        mask: _DocumentMask | Mapping[str, Any] | None = None,
        request_options: _RequestOptions | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["document", "mask", "request_options"]) -> bool: ...

class Cursor(Message):
    @property
    def values(self) -> RepeatedCompositeFieldContainer[Value]: ...
    before: bool
    def __init__(
        self,
        *,
        values: Iterable[Value | Mapping[str, Any]] | None = None,
        before: bool | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...

class DeleteDocumentRequest(Message):
    name: str
    @property
    def current_document(self) -> Precondition: ...
    @property
    def request_options(self) -> _RequestOptions: ...
    def __init__(
        self,
        *,
        name: str | None = None,
        current_document: Precondition | Mapping[str, Any] | None = None,
        request_options: _RequestOptions | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["current_document", "request_options"]) -> bool: ...

class Document(Message):
    name: str
    @property
    def fields(self) -> MessageMap[str, Value]: ...
    @property
    def create_time(self) -> Timestamp: ...
    @property
    def update_time(self) -> Timestamp: ...
    def __init__(
        self,
        *,
        name: str | None = None,
        fields: Mapping[str, Value | Mapping[str, Any]] | None = None,
        create_time: Timestamp | Mapping[str, Any] | None = None,
        update_time: Timestamp | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["create_time", "update_time"]) -> bool: ...

class _DocumentChange(Message):
    @property
    def document(self) -> Document: ...
    @property
    def target_ids(self) -> RepeatedScalarFieldContainer[int]: ...
    @property
    def removed_target_ids(self) -> RepeatedScalarFieldContainer[int]: ...
    def __init__(
        self,
        *,
        document: Document | Mapping[str, Any] | None = None,
        target_ids: Iterable[int] | None = None,
        removed_target_ids: Iterable[int] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["document"]) -> bool: ...

class _DocumentDelete(Message):
    document: str
    @property
    def removed_target_ids(self) -> RepeatedScalarFieldContainer[int]: ...
    @property
    def read_time(self) -> Timestamp: ...
    def __init__(
        self,
        *,
        document: str | None = None,
        removed_target_ids: Iterable[int] | None = None,
        read_time: Timestamp | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["read_time"]) -> bool: ...

class _DocumentMask(Message):
    @property
    def field_paths(self) -> RepeatedScalarFieldContainer[str]: ...
    def __init__(
        self,
        *,
        field_paths: Iterable[str] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...

class _DocumentRemove(Message):
    document: str
    @property
    def removed_target_ids(self) -> RepeatedScalarFieldContainer[int]: ...
    @property
    def read_time(self) -> Timestamp: ...
    def __init__(
        self,
        *,
        document: str | None = None,
        removed_target_ids: Iterable[int] | None = None,
        read_time: Timestamp | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["read_time"]) -> bool: ...

class _DocumentTransform(Message):
    class FieldTransform(Message):
        field_path: str
        set_to_server_value: int
        @property
        def increment(self) -> Value: ...
        @property
        def maximum(self) -> Value: ...
        @property
        def minimum(self) -> Value: ...
        @property
        def append_missing_elements(self) -> _ArrayValue: ...
        @property
        def remove_all_from_array(self) -> _ArrayValue: ...
        def __init__(
            self,
            *,
            field_path: str | None = None,
            set_to_server_value: int | None = None,
            increment: Value | Mapping[str, Any] | None = None,
            maximum: Value | Mapping[str, Any] | None = None,
            minimum: Value | Mapping[str, Any] | None = None,
            append_missing_elements: _ArrayValue | Mapping[str, Any] | None = None,
            remove_all_from_array: _ArrayValue | Mapping[str, Any] | None = None,
        ) -> None: ...
        @classmethod
        def FromString(cls, s: bytes) -> Self: ...
        def HasField(self, field_name: Literal["set_to_server_value", "increment", "maximum", "minimum", "append_missing_elements", "remove_all_from_array", "transform_type"]) -> bool: ...
        def WhichOneof(self, oneof_group: Literal["transform_type"]) -> Literal["set_to_server_value", "increment", "maximum", "minimum", "append_missing_elements", "remove_all_from_array"] | None: ...
    document: str
    @property
    def field_transforms(self) -> RepeatedCompositeFieldContainer[_DocumentTransform.FieldTransform]: ...
    def __init__(
        self,
        *,
        document: str | None = None,
        field_transforms: Iterable[_DocumentTransform.FieldTransform | Mapping[str, Any]] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...

class ExecutePipelineRequest(Message):
    database: str
    @property
    def structured_pipeline(self) -> _StructuredPipeline: ...
    transaction: bytes
    @property
    def new_transaction(self) -> TransactionOptions: ...
    @property
    def read_time(self) -> Timestamp: ...
    auto_commit_transaction: bool
    @property
    def request_options(self) -> _RequestOptions: ...
    def __init__(
        self,
        *,
        database: str | None = None,
        structured_pipeline: _StructuredPipeline | Mapping[str, Any] | None = None,
        transaction: bytes | None = None,
        new_transaction: TransactionOptions | Mapping[str, Any] | None = None,
        read_time: Timestamp | Mapping[str, Any] | None = None,
        auto_commit_transaction: bool | None = None,
        request_options: _RequestOptions | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["structured_pipeline", "transaction", "new_transaction", "read_time", "request_options", "pipeline_type", "consistency_selector"]) -> bool: ...
    @overload
    def WhichOneof(self, oneof_group: Literal["pipeline_type"]) -> Literal["structured_pipeline"] | None: ...
    @overload
    def WhichOneof(self, oneof_group: Literal["consistency_selector"]) -> Literal["transaction", "new_transaction", "read_time"] | None: ...

class _ExecutionStats(Message):
    results_returned: int
    @property
    def execution_duration(self) -> Duration: ...
    read_operations: int
    @property
    def debug_stats(self) -> Struct: ...
    def __init__(
        self,
        *,
        results_returned: int | None = None,
        execution_duration: Duration | Mapping[str, Any] | None = None,
        read_operations: int | None = None,
        debug_stats: Struct | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["execution_duration", "debug_stats"]) -> bool: ...

class _ExistenceFilter(Message):
    target_id: int
    count: int
    @property
    def unchanged_names(self) -> _BloomFilter: ...
    def __init__(
        self,
        *,
        target_id: int | None = None,
        count: int | None = None,
        unchanged_names: _BloomFilter | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["unchanged_names"]) -> bool: ...

class _ExplainMetrics(Message):
    @property
    def plan_summary(self) -> _PlanSummary: ...
    @property
    def execution_stats(self) -> _ExecutionStats: ...
    def __init__(
        self,
        *,
        plan_summary: _PlanSummary | Mapping[str, Any] | None = None,
        execution_stats: _ExecutionStats | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["plan_summary", "execution_stats"]) -> bool: ...

class _ExplainOptions(Message):
    analyze: bool
    def __init__(
        self,
        *,
        analyze: bool | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...

class _Function(Message):
    name: str
    @property
    def args(self) -> RepeatedCompositeFieldContainer[Value]: ...
    @property
    def options(self) -> MessageMap[str, Value]: ...
    def __init__(
        self,
        *,
        name: str | None = None,
        args: Iterable[Value | Mapping[str, Any]] | None = None,
        options: Mapping[str, Value | Mapping[str, Any]] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...

class GetDocumentRequest(Message):
    name: str
    @property
    def mask(self) -> _DocumentMask: ...
    transaction: bytes
    @property
    def read_time(self) -> Timestamp: ...
    @property
    def request_options(self) -> _RequestOptions: ...
    def __init__(
        self,
        *,
        name: str | None = None,
        mask: _DocumentMask | Mapping[str, Any] | None = None,
        transaction: bytes | None = None,
        read_time: Timestamp | Mapping[str, Any] | None = None,
        request_options: _RequestOptions | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["mask", "transaction", "read_time", "request_options", "consistency_selector"]) -> bool: ...
    def WhichOneof(self, oneof_group: Literal["consistency_selector"]) -> Literal["transaction", "read_time"] | None: ...

class ListCollectionIdsRequest(Message):
    parent: str
    page_size: int
    page_token: str
    @property
    def read_time(self) -> Timestamp: ...
    @property
    def request_options(self) -> _RequestOptions: ...
    def __init__(
        self,
        *,
        parent: str | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
        read_time: Timestamp | Mapping[str, Any] | None = None,
        request_options: _RequestOptions | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["read_time", "request_options", "consistency_selector"]) -> bool: ...
    def WhichOneof(self, oneof_group: Literal["consistency_selector"]) -> Literal["read_time"] | None: ...

class ListCollectionIdsResponse(Message):
    @property
    def collection_ids(self) -> RepeatedScalarFieldContainer[str]: ...
    next_page_token: str
    def __init__(
        self,
        *,
        collection_ids: Iterable[str] | None = None,
        next_page_token: str | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...

class ListDocumentsRequest(Message):
    parent: str
    collection_id: str
    page_size: int
    page_token: str
    order_by: str
    @property
    def mask(self) -> _DocumentMask: ...
    transaction: bytes
    @property
    def read_time(self) -> Timestamp: ...
    show_missing: bool
    @property
    def request_options(self) -> _RequestOptions: ...
    def __init__(
        self,
        *,
        parent: str | None = None,
        collection_id: str | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
        order_by: str | None = None,
        mask: _DocumentMask | Mapping[str, Any] | None = None,
        transaction: bytes | None = None,
        read_time: Timestamp | Mapping[str, Any] | None = None,
        show_missing: bool | None = None,
        request_options: _RequestOptions | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["mask", "transaction", "read_time", "request_options", "consistency_selector"]) -> bool: ...
    def WhichOneof(self, oneof_group: Literal["consistency_selector"]) -> Literal["transaction", "read_time"] | None: ...

class ListDocumentsResponse(Message):
    @property
    def documents(self) -> RepeatedCompositeFieldContainer[Document]: ...
    next_page_token: str
    def __init__(
        self,
        *,
        documents: Iterable[Document | Mapping[str, Any]] | None = None,
        next_page_token: str | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...

class ListenRequest(Message):
    database: str
    @property
    def add_target(self) -> Target: ...
    remove_target: int
    @property
    def labels(self) -> ScalarMap[str, str]: ...
    @property
    def request_options(self) -> _RequestOptions: ...
    def __init__(
        self,
        *,
        database: str | None = None,
        add_target: Target | Mapping[str, Any] | None = None,
        remove_target: int | None = None,
        labels: Mapping[str, str] | None = None,
        request_options: _RequestOptions | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["add_target", "remove_target", "request_options", "target_change"]) -> bool: ...
    def WhichOneof(self, oneof_group: Literal["target_change"]) -> Literal["add_target", "remove_target"] | None: ...

class ListenResponse(Message):
    @property
    def target_change(self) -> _TargetChange: ...
    @property
    def document_change(self) -> _DocumentChange: ...
    @property
    def document_delete(self) -> _DocumentDelete: ...
    @property
    def document_remove(self) -> _DocumentRemove: ...
    @property
    def filter(self) -> _ExistenceFilter: ...
    def __init__(
        self,
        *,
        target_change: _TargetChange | Mapping[str, Any] | None = None,
        document_change: _DocumentChange | Mapping[str, Any] | None = None,
        document_delete: _DocumentDelete | Mapping[str, Any] | None = None,
        document_remove: _DocumentRemove | Mapping[str, Any] | None = None,
        filter: _ExistenceFilter | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["target_change", "document_change", "document_delete", "document_remove", "filter", "response_type"]) -> bool: ...
    def WhichOneof(self, oneof_group: Literal["response_type"]) -> Literal["target_change", "document_change", "document_delete", "document_remove", "filter"] | None: ...

class _MapValue(Message):
    @property
    def fields(self) -> MessageMap[str, Value]: ...
    def __init__(
        self,
        *,
        fields: Mapping[str, Value | Mapping[str, Any]] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...

class PartitionQueryRequest(Message):
    parent: str
    @property
    def structured_query(self) -> StructuredQuery: ...
    partition_count: int
    page_token: str
    page_size: int
    @property
    def read_time(self) -> Timestamp: ...
    @property
    def request_options(self) -> _RequestOptions: ...
    def __init__(
        self,
        *,
        parent: str | None = None,
        structured_query: StructuredQuery | Mapping[str, Any] | None = None,
        partition_count: int | None = None,
        page_token: str | None = None,
        page_size: int | None = None,
        read_time: Timestamp | Mapping[str, Any] | None = None,
        request_options: _RequestOptions | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["structured_query", "read_time", "request_options", "query_type", "consistency_selector"]) -> bool: ...
    @overload
    def WhichOneof(self, oneof_group: Literal["query_type"]) -> Literal["structured_query"] | None: ...
    @overload
    def WhichOneof(self, oneof_group: Literal["consistency_selector"]) -> Literal["read_time"] | None: ...

class PartitionQueryResponse(Message):
    @property
    def partitions(self) -> RepeatedCompositeFieldContainer[Cursor]: ...
    next_page_token: str
    def __init__(
        self,
        *,
        partitions: Iterable[Cursor | Mapping[str, Any]] | None = None,
        next_page_token: str | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...

class _Pipeline(Message):
    class Stage(Message):
        name: str
        @property
        def args(self) -> RepeatedCompositeFieldContainer[Value]: ...
        @property
        def options(self) -> MessageMap[str, Value]: ...
        def __init__(
            self,
            *,
            name: str | None = None,
            args: Iterable[Value | Mapping[str, Any]] | None = None,
            options: Mapping[str, Value | Mapping[str, Any]] | None = None,
        ) -> None: ...
        @classmethod
        def FromString(cls, s: bytes) -> Self: ...
    @property
    def stages(self) -> RepeatedCompositeFieldContainer[_Pipeline.Stage]: ...
    def __init__(
        self,
        *,
        stages: Iterable[_Pipeline.Stage | Mapping[str, Any]] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...

class _PlanSummary(Message):
    @property
    def indexes_used(self) -> RepeatedCompositeFieldContainer[Struct]: ...
    def __init__(
        self,
        *,
        indexes_used: Iterable[Struct | Mapping[str, Any]] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...

class Precondition(Message):
    exists: bool
    @property
    def update_time(self) -> Timestamp: ...
    def __init__(
        self,
        *,
        exists: bool | None = None,
        update_time: Timestamp | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["exists", "update_time", "condition_type"]) -> bool: ...
    def WhichOneof(self, oneof_group: Literal["condition_type"]) -> Literal["exists", "update_time"] | None: ...

class _RequestOptions(Message):
    @property
    def request_tags(self) -> RepeatedScalarFieldContainer[str]: ...
    def __init__(
        self,
        *,
        request_tags: Iterable[str] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...

class RollbackRequest(Message):
    database: str
    transaction: bytes
    @property
    def request_options(self) -> _RequestOptions: ...
    def __init__(
        self,
        *,
        database: str | None = None,
        transaction: bytes | None = None,
        request_options: _RequestOptions | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["request_options"]) -> bool: ...

class RunAggregationQueryRequest(Message):
    parent: str
    @property
    def structured_aggregation_query(self) -> StructuredAggregationQuery: ...
    transaction: bytes
    @property
    def new_transaction(self) -> TransactionOptions: ...
    @property
    def read_time(self) -> Timestamp: ...
    @property
    def explain_options(self) -> _ExplainOptions: ...
    @property
    def request_options(self) -> _RequestOptions: ...
    def __init__(
        self,
        *,
        parent: str | None = None,
        structured_aggregation_query: StructuredAggregationQuery | Mapping[str, Any] | None = None,
        transaction: bytes | None = None,
        new_transaction: TransactionOptions | Mapping[str, Any] | None = None,
        read_time: Timestamp | Mapping[str, Any] | None = None,
        explain_options: _ExplainOptions | Mapping[str, Any] | None = None,
        request_options: _RequestOptions | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["structured_aggregation_query", "transaction", "new_transaction", "read_time", "explain_options", "request_options", "query_type", "consistency_selector"]) -> bool: ...
    @overload
    def WhichOneof(self, oneof_group: Literal["query_type"]) -> Literal["structured_aggregation_query"] | None: ...
    @overload
    def WhichOneof(self, oneof_group: Literal["consistency_selector"]) -> Literal["transaction", "new_transaction", "read_time"] | None: ...

class RunAggregationQueryResponse(Message):
    @property
    def result(self) -> _AggregationResult: ...
    transaction: bytes
    @property
    def read_time(self) -> Timestamp: ...
    @property
    def explain_metrics(self) -> _ExplainMetrics: ...
    def __init__(
        self,
        *,
        result: _AggregationResult | Mapping[str, Any] | None = None,
        transaction: bytes | None = None,
        read_time: Timestamp | Mapping[str, Any] | None = None,
        explain_metrics: _ExplainMetrics | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["result", "read_time", "explain_metrics"]) -> bool: ...

class RunQueryRequest(Message):
    parent: str
    @property
    def structured_query(self) -> StructuredQuery: ...
    transaction: bytes
    @property
    def new_transaction(self) -> TransactionOptions: ...
    @property
    def read_time(self) -> Timestamp: ...
    @property
    def explain_options(self) -> _ExplainOptions: ...
    @property
    def request_options(self) -> _RequestOptions: ...
    def __init__(
        self,
        *,
        parent: str | None = None,
        structured_query: StructuredQuery | Mapping[str, Any] | None = None,
        transaction: bytes | None = None,
        new_transaction: TransactionOptions | Mapping[str, Any] | None = None,
        read_time: Timestamp | Mapping[str, Any] | None = None,
        explain_options: _ExplainOptions | Mapping[str, Any] | None = None,
        request_options: _RequestOptions | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["structured_query", "transaction", "new_transaction", "read_time", "explain_options", "request_options", "query_type", "consistency_selector"]) -> bool: ...
    @overload
    def WhichOneof(self, oneof_group: Literal["query_type"]) -> Literal["structured_query"] | None: ...
    @overload
    def WhichOneof(self, oneof_group: Literal["consistency_selector"]) -> Literal["transaction", "new_transaction", "read_time"] | None: ...

class RunQueryResponse(Message):
    transaction: bytes
    @property
    def document(self) -> Document: ...
    @property
    def read_time(self) -> Timestamp: ...
    skipped_results: int
    done: bool
    @property
    def explain_metrics(self) -> _ExplainMetrics: ...
    def __init__(
        self,
        *,
        transaction: bytes | None = None,
        document: Document | Mapping[str, Any] | None = None,
        read_time: Timestamp | Mapping[str, Any] | None = None,
        skipped_results: int | None = None,
        done: bool | None = None,
        explain_metrics: _ExplainMetrics | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["document", "read_time", "done", "explain_metrics", "continuation_selector"]) -> bool: ...
    def WhichOneof(self, oneof_group: Literal["continuation_selector"]) -> Literal["done"] | None: ...

class StructuredAggregationQuery(Message):
    class Aggregation(Message):
        class Count(Message):
            @property
            def up_to(self) -> Int64Value: ...
            def __init__(
                self,
                *,
                up_to: Int64Value | Mapping[str, Any] | None = None,
            ) -> None: ...
            @classmethod
            def FromString(cls, s: bytes) -> Self: ...
            def HasField(self, field_name: Literal["up_to"]) -> bool: ...
        class Sum(Message):
            @property
            def field(self) -> StructuredQuery.FieldReference: ...
            def __init__(
                self,
                *,
                field: StructuredQuery.FieldReference | Mapping[str, Any] | None = None,
            ) -> None: ...
            @classmethod
            def FromString(cls, s: bytes) -> Self: ...
            def HasField(self, field_name: Literal["field"]) -> bool: ...
        class Avg(Message):
            @property
            def field(self) -> StructuredQuery.FieldReference: ...
            def __init__(
                self,
                *,
                field: StructuredQuery.FieldReference | Mapping[str, Any] | None = None,
            ) -> None: ...
            @classmethod
            def FromString(cls, s: bytes) -> Self: ...
            def HasField(self, field_name: Literal["field"]) -> bool: ...
        @property
        def count(self) -> StructuredAggregationQuery.Aggregation.Count: ...
        @property
        def sum(self) -> StructuredAggregationQuery.Aggregation.Sum: ...
        @property
        def avg(self) -> StructuredAggregationQuery.Aggregation.Avg: ...
        alias: str
        def __init__(
            self,
            *,
            count: StructuredAggregationQuery.Aggregation.Count | Mapping[str, Any] | None = None,
            sum: StructuredAggregationQuery.Aggregation.Sum | Mapping[str, Any] | None = None,
            avg: StructuredAggregationQuery.Aggregation.Avg | Mapping[str, Any] | None = None,
            alias: str | None = None,
        ) -> None: ...
        @classmethod
        def FromString(cls, s: bytes) -> Self: ...
        def HasField(self, field_name: Literal["count", "sum", "avg", "operator"]) -> bool: ...
        def WhichOneof(self, oneof_group: Literal["operator"]) -> Literal["count", "sum", "avg"] | None: ...
    @property
    def structured_query(self) -> StructuredQuery: ...
    @property
    def aggregations(self) -> RepeatedCompositeFieldContainer[StructuredAggregationQuery.Aggregation]: ...
    def __init__(
        self,
        *,
        structured_query: StructuredQuery | Mapping[str, Any] | None = None,
        aggregations: Iterable[StructuredAggregationQuery.Aggregation | Mapping[str, Any]] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["structured_query", "query_type"]) -> bool: ...
    def WhichOneof(self, oneof_group: Literal["query_type"]) -> Literal["structured_query"] | None: ...

class _StructuredPipeline(Message):
    @property
    def pipeline(self) -> _Pipeline: ...
    @property
    def options(self) -> MessageMap[str, Value]: ...
    def __init__(
        self,
        *,
        pipeline: _Pipeline | Mapping[str, Any] | None = None,
        options: Mapping[str, Value | Mapping[str, Any]] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["pipeline"]) -> bool: ...

class StructuredQuery(Message):
    class CollectionSelector(Message):
        collection_id: str
        all_descendants: bool
        def __init__(
            self,
            *,
            collection_id: str | None = None,
            all_descendants: bool | None = None,
        ) -> None: ...
        @classmethod
        def FromString(cls, s: bytes) -> Self: ...
    class Filter(Message):
        @property
        def composite_filter(self) -> StructuredQuery.CompositeFilter: ...
        @property
        def field_filter(self) -> StructuredQuery.FieldFilter: ...
        @property
        def unary_filter(self) -> StructuredQuery.UnaryFilter: ...
        def __init__(
            self,
            *,
            composite_filter: StructuredQuery.CompositeFilter | Mapping[str, Any] | None = None,
            field_filter: StructuredQuery.FieldFilter | Mapping[str, Any] | None = None,
            unary_filter: StructuredQuery.UnaryFilter | Mapping[str, Any] | None = None,
        ) -> None: ...
        @classmethod
        def FromString(cls, s: bytes) -> Self: ...
        def HasField(self, field_name: Literal["composite_filter", "field_filter", "unary_filter", "filter_type"]) -> bool: ...
        def WhichOneof(self, oneof_group: Literal["filter_type"]) -> Literal["composite_filter", "field_filter", "unary_filter"] | None: ...
    class CompositeFilter(Message):
        op: int
        @property
        def filters(self) -> RepeatedCompositeFieldContainer[StructuredQuery.Filter]: ...
        def __init__(
            self,
            *,
            op: int | None = None,
            filters: Iterable[StructuredQuery.Filter | Mapping[str, Any]] | None = None,
        ) -> None: ...
        @classmethod
        def FromString(cls, s: bytes) -> Self: ...
    class FieldFilter(Message):
        @property
        def field(self) -> StructuredQuery.FieldReference: ...
        op: int
        @property
        def value(self) -> Value: ...
        def __init__(
            self,
            *,
            field: StructuredQuery.FieldReference | Mapping[str, Any] | None = None,
            op: int | None = None,
            value: Value | Mapping[str, Any] | None = None,
        ) -> None: ...
        @classmethod
        def FromString(cls, s: bytes) -> Self: ...
        def HasField(self, field_name: Literal["field", "value"]) -> bool: ...
    class UnaryFilter(Message):
        op: int
        @property
        def field(self) -> StructuredQuery.FieldReference: ...
        def __init__(
            self,
            *,
            op: int | None = None,
            field: StructuredQuery.FieldReference | Mapping[str, Any] | None = None,
        ) -> None: ...
        @classmethod
        def FromString(cls, s: bytes) -> Self: ...
        def HasField(self, field_name: Literal["field", "operand_type"]) -> bool: ...
        def WhichOneof(self, oneof_group: Literal["operand_type"]) -> Literal["field"] | None: ...
    class Order(Message):
        @property
        def field(self) -> StructuredQuery.FieldReference: ...
        direction: int
        def __init__(
            self,
            *,
            field: StructuredQuery.FieldReference | Mapping[str, Any] | None = None,
            direction: int | None = None,
        ) -> None: ...
        @classmethod
        def FromString(cls, s: bytes) -> Self: ...
        def HasField(self, field_name: Literal["field"]) -> bool: ...
    class FieldReference(Message):
        field_path: str
        def __init__(
            self,
            *,
            field_path: str | None = None,
        ) -> None: ...
        @classmethod
        def FromString(cls, s: bytes) -> Self: ...
    class Projection(Message):
        @property
        def fields(self) -> RepeatedCompositeFieldContainer[StructuredQuery.FieldReference]: ...
        def __init__(
            self,
            *,
            fields: Iterable[StructuredQuery.FieldReference | Mapping[str, Any]] | None = None,
        ) -> None: ...
        @classmethod
        def FromString(cls, s: bytes) -> Self: ...
    class FindNearest(Message):
        @property
        def vector_field(self) -> StructuredQuery.FieldReference: ...
        @property
        def query_vector(self) -> Value: ...
        distance_measure: int
        @property
        def limit(self) -> Int32Value: ...
        distance_result_field: str
        @property
        def distance_threshold(self) -> DoubleValue: ...
        def __init__(
            self,
            *,
            vector_field: StructuredQuery.FieldReference | Mapping[str, Any] | None = None,
            query_vector: Value | Mapping[str, Any] | None = None,
            distance_measure: int | None = None,
            limit: Int32Value | Mapping[str, Any] | None = None,
            distance_result_field: str | None = None,
            distance_threshold: DoubleValue | Mapping[str, Any] | None = None,
        ) -> None: ...
        @classmethod
        def FromString(cls, s: bytes) -> Self: ...
        def HasField(self, field_name: Literal["vector_field", "query_vector", "limit", "distance_threshold"]) -> bool: ...
    @property
    def select(self) -> StructuredQuery.Projection: ...
    @property
    def from_(self) -> RepeatedCompositeFieldContainer[StructuredQuery.CollectionSelector]: ...
    @property
    def where(self) -> StructuredQuery.Filter: ...
    @property
    def order_by(self) -> RepeatedCompositeFieldContainer[StructuredQuery.Order]: ...
    @property
    def start_at(self) -> Cursor: ...
    @property
    def end_at(self) -> Cursor: ...
    offset: int
    @property
    def limit(self) -> Int32Value: ...
    @property
    def find_nearest(self) -> StructuredQuery.FindNearest: ...
    def __init__(
        self,
        *,
        select: StructuredQuery.Projection | Mapping[str, Any] | None = None,
        from_: Iterable[StructuredQuery.CollectionSelector | Mapping[str, Any]] | None = None,
        where: StructuredQuery.Filter | Mapping[str, Any] | None = None,
        order_by: Iterable[StructuredQuery.Order | Mapping[str, Any]] | None = None,
        start_at: Cursor | Mapping[str, Any] | None = None,
        end_at: Cursor | Mapping[str, Any] | None = None,
        offset: int | None = None,
        limit: Int32Value | Mapping[str, Any] | None = None,
        find_nearest: StructuredQuery.FindNearest | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["select", "where", "start_at", "end_at", "limit", "find_nearest"]) -> bool: ...

class Target(Message):
    class DocumentsTarget(Message):
        @property
        def documents(self) -> RepeatedScalarFieldContainer[str]: ...
        def __init__(
            self,
            *,
            documents: Iterable[str] | None = None,
        ) -> None: ...
        @classmethod
        def FromString(cls, s: bytes) -> Self: ...
    class QueryTarget(Message):
        parent: str
        @property
        def structured_query(self) -> StructuredQuery: ...
        def __init__(
            self,
            *,
            parent: str | None = None,
            structured_query: StructuredQuery | Mapping[str, Any] | None = None,
        ) -> None: ...
        @classmethod
        def FromString(cls, s: bytes) -> Self: ...
        def HasField(self, field_name: Literal["structured_query", "query_type"]) -> bool: ...
        def WhichOneof(self, oneof_group: Literal["query_type"]) -> Literal["structured_query"] | None: ...
    @property
    def query(self) -> Target.QueryTarget: ...
    @property
    def documents(self) -> Target.DocumentsTarget: ...
    resume_token: bytes
    @property
    def read_time(self) -> Timestamp: ...
    target_id: int
    once: bool
    @property
    def expected_count(self) -> Int32Value: ...
    def __init__(
        self,
        *,
        query: Target.QueryTarget | Mapping[str, Any] | None = None,
        documents: Target.DocumentsTarget | Mapping[str, Any] | None = None,
        resume_token: bytes | None = None,
        read_time: Timestamp | Mapping[str, Any] | None = None,
        target_id: int | None = None,
        once: bool | None = None,
        expected_count: Int32Value | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["query", "documents", "resume_token", "read_time", "expected_count", "target_type", "resume_type"]) -> bool: ...
    @overload
    def WhichOneof(self, oneof_group: Literal["target_type"]) -> Literal["query", "documents"] | None: ...
    @overload
    def WhichOneof(self, oneof_group: Literal["resume_type"]) -> Literal["resume_token", "read_time"] | None: ...

class _TargetChange(Message):
    target_change_type: int
    @property
    def target_ids(self) -> RepeatedScalarFieldContainer[int]: ...
    @property
    def cause(self) -> _Status: ...
    resume_token: bytes
    @property
    def read_time(self) -> Timestamp: ...
    def __init__(
        self,
        *,
        target_change_type: int | None = None,
        target_ids: Iterable[int] | None = None,
        cause: _Status | Mapping[str, Any] | None = None,
        resume_token: bytes | None = None,
        read_time: Timestamp | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["cause", "read_time"]) -> bool: ...

class TransactionOptions(Message):
    class ReadWrite(Message):
        retry_transaction: bytes
        concurrency_mode: int
        def __init__(
            self,
            *,
            retry_transaction: bytes | None = None,
            concurrency_mode: int | None = None,
        ) -> None: ...
        @classmethod
        def FromString(cls, s: bytes) -> Self: ...
    class ReadOnly(Message):
        @property
        def read_time(self) -> Timestamp: ...
        def __init__(
            self,
            *,
            read_time: Timestamp | Mapping[str, Any] | None = None,
        ) -> None: ...
        @classmethod
        def FromString(cls, s: bytes) -> Self: ...
        def HasField(self, field_name: Literal["read_time", "consistency_selector"]) -> bool: ...
        def WhichOneof(self, oneof_group: Literal["consistency_selector"]) -> Literal["read_time"] | None: ...
    @property
    def read_only(self) -> TransactionOptions.ReadOnly: ...
    @property
    def read_write(self) -> TransactionOptions.ReadWrite: ...
    def __init__(
        self,
        *,
        read_only: TransactionOptions.ReadOnly | Mapping[str, Any] | None = None,
        read_write: TransactionOptions.ReadWrite | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["read_only", "read_write", "mode"]) -> bool: ...
    def WhichOneof(self, oneof_group: Literal["mode"]) -> Literal["read_only", "read_write"] | None: ...

class UpdateDocumentRequest(Message):
    @property
    def document(self) -> Document: ...
    @property
    def update_mask(self) -> _DocumentMask: ...
    @property
    def mask(self) -> _DocumentMask: ...
    @property
    def current_document(self) -> Precondition: ...
    @property
    def request_options(self) -> _RequestOptions: ...
    def __init__(
        self,
        *,
        document: Document | Mapping[str, Any] | None = None,
        update_mask: _DocumentMask | Mapping[str, Any] | None = None,
        mask: _DocumentMask | Mapping[str, Any] | None = None,
        current_document: Precondition | Mapping[str, Any] | None = None,
        request_options: _RequestOptions | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["document", "update_mask", "mask", "current_document", "request_options"]) -> bool: ...

class Value(Message):
    null_value: int
    boolean_value: bool
    integer_value: int
    double_value: float
    @property
    def timestamp_value(self) -> Timestamp: ...
    string_value: str
    bytes_value: bytes
    reference_value: str
    @property
    def geo_point_value(self) -> _LatLng: ...
    @property
    def array_value(self) -> _ArrayValue: ...
    @property
    def map_value(self) -> _MapValue: ...
    field_reference_value: str
    variable_reference_value: str
    @property
    def function_value(self) -> _Function: ...
    @property
    def pipeline_value(self) -> _Pipeline: ...
    def __init__(
        self,
        *,
        null_value: int | None = None,
        boolean_value: bool | None = None,
        integer_value: int | None = None,
        double_value: float | None = None,
        timestamp_value: Timestamp | Mapping[str, Any] | None = None,
        string_value: str | None = None,
        bytes_value: bytes | None = None,
        reference_value: str | None = None,
        geo_point_value: _LatLng | Mapping[str, Any] | None = None,
        array_value: _ArrayValue | Mapping[str, Any] | None = None,
        map_value: _MapValue | Mapping[str, Any] | None = None,
        field_reference_value: str | None = None,
        variable_reference_value: str | None = None,
        function_value: _Function | Mapping[str, Any] | None = None,
        pipeline_value: _Pipeline | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["null_value", "boolean_value", "integer_value", "double_value", "timestamp_value", "string_value", "bytes_value", "reference_value", "geo_point_value", "array_value", "map_value", "field_reference_value", "variable_reference_value", "function_value", "pipeline_value", "value_type"]) -> bool: ...
    def WhichOneof(self, oneof_group: Literal["value_type"]) -> Literal["null_value", "boolean_value", "integer_value", "double_value", "timestamp_value", "string_value", "bytes_value", "reference_value", "geo_point_value", "array_value", "map_value", "field_reference_value", "variable_reference_value", "function_value", "pipeline_value"] | None: ...

class Write(Message):
    @property
    def update(self) -> Document: ...
    delete: str
    @property
    def transform(self) -> _DocumentTransform: ...
    @property
    def update_mask(self) -> _DocumentMask: ...
    @property
    def update_transforms(self) -> RepeatedCompositeFieldContainer[_DocumentTransform.FieldTransform]: ...
    @property
    def current_document(self) -> Precondition: ...
    def __init__(
        self,
        *,
        update: Document | Mapping[str, Any] | None = None,
        delete: str | None = None,
        transform: _DocumentTransform | Mapping[str, Any] | None = None,
        update_mask: _DocumentMask | Mapping[str, Any] | None = None,
        update_transforms: Iterable[_DocumentTransform.FieldTransform | Mapping[str, Any]] | None = None,
        current_document: Precondition | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["update", "delete", "transform", "update_mask", "current_document", "operation"]) -> bool: ...
    def WhichOneof(self, oneof_group: Literal["operation"]) -> Literal["update", "delete", "transform"] | None: ...

class WriteRequest(Message):
    database: str
    stream_id: str
    @property
    def writes(self) -> RepeatedCompositeFieldContainer[Write]: ...
    stream_token: bytes
    @property
    def labels(self) -> ScalarMap[str, str]: ...
    @property
    def request_options(self) -> _RequestOptions: ...
    def __init__(
        self,
        *,
        database: str | None = None,
        stream_id: str | None = None,
        writes: Iterable[Write | Mapping[str, Any]] | None = None,
        stream_token: bytes | None = None,
        labels: Mapping[str, str] | None = None,
        request_options: _RequestOptions | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["request_options"]) -> bool: ...

class WriteResponse(Message):
    stream_id: str
    stream_token: bytes
    @property
    def write_results(self) -> RepeatedCompositeFieldContainer[WriteResult]: ...
    @property
    def commit_time(self) -> Timestamp: ...
    def __init__(
        self,
        *,
        stream_id: str | None = None,
        stream_token: bytes | None = None,
        write_results: Iterable[WriteResult | Mapping[str, Any]] | None = None,
        commit_time: Timestamp | Mapping[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["commit_time"]) -> bool: ...

class WriteResult(Message):
    @property
    def update_time(self) -> Timestamp: ...
    @property
    def transform_results(self) -> RepeatedCompositeFieldContainer[Value]: ...
    def __init__(
        self,
        *,
        update_time: Timestamp | Mapping[str, Any] | None = None,
        transform_results: Iterable[Value | Mapping[str, Any]] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...
    def HasField(self, field_name: Literal["update_time"]) -> bool: ...

class _Status(Message):
    code: int
    message: str
    @property
    def details(self) -> RepeatedCompositeFieldContainer[Any]: ...
    def __init__(
        self,
        *,
        code: int | None = None,
        message: str | None = None,
        details: Iterable[Any | Mapping[str, Any]] | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...

class _LatLng(Message):
    latitude: float
    longitude: float
    def __init__(
        self,
        *,
        latitude: float | None = None,
        longitude: float | None = None,
    ) -> None: ...
    @classmethod
    def FromString(cls, s: bytes) -> Self: ...

FieldFilter = StructuredQuery.FieldFilter
FieldTransform = _DocumentTransform.FieldTransform
Filter = StructuredQuery.Filter
