"""Owns the HTTPS functions about credits: how each is called and what its answer is made of.

Knows neither HTTP libraries nor Firestore.
"""

from __future__ import annotations

from ..endpoint import Access, Call, Endpoint, Reply
from ..errors import UserNotFound
from ..schemas import GetUserCreditsRequest, TransactionAnswer, UserCreditsAnswer
from ..services import credits


def _get_user_credits(call: Call[GetUserCreditsRequest]) -> Reply:
    asked = call.asked
    statement = credits.get_user_credits(call.deps, asked.user_id, asked.page_size, asked.page_token)
    return Reply(
        UserCreditsAnswer(
            current_credits=statement.current_credits,
            transactions=[
                TransactionAnswer(
                    id=entry.entry_id,
                    type=entry.type,
                    credits=entry.credits,
                    generation_request_id=entry.generation_id,
                    timestamp=entry.recorded_at,
                )
                for entry in statement.entries
            ],
            next_page_token=statement.next_page_token,
        )
    )


GET_USER_CREDITS = Endpoint(
    name="getUserCredits",
    summary="Read an account's balance and a page of its ledger, newest first.",
    methods=("GET", "POST"),
    access=Access.OWNER,
    asked=GetUserCreditsRequest,
    answers={200: UserCreditsAnswer},
    errors=(UserNotFound,),
    respond=_get_user_credits,
)
