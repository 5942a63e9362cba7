"""Owns what an HTTPS function declares of itself: who may call it, what it is asked, what it answers and refuses with.

Knows neither HTTP libraries nor Firestore; `web.py` serves what is declared here, `openapi.py` documents it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from imagegen.deps import Deps
from imagegen.firebase.identity import Caller
from imagegen.kit.errors import AppError

if TYPE_CHECKING:
    from pydantic import BaseModel

Asked = TypeVar("Asked", bound="BaseModel")


class Access(Enum):
    """Who may call."""

    PUBLIC = auto()
    # Whoever is signed in; the service looks at whose it is.
    SIGNED_IN = auto()
    # The account that the request names in `userId`, or an administrator.
    OWNER = auto()
    ADMIN = auto()


class IdempotencyKey(Enum):
    """What the function makes of an Idempotency-Key header."""

    UNUSED = auto()
    OPTIONAL = auto()
    REQUIRED = auto()


@dataclass(frozen=True, kw_only=True)
class Call(Generic[Asked]):
    """One call that may be made: the world, who calls, what is asked."""

    deps: Deps
    caller: Caller
    asked: Asked
    idempotency_key: str | None = None
    # Whether the caller prefers not to wait (RFC 7240).
    respond_async: bool = False
    # Says at which URL another function is called.
    function_url: Callable[[str], str]


@dataclass(frozen=True)
class Reply:
    """A success: what is answered, under which status and headers."""

    answer: BaseModel
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Endpoint(Generic[Asked]):
    """An HTTPS function.

    `errors` are those of its own, beside what any call can be answered with. `read` makes the request out of the fields
    of a body where the model alone does not say all that is wrong with them. An answer with `cache_control` may be kept
    so: it gets an ETag, and is not sent to who has it.
    """

    name: str
    summary: str
    methods: tuple[str, ...]
    access: Access
    asked: type[Asked]
    # What may be asked, for whoever reads the description.
    example: Mapping[str, Any] = field(default_factory=dict)
    # By HTTP status.
    answers: Mapping[int, tuple[type[BaseModel], ...]]
    errors: tuple[type[AppError], ...] = ()
    idempotency_key: IdempotencyKey = IdempotencyKey.UNUSED
    # Whether it heeds `Prefer: respond-async`.
    may_respond_async: bool = False
    # How an answer may be kept; one that may has an ETag, and is not sent to who has it.
    cache_control: str | None = None
    respond: Callable[[Call[Asked]], Reply]
    read: Callable[[Deps, Mapping[str, Any]], Asked] | None = None
