"""Owns the wire models of verifyBooks and getAudit.

Must not know Firestore nor the rules of the books.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from imagegen.books.check import BreachKind
from imagegen.kit.schemas import Count, RequestModel, ResponseModel


class VerifyBooksRequest(RequestModel):
    """The query or the body of verifyBooks."""

    page_size: Count = Field(default=50, ge=1, le=200, description="an integer from 1 to 200")
    page_token: str | None = Field(
        default=None, min_length=1, max_length=4000, description="a nextPageToken of this list"
    )


class FiguresAnswer(ResponseModel):
    """Numbers of checked documents, and sums of credits."""

    accounts: int
    entries: int
    generations: int
    overdue: int
    opened_credits: int
    granted_credits: int
    deducted_credits: int
    refunded_credits: int
    revoked_credits: int
    held_credits: int


class BreachAnswer(ResponseModel):
    """One breach in the books of an account; `where` is an entry or a generation, null for the account itself."""

    kind: BreachKind
    user_id: str
    where: str | None
    message: str


class UnverifiedAnswer(ResponseModel):
    """An account that could not be verified, and why."""

    user_id: str
    message: str


class VerifyBooksAnswer(ResponseModel):
    """The 200 of verifyBooks; `next_page_token` is absent on the last page."""

    figures: FiguresAnswer
    breaches: list[BreachAnswer]
    unverified: list[UnverifiedAnswer]
    next_page_token: str | None = Field(default=None, exclude_if=lambda token: token is None)


class GetAuditRequest(RequestModel):
    """The query or the body of getAudit, which has no fields."""


class AuditAnswer(ResponseModel):
    """The result of an audit; `ended_at` is null while accounts are left for the next run."""

    started_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    figures: FiguresAnswer
    breach_count: int
    breaches: list[BreachAnswer]
    unverified_count: int
    unverified: list[UnverifiedAnswer]


class GetAuditAnswer(ResponseModel):
    """The 200 of getAudit; `audit` is null before the first one."""

    audit: AuditAnswer | None
