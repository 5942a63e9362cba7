"""Owns the wire model of a webhook's message. Must not know how it is signed or delivered."""

from __future__ import annotations

from datetime import datetime

from imagegen.generations.lookup_schemas import GenerationAnswer
from imagegen.kit.schemas import ResponseModel


class WebhookMessage(ResponseModel):
    """The body of a webhook: the event type, the time of sending, and the generation."""

    type: str
    timestamp: datetime
    data: GenerationAnswer
