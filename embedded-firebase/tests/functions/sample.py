"""Owns a small project for the tests of the functions host; it becomes the `main.py` of a folder.

Must not know the tests. Its functions write what they saw to the file SEEN, one JSON object a line.
"""

import contextlib
import json
import os
import threading
import time
from pathlib import Path

import firebase_admin
from firebase_admin import functions
from firebase_functions import core, https_fn, logger, options, params, scheduler_fn, tasks_fn
from flask import Request, Response

GREETING = params.StringParam("GREETING", default="none")
ATTEMPTS = params.IntParam("ATTEMPTS", default=4)


@core.init
def prepare() -> None:
    """Run before the first call of any function; leave a thread behind, as careless code does."""
    # The SDK runs this once for each of several concurrent first calls.
    with contextlib.suppress(ValueError):
        firebase_admin.initialize_app()
    threading.Thread(target=time.sleep, args=(3600,)).start()


def saw(**what: object) -> None:
    """Write a line that outlives this process."""
    with Path(os.environ["SEEN"]).open("a") as file:
        file.write(json.dumps(what) + "\n")


@https_fn.on_request(region="europe-west1")
def echo(request: Request) -> Response:
    """Answer the request, after `seconds` if given."""
    logger.info("echoing", path=request.path)
    time.sleep(float(request.args.get("seconds", 0)))
    return Response(json.dumps({"method": request.method, "path": request.path, "greeting": GREETING.value}))


@https_fn.on_request()
def enqueue(request: Request) -> Response:
    """Enqueue `count` tasks, `delay` seconds from now, and answer their ids."""
    queue = functions.task_queue("work")
    delay = functions.TaskOptions(schedule_delay_seconds=int(request.args.get("delay", 0)))
    count = int(request.args.get("count", 1))
    return Response(json.dumps([queue.enqueue({"data": {"number": n}}, delay) for n in range(count)]))


@tasks_fn.on_task_dispatched(
    retry_config=options.RetryConfig(max_attempts=ATTEMPTS, min_backoff_seconds=1, max_doublings=2),
    rate_limits=options.RateLimits(max_concurrent_dispatches=8),
)
def work(request: tasks_fn.CallableRequest) -> str:
    """Record a task; while the file HANG exists, never return."""
    saw(number=request.data["number"], attempt=request.raw_request.headers["X-CloudTasks-TaskRetryCount"])
    while Path(os.environ["HANG"]).exists():
        time.sleep(0.05)
    return "done"


@tasks_fn.on_task_dispatched()
def plain(request: tasks_fn.CallableRequest) -> None:
    """Do nothing, with Firebase's default retries and limits."""


@scheduler_fn.on_schedule(schedule="every 5 minutes")
def old(event: scheduler_fn.ScheduledEvent) -> None:
    """Record a call; its schedule has the syntax of App Engine."""
    saw(job=event.job_name)


@scheduler_fn.on_schedule(schedule="30 2 * * *", timezone="Europe/Paris", retry_count=2, min_backoff_seconds=20)
def nightly(event: scheduler_fn.ScheduledEvent) -> None:
    """Record the scheduled time."""
    saw(due=event.schedule_time.isoformat())
