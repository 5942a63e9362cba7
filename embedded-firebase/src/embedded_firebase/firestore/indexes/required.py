"""Owns which indexes production requires for a query, and the error when one is missing; must not know storage.

Pure. The rules are those of https://firebase.google.com/docs/firestore/query-data/index-overview: a query needs
indexes whose first fields are those it compares for equality, followed by all that it orders by, in these directions.
Several are merged when together they hold every field compared for equality. Each disjunct needs its own. A query in
the order of names with conditions on names alone needs none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from embedded_firebase.firestore.errors import Code, EmulatorError
from embedded_firebase.firestore.indexes.definitions import FieldPath, Index, IndexField, IndexSet, Mode, QueryScope
from embedded_firebase.firestore.query.filters import Condition, Op, disjuncts
from embedded_firebase.firestore.query.query import NAME, Query
from embedded_firebase.firestore.values.paths import format_field_path

_DIRECTIONS = (Mode.ASCENDING, Mode.DESCENDING)


def check(query: Query, indexes: IndexSet) -> None:
    """Refuse a query that needs a missing index in production.

    Raises:
        EmulatorError: FAILED_PRECONDITION, with the definition to add to the index file.
    """
    if not query.scope.collection_id:
        return
    for conjunction in disjuncts(query.condition):
        missing = _missing(query, conjunction, indexes)
        if missing is not None:
            raise EmulatorError(
                Code.FAILED_PRECONDITION,
                f'The query requires an index. Add this to "{missing[0]}" in firestore.indexes.json: '
                + json.dumps(missing[1]),
            )


def _missing(query: Query, conjunction: Sequence[Condition], indexes: IndexSet) -> tuple[str, dict[str, Any]] | None:
    """Return the section of the index file and the missing definition, None when none is missing."""
    scope = QueryScope.COLLECTION_GROUP if query.scope.descendants else QueryScope.COLLECTION
    group_id = query.scope.collection_id
    equal = {condition.path for condition in conjunction if condition.op is Op.EQUAL} - {NAME}
    contained = {condition.path for condition in conjunction if condition.op is Op.ARRAY_CONTAINS}
    # A field with one value does not affect the order.
    orders = [order for order in query.orders[:-1] if order.path not in equal]
    suffix = tuple(IndexField(order.path, _direction(order.descending)) for order in orders)
    names = _direction(query.orders[-1].descending)
    points = {(path, False) for path in equal} | {(path, True) for path in contained}
    if not points and not suffix and names is Mode.ASCENDING:
        return None

    served: set[tuple[FieldPath, bool]] = set()
    found = False
    for index in chain(
        _singles(points, suffix, group_id, scope, indexes), indexes.composites.get((group_id, scope), ())
    ):
        prefix = _prefix(index, points, suffix, names)
        if prefix is not None:
            found = True
            served |= prefix
    if found and served == points:
        return None
    wanted = tuple(
        IndexField(path, Mode.CONTAINS if contains else Mode.ASCENDING)
        for path, contains in sorted(points, key=lambda point: (not point[1], point[0]))
    )
    return _definition(wanted + suffix, names, group_id, scope, indexes)


def _direction(descending: bool) -> Mode:
    return Mode.DESCENDING if descending else Mode.ASCENDING


def _singles(
    points: Iterable[tuple[FieldPath, bool]], suffix: Index, group_id: str, scope: QueryScope, indexes: IndexSet
) -> Iterable[Index]:
    """Yield the single-field indexes of the fields that a query names."""
    paths = dict.fromkeys([path for path, _ in points] + [field.path for field in suffix])
    for path in paths:
        for mode, held_scope in indexes.modes(group_id, path):
            if held_scope is scope:
                yield (IndexField(path, mode),)


def _prefix(
    index: Index, points: set[tuple[FieldPath, bool]], suffix: Index, names: Mode
) -> set[tuple[FieldPath, bool]] | None:
    """Return the points that an index takes before the orders, None when it does not serve the query."""
    fields, last = (index[:-1], index[-1].mode) if index[-1].path == NAME else (index, None)
    split = len(fields) - len(suffix)
    if split < 0 or fields[split:] != suffix:
        return None
    prefix = {(field.path, field.mode is Mode.CONTAINS) for field in fields[:split]}
    if not prefix <= points:
        return None
    # Names have the direction of the last field that has one. Where all fields have one value, a single-field index
    # in the other direction stands by, and a composite one is walked backwards.
    if last is None and not suffix:
        return prefix
    given = last or next((field.mode for field in reversed(fields) if field.mode in _DIRECTIONS), Mode.ASCENDING)
    return prefix if given is names else None


def _definition(
    fields: Index, names: Mode, group_id: str, scope: QueryScope, indexes: IndexSet
) -> tuple[str, dict[str, Any]]:
    """Return the section of the index file and the entry that would serve a query."""
    implied = fields[-1].mode if fields and fields[-1].mode in _DIRECTIONS else Mode.ASCENDING
    if len(fields) == 1 and (fields[0].mode is Mode.CONTAINS or implied is names):
        ((path, mode),) = fields
        held = sorted(indexes.modes(group_id, path) | {(mode, scope)}, key=lambda pair: (pair[1].value, pair[0].value))
        return "fieldOverrides", {
            "collectionGroup": group_id,
            "fieldPath": format_field_path(path),
            "indexes": [{"queryScope": held_scope.value, **_mode(held_mode)} for held_mode, held_scope in held],
        }
    if implied is not names:
        fields = (*fields, IndexField(NAME, names))
    return "indexes", {
        "collectionGroup": group_id,
        "queryScope": scope.value,
        "fields": [{"fieldPath": format_field_path(path), **_mode(mode)} for path, mode in fields],
    }


def _mode(mode: Mode) -> dict[str, str]:
    return {"arrayConfig": mode.value} if mode is Mode.CONTAINS else {"order": mode.value}
