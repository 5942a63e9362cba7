"""Owns the whole error taxonomy: what a caller can be told, under which HTTP status and stable reason.

Knows neither HTTP libraries nor Firestore; `web.py` renders what is here.
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


class InsufficientCredits(AppError):
    """The account cannot pay; nothing was charged."""

    http_status, status, reason = 402, "FAILED_PRECONDITION", "INSUFFICIENT_CREDITS"

    def __init__(self, user_id: str, current_credits: int, required_credits: int) -> None:
        unit = "credit" if current_credits == 1 else "credits"
        super().__init__(
            f"Account '{user_id}' has {current_credits} {unit}; this request costs {required_credits}.",
            metadata={"currentCredits": str(current_credits), "requiredCredits": str(required_credits)},
        )


class UserNotFound(AppError):
    """There is no account of this id."""

    http_status, status, reason = 404, "NOT_FOUND", "USER_NOT_FOUND"

    def __init__(self, user_id: str) -> None:
        super().__init__(f"There is no account '{user_id}'.", metadata={"userId": user_id})


class GenerationNotFound(AppError):
    """There is no generation of this id, or it is another account's."""

    http_status, status, reason = 404, "NOT_FOUND", "GENERATION_NOT_FOUND"

    def __init__(self, generation_id: str) -> None:
        super().__init__(f"There is no generation '{generation_id}'.", metadata={"generationRequestId": generation_id})


class WeeklyReportNotFound(AppError):
    """There is no report of this week, or none at all."""

    http_status, status, reason = 404, "NOT_FOUND", "WEEKLY_REPORT_NOT_FOUND"

    def __init__(self, week_id: str | None) -> None:
        message = "There is no weekly report yet." if week_id is None else f"There is no report of the week {week_id}."
        super().__init__(message, metadata={} if week_id is None else {"week": week_id})


class MethodNotAllowed(AppError):
    """The function does not answer this HTTP method."""

    http_status, status, reason = 405, "UNIMPLEMENTED", "METHOD_NOT_ALLOWED"

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        super().__init__(
            f"{method} is not allowed here; use {' or '.join(allowed)}.", headers={"Allow": ", ".join(allowed)}
        )


class RequestInProgress(AppError):
    """A first call with this idempotency key is still running."""

    http_status, status, reason = 409, "ABORTED", "REQUEST_IN_PROGRESS"
    retryable = True

    def __init__(self, generation_id: str, retry_after_seconds: int) -> None:
        super().__init__(
            "A request with this Idempotency-Key is still running; ask again later.",
            metadata={"generationRequestId": generation_id},
            retry_after_seconds=retry_after_seconds,
        )


class GenerationCancelled(AppError):
    """The generation was given up while it was drawn, and the account has its credits back."""

    http_status, status, reason = 409, "ABORTED", "GENERATION_CANCELLED"

    def __init__(self, generation_id: str, refunded_credits: int) -> None:
        super().__init__(
            "The generation was cancelled. Nothing was charged.",
            metadata={"generationRequestId": generation_id, "refundedCredits": str(refunded_credits)},
        )


class GenerationEnded(AppError):
    """The generation can no longer be given up."""

    http_status, status, reason = 409, "FAILED_PRECONDITION", "GENERATION_ENDED"

    def __init__(self, generation_id: str, generation_status: str) -> None:
        super().__init__(
            f"The generation is {generation_status}; only one that has not ended can be cancelled.",
            metadata={"generationRequestId": generation_id, "status": generation_status},
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


class GenerationFailed(AppError):
    """The model gave no picture and the account has its credits back."""

    http_status, status, reason = 500, "INTERNAL", "GENERATION_FAILED"

    def __init__(self, generation_id: str, refunded_credits: int, failure_reason: str, *, replayed: bool) -> None:
        unit = "credit was" if refunded_credits == 1 else "credits were"
        super().__init__(
            f"The image could not be generated. Nothing was charged: {refunded_credits} {unit} refunded.",
            metadata={
                "generationRequestId": generation_id,
                "deductedCredits": "0",
                "refundedCredits": str(refunded_credits),
                "failureReason": failure_reason,
            },
            headers={"Idempotent-Replayed": "true"} if replayed else None,
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
