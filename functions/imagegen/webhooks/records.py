"""Owns what is stored of an account's webhooks, as frozen values. Must not know how they are stored or sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class WebhookAccount:
    """The webhooks of one account: the version of its secret, and when and by which call it was last rotated."""

    user_id: str
    secret_version: int = 1
    rotated_at: datetime | None = None
    rotation_id: str | None = None
    rotation_attempt_id: str | None = None
