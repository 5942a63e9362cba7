"""Owns the settings: their names, defaults and bounds, and reading them once.

Must not know what they are used for. Reads nothing at import: the Firebase CLI imports the code at deploy.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path

from firebase_functions import params

FUNCTION_TIME_LIMIT_SECONDS = 120
# Schedules may run for up to 1,800 seconds.
RECONCILE_FUNCTION_TIME_LIMIT_SECONDS = 240
REPORT_FUNCTION_TIME_LIMIT_SECONDS = 540
AUDIT_FUNCTION_TIME_LIMIT_SECONDS = 1800
# Firebase Hosting answers a call with a 504 after 60 s, and the call goes on. What is left is for a cold start.
ANSWER_TIME_LIMIT_SECONDS = 50
# A body may pause for this long, and ends within twice this time.
BODY_TIME_LIMIT_SECONDS = 3.0
# What a model has at least; a call with less time left is refused before its charge.
_MIN_MODEL_SECONDS = 10
REGION = "us-central1"
# Deliveries of a task for a webhook, spread over about eight minutes; after that the outbox repeats it.
WEBHOOK_DELIVERIES = 20
# Deliveries of a task for a generation. More than the attempts to draw it: a delivery may find that another one holds
# the lease.
JOB_DELIVERIES = 10

_EMULATORS = {
    "FUNCTIONS_EMULATOR",
    "FIREBASE_AUTH_EMULATOR_HOST",
    "FIRESTORE_EMULATOR_HOST",
    "STORAGE_EMULATOR_HOST",
    "CLOUD_TASKS_EMULATOR_HOST",
}
_MAX_COUNT = 1_000_000
# Strings, because the Firebase CLI has no parameter of type float, and because an empty value means the default.
MODEL_FAILURE_RATE = params.StringParam(
    "MODEL_FAILURE_RATE",
    default="0.05",
    description="The failure rate of the simulated models, from 0 (never) to 1 (always).",
)
REQUIRE_AUTH = params.StringParam(
    "REQUIRE_AUTH",
    default="",
    description="Whether callers must sign in: true or false. Empty: true, but false in the emulator.",
)
REQUIRE_APP_CHECK = params.StringParam(
    "REQUIRE_APP_CHECK",
    default="false",
    description="Whether requests need a valid App Check token: true or false.",
)
RATE_LIMIT_PER_MINUTE = params.StringParam(
    "RATE_LIMIT_PER_MINUTE",
    default="",
    description="Requests per account and minute (generations and quotes); 0: no limit. Empty: 30, 0 in the emulator.",
)
RATE_LIMIT_BURST = params.StringParam(
    "RATE_LIMIT_BURST",
    default="",
    description="Requests per account at once; 0: the same as per minute. Empty: 10, or as per minute if that is less.",
)
MAX_UNDER_WAY = params.StringParam(
    "MAX_UNDER_WAY",
    default="",
    description="Generations of an account under way at once; 0: no limit. Empty: 20, 0 in the emulator.",
)
IMAGE_BUCKET = params.StringParam(
    "IMAGE_BUCKET",
    default="",
    description="The Cloud Storage bucket of the pictures. Empty: the project's default bucket.",
)
PLACEHOLDER_IMAGES = params.StringParam(
    "PLACEHOLDER_IMAGES",
    default="false",
    description="Whether the simulated models return fixed placeholders instead of drawing: true or false.",
)
WEBHOOK_ALLOW_LOOPBACK = params.StringParam(
    "WEBHOOK_ALLOW_LOOPBACK",
    default="false",
    description="Whether webhooks may go to loopback addresses, also over http: true or false. For development only.",
)
MODEL_ATTEMPTS = params.StringParam(
    "MODEL_ATTEMPTS",
    default="3",
    description="The maximum number of attempts to draw a queued generation.",
)
WEBHOOK_SECRET = params.SecretParam("WEBHOOK_SECRET")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The operator's settings, and the fixed time limits, whose relations are checked here."""

    require_auth: bool = True
    require_app_check: bool = False
    # Token bucket of generations, for each account; 0 is no limit.
    rate_limit_per_minute: int = 0
    rate_limit_burst: int = 0
    # Generations of an account that may be pending at once; 0 is no limit.
    max_under_way: int = 0
    model_failure_rate: float = 0.05
    # For a whole call that waits for its picture, after its body has been read.
    call_time_limit_seconds: float = 44
    # For one answer of a model.
    model_time_limit_seconds: float = 60
    # Pictures are stored in a bucket, or else in a folder that is served under a URL.
    image_bucket: str | None = None
    image_folder: Path | None = None
    image_base_url: str = ""
    # For each request to the image store; a picture takes at most six.
    image_store_timeout_seconds: float = 5.0
    placeholder_images: bool = False
    # The URL of the Hosting site, which has the placeholders.
    site_url: str = ""
    lease_seconds: int = 180
    # How long a generation may wait in the queue, counted from its charge.
    queue_time_limit_seconds: int = 3600
    # The maximum number of attempts to draw a queued generation.
    model_attempts: int = 3
    webhook_allow_loopback: bool = False
    # For a delivery that holds a slot of its account, and for one without. With less than a second for the latter, a
    # receiver that suddenly hangs cannot hold up the webhooks of others for longer.
    webhook_time_limit_seconds: float = 10.0
    webhook_prompt_seconds: float = 0.5
    # For looking up an administrator's account.
    identity_time_limit_seconds: float = 5.0
    # For enqueuing one task.
    enqueue_time_limit_seconds: float = 5.0
    catalog_lifetime_seconds: int = 30
    # For one run of reconcile: less than the 180 s after which Cloud Scheduler counts a run as failed.
    reconcile_time_limit_seconds: float = 150
    # The accounts, tasks, webhooks or pictures that it works on at once.
    reconcile_threads: int = 16
    # For one exchange with Firestore, with its retries. A call has at most three, so that it answers UNAVAILABLE within
    # 10 s.
    firestore_timeout_seconds: float = 3.0
    # For a run of the weekly report, with the reports of earlier weeks. Only the schedule waits for it.
    report_time_limit_seconds: float = 480
    # After this time, a run of the audit ends with the page that it verifies.
    audit_time_limit_seconds: float = 1680
    # Thresholds per day: the report tests only accounts and days that exceed them.
    watched_credits_a_day: int = 50
    watched_new_accounts_a_day: int = 5

    def __post_init__(self) -> None:
        if not 0 <= self.model_failure_rate <= 1:
            raise ValueError("model_failure_rate must be from 0 to 1")
        if self.rate_limit_per_minute and self.rate_limit_burst < 1:
            raise ValueError("rate_limit_burst must be 1 or more when rate_limit_per_minute is set")
        # If a lease expired while its function still runs, a picture that is about to be delivered would be refunded.
        if not self.lease_seconds > FUNCTION_TIME_LIMIT_SECONDS > self.model_time_limit_seconds:
            raise ValueError("lease_seconds > function time limit > model_time_limit_seconds must hold")
        if 2 * BODY_TIME_LIMIT_SECONDS + self.call_time_limit_seconds > ANSWER_TIME_LIMIT_SECONDS:
            raise ValueError("reading the body and call_time_limit_seconds must fit the time limit of an answer")
        loading_seconds = self.firestore_timeout_seconds
        if self.call_time_limit_seconds < loading_seconds + self.drawing_seconds + self.settling_seconds:
            raise ValueError("call_time_limit_seconds must be longer than all steps of a call with the fastest picture")
        if self.reconcile_time_limit_seconds >= RECONCILE_FUNCTION_TIME_LIMIT_SECONDS:
            raise ValueError("the time limit of reconcile's function must be longer than its own")
        if not 1 <= self.model_attempts < JOB_DELIVERIES:
            raise ValueError(f"model_attempts must be from 1 to {JOB_DELIVERIES - 1}")
        if self.model_time_limit_seconds + 6 * self.image_store_timeout_seconds >= FUNCTION_TIME_LIMIT_SECONDS:
            raise ValueError("the function time limit must be longer than drawing and storing a picture")
        if self.report_time_limit_seconds >= REPORT_FUNCTION_TIME_LIMIT_SECONDS:
            raise ValueError("report_time_limit_seconds must be less than the time limit of the report's function")
        # The last page may take 20 seconds, and its last reads 10.
        if self.audit_time_limit_seconds + 60 >= AUDIT_FUNCTION_TIME_LIMIT_SECONDS:
            raise ValueError(
                "audit_time_limit_seconds must be a minute less than the time limit of the audit's function"
            )

    @property
    def drawing_seconds(self) -> float:
        """The least time for charging, asking the model and storing the picture, if a caller waits."""
        return self.firestore_timeout_seconds + _MIN_MODEL_SECONDS + self.image_store_timeout_seconds

    @property
    def settling_seconds(self) -> float:
        """The time limit of what follows a picture: settling it, and enqueuing its webhook."""
        return self.firestore_timeout_seconds + self.enqueue_time_limit_seconds


