"""Owns the wire names and deployment options of the functions; Firebase takes each name from its Python name.

Knows no logic. Imported at deploy too: nothing here touches the network or reads a parameter.
"""

from typing import Any
from zoneinfo import ZoneInfo

from firebase_functions import https_fn, options, scheduler_fn, tasks_fn
from flask import Request, Response
from imagegen import triggers, web
from imagegen.config import FUNCTION_TIME_LIMIT_SECONDS, JOB_DELIVERIES, REGION, WEBHOOK_ATTEMPTS, WEBHOOK_SECRET
from imagegen.deps import Deps
from imagegen.production import production

# One whole CPU, since with less of it an instance takes one request at a time; as many requests at once as the
# functions framework has threads (THREADS in .env), so that none waits in an instance while its time runs out.
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


@https_fn.on_request(cors=_WRITE)
def createGenerationRequest(request: Request) -> Response:
    """POST: charge an account for a picture and draw it."""
    # Imported here, as below, since each function is an instance of its own, whose cold start should not wait for what
    # the others need.
    from imagegen.endpoints import generations

    return web.answer(request, generations.CREATE_GENERATION_REQUEST, production)


@https_fn.on_request(cors=_WRITE)
def grantCredits(request: Request) -> Response:
    """POST: give an account credits."""
    from imagegen.endpoints import credits

    return web.answer(request, credits.GRANT_CREDITS, production)


@https_fn.on_request(cors=_READ)
def getUserCredits(request: Request) -> Response:
    """GET or POST: an account's balance and a page of its ledger."""
    from imagegen.endpoints import credits

    return web.answer(request, credits.GET_USER_CREDITS, production)


@https_fn.on_request(cors=_READ)
def getGenerationStatus(request: Request) -> Response:
    """GET or POST: where a generation stands."""
    from imagegen.endpoints import status

    return web.answer(request, status.GET_GENERATION_STATUS, production)


@https_fn.on_request(cors=_READ)
def listGenerationRequests(request: Request) -> Response:
    """GET or POST: a page of an account's generations, newest first."""
    from imagegen.endpoints import status

    return web.answer(request, status.LIST_GENERATION_REQUESTS, production)


@https_fn.on_request(cors=_WRITE)
def cancelGenerationRequest(request: Request) -> Response:
    """POST: give up a generation that has not ended."""
    from imagegen.endpoints import status

    return web.answer(request, status.CANCEL_GENERATION_REQUEST, production)


@https_fn.on_request(cors=_READ)
def getCatalog(request: Request) -> Response:
    """GET: what is on offer, and for how much."""
    from imagegen.endpoints import status

    return web.answer(request, status.GET_CATALOG, production)


@https_fn.on_request(cors=_READ)
def getWeeklyReport(request: Request) -> Response:
    """GET or POST: the report of a week, or the latest."""
    from imagegen.endpoints import reports

    return web.answer(request, reports.GET_WEEKLY_REPORT, production)


@https_fn.on_request(cors=_READ)
def listWeeklyReports(request: Request) -> Response:
    """GET or POST: a page of the weekly reports, newest first."""
    from imagegen.endpoints import reports

    return web.answer(request, reports.LIST_WEEKLY_REPORTS, production)


@https_fn.on_request(cors=_READ)
def openapi(request: Request) -> Response:
    """GET: the description of all HTTPS functions."""
    from imagegen.endpoints import description

    return web.answer(request, description.OPENAPI, production)


@https_fn.on_request(cors=_READ)
def verifyBooks(request: Request) -> Response:
    """GET or POST: whether the books of a page of accounts balance."""
    from imagegen.endpoints import books

    return web.answer(request, books.VERIFY_BOOKS, production)


@triggers.queued
@tasks_fn.on_task_dispatched(
    # For longer than a lease: a task that finds a generation begun waits for its end.
    retry_config=options.RetryConfig(
        max_attempts=JOB_DELIVERIES, min_backoff_seconds=2, max_backoff_seconds=60, max_doublings=5
    ),
    rate_limits=options.RateLimits(max_concurrent_dispatches=32),
)
def processGeneration(call: https_fn.CallableRequest[Any]) -> None:
    """A task: draw a queued generation."""
    from imagegen.services import jobs

    def process(deps: Deps, generation_id: str, tried: int) -> None:
        jobs.process(deps, generation_id, is_last_delivery=tried + 1 >= JOB_DELIVERIES)

    triggers.task(call, process, production)


@triggers.queued
@tasks_fn.on_task_dispatched(
    retry_config=options.RetryConfig(
        max_attempts=WEBHOOK_ATTEMPTS, min_backoff_seconds=5, max_backoff_seconds=600, max_doublings=6
    ),
    rate_limits=options.RateLimits(max_concurrent_dispatches=32),
    secrets=[WEBHOOK_SECRET],
)
def deliverWebhook(call: https_fn.CallableRequest[Any]) -> None:
    """A task: tell who asked for it that a generation has ended."""
    from imagegen.services import webhooks

    def deliver(deps: Deps, generation_id: str, tried: int) -> None:
        webhooks.deliver(deps, generation_id, is_last_attempt=tried + 1 >= WEBHOOK_ATTEMPTS)

    triggers.task(call, deliver, production)


@triggers.scheduled({"reportStatus": "success"})
@scheduler_fn.on_schedule(schedule="0 0 * * 1", timezone=ZoneInfo("Etc/UTC"), retry_count=3)
def weeklyReport(event: scheduler_fn.ScheduledEvent) -> None:
    """Mondays 00:00 UTC: write the report of the week before, and correct the one before that."""
    from imagegen.services import reporting

    reporting.report_week(production(), event.schedule_time)


@triggers.scheduled({"reconcileStatus": "success"})
@scheduler_fn.on_schedule(schedule="*/5 * * * *", timezone=ZoneInfo("Etc/UTC"))
def reconcile(event: scheduler_fn.ScheduledEvent) -> None:
    """Every five minutes: refund what was left pending past its lease, and announce what nobody was told of."""
    from imagegen.services import announcements, credits

    try:
        credits.reconcile(production())
    finally:
        # Nobody else has to wait for what is broken; the run has failed, so that it is noticed.
        announcements.announce_forgotten(production())
