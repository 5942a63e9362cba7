"""Owns the conversion between protobuf timestamps and integer microseconds; must not know what they date."""

from __future__ import annotations

from embedded_firebase.firestore.errors import invalid
from embedded_firebase.firestore.messages import Timestamp


def to_micros(timestamp: Timestamp) -> int:
    """Return a timestamp message as microseconds since the epoch.

    Raises:
        EmulatorError: INVALID_ARGUMENT when it is finer than a microsecond.
    """
    if timestamp.nanos % 1_000:
        raise invalid("A timestamp here must be aligned to microseconds.")
    return floor_to_micros(timestamp)


def floor_to_micros(timestamp: Timestamp) -> int:
    """Return a timestamp message as microseconds since the epoch, without its nanoseconds."""
    return timestamp.seconds * 1_000_000 + timestamp.nanos // 1_000


def set_micros(timestamp: Timestamp, micros: int) -> None:
    """Set a timestamp message in place."""
    timestamp.seconds, remainder = divmod(micros, 1_000_000)
    timestamp.nanos = remainder * 1_000
