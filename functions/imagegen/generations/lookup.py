"""Owns the use cases of existing generations: read one, list those of an account, cancel one.

Must not know HTTP nor how documents are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from imagegen.deps import Deps
from imagegen.firebase.identity import Caller
from imagegen.generations import store
from imagegen.generations.errors import GenerationEnded, GenerationNotFound, GenerationStarted
from imagegen.generations.records import Generation, GenerationStatus, Stage
from imagegen.generations.settlement import Reservation, settle
from imagegen.kit import paging
from imagegen.kit.ids import is_document_id

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Filters:
    """The filters of a list; None means any. `model`, `style`, `color` and `size` are canonical ids of the catalog."""

    stage: Stage | None = None
    model: str | None = None
    style: str | None = None
    color: str | None = None
    size: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True)
class GenerationPage:
    """A page of generations, newest first; a page with fewer than `page_size` can still have a next page."""

    generations: list[Generation]
    next_page_token: str | None


def get_generation(deps: Deps, caller: Caller, generation_id: str) -> Generation:
    """Read a generation of the caller.

    Raises:
        GenerationNotFound: it does not exist, or belongs to another account.
        Unavailable: Firestore was not available.
    """
    found = store.read_generation(deps.db, generation_id)
    # 404, not 403: ids derive from idempotency keys, and a 403 would be an existence oracle.
    if found is None or not caller.may_act_for(found.user_id):
        raise GenerationNotFound(generation_id)
    return found


def cancel_generation(deps: Deps, caller: Caller, generation_id: str) -> Generation:
    """Cancel a queued generation, and refund it; idempotent.

    Raises:
        GenerationNotFound: it does not exist, or belongs to another account.
        GenerationStarted: its picture is being drawn.
        GenerationEnded: it has completed or failed.
        Unavailable: Firestore was not available; it may have been cancelled.
    """
    found = get_generation(deps, caller, generation_id)
    if found.status is GenerationStatus.PENDING:
        administrator_uid = caller.administrator_of(found.user_id)
        found = settle(deps, Reservation(found), GenerationStatus.CANCELLED, administrator_uid=administrator_uid)
    if found.status is GenerationStatus.PENDING:
        raise GenerationStarted(generation_id)
    if found.status is not GenerationStatus.CANCELLED:
        raise GenerationEnded(generation_id, found.status)
    return found


def list_generations(
    deps: Deps, user_id: str | None, filters: Filters, page_size: int, page_token: str | None
) -> GenerationPage:
    """Read a page of an account's generations, or of all accounts', newest first; empty for an unknown account.

    Raises:
        InvalidRequest: the page token is not of this list.
        Unavailable: Firestore was not available.
    """
    # The filters are part of the list's name: a token of a list with other filters is refused.
    name = f"{user_id or ''}/{filters}"
    found = store.read_generations(
        deps.db,
        _equal(user_id, filters),
        after=filters.created_after,
        before=filters.created_before,
        beyond=paging.read(name, page_token, cursor),
        limit=page_size,
    )
    token = None
    if len(found) == page_size:
        token = paging.make(name, cursor_text(found[-1]))
    # Queued and processing are both stored as pending, so they are filtered here.
    return GenerationPage([g for g in found if filters.stage in (None, g.stage)], token)


def _equal(user_id: str | None, filters: Filters) -> dict[str, str]:
    fields = {"userId": user_id, "model": filters.model, "style": filters.style}
    fields |= {"color": filters.color, "size": filters.size}
    if filters.stage in (Stage.QUEUED, Stage.PROCESSING):
        fields["status"] = GenerationStatus.PENDING.value
    elif filters.stage is not None:
        fields["status"] = filters.stage.value
    return {name: value for name, value in fields.items() if value is not None}


def cursor_text(generation: Generation) -> str:
    """Return the cursor of a list by creation time, newest first, beyond a generation."""
    return f"{(generation.created_at - _EPOCH) // timedelta(microseconds=1)}/{generation.generation_id}"


def cursor(text: str) -> tuple[datetime, str]:
    """Parse such a cursor.

    Raises:
        ValueError, OverflowError: it is not valid.
    """
    microseconds, _, generation_id = text.partition("/")
    # Firestore refuses some texts as a document id.
    if not is_document_id(generation_id):
        raise ValueError("not an id")
    return _EPOCH + timedelta(microseconds=int(microseconds)), generation_id