def load() -> Settings:
    """Read the settings from the parameters that Firebase puts into the environment.

    Raises:
        ValueError: a parameter is out of its bounds, or deployed functions have a setting that is for development only;
            the message names it.
    """
    if "K_CONFIGURATION" in os.environ:  # Only Cloud Run sets it.
        _refuse_development()
    emulated = is_emulated()
    if "FIREBASE_AUTH_EMULATOR_HOST" in os.environ and not emulated:
        # With it, firebase-admin accepts unsigned tokens.
        raise ValueError("FIREBASE_AUTH_EMULATOR_HOST must not be set outside of the emulator")
    per_minute = _count(RATE_LIMIT_PER_MINUTE, default=0 if emulated else 30)
    # These are not parameters: the local functions host sets them, because it serves the folder and the site.
    folder = os.environ.get("IMAGE_FOLDER")
    bucket = _image_bucket()
    placeholder_images = _switch(PLACEHOLDER_IMAGES, default=False)
    if not (bucket or folder or placeholder_images):
        if not emulated:
            raise ValueError(
                "IMAGE_BUCKET is empty, and the project has no default bucket; set it, or PLACEHOLDER_IMAGES to true"
            )
        # The Firebase CLI's emulators have no place for pictures.
        placeholder_images = True
    return Settings(
        require_auth=_switch(REQUIRE_AUTH, default=not emulated),
        require_app_check=_switch(REQUIRE_APP_CHECK, default=False),
        rate_limit_per_minute=per_minute,
        rate_limit_burst=_count(RATE_LIMIT_BURST, default=min(10, per_minute)) or per_minute,
        max_under_way=_count(MAX_UNDER_WAY, default=0 if emulated else 20),
        image_bucket=bucket,
        image_folder=Path(folder) if folder else None,
        image_base_url=os.environ.get("IMAGE_BASE_URL", ""),
        placeholder_images=placeholder_images,
        site_url=os.environ.get("SITE_URL") or f"https://{project_id()}.web.app",
        webhook_allow_loopback=_switch(WEBHOOK_ALLOW_LOOPBACK, default=False),
        model_attempts=_count(MODEL_ATTEMPTS, minimum=1, maximum=JOB_DELIVERIES - 1),
        model_failure_rate=_rate(MODEL_FAILURE_RATE),
    )


