"""Owns the errors of generations. Must not know HTTP libraries nor Firestore."""

from __future__ import annotations

from imagegen.kit.errors import AppError


class GenerationNotFound(AppError):
    """There is no generation with this id, or it belongs to another account."""

    http_status, status, reason = 404, "NOT_FOUND", "GENERATION_NOT_FOUND"

    def __init__(self, generation_id: str) -> None:
        super().__init__(f"There is no generation '{generation_id}'.", metadata={"generationRequestId": generation_id})


class GenerationDeleted(AppError):
    """The generation that this idempotency key created has been deleted; nothing was charged."""

    http_status, status, reason = 410, "NOT_FOUND", "GENERATION_DELETED"

    def __init__(self, generation_id: str) -> None:
        super().__init__(
            "The generation of this Idempotency-Key has been deleted; use a new key for a new request.",
            metadata={"generationRequestId": generation_id},
        )


class GenerationStarted(AppError):
    """The picture is being drawn, which costs the same whether it is wanted or not: it can no longer be cancelled."""

    http_status, status, reason = 409, "FAILED_PRECONDITION", "GENERATION_STARTED"

    def __init__(self, generation_id: str) -> None:
        super().__init__(
            "The picture is being drawn; only a queued generation can be cancelled.",
            metadata={"generationRequestId": generation_id},
        )


class TooManyUnderWay(AppError):
    """The account has as many generations under way as it may have at once; nothing was charged."""

    http_status, status, reason = 429, "RESOURCE_EXHAUSTED", "TOO_MANY_UNDER_WAY"
    retryable = True

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"This account may have {limit} generations under way at once; wait until one of them has ended.",
            metadata={"limit": str(limit)},
            retry_after_seconds=10,
        )


class RequestInProgress(AppError):
    """An earlier call with this idempotency key is still running."""

    http_status, status, reason = 409, "ABORTED", "REQUEST_IN_PROGRESS"
    retryable = True

    def __init__(self, generation_id: str, retry_after_seconds: int) -> None:
        super().__init__(
            "A request with this Idempotency-Key is still running; try again later.",
            metadata={"generationRequestId": generation_id},
            retry_after_seconds=retry_after_seconds,
        )


class GenerationCancelled(AppError):
    """The generation was cancelled while it was queued; its charge was refunded."""

    http_status, status, reason = 409, "ABORTED", "GENERATION_CANCELLED"

    def __init__(self, generation_id: str, refunded_credits: int) -> None:
        super().__init__(
            "The generation was cancelled. Nothing was charged.",
            metadata={"generationRequestId": generation_id, "refundedCredits": str(refunded_credits)},
        )


class GenerationEnded(AppError):
    """The generation has completed or failed and can no longer be cancelled."""

    http_status, status, reason = 409, "FAILED_PRECONDITION", "GENERATION_ENDED"

    def __init__(self, generation_id: str, generation_status: str) -> None:
        super().__init__(
            f"The generation is {generation_status}; only a queued one can be cancelled.",
            metadata={"generationRequestId": generation_id, "status": generation_status},
        )


class GenerationFailed(AppError):
    """There is no picture; the charge was refunded."""

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
