"""Owns which paths a match applies to; must not know conditions.

A path is that of one document or, for a query, of every document that it can find: then some parts are unknown, and a
match must apply to all of them.
"""

from __future__ import annotations

from enum import Enum

from embedded_firebase.firestore.rules.syntax import Segment


class Unknown(Enum):
    """An unknown part of a path, or any number of them."""

    ONE = "{}"
    ANY_NUMBER = "{=**}"


Path = tuple[str | Unknown, ...]


def bind(pattern: tuple[Segment, ...], path: Path) -> dict[str, str] | None:
    """Return the known values of the wildcards of a match; None unless all such paths match.

    The one recursive wildcard that a pattern may have stands for zero or more parts. In version 1 of the rules it
    stands for one or more, and allows no query of a collection group.
    """
    recursive = next((index for index, segment in enumerate(pattern) if segment.is_recursive), None)
    if recursive is None:
        return _bind_each(pattern, path)
    before, after = pattern[:recursive], pattern[recursive + 1 :]
    is_version_1 = pattern[recursive].is_version_1
    if len(path) < len(before) + len(after) + is_version_1 or (is_version_1 and Unknown.ANY_NUMBER in path):
        return None
    end = len(path) - len(after)
    left, right = _bind_each(before, path[: len(before)]), _bind_each(after, path[end:])
    return None if left is None or right is None else left | right


def _bind_each(pattern: tuple[Segment, ...], path: Path) -> dict[str, str] | None:
    if len(pattern) != len(path) or Unknown.ANY_NUMBER in path:
        return None
    bound: dict[str, str] = {}
    for segment, part in zip(pattern, path, strict=True):
        if not segment.is_wildcard and segment.text != part:
            return None
        if segment.is_wildcard and isinstance(part, str):
            bound[segment.text] = part
    return bound
