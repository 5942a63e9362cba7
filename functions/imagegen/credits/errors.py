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


class GrantSpent(AppError):
    """The balance is less than the grant that should be taken back; nothing was."""

    http_status, status, reason = 409, "FAILED_PRECONDITION", "GRANT_SPENT"

    def __init__(self, user_id: str, current_credits: int, granted_credits: int) -> None:
        unit = "credit" if current_credits == 1 else "credits"
        super().__init__(
            f"Account '{user_id}' has {current_credits} {unit}, fewer than the grant of {granted_credits}.",
            metadata={"currentCredits": str(current_credits), "grantedCredits": str(granted_credits)},
        )


class GrantNotFound(AppError):
    """The account has no grant with this id."""

    http_status, status, reason = 404, "NOT_FOUND", "GRANT_NOT_FOUND"

    def __init__(self, user_id: str, transaction_id: str) -> None:
        super().__init__(
            f"Account '{user_id}' has no grant '{transaction_id}'.",
            metadata={"userId": user_id, "transactionId": transaction_id},
        )


class UserNotFound(AppError):
    """There is no account with this id."""

    http_status, status, reason = 404, "NOT_FOUND", "USER_NOT_FOUND"

    def __init__(self, user_id: str) -> None:
        super().__init__(f"There is no account '{user_id}'.", metadata={"userId": user_id})
