"""Owns the message that a webhook is sent. Must not know how it is signed or delivered."""

from __future__ import annotations

from datetime import datetime

from imagegen.generations.lookup_schemas import GenerationAnswer
from imagegen.kit.schemas import ResponseModel


class WebhookMessage(ResponseModel):
    """What a webhook is sent."""

    type: str
    timestamp: datetime
    data: GenerationAnswer
