"""Owns deterministic pseudo-random numbers and noise, seeded by a text, the same on every machine.

Must not know what they decide.
"""

from __future__ import annotations

import hashlib
import itertools
import struct
from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

_WORDS = 16_384


class Chance:
    """An endless sequence of numbers for one text, from its SHAKE-256."""

    def __init__(self, *text: str) -> None:
        parts = [each.encode(errors="surrogatepass") for each in text]
        # The lengths make the encoding of several texts unambiguous.
        self._seed = b"".join(b"%d/%b" % (len(part), part) for part in parts)
        digest = hashlib.shake_256(self._seed).digest(4 * _WORDS)
        self._words: Iterator[int] = itertools.cycle(struct.unpack(f"<{_WORDS}I", digest))

    def between(self, low: float, high: float) -> float:
        """Return a number in `[low, high)`."""
        return low + (high - low) * next(self._words) / 2**32

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of the choices."""
        return choices[next(self._words) % len(choices)]

    def noise(self, count: int) -> bytes:
        """Return `count` pseudo-random bytes."""
        return hashlib.shake_256(self._seed + b"%d" % next(self._words)).digest(count)
