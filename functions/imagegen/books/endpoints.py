"""Owns the HTTPS function that verifies the books: how it is called and what its answer is made of.

Knows neither HTTP libraries nor Firestore.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, astuple

from imagegen.books import service
from imagegen.books.schemas import BreachAnswer, FiguresAnswer, VerifyBooksAnswer, VerifyBooksRequest
from imagegen.books.service import Place
from imagegen.kit.errors import InvalidRequest, Violation
from imagegen.web.endpoint import Access, Call, Endpoint, Reply


def _verify_books(call: Call[VerifyBooksRequest]) -> Reply:
    asked = call.asked
    try:
        place = None if asked.page_token is None else _read_page_token(asked.page_token)
        page = service.verify_books(call.deps, place, asked.page_size)
    except (ValueError, RecursionError):
        raise InvalidRequest([Violation("pageToken", "must be a nextPageToken of this list")]) from None
    return Reply(
        VerifyBooksAnswer(
            figures=FiguresAnswer(**asdict(page.figures)),
            breaches=[BreachAnswer(**asdict(breach)) for breach in page.breaches],
            next_page_token=None if page.next_place is None else _page_token(page.next_place),
        )
    )


def _page_token(place: Place) -> str:
    # Of an administrator's list: whoever makes one up reads no more than is theirs to read.
    return base64.urlsafe_b64encode(json.dumps(astuple(place)).encode()).decode()


def _read_page_token(page_token: str) -> Place:
    match json.loads(base64.b64decode(page_token.encode(), altchars=b"-_", validate=True)):
        case [str(user_id), str(token)] if user_id and token:
            return Place(user_id, token)
    raise ValueError("not a page token")


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
