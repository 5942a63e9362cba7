"""Owns the wire models of reading, listing and cancelling generations.

Must not know Firestore nor the catalog's contents. Separate from `schemas.py`: building these models slows down a cold
start, and createGenerationRequest needs none of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field, Strict

from imagegen.generations.records import FailureReason, Generation, Stage
from imagegen.kit.ids import DOCUMENT_ID_PATTERN, MAX_ID_CHARACTERS
from imagegen.kit.schemas import MOMENT, Count, Moment, Name, RequestModel, ResponseModel, UserId, matching

GenerationId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_ID_CHARACTERS,
        description="a generationRequestId",
        json_schema_extra={"pattern": DOCUMENT_ID_PATTERN},
    ),
    matching(DOCUMENT_ID_PATTERN),
]


def _stage(value: object) -> object:
    return Stage(value) if isinstance(value, str) else value


# JSON has no enumerations: they are parsed from text only.
_Stage = Annotated[Stage, Strict(), BeforeValidator(_stage)]


class GetGenerationStatusRequest(RequestModel):
    """The query or the body of getGenerationStatus."""

    generation_request_id: GenerationId


class CancelGenerationRequest(RequestModel):
    """The body of cancelGenerationRequest."""

    generation_request_id: GenerationId


class ListGenerationRequestsRequest(RequestModel):
    """The query or the body of listGenerationRequests."""

    user_id: UserId | None = None
    status: _Stage | None = Field(default=None, description="queued, processing, completed, failed or cancelled")
    model: Name | None = Field(default=None, description="a name in the catalog")
    style: Name | None = Field(default=None, description="a name in the catalog")
    color: Name | None = Field(default=None, description="a name in the catalog")
    size: Name | None = Field(default=None, description="a name in the catalog")
    created_after: Moment | None = Field(default=None, description=MOMENT)
    created_before: Moment | None = Field(default=None, description=MOMENT)
    page_size: Count = Field(default=20, ge=1, le=100, description="an integer from 1 to 100")
    page_token: str | None = Field(
        default=None, min_length=1, max_length=200, description="a nextPageToken of this list"
    )


class GenerationAnswer(ResponseModel):
    """A generation; `progress` is a coarse estimate, in percent."""

    generation_request_id: str
    user_id: str
    status: Stage
    progress: int
    model: str
    style: str
    color: str
    size: str
    prompt: str
    image_url: str | None
    credits_charged: int
    credits_refunded: int
    failure_reason: FailureReason | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None

    @classmethod
    def of(cls, generation: Generation) -> GenerationAnswer:
        """Return the wire model of a generation."""
        return cls(
            generation_request_id=generation.generation_id,
            user_id=generation.user_id,
            status=generation.stage,
            progress=_PROGRESS.get(generation.stage, 100),
            model=generation.model,
            style=generation.style,
            color=generation.color,
            size=generation.size,
            prompt=generation.prompt,
            image_url=generation.image_url,
            credits_charged=generation.credits_charged,
            credits_refunded=generation.credits_refunded,
            failure_reason=generation.failure_reason,
            created_at=generation.created_at,
            started_at=generation.started_at,
            completed_at=generation.completed_at,
        )


_PROGRESS = {Stage.QUEUED: 0, Stage.PROCESSING: 50}


class GenerationsAnswer(ResponseModel):
    """A page of generations; `next_page_token` is absent on the last page."""

    generations: list[GenerationAnswer]
    next_page_token: str | None = Field(default=None, exclude_if=lambda token: token is None)
