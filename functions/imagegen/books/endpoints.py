"""Owns the HTTPS function that verifies the books: its declaration, and the conversion to wire models.

Must not know HTTP libraries nor Firestore.
"""

from __future__ import annotations

from dataclasses import asdict

from imagegen.books import service
from imagegen.books.schemas import BreachAnswer, FiguresAnswer, VerifyBooksAnswer, VerifyBooksRequest
from imagegen.web.endpoint import Access, Call, Endpoint, Reply


def _verify_books(call: Call[VerifyBooksRequest]) -> Reply:
    page = service.verify_books(call.deps, call.request.page_size, call.request.page_token)
    return Reply(
        VerifyBooksAnswer(
            figures=FiguresAnswer(**asdict(page.figures)),
            breaches=[BreachAnswer(**asdict(breach)) for breach in page.breaches],
            next_page_token=page.next_page_token,
        )
    )


VERIFY_BOOKS = Endpoint(
    name="verifyBooks",
    summary="Verify the books of a page of accounts, and list the breaches.",
    methods=("GET", "POST"),
    access=Access.ADMIN,
    request_model=VerifyBooksRequest,
    example={"pageSize": 50},
    answers={200: (VerifyBooksAnswer,)},
    respond=_verify_books,
)
