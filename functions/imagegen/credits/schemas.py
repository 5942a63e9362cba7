"""Owns the wire models of accounts and grants. Must not know Firestore."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field, Strict, StringConstraints

from imagegen.credits.records import EntryType
from imagegen.kit.schemas import (
    MOMENT,
    TEXT_PATTERN,
    Count,
    Flag,
    Moment,
    RequestModel,
    ResponseModel,
    UserId,
    matching,
    text,
)

Reason = Annotated[
    str, text(200), StringConstraints(strip_whitespace=True, min_length=1, max_length=200), matching(TEXT_PATTERN)
]


def _entry_type(value: object) -> object:
    return EntryType(value) if isinstance(value, str) else value


_EntryType = Annotated[EntryType, Strict(), BeforeValidator(_entry_type)]


class GrantCreditsRequest(RequestModel):
    """The body of grantCredits."""

    user_id: UserId
    credits: int = Field(ge=1, le=1_000_000, description="an integer from 1 to 1,000,000")
    reason: Reason = "granted"


class RevokeGrantRequest(RequestModel):
    """The body of revokeGrant."""

    user_id: UserId
    transaction_id: str = Field(
        description="the transactionId of a grant: 32 hexadecimal digits and '_grant'",
        pattern=r"^[0-9a-f]{32}_grant$",
    )


class GetUserCreditsRequest(RequestModel):
    """The query or the body of getUserCredits."""

    user_id: UserId
    page_size: Count = Field(default=50, ge=1, le=200, description="an integer from 1 to 200")
    page_token: str | None = Field(
        default=None, min_length=1, max_length=200, description="a nextPageToken of this account"
    )
    type: _EntryType | None = Field(default=None, description="deduction, refund, grant or revocation")
    created_after: Moment | None = Field(default=None, description=MOMENT)
    created_before: Moment | None = Field(default=None, description=MOMENT)
    totals: Flag = Field(default=False, description="true (add up the entries of all pages) or false")


class GrantCreditsAnswer(ResponseModel):
    """The 200 of grantCredits; `current_credits` is the balance after the grant."""

    transaction_id: str
    user_id: str
    granted_credits: int
    current_credits: int


class RevokeGrantAnswer(ResponseModel):
    """The 200 of revokeGrant; `current_credits` is the balance after the revocation."""

    transaction_id: str
    user_id: str
    revoked_credits: int
    current_credits: int


class TransactionAnswer(ResponseModel):
    """One ledger entry."""

    id: str
    type: EntryType
    credits: int
    balance_after: int
    generation_request_id: str | None
    reason: str | None = Field(
        description="the reason of a grant, also of a revoked one; the failureReason of a refund, or 'cancelled'; "
        "null for a deduction"
    )
    timestamp: datetime | None


class TotalAnswer(ResponseModel):
    """How many entries there are, and the sum of their credits."""

    entries: int
    credits: int


class UserCreditsAnswer(ResponseModel):
    """The 200 of getUserCredits; `next_page_token` is absent on the last page, `totals` unless asked for."""

    current_credits: int
    transactions: list[TransactionAnswer]
    totals: dict[EntryType, TotalAnswer] | None = Field(default=None, exclude_if=lambda totals: totals is None)
    next_page_token: str | None = Field(default=None, exclude_if=lambda token: token is None)
