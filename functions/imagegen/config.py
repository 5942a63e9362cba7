"""Owns the settings: their names, defaults and bounds, and reading them once.

Knows nothing of what they are used for; reads nothing when imported, since Firebase imports the code at deploy.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from firebase_functions import params

FUNCTION_TIME_LIMIT_SECONDS = 120

_MOST_COUNTED = 1_000_000
_DEFAULT_FAILURE_RATE = "0.05"
# A string, because the Firebase CLI has no parameter of type float.
MODEL_FAILURE_RATE = params.StringParam(
    "MODEL_FAILURE_RATE",
    default=_DEFAULT_FAILURE_RATE,
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
    lease_seconds: int = 180
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


def load() -> Settings:
    """Read the settings from the parameters that Firebase puts into the environment.

    Raises:
        ValueError: a parameter is out of its bounds; the message names it.
    """
    emulated = os.environ.get("FUNCTIONS_EMULATOR") == "true"
    if "FIREBASE_AUTH_EMULATOR_HOST" in os.environ and not emulated:
        # With it, firebase-admin takes unsigned tokens.
        raise ValueError("FIREBASE_AUTH_EMULATOR_HOST is set where no emulator runs the functions")
    given = MODEL_FAILURE_RATE.value or _DEFAULT_FAILURE_RATE
    try:
        failure_rate = float(given)
    except ValueError:
        failure_rate = math.nan
    if not 0 <= failure_rate <= 1:
        raise ValueError(f"MODEL_FAILURE_RATE is {given!r}; it must be a number from 0 to 1")
    per_minute = _count(RATE_LIMIT_PER_MINUTE)
    return Settings(
        require_auth=_switch(REQUIRE_AUTH, default=not emulated),
        require_app_check=_switch(REQUIRE_APP_CHECK, default=False),
        rate_limit_per_minute=per_minute,
        rate_limit_burst=_count(RATE_LIMIT_BURST) or per_minute,
        model_failure_rate=failure_rate,
    )


def _count(parameter: params.StringParam) -> int:
    given = parameter.value or "0"
    if not (given.isascii() and given.isdecimal() and int(given) <= _MOST_COUNTED):
        raise ValueError(f"{parameter.name} is {given!r}; it must be a number from 0 to {_MOST_COUNTED}")
    return int(given)


def _switch(parameter: params.StringParam, *, default: bool) -> bool:
    given = parameter.value
    if given not in ("", "true", "false"):
        raise ValueError(f"{parameter.name} is {given!r}; it must be true or false")
    return given == "true" if given else default


def project_id() -> str | None:
    """Return the project that the platform or the Firebase CLI names, if any."""
    return os.environ.get("GCLOUD_PROJECT") or os.environ.get("GOOGLE_CLOUD_PROJECT")
