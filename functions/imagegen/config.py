"""Owns the settings: their names, defaults and bounds, and reading them once.

Knows nothing of what they are used for; reads nothing when imported, since Firebase imports the code at deploy.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path

from firebase_functions import params

FUNCTION_TIME_LIMIT_SECONDS = 120
REGION = "us-central1"
# How often a webhook is tried, within an hour.
WEBHOOK_ATTEMPTS = 12
# How often the queue delivers a task for a generation: more often than that is drawn, since a delivery may find another
# one drawing it.
JOB_DELIVERIES = 10

_EMULATORS = {
    "FUNCTIONS_EMULATOR",
    "FIREBASE_AUTH_EMULATOR_HOST",
    "FIRESTORE_EMULATOR_HOST",
    "STORAGE_EMULATOR_HOST",
    "CLOUD_TASKS_EMULATOR_HOST",
}
_MAX_COUNT = 1_000_000
# A string, because the Firebase CLI has no parameter of type float.
MODEL_FAILURE_RATE = params.StringParam(
    "MODEL_FAILURE_RATE",
    default="0.05",
    description="How often a simulated model fails, from 0 (never) to 1 (always).",
)
# A string as well, since it is on unless the emulator runs the functions or it is set.
REQUIRE_AUTH = params.StringParam(
    "REQUIRE_AUTH",
    default="",
    description="Whether callers must sign in: true or false; left empty, everywhere but in the emulator.",
)
REQUIRE_APP_CHECK = params.StringParam(
    "REQUIRE_APP_CHECK",
    default="false",
    description="Whether calls must come from an app that App Check attests: true or false.",
)
RATE_LIMIT_PER_MINUTE = params.StringParam(
    "RATE_LIMIT_PER_MINUTE",
    default="0",
    description="How many generations an account may ask for in a minute; 0 for any number.",
)
RATE_LIMIT_BURST = params.StringParam(
    "RATE_LIMIT_BURST",
    default="0",
    description="How many of them may come at once; 0 for as many as in a minute.",
)
IMAGE_BUCKET = params.StringParam(
    "IMAGE_BUCKET",
    default="",
    description="The Cloud Storage bucket that keeps the pictures; left empty, the project's own.",
)
PLACEHOLDER_IMAGES = params.StringParam(
    "PLACEHOLDER_IMAGES",
    default="false",
    description="Whether the simulated models answer with their fixed placeholders: true or false.",
)
WEBHOOK_ALLOW_LOOPBACK = params.StringParam(
    "WEBHOOK_ALLOW_LOOPBACK",
    default="false",
    description="Whether webhooks may go to this very machine, over http as well: true or false. For development.",
)
MODEL_ATTEMPTS = params.StringParam(
    "MODEL_ATTEMPTS",
    default="3",
    description="How often a queued generation is drawn at most before it has failed.",
)
WEBHOOK_SECRET = params.SecretParam("WEBHOOK_SECRET")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an operator can set, and the limits that hold the promises."""

    require_auth: bool = True
    require_app_check: bool = False
    # Of generations, for each account; 0 is no limit.
    rate_limit_per_minute: int = 0
    rate_limit_burst: int = 0
    model_failure_rate: float = 0.05
    model_time_limit_seconds: float = 60
    # Where pictures are kept: a bucket, or else a folder that something serves under a URL.
    image_bucket: str | None = None
    image_folder: Path | None = None
    image_base_url: str = ""
    # For each exchange with the store, of which a picture has six at most.
    image_store_timeout_seconds: float = 5.0
    placeholder_images: bool = False
    # Where the site of the project is, which has the placeholders.
    site_url: str = ""
    lease_seconds: int = 180
    # How long a generation may wait in the queue, from its charge on.
    queue_time_limit_seconds: int = 3600
    # How often a queued generation is drawn at most before it has failed.
    model_attempts: int = 3
    webhook_allow_loopback: bool = False
    webhook_time_limit_seconds: float = 10.0
    # For one hand-over to the queue.
    enqueue_time_limit_seconds: float = 5.0
    catalog_lifetime_seconds: int = 30
    # The time for one exchange with Firestore: a call has at most three, and 10 s to say that Firestore is away.
    firestore_timeout_seconds: float = 3.0
    # For a whole weekly report, which nobody waits for but its schedule.
    report_time_limit_seconds: float = 90
    # The report looks at an account, and at the number of new ones, that had more than this on one day.
    watched_credits_a_day: int = 50
    watched_new_accounts_a_day: int = 5

    def __post_init__(self) -> None:
        if not 0 <= self.model_failure_rate <= 1:
            raise ValueError("model_failure_rate must be from 0 to 1")
        if self.rate_limit_per_minute and self.rate_limit_burst < 1:
            raise ValueError("with a rate limit, at least one request may come at once")
        # A lease that ended while its function still runs would refund a picture that is about to be delivered.
        if not self.lease_seconds > FUNCTION_TIME_LIMIT_SECONDS > self.model_time_limit_seconds:
            raise ValueError("lease > function time limit > model time limit must hold")
        if not 1 <= self.model_attempts < JOB_DELIVERIES:
            raise ValueError(f"model_attempts must be from 1 to {JOB_DELIVERIES - 1}")
        if self.model_time_limit_seconds + 6 * self.image_store_timeout_seconds >= FUNCTION_TIME_LIMIT_SECONDS:
            raise ValueError("a function must have the time to draw a picture and to keep it")


