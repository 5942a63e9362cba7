"""Owns what each RPC of `google.firestore.v1.Firestore` does, request to response; must not know Firestore's rules."""

from __future__ import annotations

import secrets
import string
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Protocol, TypeVar

import grpc

from embedded_firebase.firestore import messages
from embedded_firebase.firestore.errors import Code, EmulatorError, invalid
from embedded_firebase.firestore.messages import Document, TransactionOptions, Value, Write, WriteResult
from embedded_firebase.firestore.query import aggregation, listing, partitions, query
from embedded_firebase.firestore.query.aggregation import Aggregation
from embedded_firebase.firestore.query.query import Query
from embedded_firebase.firestore.rpc import write_stream
from embedded_firebase.firestore.testing.counters import Counters
from embedded_firebase.firestore.transactions.views import Consistency, View
from embedded_firebase.firestore.values import limits
from embedded_firebase.firestore.values.paths import check_segment, parse_database, parse_parent, path_key
from embedded_firebase.firestore.values.timestamps import set_micros, to_micros

_ENTRIES_PER_READ = 1_000
_DEFAULT_PAGE_SIZE, _MAX_PAGE_SIZE = 100, 300
_ID_LETTERS = string.ascii_letters + string.digits

_Masked = (
    messages.GetDocumentRequest
    | messages.BatchGetDocumentsRequest
    | messages.ListDocumentsRequest
    | messages.CreateDocumentRequest
    | messages.UpdateDocumentRequest
)
_Read = (
    messages.GetDocumentRequest
    | messages.BatchGetDocumentsRequest
    | messages.ListDocumentsRequest
    | messages.RunQueryRequest
    | messages.RunAggregationQueryRequest
    | messages.PartitionQueryRequest
)
_Written = TypeVar("_Written", messages.CommitRequest, messages.BatchWriteRequest, messages.WriteRequest)


Listen = Callable[[Iterator[messages.ListenRequest], grpc.ServicerContext], Iterator[messages.ListenResponse]]


class Documents(Protocol):
    """The operations on documents that the RPCs need, unguarded or guarded; `Engine` documents them."""

    def begin(self, database: str, options: TransactionOptions | None) -> bytes:
        """Start a transaction."""

    def rollback(self, database: str, transaction_id: bytes) -> None:
        """Roll a transaction back."""

    def get(self, database: str, names: Sequence[str], consistency: Consistency) -> tuple[list[Document | None], View]:
        """Return documents by name."""

    def query(self, query: Query, consistency: Consistency) -> tuple[Iterator[Document], View]:
        """Return the results of a query."""

    def aggregate(
        self, query: Query, aggregations: Sequence[Aggregation], consistency: Consistency
    ) -> tuple[dict[str, Value], int, View]:
        """Return figures over the results of a query."""

    def commit(
        self, database: str, writes: Sequence[Write], transaction_id: bytes = b""
    ) -> tuple[int, list[WriteResult]]:
        """Apply all writes or none."""

    def write_each(self, database: str, writes: Sequence[Write]) -> list[WriteResult | EmulatorError]:
        """Apply every write on its own."""

    def collection_ids(self, database: str, parent: str, read_time: int | None) -> list[str]:
        """Return the ids of the collections right below a document."""

    def missing_documents(self, database: str, collection_path: str, read_time: int) -> list[str]:
        """Return the names of documents that do not exist but have documents below them."""


