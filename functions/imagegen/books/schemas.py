"""Owns the wire models of the verified books: how they are asked for and how what was found looks.

Knows neither Firestore nor what a breach is.
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
    """What was looked at, in documents and in credits."""

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
    """One way in which the books of an account fail; `where` is an entry or a generation, null for the account."""

    kind: BreachKind
    user_id: str
    where: str | None
    message: str


class VerifyBooksAnswer(ResponseModel):
    """The 200 of verifyBooks; `next_page_token` is absent when all accounts were looked at."""

    figures: FiguresAnswer
    breaches: list[BreachAnswer]
    next_page_token: str | None = Field(default=None, exclude_if=lambda token: token is None)
