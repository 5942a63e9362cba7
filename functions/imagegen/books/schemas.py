"""Owns the wire models of verifyBooks.

Must not know Firestore nor the rules of the books.
"""

from __future__ import annotations

from pydantic import Field

from imagegen.books.check import BreachKind
from imagegen.kit.schemas import Count, RequestModel, ResponseModel


class VerifyBooksRequest(RequestModel):
    """The query or the body of verifyBooks."""

    page_size: Count = Field(default=50, ge=1, le=200, description="an integer from 1 to 200")
    page_token: str | None = Field(
        default=None, strict=True, min_length=1, max_length=4000, description="a nextPageToken of this list"
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
    held_credits: int


class BreachAnswer(ResponseModel):
    """One breach in the books of an account; `where` is an entry or a generation, null for the account itself."""

    kind: BreachKind
    user_id: str
    where: str | None
    message: str


class VerifyBooksAnswer(ResponseModel):
    """The 200 of verifyBooks; `next_page_token` is absent on the last page."""

    figures: FiguresAnswer
    breaches: list[BreachAnswer]
    next_page_token: str | None = Field(default=None, exclude_if=lambda token: token is None)
