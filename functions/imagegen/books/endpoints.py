"""Owns the HTTPS function that verifies the books: how it is called and what its answer is made of.

Knows neither HTTP libraries nor Firestore.
"""

from __future__ import annotations

from dataclasses import asdict

from imagegen.books import service
from imagegen.books.schemas import BreachAnswer, FiguresAnswer, VerifyBooksAnswer, VerifyBooksRequest
from imagegen.web.endpoint import Access, Call, Endpoint, Reply


def _verify_books(call: Call[VerifyBooksRequest]) -> Reply:
    page = service.verify_books(call.deps, call.asked.page_size, call.asked.page_token)
    return Reply(
        VerifyBooksAnswer(
            figures=FiguresAnswer(**asdict(page.figures)),
            breaches=[BreachAnswer(**asdict(breach)) for breach in page.breaches],
            next_page_token=page.next_page_token,
        )
    )


VERIFY_BOOKS = Endpoint(
    name="verifyBooks",
    summary="Prove that the books of a page of accounts balance, or say where they do not.",
    methods=("GET", "POST"),
    access=Access.ADMIN,
    asked=VerifyBooksRequest,
    example={"pageSize": 50},
    answers={200: (VerifyBooksAnswer,)},
    respond=_verify_books,
)
