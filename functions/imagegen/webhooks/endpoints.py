"""Owns the HTTPS functions for webhooks: their declarations, and the conversion to wire models.

Must not know HTTP libraries nor Firestore.
"""

from __future__ import annotations

from imagegen.web.endpoint import Access, Call, Endpoint, IdempotencyKey, Reply
from imagegen.webhooks import secrets
from imagegen.webhooks.errors import WebhooksNotConfigured
from imagegen.webhooks.schemas import GetWebhookSecretRequest, RotateWebhookSecretRequest, WebhookSecretAnswer


def _get_webhook_secret(call: Call[GetWebhookSecretRequest]) -> Reply:
    user_id = call.request.user_id
    return Reply(WebhookSecretAnswer.of(user_id, secrets.get_secrets(call.deps, user_id)))


def _rotate_webhook_secret(call: Call[RotateWebhookSecretRequest]) -> Reply:
    user_id = call.request.user_id
    assert call.idempotency_key is not None  # The edge refuses a request without one.
    rotated, replayed = secrets.rotate_secret(call.deps, user_id, call.idempotency_key)
    return Reply(WebhookSecretAnswer.of(user_id, rotated), headers={"Idempotent-Replayed": "true"} if replayed else {})


GET_WEBHOOK_SECRET = Endpoint(
    name="getWebhookSecret",
    summary="Read the secret that signs an account's webhooks.",
    methods=("GET", "POST"),
    access=Access.OWNER,
    request_model=GetWebhookSecretRequest,
    example={"userId": "testUser1"},
    answers={200: (WebhookSecretAnswer,)},
    errors=(WebhooksNotConfigured,),
    respond=_get_webhook_secret,
)

ROTATE_WEBHOOK_SECRET = Endpoint(
    name="rotateWebhookSecret",
    summary="Replace the secret that signs an account's webhooks; for 24 hours both sign.",
    methods=("POST",),
    access=Access.OWNER,
    request_model=RotateWebhookSecretRequest,
    example={"userId": "testUser1"},
    answers={200: (WebhookSecretAnswer,)},
    errors=(WebhooksNotConfigured,),
    idempotency_key=IdempotencyKey.REQUIRED,
    respond=_rotate_webhook_secret,
)