def load() -> Settings:
    """Read the settings from the parameters that Firebase puts into the environment.

    Raises:
        ValueError: a parameter is out of its bounds, or an emulator is named where none is; the message names it.
    """
    if "K_CONFIGURATION" in os.environ and (named := _EMULATORS & os.environ.keys()):
        # Cloud Run alone sets it. One of these would let everybody in, or lead the functions elsewhere.
        raise ValueError(f"{', '.join(sorted(named))} is set where no emulator runs the functions")
    emulated = is_emulated()
    if "FIREBASE_AUTH_EMULATOR_HOST" in os.environ and not emulated:
        # With it, firebase-admin takes unsigned tokens.
        raise ValueError("FIREBASE_AUTH_EMULATOR_HOST is set where no emulator runs the functions")
    per_minute = _count(RATE_LIMIT_PER_MINUTE)
    # Not parameters: they are the functions host's to say, which serves both.
    folder = os.environ.get("IMAGE_FOLDER")
    return Settings(
        require_auth=_switch(REQUIRE_AUTH, default=not emulated),
        require_app_check=_switch(REQUIRE_APP_CHECK, default=False),
        rate_limit_per_minute=per_minute,
        rate_limit_burst=_count(RATE_LIMIT_BURST) or per_minute,
        image_bucket=_image_bucket(),
        image_folder=Path(folder) if folder else None,
        image_base_url=os.environ.get("IMAGE_BASE_URL", ""),
        placeholder_images=_switch(PLACEHOLDER_IMAGES, default=False),
        site_url=os.environ.get("SITE_URL") or f"https://{project_id()}.web.app",
        webhook_allow_loopback=_switch(WEBHOOK_ALLOW_LOOPBACK, default=False),
        model_attempts=_count(MODEL_ATTEMPTS, minimum=1, maximum=JOB_DELIVERIES - 1),
        model_failure_rate=_rate(MODEL_FAILURE_RATE),
    )


def storage_origin() -> str | None:
    """Return the address of a Storage emulator, if there is one."""
    return os.environ.get("STORAGE_EMULATOR_HOST")


def _image_bucket() -> str | None:
    """Return the bucket that is set, or else the project's own where no emulator runs the functions."""
    own = None if is_emulated() else json.loads(os.environ.get("FIREBASE_CONFIG") or "{}").get("storageBucket")
    return IMAGE_BUCKET.value or own


def webhook_secret() -> str:
    """Return the secret that webhooks are signed with; empty where none is set, or the function was not given it."""
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


def _count(parameter: params.StringParam, *, minimum: int = 0, maximum: int = _MAX_COUNT) -> int:
    given = parameter.value or str(parameter.default)
    is_number = given.isascii() and given.isdecimal() and len(given) <= len(str(maximum))
    if not is_number or not minimum <= int(given) <= maximum:
        raise ValueError(f"{parameter.name} is {given!r}; it must be a number from {minimum} to {maximum}")
    return int(given)


def _switch(parameter: params.StringParam, *, default: bool) -> bool:
    given = parameter.value
    if given not in ("", "true", "false"):
        raise ValueError(f"{parameter.name} is {given!r}; it must be true or false")
    return given == "true" if given else default


def is_emulated() -> bool:
    """Tell whether an emulator runs the functions, as the Firebase CLI says it."""
    return os.environ.get("FUNCTIONS_EMULATOR") == "true"


def project_id() -> str | None:
    """Return the project that the platform or the Firebase CLI names, if any."""
    return os.environ.get("GCLOUD_PROJECT") or os.environ.get("GOOGLE_CLOUD_PROJECT")
