"""Owns `make smoke`: a quote, a queued generation, its webhook and a schedule of a deployed project or of `make dev`.

Must not know how the functions work, only their API, what the platform answers in their place, and the roles they need.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import partial
from typing import Any

import httpx
import requests

from imagegen import config
from imagegen.web.serving import HEALTH_PATH
from operations import connection

# An account of its own, so that nobody's credits are spent and its requests are easy to leave out.
_USER_ID = "smoke"
_SCHEDULE = "reconcile"
# PERMISSION_DENIED and UNAUTHENTICATED of google.rpc.Code.
_REFUSED = (7, 16)
_SCHEDULER = "https://cloudscheduler.googleapis.com/v1"
_REQUEST_SECONDS = 70
_POLL_SECONDS = 0.5
# What the answers mean that come from the platform and not from the functions.
_PLATFORM = {
    401: "{name} is not public: grant roles/run.invoker to allUsers on its Cloud Run service.",
    403: "{name} is not public: grant roles/run.invoker to allUsers on its Cloud Run service.",
    404: "there is no function {name} here: deploy it, and check project and region.",
    429: "{name} has no instance free: look at max_instances and at the quota of Cloud Run.",
    500: "{name} could not start: a setting is refused or an import fails; its log says which.",
    503: "{name} could not start: a setting is refused or an import fails; its log says which.",
}
# What the errors of the functions mean to an operator; the others explain themselves.
_REASONS = {
    "UNAUTHENTICATED": "set ID_TOKEN to a new ID token of an administrator.",
    "PERMISSION_DENIED": "ID_TOKEN has no claim admin: true.",
    "INTERNAL": "its log has the trace; most often the functions' service account lacks roles/datastore.user.",
    "UNAVAILABLE": "its log says why: no catalog in Firestore, no Firestore, or, for an administrator's token, no "
    "roles/firebaseauth.viewer for the functions' service account.",
}
_FAILURES = {
    "QUEUE_ERROR": "the functions' service account needs roles/cloudtasks.enqueuer, and roles/iam.serviceAccountUser "
    "on itself, since it signs the tasks.",
    "STORAGE_ERROR": "the functions' service account needs roles/storage.objectUser on the bucket; the log names it.",
    "MODEL_ERROR": "the image model failed at each attempt: its provider, key or settings.",
    "MODEL_TIMEOUT": "the image model did not answer in time at any attempt.",
}
_NOT_CALLED = (
    "Cloud Tasks does not call {name}, or it does not end: its Cloud Run service needs roles/run.invoker for the "
    "functions' service account."
)


class Outcome(StrEnum):
    """What became of a check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Result:
    """A check, its outcome, and why: in plain words, with the role that is missing."""

    name: str
    outcome: Outcome
    message: str


class Fault(Exception):
    """A check failed; the message is for the operator."""


