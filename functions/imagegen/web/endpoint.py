"""Owns the declaration of an HTTPS function: access, request model, response models, errors.

Must not know HTTP libraries nor Firestore; `serving.py` serves a declaration, `openapi.py` documents it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from imagegen.deps import Deps
from imagegen.firebase.identity import Caller
from imagegen.kit.errors import AppError

if TYPE_CHECKING:
    from pydantic import BaseModel

RequestT = TypeVar("RequestT", bound="BaseModel")


class Access(Enum):
    """Who may call."""

    PUBLIC = auto()
    # Any signed-in caller; the service checks who owns the resource.
    SIGNED_IN = auto()
    # The account in the request's `userId`, or an administrator.
    OWNER = auto()
    ADMIN = auto()


class IdempotencyKey(Enum):
    """Whether the function uses the Idempotency-Key header."""

    UNUSED = auto()
    OPTIONAL = auto()
    REQUIRED = auto()


@dataclass(frozen=True, kw_only=True)
class Call(Generic[RequestT]):
    """An authorized call: its dependencies, caller and validated request."""

    deps: Deps
    caller: Caller
    request: RequestT
    started_at: datetime
    idempotency_key: str | None = None
    # Whether the caller sent `Prefer: respond-async` (RFC 7240).
    respond_async: bool = False
    # Returns the URL of another function, by its name.
    function_url: Callable[[str], str]


@dataclass(frozen=True)
class Reply:
    """A successful response: its model, or rendered JSON; its HTTP status and headers."""

    answer: BaseModel | str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Endpoint(Generic[RequestT]):
    """An HTTPS function.

    `errors` are its own, in addition to those of any call. `read`, if set, replaces the validation of a body by
    `request_model`: it can add violations that the model cannot find. With `cache_control`, a response has an ETag and
    is conditional (304).
    """

    name: str
    summary: str
    methods: tuple[str, ...]
    access: Access
    request_model: type[RequestT]
    # An example of a request, for the OpenAPI document.
    example: Mapping[str, Any] = field(default_factory=dict)
    # The response models by HTTP status.
    answers: Mapping[int, tuple[type[BaseModel], ...]]
    errors: tuple[type[AppError], ...] = ()
    idempotency_key: IdempotencyKey = IdempotencyKey.UNUSED
    # Whether it supports `Prefer: respond-async`.
    may_respond_async: bool = False
    cache_control: str | None = None
    respond: Callable[[Call[RequestT]], Reply]
    read: Callable[[Deps, Mapping[str, Any]], RequestT] | None = None
