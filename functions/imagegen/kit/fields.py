"""Owns the names of stored fields: camelCase for the snake_case of the code. Pure; must not know the documents."""

from __future__ import annotations


def camel(name: str) -> str:
    """Return the stored name of an attribute, such as `peakDayCredits` for `peak_day_credits`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
