"""Owns the HTTPS functions for books: their declarations, and the conversion to wire models.

Must not know HTTP libraries nor Firestore.
"""

from __future__ import annotations

from dataclasses import asdict

from imagegen.books import audit, service
from imagegen.books.records import Audit
from imagegen.books.schemas import (
    AuditAnswer,
    BreachAnswer,
    FiguresAnswer,
    GetAuditAnswer,
    GetAuditRequest,
    UnverifiedAnswer,
    VerifyBooksAnswer,
    VerifyBooksRequest,
)
from imagegen.web.endpoint import Access, Call, Endpoint, Reply


def _verify_books(call: Call[VerifyBooksRequest]) -> Reply:
    page = service.verify_books(call.deps, call.request.page_size, call.request.page_token)
    return Reply(
        VerifyBooksAnswer(
            figures=FiguresAnswer(**asdict(page.figures)),
            breaches=[BreachAnswer(**asdict(breach)) for breach in page.breaches],
            unverified=[UnverifiedAnswer(**asdict(each)) for each in page.unverified],
            next_page_token=page.next_page_token,
        )
    )


def _get_audit(call: Call[GetAuditRequest]) -> Reply:
    found = audit.get_audit(call.deps)
    return Reply(GetAuditAnswer(audit=None if found is None else _audit_answer(found)))


def _audit_answer(found: Audit) -> AuditAnswer:
    return AuditAnswer(
        started_at=found.started_at,
        updated_at=found.updated_at,
        ended_at=found.ended_at,
        figures=FiguresAnswer(**asdict(found.figures)),
        breach_count=found.breach_count,
        breaches=[BreachAnswer(**asdict(breach)) for breach in found.breaches],
        unverified_count=found.unverified_count,
        unverified=[UnverifiedAnswer(**asdict(each)) for each in found.unverified],
    )


GET_AUDIT = Endpoint(
    name="getAudit",
    summary="Read the result of the last nightly audit of all books.",
    methods=("GET", "POST"),
    access=Access.ADMIN,
    request_model=GetAuditRequest,
    answers={200: (GetAuditAnswer,)},
    respond=_get_audit,
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