class Rpcs:
    """The RPCs over documents; each method is named as its RPC in snake case.

    Args:
        documents: what they read and write.
        counters: count billed operations.
        listen: serves Listen, given the requests of a stream and its context.
    """

    def __init__(self, documents: Documents, counters: Counters, listen: Listen) -> None:
        self._documents = documents
        self._counters = counters
        self._listen = listen

    def get_document(self, request: messages.GetDocumentRequest, _context: object) -> Document:
        """Answer one document."""
        database, _ = parse_parent(request.name)
        (document,), _ = self._documents.get(database, [request.name], _consistency(request))
        self._counters.count_reads(database, 1)
        if document is None:
            raise EmulatorError(Code.NOT_FOUND, f'Document "{request.name}" not found.')
        return query.project(document, _mask(request))

    def batch_get_documents(
        self, request: messages.BatchGetDocumentsRequest, _context: object
    ) -> Iterator[messages.BatchGetDocumentsResponse]:
        """Answer each document once, those that are missing last, as production does."""
        database = parse_database(request.database)
        names = list(dict.fromkeys(request.documents))
        documents, view = self._documents.get(database, names, _consistency(request))
        self._counters.count_reads(database, len(names))
        mask = _mask(request)
        if view.began:
            yield messages.BatchGetDocumentsResponse(transaction=view.began)
        answers = zip(names, documents, strict=True)
        for name, document in sorted(answers, key=lambda answer: answer[1] is None):
            response = messages.BatchGetDocumentsResponse()
            if document is None:
                response.missing = name
            else:
                response.found.CopyFrom(query.project(document, mask))
            set_micros(response.read_time, view.read_time)
            yield response

    def list_documents(
        self, request: messages.ListDocumentsRequest, _context: object
    ) -> messages.ListDocumentsResponse:
        """Answer a page of a collection, with the missing parents of documents when asked."""
        database, parent = parse_parent(request.parent)
        if request.page_size < 0:
            raise invalid("page_size must be 0 or more.")
        size = min(request.page_size or _DEFAULT_PAGE_SIZE, _MAX_PAGE_SIZE)
        parsed = listing.parse(request, size)
        documents, view = self._documents.query(parsed, _consistency(request))
        if request.show_missing:
            path = f"{parent}/{request.collection_id}" if parent else request.collection_id
            names = self._documents.missing_documents(database, path, view.read_time)
            absent = (Document(name=name) for name in names)
            documents = iter(sorted([*documents, *(d for d in absent if query.selects(parsed, d))], key=_name_key))
        page = list(islice(documents, size + 1))
        self._counters.count_reads(database, max(1, len(page[:size])))
        response = messages.ListDocumentsResponse()
        mask = _mask(request)
        response.documents.extend(query.project(document, mask) for document in page[:size])
        if len(page) > size:
            response.next_page_token = listing.page_token(parsed, page[size - 1])
        return response

    def create_document(self, request: messages.CreateDocumentRequest, _context: object) -> Document:
        """Create a document, with a generated id when the request names none."""
        database, _ = parse_parent(request.parent)
        check_segment(request.collection_id, request.parent)
        document_id = request.document_id or "".join(secrets.choice(_ID_LETTERS) for _ in range(20))
        write = Write(update=request.document, current_document=messages.Precondition(exists=False))
        write.update.name = f"{request.parent}/{request.collection_id}/{document_id}"
        return self._write_one(database, write, request)

    def update_document(self, request: messages.UpdateDocumentRequest, _context: object) -> Document:
        """Update or create a document."""
        write = Write(update=request.document)
        if request.HasField("update_mask"):
            write.update_mask.CopyFrom(request.update_mask)
        if request.HasField("current_document"):
            write.current_document.CopyFrom(request.current_document)
        database, _ = parse_parent(request.document.name)
        return self._write_one(database, write, request)

    def delete_document(self, request: messages.DeleteDocumentRequest, _context: object) -> messages.Empty:
        """Delete a document."""
        database, _ = parse_parent(request.name)
        write = Write(delete=request.name)
        if request.HasField("current_document"):
            write.current_document.CopyFrom(request.current_document)
        self._commit(database, [write])
        return messages.Empty()

    def begin_transaction(
        self, request: messages.BeginTransactionRequest, _context: object
    ) -> messages.BeginTransactionResponse:
        """Start a transaction."""
        database = parse_database(request.database)
        options = request.options if request.HasField("options") else None
        return messages.BeginTransactionResponse(transaction=self._documents.begin(database, options))

    def commit(self, request: messages.CommitRequest, _context: object) -> messages.CommitResponse:
        """Apply all writes or none."""
        _checked(request)
        commit_time, results = self._commit(parse_database(request.database), request.writes, request.transaction)
        response = messages.CommitResponse(write_results=results)
        set_micros(response.commit_time, commit_time)
        return response

    def rollback(self, request: messages.RollbackRequest, _context: object) -> messages.Empty:
        """Roll a transaction back."""
        self._documents.rollback(parse_database(request.database), request.transaction)
        return messages.Empty()

    def run_query(self, request: messages.RunQueryRequest, _context: object) -> Iterator[messages.RunQueryResponse]:
        """Stream the results of a query; a last message without a document when there is none."""
        _refuse_explain(request)
        parsed = query.parse(request.parent, request.structured_query)
        results, view = self._documents.query(parsed, _consistency(request))
        if view.began:
            yield messages.RunQueryResponse(transaction=view.began)
        skipped = sum(1 for _ in islice(results, parsed.offset))
        count = 0
        try:
            for count, document in enumerate(results, 1):
                response = messages.RunQueryResponse(document=query.project(document, parsed.projection))
                set_micros(response.read_time, view.read_time)
                if count == 1:
                    response.skipped_results = skipped
                yield response
        finally:
            self._counters.count_reads(parsed.scope.database, max(1, skipped + count))
            self._counters.count_index_entries(parsed.scope.database, skipped + count)
        if not count:
            response = messages.RunQueryResponse(skipped_results=skipped)
            set_micros(response.read_time, view.read_time)
            yield response

    def run_aggregation_query(
        self, request: messages.RunAggregationQueryRequest, _context: object
    ) -> Iterator[messages.RunAggregationQueryResponse]:
        """Answer the figures over the results of a query in one message."""
        _refuse_explain(request)
        aggregations = aggregation.parse(request.structured_aggregation_query)
        fields = [entry.path for entry in aggregations if entry.path]
        parsed = query.parse(request.parent, request.structured_aggregation_query.structured_query, fields)
        figures, total, view = self._documents.aggregate(parsed, aggregations, _consistency(request))
        self._counters.count_reads(parsed.scope.database, max(1, -(-total // _ENTRIES_PER_READ)))
        self._counters.count_index_entries(parsed.scope.database, total)
        yield _aggregation_response(figures, view)

    def execute_pipeline(self, _request: messages.ExecutePipelineRequest, _context: object) -> Iterator[messages.Empty]:
        """Refuse: pipelines belong to Firestore's Enterprise edition."""
        raise EmulatorError(Code.UNIMPLEMENTED, "Pipelines (ExecutePipeline) are not supported by this emulator.")

    def partition_query(
        self, request: messages.PartitionQueryRequest, _context: object
    ) -> messages.PartitionQueryResponse:
        """Answer a page of the cursors that cut a query into parts of about equal size."""
        if request.page_size < 0:
            raise invalid("page_size must be 0 or more.")
        parsed = query.parse(request.parent, request.structured_query)
        partitions.check(parsed, request.partition_count)
        # All pages partition one snapshot, whose time is in the token.
        time, _, offset = request.page_token.partition(":")
        consistency = Consistency(read_time=_parse_number(time)) if time else _consistency(request)
        results, view = self._documents.query(parsed, consistency)
        points = partitions.split_points([document.name for document in results], request.partition_count)
        start = _parse_number(offset)
        end = start + request.page_size if request.page_size else len(points)
        self._counters.count_reads(parsed.scope.database, 1)
        response = messages.PartitionQueryResponse()
        for name in points[start:end]:
            # Just before it: as a start it includes the document, as an end it leaves it out.
            response.partitions.add(values=[{"reference_value": name}], before=True)
        if end < len(points):
            response.next_page_token = f"{view.read_time}:{end}"
        return response

    def list_collection_ids(
        self, request: messages.ListCollectionIdsRequest, _context: object
    ) -> messages.ListCollectionIdsResponse:
        """Answer a page of the ids of the collections below a document."""
        database, parent = parse_parent(request.parent)
        if request.page_size < 0:
            raise invalid("page_size must be 0 or more.")
        size = min(request.page_size or _DEFAULT_PAGE_SIZE, _MAX_PAGE_SIZE)
        read_time = to_micros(request.read_time) if request.HasField("read_time") else None
        ids = self._documents.collection_ids(database, parent, read_time)
        # The last id of a page is the token of the next.
        start = bisect_right(ids, request.page_token)
        self._counters.count_reads(database, 1)
        response = messages.ListCollectionIdsResponse(collection_ids=ids[start : start + size])
        if len(ids) > start + size:
            response.next_page_token = ids[start + size - 1]
        return response

    def batch_write(self, request: messages.BatchWriteRequest, _context: object) -> messages.BatchWriteResponse:
        """Apply each write independently and answer a status for each."""
        _checked(request)
        database = parse_database(request.database)
        answers = self._documents.write_each(database, request.writes)
        response = messages.BatchWriteResponse()
        applied: list[Write] = []
        for write, answer in zip(request.writes, answers, strict=True):
            status = response.status.add()
            if isinstance(answer, EmulatorError):
                response.write_results.add()
                status.code, status.message = answer.code, answer.message
            else:
                response.write_results.append(answer)
                applied.append(write)
        self._count_changes(database, applied)
        return response

    def write(self, requests: Iterator[messages.WriteRequest], _context: object) -> Iterator[messages.WriteResponse]:
        """Apply the writes of each request of a stream, in order."""
        return write_stream.serve(map(_checked, requests), self._commit)

    def listen(
        self, requests: Iterator[messages.ListenRequest], context: grpc.ServicerContext
    ) -> Iterator[messages.ListenResponse]:
        """Send the changes in the targets of a stream until its client ends it."""
        return self._listen(requests, context)

    def _write_one(
        self, database: str, write: Write, request: messages.CreateDocumentRequest | messages.UpdateDocumentRequest
    ) -> Document:
        """Commit one update and answer the document that it made."""
        name = write.update.name
        commit_time, (result,) = self._commit(database, [write])
        try:
            (document,), _ = self._documents.get(database, [name], Consistency(read_time=commit_time))
        except EmulatorError as error:
            if error.code is not Code.PERMISSION_DENIED:
                raise
            # The caller may write but not read it, so the answer holds only what was sent.
            return Document(name=name, fields=write.update.fields, update_time=result.update_time)
        assert document is not None, "an update leaves a document"
        return query.project(document, _mask(request))

    def _commit(
        self, database: str, writes: Sequence[Write], transaction: bytes = b""
    ) -> tuple[int, list[WriteResult]]:
        committed = self._documents.commit(database, writes, transaction)
        self._count_changes(database, writes)
        return committed

    def _count_changes(self, database: str, writes: Sequence[Write]) -> None:
        kinds = [write.WhichOneof("operation") for write in writes]
        # One without a known operation is a verification, which writes nothing.
        deletes, verifications = kinds.count("delete"), kinds.count(None)
        self._counters.count_changes(database, writes=len(writes) - deletes - verifications, deletes=deletes)


def _consistency(request: _Read) -> Consistency:
    if request.HasField("read_time"):
        return Consistency(read_time=to_micros(request.read_time))
    if isinstance(request, messages.PartitionQueryRequest):
        return Consistency()
    may_begin = (messages.BatchGetDocumentsRequest, messages.RunQueryRequest, messages.RunAggregationQueryRequest)
    if isinstance(request, may_begin) and request.HasField("new_transaction"):
        return Consistency(new_transaction=request.new_transaction)
    return Consistency(transaction=request.transaction)


def _mask(request: _Masked) -> tuple[tuple[str, ...], ...] | None:
    return query.parse_mask(request.mask.field_paths) if request.HasField("mask") else None


def _checked(request: _Written) -> _Written:
    """Return a request that is not too large."""
    size = request.ByteSize()
    if size > limits.MAX_REQUEST_BYTES:
        raise invalid(f"A request has at most {limits.MAX_REQUEST_BYTES:,} bytes; this one has {size:,}.")
    return request


def _refuse_explain(request: messages.RunQueryRequest | messages.RunAggregationQueryRequest) -> None:
    if request.HasField("explain_options"):
        raise EmulatorError(Code.UNIMPLEMENTED, "explain_options is not supported by this emulator.")


def _name_key(document: Document) -> bytes:
    return path_key(document.name)


def _parse_number(token: str) -> int:
    if not token:
        return 0
    if not token.isdecimal():
        raise invalid("page_token is not one that this server gave.")
    return int(token)


def _aggregation_response(figures: dict[str, Value], view: View) -> messages.RunAggregationQueryResponse:
    response = messages.RunAggregationQueryResponse(transaction=view.began)
    for alias, value in figures.items():
        response.result.aggregate_fields[alias].CopyFrom(value)
    set_micros(response.read_time, view.read_time)
    return response
