"""Owns the wire names and deployment options of the functions; Firebase takes each name from its Python name.

Must not know business logic. The Firebase CLI imports this module at deploy: importing it must not use the network or
read a parameter. Each function runs in its own instances and imports its feature at the first call, so that a cold
start loads only the code that it needs.
"""

from typing import Any
from zoneinfo import ZoneInfo

from firebase_functions import https_fn, options, scheduler_fn, tasks_fn
from flask import Request, Response

from imagegen.config import (
    AUDIT_FUNCTION_TIME_LIMIT_SECONDS,
    FUNCTION_TIME_LIMIT_SECONDS,
    JOB_DELIVERIES,
    RECONCILE_FUNCTION_TIME_LIMIT_SECONDS,
    REGION,
    REPORT_FUNCTION_TIME_LIMIT_SECONDS,
    WEBHOOK_DELIVERIES,
    WEBHOOK_SECRET,
)
from imagegen.production import production
from imagegen.web import body, serving, triggers

body.install()

# A whole CPU: with less, an instance serves one request at a time. `concurrency` equals the number of threads of the
# functions framework (THREADS in .env), so that no request waits for a thread while its time-out runs.
options.set_global_options(
    region=REGION,
    timeout_sec=FUNCTION_TIME_LIMIT_SECONDS,
    memory=options.MemoryOption.MB_512,
    cpu=1,
    concurrency=16,
    max_instances=20,
)

_READ = options.CorsOptions(cors_origins="*", cors_methods=["GET", "POST"])
_WRITE = options.CorsOptions(cors_origins="*", cors_methods=["POST"])

# Catalog


@https_fn.on_request(cors=_READ)
def getCatalog(request: Request) -> Response:
    """GET: the models, styles, colors, sizes and prices on offer."""
    from imagegen.catalog import endpoints

    return serving.answer(request, endpoints.GET_CATALOG, production)


# Credits


@https_fn.on_request(cors=_WRITE)
def grantCredits(request: Request) -> Response:
    """POST: add credits to an account."""
    from imagegen.credits import endpoints

    return serving.answer(request, endpoints.GRANT_CREDITS, production)


@https_fn.on_request(cors=_WRITE)
def revokeGrant(request: Request) -> Response:
    """POST: take back a grant."""
    from imagegen.credits import endpoints

    return serving.answer(request, endpoints.REVOKE_GRANT, production)


@https_fn.on_request(cors=_READ)
def getUserCredits(request: Request) -> Response:
    """GET or POST: an account's balance and a page of its ledger."""
    from imagegen.credits import endpoints

    return serving.answer(request, endpoints.GET_USER_CREDITS, production)


# Generations


@https_fn.on_request(cors=_WRITE)
def createGenerationRequest(request: Request) -> Response:
    """POST: charge an account for a picture and draw it."""
    from imagegen.generations import endpoints

    return serving.answer(request, endpoints.CREATE_GENERATION_REQUEST, production)


@https_fn.on_request(cors=_READ)
def getGenerationStatus(request: Request) -> Response:
    """GET or POST: the status of a generation."""
    from imagegen.generations import lookup_endpoints

    return serving.answer(request, lookup_endpoints.GET_GENERATION_STATUS, production)


@https_fn.on_request(cors=_READ)
def listGenerationRequests(request: Request) -> Response:
    """GET or POST: a page of an account's generations, newest first."""
    from imagegen.generations import lookup_endpoints

    return serving.answer(request, lookup_endpoints.LIST_GENERATION_REQUESTS, production)


@https_fn.on_request(cors=_WRITE)
def cancelGenerationRequest(request: Request) -> Response:
    """POST: cancel a generation that has not ended."""
    from imagegen.generations import lookup_endpoints

    return serving.answer(request, lookup_endpoints.CANCEL_GENERATION_REQUEST, production)


@triggers.queued
@tasks_fn.on_task_dispatched(
    # The retries last longer than a lease: a task whose generation is leased by another attempt retries until it ends.
    retry_config=options.RetryConfig(
        max_attempts=JOB_DELIVERIES, min_backoff_seconds=2, max_backoff_seconds=60, max_doublings=5
    ),
    rate_limits=options.RateLimits(max_concurrent_dispatches=32),
)
def processGeneration(call: https_fn.CallableRequest[Any]) -> None:
    """Queue: draw a queued generation."""
    from imagegen.generations import tasks

    triggers.run_task(call, tasks.process_generation, production)


@triggers.scheduled({"reconcileStatus": "success"})
@scheduler_fn.on_schedule(
    schedule="*/5 * * * *", timezone=ZoneInfo("Etc/UTC"), timeout_sec=RECONCILE_FUNCTION_TIME_LIMIT_SECONDS
)
def reconcile(event: scheduler_fn.ScheduledEvent) -> None:
    """Every five minutes: recover dead workers, lost tasks and expired leases."""
    from imagegen.generations import tasks

    triggers.add_figures(tasks.reconcile(production()))


