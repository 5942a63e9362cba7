"""Owns how many requests an account may make: a token bucket, kept as the one moment of the GCRA.

Pure; knows neither clock nor Firestore. The generic cell rate algorithm (ITU-T I.371) keeps the time at which the next
request is due if all came at the allowed rate; a request may come early by what the bucket holds.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from imagegen.kit.errors import RateLimited

_MINUTE = timedelta(minutes=1)


def admit(arrival_at: datetime | None, now: datetime, per_minute: int, burst: int) -> datetime:
    """Take a token of an account and return the new theoretical arrival time, to be kept until the next request.

    `arrival_at` is the one that was kept, None for a full bucket of `burst` tokens, of which `per_minute` come back. A
    clock that is set back makes nobody wait for more than one token.

    Raises:
        RateLimited: the bucket is empty; it says for how long.
    """
    interval = _MINUTE / per_minute
    capacity = burst * interval
    due_at = min(max(now, arrival_at or now), now + capacity) + interval
    early = due_at - now - capacity
    if early > timedelta(0):
        raise RateLimited(math.ceil(early.total_seconds()))
    return due_at