class Smoke:
    """The checks of one deployment, in order; each returns what it saw, or raises a Fault.

    Args:
        functions_url: of the functions, without a slash at the end.
        id_token: an administrator's; empty where callers need not sign in.
        webhook_url: answers 2xx to a POST.
        run_schedule: runs a schedule once, as the platform does; raises a Fault if that fails.
        time_limit_seconds: for each wait.
    """

    def __init__(
        self,
        client: httpx.Client,
        *,
        functions_url: str,
        id_token: str,
        webhook_url: str,
        run_schedule: Callable[[str], None],
        time_limit_seconds: float,
    ) -> None:
        self._client = client
        self._url = functions_url
        self._headers = {"Authorization": f"Bearer {id_token}"} if id_token else {}
        self._webhook_url = webhook_url
        self._run_schedule = run_schedule
        self._time_limit_seconds = time_limit_seconds
        self._order: dict[str, object] = {}
        self._cost_credits = 0
        self._generation_id = ""

    def catalog(self) -> str:
        """Choose the cheapest picture."""
        offered = self._call("getCatalog")
        size = min(offered["sizes"], key=lambda size: size["credits"])
        chosen = {field: offered[f"{field}s"][0]["id"] for field in ("model", "style", "color")}
        self._order = {"userId": _USER_ID, "size": size["id"], "prompt": "a smoke test", **chosen}
        self._cost_credits = size["credits"]
        return f"{len(offered['models'])} models; a picture of {size['name']} costs {self._cost_credits}."

    def account(self) -> str:
        """Grant the account the price, so that its balance does not change in the end."""
        grant = {"userId": _USER_ID, "credits": self._cost_credits, "reason": "smoke test"}
        granted = self._call("grantCredits", grant, **{"Idempotency-Key": uuid.uuid4().hex})
        return f"the balance of '{_USER_ID}' is {granted['currentCredits']}."

    def quote(self) -> str:
        """Ask for the price."""
        quoted = self._call("createGenerationRequest", self._order | {"validateOnly": True})
        return f"it would cost {quoted['costCredits']}."

    def create(self) -> str:
        """Queue a generation, and wait until it has its picture."""
        headers = {"Prefer": "respond-async", "Idempotency-Key": uuid.uuid4().hex}
        order = self._order | {"webhookUrl": self._webhook_url}
        begun = time.monotonic()
        created = self._call("createGenerationRequest", order, **headers)
        self._generation_id = created["generationRequestId"]
        named = {"generationRequestId": self._generation_id}

        def ended() -> dict[str, Any] | None:
            found = self._call("getGenerationStatus", named)
            return found if found["status"] not in ("queued", "processing") else None

        found = self._wait_for(ended)
        if found is None:
            # Refunds it if it was not begun; if it was, reconcile or the worker ends it.
            with suppress(Fault):
                self._call("cancelGenerationRequest", named)
            raise Fault(
                f"{self._generation_id} did not end in {self._time_limit_seconds:g} s. "
                + _NOT_CALLED.format(name="processGeneration")
            )
        if found["status"] != "completed":
            reason = found["failureReason"]
            raise Fault(
                f"{self._generation_id} is {found['status']}, {reason}: {_FAILURES.get(reason, 'see the log.')}"
            )
        return f"{self._generation_id} has its picture after {time.monotonic() - begun:.1f} s."

    def webhook(self) -> str:
        """Wait until the webhook of the generation was delivered."""

        def tried() -> dict[str, Any] | None:
            page = self._call("listWebhookDeliveries", {"userId": _USER_ID})
            deliveries = {each["generationRequestId"]: each for each in page["deliveries"]}
            found = deliveries.get(self._generation_id, {"state": "due", "lastFailure": None})
            return found if found["state"] != "due" or found["lastFailure"] else None

        found = self._wait_for(tried)
        if found is None:
            raise Fault(
                _NOT_CALLED.format(name="deliverWebhook") + " Or WEBHOOK_SECRET is missing or is no secret, or the "
                "service account lacks roles/secretmanager.secretAccessor for it: the log of deliverWebhook says so."
            )
        if found["state"] != "delivered":
            raise Fault(f"{self._webhook_url} was called and did not answer 2xx: {found['lastFailure']}.")
        return f"delivered to {self._webhook_url}."

    def schedule(self) -> str:
        """Run a schedule."""
        self._run_schedule(_SCHEDULE)
        return f"{_SCHEDULE} ran."

    def _call(self, name: str, body: Mapping[str, object] | None = None, **headers: str) -> dict[str, Any]:
        """Call a function, with GET if there is no body; return its answer.

        Raises:
            Fault: it cannot be reached, or answers anything but a success.
        """
        url = f"{self._url}/{name}"
        try:
            response = self._client.request(
                "GET" if body is None else "POST", url, json=body, headers=headers | self._headers
            )
        except httpx.HTTPError as error:
            raise Fault(f"{url} cannot be reached: {type(error).__name__}.") from None
        return _answer_of(name, response)

    def _wait_for(self, look: Callable[[], dict[str, Any] | None]) -> dict[str, Any] | None:
        """Look until there is something; return None at the time limit."""
        ends_at_seconds = time.monotonic() + self._time_limit_seconds
        while (found := look()) is None and time.monotonic() < ends_at_seconds:
            time.sleep(_POLL_SECONDS)
        return found


def main(arguments: list[str] | None = None) -> int:
    """Print the result of each check; return 0 if all of them passed, else 1."""
    parser = argparse.ArgumentParser(
        prog="make smoke",
        description="Check a deployed project, or without --project the running `make dev`: the catalog, a grant to "
        "the account 'smoke', a quote, a queued generation, its webhook, and a schedule. A failure says which role is "
        "missing. Environment: ID_TOKEN, an administrator's ID token, where callers must sign in; WEBHOOK_URL, where "
        "the webhook goes, by default to the project itself. The schedule of a deployed project is run by Cloud "
        "Scheduler, with your application default credentials.",
    )
    parser.add_argument("--project", help="the deployed project (make smoke PROJECT=...)")
    parser.add_argument("--time-limit", type=float, default=120, metavar="SECONDS", help="for each wait (120)")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    options = parser.parse_args(arguments)
    with httpx.Client(timeout=_REQUEST_SECONDS) as client:
        functions_url = _functions_url(options.project)
        smoke = Smoke(
            client,
            functions_url=functions_url,
            id_token=os.environ.get("ID_TOKEN", ""),
            # The health probe of a function: it answers 200 to any method, without a token.
            webhook_url=os.environ.get("WEBHOOK_URL") or f"{functions_url}/getCatalog{HEALTH_PATH}",
            run_schedule=partial(_run_by_scheduler, options.project, options.time_limit)
            if options.project
            else partial(_run_in_dev, client),
            time_limit_seconds=options.time_limit,
        )
        results = _run(smoke)
    passed = all(result.outcome is Outcome.PASSED for result in results)
    if options.json:
        printed = json.dumps({"passed": passed, "checks": [asdict(result) for result in results]})
    else:
        printed = "\n".join(f"{result.outcome:<9}{result.name:<10}{result.message}" for result in results)
    sys.stdout.write(f"{printed}\n")
    return 0 if passed else 1


