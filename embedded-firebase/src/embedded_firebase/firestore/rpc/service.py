"""Owns the gRPC service: counts each call, injects faults, checks access, and turns errors into gRPC statuses.

Bidirectional streams may last for hours, so they have their own threads and are limited in number. Must not know what
a call does.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import grpc

from embedded_firebase.firestore import messages
from embedded_firebase.firestore.errors import Code, EmulatorError
from embedded_firebase.firestore.rpc.dispatch import Access
from embedded_firebase.firestore.rpc.methods import METHODS, SERVICE, Kind
from embedded_firebase.firestore.testing.counters import Counters
from embedded_firebase.firestore.testing.faults import Faults

_LOGGER = logging.getLogger(__name__)
MAX_STREAMS = 500
# Further threads, which answer that there are too many.
_REFUSERS = 8
_STATUS = {status.value[0]: status for status in grpc.StatusCode}


class Service:
    """Answers the calls of gRPC clients.

    Args:
        access: finds what answers an RPC.
        counters: count calls.
        faults: faults on demand.
    """

    def __init__(self, access: Access, counters: Counters, faults: Faults) -> None:
        self._access = access
        self._counters = counters
        self._faults = faults
        self._stream_threads = ThreadPoolExecutor(MAX_STREAMS + _REFUSERS, thread_name_prefix="firestore-stream")
        self._free_streams = threading.BoundedSemaphore(MAX_STREAMS)

    def handler(self) -> Any:
        """Return the handler for a gRPC server."""
        handlers = {rpc: self._handler(rpc, kind) for rpc, (kind, _) in METHODS.items()}
        return grpc.method_handlers_generic_handler(SERVICE, handlers)

    def stop(self) -> None:
        """Wait for the end of the streams; the server has cancelled them."""
        self._stream_threads.shutdown(wait=True, cancel_futures=True)

    def _handler(self, rpc: str, kind: Kind) -> Any:
        make: Any
        match kind:
            case Kind.UNARY:
                make, around = grpc.unary_unary_rpc_method_handler, self._around_unary(rpc)
            case Kind.SERVER_STREAM:
                make = grpc.unary_stream_rpc_method_handler
                around = self._around_stream(rpc)
            case Kind.BOTH_STREAM:
                make, around = grpc.stream_stream_rpc_method_handler, self._around_bidirectional(rpc)
        return make(around, getattr(messages, f"{rpc}Request").FromString, _serialize)

    def _behave(self, rpc: str, database: str, request: Any, context: Any) -> Any:
        """Answer a request, or a stream of them, with the access of its caller."""
        return self._access.behavior(rpc, database, _header(context, "authorization"))(request, context)

    def _around_unary(self, rpc: str) -> Callable[[Any, Any], Any]:
        def call(request: Any, context: Any) -> Any:
            database = database_of(request)
            self._counters.count_call(rpc, database, _client(context))
            try:
                self._faults.meet(rpc, database, after=False)
                response = self._behave(rpc, database, request, context)
                self._faults.meet(rpc, database, after=True)
            except Exception as error:
                _abort(context, rpc, error)
            return response

        return call

    def _around_stream(self, rpc: str, more: Iterator[Any] | None = None) -> Callable[[Any, Any], Iterator[Any]]:
        """Wrap an RPC that answers with a stream; `more` are the requests after the first."""

        def call(request: Any, context: Any) -> Iterator[Any]:
            database = database_of(request)
            self._counters.count_call(rpc, database, _client(context))
            try:
                self._faults.meet(rpc, database, after=False)
                sent = request if more is None else chain([request], more)
                yield from self._behave(rpc, database, sent, context)
                self._faults.meet(rpc, database, after=True)
            except Exception as error:
                _abort(context, rpc, error)

        return call

    def _around_bidirectional(self, rpc: str) -> Callable[[Iterator[Any], Any], Iterator[Any]]:
        def answer(requests: Iterator[Any], context: Any) -> Iterator[Any]:
            # The first request names the database for all.
            first = next(requests, None)
            if first is not None:
                yield from self._around_stream(rpc, requests)(first, context)

        def call(requests: Iterator[Any], context: Any) -> Iterator[Any]:
            if not self._free_streams.acquire(blocking=False):
                error = EmulatorError(Code.RESOURCE_EXHAUSTED, f"The server has {MAX_STREAMS} streams; end one first.")
                _abort(context, rpc, error)
            try:
                yield from answer(requests, context)
            finally:
                self._free_streams.release()

        call.experimental_thread_pool = self._stream_threads  # type: ignore[attr-defined]
        return call


def _serialize(response: Any) -> bytes:
    serialized: bytes = response.SerializeToString()
    return serialized


def database_of(request: Any) -> str:
    """Return the resource name of the database that a request is about, as far as it names one."""
    fields = request.DESCRIPTOR.fields_by_name
    if "database" in fields:
        name: str = request.database
    elif "parent" in fields:
        name = request.parent
    elif "name" in fields:
        name = request.name
    else:
        name = request.document.name
    return "/".join(name.split("/", 4)[:4])


def _client(context: Any) -> str:
    """Return the name of a client: the first word of its user agent."""
    return (_header(context, "user-agent") or "").partition(" ")[0]


def _header(context: Any, name: str) -> str | None:
    return next((value for key, value in context.invocation_metadata() if key == name), None)


def _abort(context: Any, rpc: str, error: Exception) -> None:
    """End a call with the status of an error. The text of an unexpected one is logged and not sent."""
    if isinstance(error, EmulatorError):
        context.abort(_STATUS[error.code], error.message)
    if isinstance(error, grpc.RpcError):
        # The client disconnected while its requests were read; gRPC handles it.
        raise error
    _LOGGER.error("%s failed unexpectedly.", rpc, exc_info=error)
    context.abort(grpc.StatusCode.INTERNAL, "Internal error of the emulator; its log tells more.")
