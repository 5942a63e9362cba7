"""Owns the errors of webhooks. Must not know HTTP libraries nor Firestore."""

from __future__ import annotations

from imagegen.kit.errors import AppError


class WebhooksNotConfigured(AppError):
    """The operator has not set the master secret, or it is not valid."""

    http_status, status, reason = 501, "UNIMPLEMENTED", "WEBHOOKS_NOT_CONFIGURED"

    def __init__(self) -> None:
        super().__init__(
            "Webhooks cannot be signed: the operator must set the secret WEBHOOK_SECRET to 'whsec_' and base64 of 24 "
            "to 64 bytes."
        )
