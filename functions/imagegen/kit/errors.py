"""Owns the tree of errors that a caller can be told, and those that any function may answer with.

Must not know HTTP libraries nor a feature; `web/serving.py` renders what is here, each feature adds its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

# More than any request has fields: an answer must not be many times as large as what it answers.
MOST_VIOLATIONS = 20


@dataclass(frozen=True)
class Violation:
    """One bad field: its name on the wire, and what is allowed."""

    field: str
    description: str


class AppError(Exception):
    """An answer other than success: `http_status` on the wire, `status` for clients, `reason` stable for programs."""

    http_status: ClassVar[int]
    status: ClassVar[str]
    reason: ClassVar[str]
    # Whether the same call may succeed later; such an error says after how many seconds.
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        metadata: dict[str, str] | None = None,
        violations: Sequence[Violation] = (),
        retry_after_seconds: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        assert self.retryable == (retry_after_seconds is not None)
        self.message = message
        self.metadata = metadata or {}
        self.violations = tuple(violations)
        self.retry_after_seconds = retry_after_seconds
        self.headers = headers or {}


class TryAgain(Exception):
    """What a task asked for is not done yet; its queue is to deliver it once more, later."""


class InvalidRequest(AppError):
    """The request breaks the documented shape; one violation per bad field, for as many as are told of."""

    http_status, status, reason = 400, "INVALID_ARGUMENT", "INVALID_REQUEST"

    def __init__(self, violations: Sequence[Violation]) -> None:
        told = violations[:MOST_VIOLATIONS]
        fields = ", ".join(violation.field for violation in told)
        more = f", and {len(violations) - len(told)} more" if len(violations) > len(told) else ""
        super().__init__(f"The request is not valid: {fields}{more}.", violations=told)


class Unauthenticated(AppError):
    """Nobody signed in, or the token that says who is not valid."""

    http_status, status, reason = 401, "UNAUTHENTICATED", "UNAUTHENTICATED"

    def __init__(self, message: str) -> None:
        super().__init__(message, headers={"WWW-Authenticate": "Bearer"})


class PermissionDenied(AppError):
    """Whoever signed in may not do this."""

    http_status, status, reason = 403, "PERMISSION_DENIED", "PERMISSION_DENIED"

    def __init__(self, message: str) -> None:
        super().__init__(message)


class MethodNotAllowed(AppError):
    """The function does not answer this HTTP method."""

    http_status, status, reason = 405, "UNIMPLEMENTED", "METHOD_NOT_ALLOWED"

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        super().__init__(
            f"{method} is not allowed here; use {' or '.join(allowed)}.", headers={"Allow": ", ".join(allowed)}
        )


class BodyTooLarge(AppError):
    """The body is larger than any valid request."""

    http_status, status, reason = 413, "INVALID_ARGUMENT", "BODY_TOO_LARGE"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The body is larger than {limit_bytes} bytes.", metadata={"limitBytes": str(limit_bytes)})


class UnsupportedMediaType(AppError):
    """The body does not say that it is JSON."""

    http_status, status, reason = 415, "INVALID_ARGUMENT", "UNSUPPORTED_MEDIA_TYPE"

    def __init__(self) -> None:
        super().__init__("Send a JSON body with 'Content-Type: application/json'.")


class IdempotencyKeyReused(AppError):
    """The idempotency key was used before with another body."""

    http_status, status, reason = 422, "INVALID_ARGUMENT", "IDEMPOTENCY_KEY_REUSED"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used with another request; a new request needs a new key.")


class RateLimited(AppError):
    """The account makes more requests than it may; nothing was charged."""

    http_status, status, reason = 429, "RESOURCE_EXHAUSTED", "RATE_LIMITED"
    retryable = True

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(
            "This account makes too many requests; ask again later.", retry_after_seconds=retry_after_seconds
        )


class InternalError(AppError):
    """Something of ours broke; the log holds what, the answer does not."""

    http_status, status, reason = 500, "INTERNAL", "INTERNAL"

    def __init__(self) -> None:
        super().__init__("An internal error occurred.")


class Unavailable(AppError):
    """Firestore is away or contended for longer than a caller should wait."""

    http_status, status, reason = 503, "UNAVAILABLE", "UNAVAILABLE"
    retryable = True

    def __init__(self) -> None:
        super().__init__("The service is busy or unavailable; try again.", retry_after_seconds=2)
