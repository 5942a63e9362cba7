"""Owns the base class of all API errors, and the errors that any function may return.

Must not know HTTP libraries nor a feature. Each feature adds its own errors; `web/serving.py` renders all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

# More than any request has fields. The limit prevents amplification: an error much larger than its request.
MAX_VIOLATIONS = 20


@dataclass(frozen=True)
class Violation:
    """One invalid field: its name on the wire, and what is allowed."""

    field: str
    description: str


class AppError(Exception):
    """An error that the caller sees: HTTP status, gRPC status name, and a `reason` that is stable for programs."""

    http_status: ClassVar[int]
    status: ClassVar[str]
    reason: ClassVar[str]
    # Whether the same call may succeed later. If so, the error has `retry_after_seconds`.
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
    """A task is not done; its queue must deliver it again."""


class InvalidRequest(AppError):
    """The request is not valid: one violation for each invalid field, up to a limit."""

    http_status, status, reason = 400, "INVALID_ARGUMENT", "INVALID_REQUEST"

    def __init__(self, violations: Sequence[Violation]) -> None:
        listed = violations[:MAX_VIOLATIONS]
        fields = ", ".join(violation.field for violation in listed)
        more = f", and {len(violations) - len(listed)} more" if len(violations) > len(listed) else ""
        super().__init__(f"The request is not valid: {fields}{more}.", violations=listed)


class Unauthenticated(AppError):
    """The ID token or the App Check token is missing or not valid."""

    http_status, status, reason = 401, "UNAUTHENTICATED", "UNAUTHENTICATED"

    def __init__(self, message: str) -> None:
        super().__init__(message, headers={"WWW-Authenticate": "Bearer"})


class PermissionDenied(AppError):
    """The caller is signed in, but is not allowed to do this."""

    http_status, status, reason = 403, "PERMISSION_DENIED", "PERMISSION_DENIED"

    def __init__(self, message: str) -> None:
        super().__init__(message)


class MethodNotAllowed(AppError):
    """The function does not support this HTTP method."""

    http_status, status, reason = 405, "UNIMPLEMENTED", "METHOD_NOT_ALLOWED"

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        super().__init__(
            f"{method} is not allowed here; use {' or '.join(allowed)}.", headers={"Allow": ", ".join(allowed)}
        )


class BodyTooLarge(AppError):
    """The body is larger than the limit."""

    http_status, status, reason = 413, "INVALID_ARGUMENT", "BODY_TOO_LARGE"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The body is larger than {limit_bytes} bytes.", metadata={"limitBytes": str(limit_bytes)})


class UnsupportedMediaType(AppError):
    """The body has no JSON content type."""

    http_status, status, reason = 415, "INVALID_ARGUMENT", "UNSUPPORTED_MEDIA_TYPE"

    def __init__(self) -> None:
        super().__init__("Send a JSON body with 'Content-Type: application/json'.")


class IdempotencyKeyReused(AppError):
    """The idempotency key was used before, with another request."""

    http_status, status, reason = 422, "INVALID_ARGUMENT", "IDEMPOTENCY_KEY_REUSED"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used with another request; use a new key for a new request.")


class RateLimited(AppError):
    """The account exceeds its rate limit; nothing was charged."""

    http_status, status, reason = 429, "RESOURCE_EXHAUSTED", "RATE_LIMITED"
    retryable = True

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(
            "This account exceeds its rate limit; try again later.", retry_after_seconds=retry_after_seconds
        )


class InternalError(AppError):
    """An unexpected error. Its details are in the log only."""

    http_status, status, reason = 500, "INTERNAL", "INTERNAL"

    def __init__(self) -> None:
        super().__init__("An internal error occurred.")


class Unavailable(AppError):
    """Firestore was not available before the deadline, or there was too much contention."""

    http_status, status, reason = 503, "UNAVAILABLE", "UNAVAILABLE"
    retryable = True

    def __init__(self) -> None:
        super().__init__("The service is busy or unavailable; try again.", retry_after_seconds=2)
