"""Owns the errors of webhooks. Must not know HTTP libraries nor Firestore."""

from __future__ import annotations

from imagegen.kit.errors import AppError


class NoWebhook(AppError):
    """The generation has no webhook URL, or has not ended."""

    http_status, status, reason = 409, "FAILED_PRECONDITION", "NO_WEBHOOK"

    def __init__(self, generation_id: str) -> None:
        super().__init__(
            "The generation has no webhook to send: it was created without a webhookUrl, or has not ended.",
            metadata={"generationRequestId": generation_id},
        )


class WebhooksNotConfigured(AppError):
    """The operator has not set the master secret, or it is not valid."""

    http_status, status, reason = 501, "UNIMPLEMENTED", "WEBHOOKS_NOT_CONFIGURED"

    def __init__(self) -> None:
        super().__init__(
            "Webhooks cannot be signed: the operator must set the secret WEBHOOK_SECRET to 'whsec_' and base64 of 24 "
            "to 64 bytes."
        )
