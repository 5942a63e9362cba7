"""Owns the wire names and deployment options of the functions; Firebase takes each name from its Python name.

Knows no logic. Imported at deploy too: nothing here touches the network or reads a parameter.
"""

from zoneinfo import ZoneInfo

from firebase_functions import https_fn, options, scheduler_fn
from flask import Request, Response
from imagegen import web
from imagegen.config import FUNCTION_TIME_LIMIT_SECONDS
from imagegen.deps import production
from imagegen.services import credits

# One whole CPU, since with less of it an instance takes one request at a time; as many requests at once as the
# functions framework has threads (THREADS in .env), so that none waits in an instance while its time runs out.
options.set_global_options(
    region="us-central1",
    timeout_sec=FUNCTION_TIME_LIMIT_SECONDS,
    memory=options.MemoryOption.MB_512,
    cpu=1,
    concurrency=16,
    max_instances=20,
)


@https_fn.on_request(cors=options.CorsOptions(cors_origins="*", cors_methods=["POST"]))
def createGenerationRequest(request: Request) -> Response:
    """POST: charge an account for a picture and draw it."""
    return web.create_generation_request(request)


@https_fn.on_request(cors=options.CorsOptions(cors_origins="*", cors_methods=["GET", "POST"]))
def getUserCredits(request: Request) -> Response:
    """GET or POST: an account's balance and a page of its ledger."""
    return web.get_user_credits(request)


@https_fn.on_request(cors=options.CorsOptions(cors_origins="*", cors_methods=["GET", "POST"]))
def getWeeklyReport(request: Request) -> Response:
    """GET or POST: the report of a week, or the latest."""
    return web.get_weekly_report(request)


@https_fn.on_request(cors=options.CorsOptions(cors_origins="*", cors_methods=["GET", "POST"]))
def listWeeklyReports(request: Request) -> Response:
    """GET or POST: a page of the weekly reports, newest first."""
    return web.list_weekly_reports(request)


@web.scheduled({"reportStatus": "success"})
@scheduler_fn.on_schedule(schedule="0 0 * * 1", timezone=ZoneInfo("Etc/UTC"), retry_count=3)
def weeklyReport(event: scheduler_fn.ScheduledEvent) -> None:
    """Mondays 00:00 UTC: write the report of the week before."""
    # Imported here, to keep it out of the cold start of all other functions.
    from imagegen.services import reporting

    reporting.build_weekly_report(production(), event.schedule_time)


@web.scheduled({"reconcileStatus": "success"})
@scheduler_fn.on_schedule(schedule="*/5 * * * *", timezone=ZoneInfo("Etc/UTC"))
def reconcile(event: scheduler_fn.ScheduledEvent) -> None:
    """Every five minutes: refund what was left pending past its lease."""
    credits.reconcile(production())