def _run(smoke: Smoke) -> list[Result]:
    """Run all checks; after a failure only the schedule, which needs no other check."""
    results: list[Result] = []
    is_broken = False
    for check in (smoke.catalog, smoke.account, smoke.quote, smoke.create, smoke.webhook, smoke.schedule):
        name = check.__name__
        if is_broken and name != "schedule":
            results.append(Result(name, Outcome.NOT_RUN, "it needs the one before."))
            continue
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{name} ...")
            sys.stderr.flush()
        try:
            results.append(Result(name, Outcome.PASSED, check()))
        except Fault as fault:
            results.append(Result(name, Outcome.FAILED, str(fault)))
            is_broken = True
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
    return results


def _functions_url(project: str | None) -> str:
    if project:
        return f"https://{config.REGION}-{project}.cloudfunctions.net"
    return f"{connection.functions_host_url()}/{connection.local_project_id()}/{config.REGION}"


def _answer_of(name: str, response: httpx.Response) -> dict[str, Any]:
    """Return the answer of a function.

    Raises:
        Fault: it is no success, or not of the function.
    """
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if response.is_success and isinstance(answer, dict):
        return answer
    status = response.status_code
    error = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(error, dict) or "message" not in error:
        meaning = _PLATFORM.get(status, "this is no answer of {name}: check the project.")
        raise Fault(f"{name} answered {status}: {meaning.format(name=name)}")
    info: dict[str, Any] = next((detail for detail in error.get("details", []) if "reason" in detail), {})
    reason: str = info.get("metadata", {}).get("failureReason") or info.get("reason", "")
    meaning = (_REASONS | _FAILURES).get(reason, "")
    raise Fault(f"{name} answered {status}, {reason}: {error['message']} {meaning}".strip())


def _run_in_dev(client: httpx.Client, name: str) -> None:
    project = connection.local_project_id()
    url = f"{connection.functions_host_url()}/functions/projects/{project}/triggers/{config.REGION}-{name}-0"
    try:
        response = client.post(url)
    except httpx.HTTPError as error:
        raise Fault(f"{url} cannot be reached: {type(error).__name__}.") from None
    _answer_of(name, response)


def _run_by_scheduler(project: str, time_limit_seconds: float, name: str) -> None:
    """Let Cloud Scheduler run a job, and wait for the status of that attempt."""
    # Imported here: the checks of `make dev` need no credentials.
    import google.auth
    from google.auth.exceptions import GoogleAuthError
    from google.auth.transport.requests import AuthorizedSession

    job = f"{_SCHEDULER}/projects/{project}/locations/{config.REGION}/jobs/firebase-schedule-{name}-{config.REGION}"
    try:
        credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
        with AuthorizedSession(credentials) as session:  # type: ignore[no-untyped-call]
            before = _job(session.get(job, timeout=_REQUEST_SECONDS)).get("lastAttemptTime")
            _job(session.post(f"{job}:run", timeout=_REQUEST_SECONDS))
            ends_at_seconds = time.monotonic() + time_limit_seconds
            while (found := _job(session.get(job, timeout=_REQUEST_SECONDS))).get("lastAttemptTime") == before:
                if time.monotonic() >= ends_at_seconds:
                    raise Fault(f"Cloud Scheduler did not run {name} in {time_limit_seconds:g} s.")
                time.sleep(_POLL_SECONDS)
    except (GoogleAuthError, requests.RequestException) as error:
        raise Fault(
            f"Cloud Scheduler cannot be asked ({type(error).__name__}): run `gcloud auth application-default login`."
        ) from None
    code = found.get("status", {}).get("code", 0)
    if code in _REFUSED:
        raise Fault(
            f"{name} refused Cloud Scheduler: its Cloud Run service needs roles/run.invoker for the service account of "
            "the job."
        )
    if code:
        raise Fault(f"{name} failed (status {code} of the job): its log has the trace.")


def _job(response: requests.Response) -> dict[str, Any]:
    if response.ok:
        answer: dict[str, Any] = response.json()
        return answer
    meaning = {
        401: "your credentials are not valid; run `gcloud auth application-default login`.",
        403: "your account needs roles/cloudscheduler.admin.",
        404: "there is no such job: deploy the functions, and check project and region.",
    }.get(response.status_code, "see the status of Cloud Scheduler.")
    raise Fault(f"Cloud Scheduler answered {response.status_code}: {meaning}")


if __name__ == "__main__":
    sys.exit(main())
