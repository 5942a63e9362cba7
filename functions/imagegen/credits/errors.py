"""Owns the errors of accounts. Must not know HTTP libraries nor Firestore."""

from __future__ import annotations

from imagegen.kit.errors import AppError


class InsufficientCredits(AppError):
    """The balance is less than the price; nothing was charged."""

    http_status, status, reason = 402, "FAILED_PRECONDITION", "INSUFFICIENT_CREDITS"

    def __init__(self, user_id: str, current_credits: int, required_credits: int) -> None:
        unit = "credit" if current_credits == 1 else "credits"
        super().__init__(
            f"Account '{user_id}' has {current_credits} {unit}; this request costs {required_credits}.",
            metadata={"currentCredits": str(current_credits), "requiredCredits": str(required_credits)},
        )


class UserNotFound(AppError):
    """There is no account with this id."""

    http_status, status, reason = 404, "NOT_FOUND", "USER_NOT_FOUND"

    def __init__(self, user_id: str) -> None:
        super().__init__(f"There is no account '{user_id}'.", metadata={"userId": user_id})
