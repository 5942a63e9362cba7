"""Owns what is stored of an account's webhooks, as frozen values. Must not know how they are stored or sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Breaker:
    """A host that fails: its consecutive failures, until when it is not called, and the delivery that probes it."""

    failures: int
    open_until: datetime
    probe: str | None = None


@dataclass(frozen=True, kw_only=True)
class WebhookAccount:
    """The webhooks of one account: the version of its secret, its last rotation, and what limits its deliveries."""

    user_id: str
    secret_version: int = 1
    rotated_at: datetime | None = None
    # Which idempotency key, and which call, rotated last.
    rotation_id: str | None = None
    rotation_attempt_id: str | None = None
    # Until then each of its deliveries needs a slot: a receiver was slow.
    slow_until: datetime | None = None
    # Leases by generation id: when each slot is free again, if its delivery dies.
    slots: Mapping[str, datetime] = field(default_factory=dict)
    # By host; only hosts that fail.
    breakers: Mapping[str, Breaker] = field(default_factory=dict)
    # The theoretical arrival time of the rate limit of resendWebhook.
    resend_arrival_at: datetime | None = None
