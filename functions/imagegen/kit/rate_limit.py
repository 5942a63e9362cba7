"""Owns the rate limit of an account: a token bucket, stored as a single time by the GCRA.

Pure. Must not know the clock nor Firestore. The generic cell rate algorithm (ITU-T I.371) stores the theoretical
arrival time: when the next request is due at the steady rate. A request may be early by as much as the bucket holds.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from imagegen.kit.errors import RateLimited

_MINUTE = timedelta(minutes=1)


def admit(arrival_at: datetime | None, now: datetime, per_minute: int, burst: int) -> datetime:
    """Take one token from an account's bucket; return the new theoretical arrival time, to be stored.

    `arrival_at` is the stored one; None is a full bucket of `burst` tokens, which refills at `per_minute`. If the clock
    is set back, the wait is for one token at most.

    Raises:
        RateLimited: the bucket is empty; it has the seconds until the next token.
    """
    interval = _MINUTE / per_minute
    capacity = burst * interval
    due_at = min(max(now, arrival_at or now), now + capacity) + interval
    early = due_at - now - capacity
    if early > timedelta(0):
        raise RateLimited(math.ceil(early.total_seconds()))
    return due_at
