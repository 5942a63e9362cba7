"""Owns looking at generations afterwards: one, a list of an account's, and giving up one that has not ended.

Knows neither HTTP nor how Firestore is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from imagegen.deps import Deps
from imagegen.firebase.identity import Caller
from imagegen.generations import store
from imagegen.generations.errors import GenerationEnded, GenerationNotFound
from imagegen.generations.records import Generation, GenerationStatus, Stage
from imagegen.generations.settlement import Reservation, settle
from imagegen.kit import paging
from imagegen.kit.ids import is_document_id

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which of an account's generations are asked for; None for any. Names are canonical ids of the catalog."""

    stage: Stage | None = None
    model: str | None = None
    style: str | None = None
    color: str | None = None
    size: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True)
class GenerationPage:
    """A page of generations, newest first; it may hold fewer than asked for and yet have a next one."""

    generations: list[Generation]
    next_page_token: str | None


def get_generation(deps: Deps, caller: Caller, generation_id: str) -> Generation:
    """Read a generation of the caller's.

    Raises:
        GenerationNotFound: it is not there, or another's.
        Unavailable: Firestore was away.
    """
    found = store.read_generation(deps.db, generation_id)
    # Not told apart: ids are made from idempotency keys, of which one could try out another's.
    if found is None or not caller.may_act_for(found.user_id):
        raise GenerationNotFound(generation_id)
    return found


def cancel_generation(deps: Deps, caller: Caller, generation_id: str) -> Generation:
    """Give up a generation that has not ended, and give its credits back; one that was given up stays so.

    Raises:
        GenerationNotFound: it is not there, or another's.
        GenerationEnded: it was completed or has failed.
        Unavailable: Firestore was away; it may have been given up.
    """
    found = get_generation(deps, caller, generation_id)
    if found.status is GenerationStatus.PENDING:
        found = settle(deps, Reservation(found), GenerationStatus.CANCELLED)
    if found.status is not GenerationStatus.CANCELLED:
        raise GenerationEnded(generation_id, found.status)
    return found


def list_generations(
    deps: Deps, user_id: str, filters: Filters, page_size: int, page_token: str | None
) -> GenerationPage:
    """Read a page of an account's generations, newest first; those of an unknown account are none.

    Raises:
        InvalidRequest: the page token is not one of this list.
        Unavailable: Firestore was away.
    """
    # The filters are part of the list's name: a token of another list would leave some out.
    name = f"{user_id}/{filters}"
    found = store.read_generations(
        deps.db,
        _equal(user_id, filters),
        after=filters.created_after,
        before=filters.created_before,
        beyond=paging.read(name, page_token, _cursor),
        limit=page_size,
    )
    token = None
    if len(found) == page_size:
        microseconds = (found[-1].created_at - _EPOCH) // timedelta(microseconds=1)
        token = paging.make(name, f"{microseconds}/{found[-1].generation_id}")
    # Queued and processing are one status in the database.
    return GenerationPage([g for g in found if filters.stage in (None, g.stage)], token)


def _equal(user_id: str, filters: Filters) -> dict[str, str]:
    fields = {"model": filters.model, "style": filters.style, "color": filters.color, "size": filters.size}
    if filters.stage in (Stage.QUEUED, Stage.PROCESSING):
        fields["status"] = GenerationStatus.PENDING.value
    elif filters.stage is not None:
        fields["status"] = filters.stage.value
    return {"userId": user_id} | {name: value for name, value in fields.items() if value is not None}


def _cursor(text: str) -> tuple[datetime, str]:
    microseconds, _, generation_id = text.partition("/")
    # Firestore does not take every text for an id.
    if not is_document_id(generation_id):
        raise ValueError("not an id")
    return _EPOCH + timedelta(microseconds=int(microseconds)), generation_id
