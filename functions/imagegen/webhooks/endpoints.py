"""Owns the HTTPS functions for webhooks: their declarations, and the conversion to wire models.

Must not know HTTP libraries nor Firestore.
"""

from __future__ import annotations

from imagegen.generations.errors import GenerationNotFound
from imagegen.kit.errors import RateLimited
from imagegen.web.endpoint import Access, Call, Endpoint, IdempotencyKey, Reply
from imagegen.webhooks import resending, secrets
from imagegen.webhooks.errors import NoWebhook, WebhooksNotConfigured
from imagegen.webhooks.schemas import (
    GetWebhookSecretRequest,
    ListWebhookDeliveriesRequest,
    ResendWebhookRequest,
    RotateWebhookSecretRequest,
    WebhookDeliveriesAnswer,
    WebhookDeliveryAnswer,
    WebhookSecretAnswer,
)


def _list_webhook_deliveries(call: Call[ListWebhookDeliveriesRequest]) -> Reply:
    request = call.request
    page = resending.list_deliveries(call.deps, request.user_id, request.state, request.page_size, request.page_token)
    deliveries = [WebhookDeliveryAnswer.of(generation) for generation in page.generations]
    return Reply(WebhookDeliveriesAnswer(deliveries=deliveries, next_page_token=page.next_page_token))


def _resend_webhook(call: Call[ResendWebhookRequest]) -> Reply:
    resent = resending.resend_webhook(call.deps, call.caller, call.request.generation_request_id)
    return Reply(WebhookDeliveryAnswer.of(resent))


def _get_webhook_secret(call: Call[GetWebhookSecretRequest]) -> Reply:
    user_id = call.request.user_id
    return Reply(WebhookSecretAnswer.of(user_id, secrets.get_secrets(call.deps, user_id)))


def _rotate_webhook_secret(call: Call[RotateWebhookSecretRequest]) -> Reply:
    user_id = call.request.user_id
    assert call.idempotency_key is not None  # The edge refuses a request without one.
    rotated, replayed = secrets.rotate_secret(call.deps, user_id, call.idempotency_key)
    return Reply(WebhookSecretAnswer.of(user_id, rotated), headers={"Idempotent-Replayed": "true"} if replayed else {})


LIST_WEBHOOK_DELIVERIES = Endpoint(
    name="listWebhookDeliveries",
    summary="Read a page of an account's webhooks and their deliveries, newest first.",
    methods=("GET", "POST"),
    access=Access.OWNER,
    request_model=ListWebhookDeliveriesRequest,
    example={"userId": "testUser1", "state": "given_up"},
    answers={200: (WebhookDeliveriesAnswer,)},
    respond=_list_webhook_deliveries,
)

RESEND_WEBHOOK = Endpoint(
    name="resendWebhook",
    summary="Send the webhook of a generation again, also one that was delivered or given up.",
    methods=("POST",),
    access=Access.SIGNED_IN,
    request_model=ResendWebhookRequest,
    example={"generationRequestId": "59d7691038ab402b8b127c3fea1db3f7"},
    answers={200: (WebhookDeliveryAnswer,)},
    errors=(GenerationNotFound, NoWebhook, RateLimited),
    respond=_resend_webhook,
)

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
