"""Owns intercepting Google's client: every RPC goes through a hook that the test provides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from google.cloud import firestore

Send = Callable[[], Any]
Hook = Callable[[str, Any, Send], Any]


class HookedClient(firestore.Client):
    """Google's client, each of whose RPCs runs `hook(rpc, request, send)` in the thread that makes it.

    `rpc` is named as in the protocol: `Commit`, `BatchGetDocuments`. `send()` makes the call and returns its response,
    a list of them where they are streamed, or raises `grpc.RpcError`. The hook returns the response that the client is
    to see, and may do something before and after, send more than once or not at all, or raise: a `RpcFault` reaches the
    client as if Firestore had answered it, and any other exception passes through the client to its caller.
    """

    def __init__(self, project: str, hook: Hook) -> None:
        super().__init__(project=project)
        self._hook = hook

    def _emulator_channel(self, transport: Any) -> grpc.Channel:
        channel = super()._emulator_channel(transport)  # type: ignore[no-untyped-call]
        return grpc.intercept_channel(channel, _Interceptor(self._hook))


class RpcFault(grpc.RpcError):
    """An error as Firestore answers it."""

    def __init__(self, code: grpc.StatusCode, details: str = "failed on demand") -> None:
        super().__init__(details)
        self._code = code

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return str(self)

    def trailing_metadata(self) -> tuple[()]:
        return ()

    def result(self) -> None:
        """Raise the error: gRPC's interceptors call `result` on the call that they pass on."""
        raise self


class _Answer:
    def __init__(self, response: Any) -> None:
        self._response = response

    def result(self) -> Any:
        return self._response


class _Interceptor(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    def __init__(self, hook: Hook) -> None:
        self._hook = hook

    def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        return _Answer(self._hook(_rpc(details), request, lambda: continuation(details, request).result()))

    def intercept_unary_stream(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        return iter(self._hook(_rpc(details), request, lambda: list(continuation(details, request))))


def _rpc(details: Any) -> str:
    name: str = details.method.rpartition("/")[2]
    return name