def _refuse_development() -> None:
    # An emulator variable would switch off authentication, or redirect the functions to another server.
    if named := _EMULATORS & os.environ.keys():
        raise ValueError(f"{', '.join(sorted(named))} must not be set outside of the emulator")
    # Every caller would be an administrator.
    if not _switch(REQUIRE_AUTH, default=True):
        raise ValueError("REQUIRE_AUTH must not be false outside of the emulator")
    # SSRF: webhooks could reach the instance itself, over plain http.
    if _switch(WEBHOOK_ALLOW_LOOPBACK, default=False):
        raise ValueError("WEBHOOK_ALLOW_LOOPBACK must not be true outside of the emulator")


def storage_origin() -> str | None:
    """Return the address of the Storage emulator; None without one."""
    return os.environ.get("STORAGE_EMULATOR_HOST")


def _image_bucket() -> str | None:
    """Return the bucket that is set; else the project's default bucket, and None in the emulator."""
    own = None if is_emulated() else json.loads(os.environ.get("FIREBASE_CONFIG") or "{}").get("storageBucket")
    return IMAGE_BUCKET.value or own


def webhook_secret() -> str:
    """Return the master secret of webhooks; empty if it is not set or not bound to this function."""
    return os.environ.get(WEBHOOK_SECRET.name, "")


def _rate(parameter: params.StringParam) -> float:
    given = parameter.value or str(parameter.default)
    try:
        rate = float(given)
    except ValueError:
        rate = math.nan
    if not 0 <= rate <= 1:
        raise ValueError(f"{parameter.name} is {given!r}; it must be a number from 0 to 1")
    return rate


def _count(
    parameter: params.StringParam, *, default: int | None = None, minimum: int = 0, maximum: int = _MAX_COUNT
) -> int:
    given = parameter.value or str(parameter.default if default is None else default)
    is_number = given.isascii() and given.isdecimal() and len(given) <= len(str(maximum))
    if not is_number or not minimum <= int(given) <= maximum:
        raise ValueError(f"{parameter.name} is {given!r}; it must be an integer from {minimum} to {maximum}")
    return int(given)


def _switch(parameter: params.StringParam, *, default: bool) -> bool:
    given = parameter.value
    if given not in ("", "true", "false"):
        raise ValueError(f"{parameter.name} is {given!r}; it must be true or false")
    return given == "true" if given else default


def is_emulated() -> bool:
    """Return whether the functions run in an emulator: the Firebase CLI sets FUNCTIONS_EMULATOR."""
    return os.environ.get("FUNCTIONS_EMULATOR") == "true"


def project_id() -> str | None:
    """Return the project id that the platform or the Firebase CLI sets; None without one."""
    return os.environ.get("GCLOUD_PROJECT") or os.environ.get("GOOGLE_CLOUD_PROJECT")