# Webhooks


@https_fn.on_request(cors=_READ, secrets=[WEBHOOK_SECRET])
def getWebhookSecret(request: Request) -> Response:
    """GET or POST: the secret that signs an account's webhooks."""
    from imagegen.webhooks import endpoints

    return serving.answer(request, endpoints.GET_WEBHOOK_SECRET, production)


@https_fn.on_request(cors=_WRITE, secrets=[WEBHOOK_SECRET])
def rotateWebhookSecret(request: Request) -> Response:
    """POST: replace the secret that signs an account's webhooks."""
    from imagegen.webhooks import endpoints

    return serving.answer(request, endpoints.ROTATE_WEBHOOK_SECRET, production)


@https_fn.on_request(cors=_READ)
def listWebhookDeliveries(request: Request) -> Response:
    """GET or POST: a page of an account's webhooks and their deliveries, newest first."""
    from imagegen.webhooks import endpoints

    return serving.answer(request, endpoints.LIST_WEBHOOK_DELIVERIES, production)


@https_fn.on_request(cors=_WRITE)
def resendWebhook(request: Request) -> Response:
    """POST: send the webhook of a generation again."""
    from imagegen.webhooks import endpoints

    return serving.answer(request, endpoints.RESEND_WEBHOOK, production)


@triggers.queued
@tasks_fn.on_task_dispatched(
    # Some minutes of retries, for a short fault or a receiver whose account has used up its slots. The outbox has the
    # long schedule: see `_QUEUE_HOLDS` in generations/outbox.py.
    retry_config=options.RetryConfig(
        max_attempts=WEBHOOK_DELIVERIES, min_backoff_seconds=2, max_backoff_seconds=30, max_doublings=4
    ),
    rate_limits=options.RateLimits(max_concurrent_dispatches=32),
    secrets=[WEBHOOK_SECRET],
)
def deliverWebhook(call: https_fn.CallableRequest[Any]) -> None:
    """Queue: call the webhook of a generation that has ended."""
    from imagegen.webhooks import tasks

    triggers.run_task(call, tasks.deliver_webhook, production)


# Books


@https_fn.on_request(cors=_READ)
def verifyBooks(request: Request) -> Response:
    """GET or POST: verify the books of a page of accounts."""
    from imagegen.books import endpoints

    return serving.answer(request, endpoints.VERIFY_BOOKS, production)


@https_fn.on_request(cors=_READ)
def getAudit(request: Request) -> Response:
    """GET or POST: the result of the last nightly audit."""
    from imagegen.books import endpoints

    return serving.answer(request, endpoints.GET_AUDIT, production)


@triggers.scheduled({"auditStatus": "success"})
@scheduler_fn.on_schedule(
    schedule="0 3 * * *",
    timezone=ZoneInfo("Etc/UTC"),
    retry_count=3,
    timeout_sec=AUDIT_FUNCTION_TIME_LIMIT_SECONDS,
)
def auditBooks(event: scheduler_fn.ScheduledEvent) -> None:
    """Daily 03:00 UTC: verify the books of all accounts, from where the last run stopped."""
    from imagegen.books import audit

    audit.audit_books(production())


# Reports


@https_fn.on_request(cors=_READ)
def getWeeklyReport(request: Request) -> Response:
    """GET or POST: the report of a week, or the running week so far; the latest report by default."""
    from imagegen.reports import endpoints

    return serving.answer(request, endpoints.GET_WEEKLY_REPORT, production)


@https_fn.on_request(cors=_READ)
def listWeeklyReports(request: Request) -> Response:
    """GET or POST: a page of the weekly reports, newest first."""
    from imagegen.reports import endpoints

    return serving.answer(request, endpoints.LIST_WEEKLY_REPORTS, production)


@triggers.scheduled({"reportStatus": "success"})
@scheduler_fn.on_schedule(
    schedule="0 0 * * 1",
    timezone=ZoneInfo("Etc/UTC"),
    retry_count=3,
    timeout_sec=REPORT_FUNCTION_TIME_LIMIT_SECONDS,
)
def weeklyReport(event: scheduler_fn.ScheduledEvent) -> None:
    """Mondays 00:00 UTC: write the report of the week before, then correct and complete the reports before it."""
    from imagegen.reports import service

    service.report_weeks(production(), event.schedule_time)


# The OpenAPI document


@https_fn.on_request(cors=_READ)
def openapi(request: Request) -> Response:
    """GET: the OpenAPI document of all HTTPS functions."""
    from imagegen import api

    return serving.answer(request, api.OPENAPI, production)
