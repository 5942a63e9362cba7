"""Owns the HTTPS functions for credits: their declarations, and the conversion to wire models.

Must not know HTTP libraries nor Firestore.
"""

from __future__ import annotations

from collections.abc import Mapping

from imagegen.credits import service
from imagegen.credits.errors import GrantNotFound, GrantSpent, UserNotFound
from imagegen.credits.records import EntryFilter, EntryType, Total
from imagegen.credits.schemas import (
    GetUserCreditsRequest,
    GrantCreditsAnswer,
    GrantCreditsRequest,
    RevokeGrantAnswer,
    RevokeGrantRequest,
    TotalAnswer,
    TransactionAnswer,
    UserCreditsAnswer,
)
from imagegen.kit import log
from imagegen.kit.errors import IdempotencyKeyReused
from imagegen.web.endpoint import Access, Call, Endpoint, IdempotencyKey, Reply


def _get_user_credits(call: Call[GetUserCreditsRequest]) -> Reply:
    request = call.request
    which = EntryFilter(type=request.type, created_after=request.created_after, created_before=request.created_before)
    statement = service.get_user_credits(
        call.deps, request.user_id, request.page_size, request.page_token, which, with_totals=request.totals
    )
    return Reply(
        UserCreditsAnswer(
            current_credits=statement.current_credits,
            transactions=[
                TransactionAnswer(
                    id=entry.entry_id,
                    type=entry.type,
                    credits=entry.credits,
                    balance_after=entry.balance_after,
                    generation_request_id=entry.generation_id,
                    reason=None if entry.type is EntryType.DEDUCTION else entry.reason,
                    timestamp=entry.recorded_at,
                )
                for entry in statement.entries
            ],
            totals=_totals(statement.totals),
            next_page_token=statement.next_page_token,
        )
    )


def _totals(totals: Mapping[EntryType, Total] | None) -> dict[EntryType, TotalAnswer] | None:
    if totals is None:
        return None
    return {each: TotalAnswer(entries=total.entries, credits=total.credits) for each, total in totals.items()}


def _grant_credits(call: Call[GrantCreditsRequest]) -> Reply:
    request = call.request
    assert call.idempotency_key is not None  # The edge refuses a request without one.
    log.add(userId=request.user_id)
    granted = service.grant(
        call.deps,
        request.user_id,
        request.credits,
        request.reason,
        call.idempotency_key,
        administrator_uid=call.caller.uid,
    )
    answer = GrantCreditsAnswer(
        transaction_id=granted.entry.entry_id,
        user_id=request.user_id,
        granted_credits=granted.entry.credits,
        current_credits=granted.entry.balance_after,
    )
    return Reply(answer, headers={"Idempotent-Replayed": "true"} if granted.replayed else {})


def _revoke_grant(call: Call[RevokeGrantRequest]) -> Reply:
    request = call.request
    log.add(userId=request.user_id)
    revoked = service.revoke_grant(
        call.deps,
        request.user_id,
        request.transaction_id.removesuffix("_grant"),
        administrator_uid=call.caller.uid,
    )
    answer = RevokeGrantAnswer(
        transaction_id=revoked.entry.entry_id,
        user_id=request.user_id,
        revoked_credits=revoked.entry.credits,
        current_credits=revoked.entry.balance_after,
    )
    return Reply(answer, headers={"Idempotent-Replayed": "true"} if revoked.replayed else {})


GRANT_CREDITS = Endpoint(
    name="grantCredits",
    summary="Add credits to an account; open the account if it does not exist.",
    methods=("POST",),
    access=Access.ADMIN,
    request_model=GrantCreditsRequest,
    example={"userId": "testUser1", "credits": 20, "reason": "order 7"},
    answers={200: (GrantCreditsAnswer,)},
    errors=(IdempotencyKeyReused,),
    idempotency_key=IdempotencyKey.REQUIRED,
    respond=_grant_credits,
)

REVOKE_GRANT = Endpoint(
    name="revokeGrant",
    summary="Take back a grant whose credits are still there; a repeated call takes nothing more.",
    methods=("POST",),
    access=Access.ADMIN,
    request_model=RevokeGrantRequest,
    example={"userId": "testUser1", "transactionId": "26ee5e4fafd4ad19dd3f13706510f778_grant"},
    answers={200: (RevokeGrantAnswer,)},
    errors=(GrantNotFound, GrantSpent),
    respond=_revoke_grant,
)

GET_USER_CREDITS = Endpoint(
    name="getUserCredits",
    summary="Read an account's balance and a page of its ledger, newest first.",
    methods=("GET", "POST"),
    access=Access.OWNER,
    request_model=GetUserCreditsRequest,
    example={"userId": "testUser1"},
    answers={200: (UserCreditsAnswer,)},
    errors=(UserNotFound,),
    respond=_get_user_credits,
)
