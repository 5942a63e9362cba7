"""Owns index definitions: those of an index file, the automatic ones, and the entries that they hold of a document.

Pure; must not know how entries are stored or walked. The file is the `firestore.indexes.json` of the Firebase CLI
(https://firebase.google.com/docs/reference/firestore/indexes). Every field has automatic indexes, unless an override
in the file replaces them; an override of a map also applies to its fields.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

from embedded_firebase.firestore.errors import EmulatorError
from embedded_firebase.firestore.messages import Value
from embedded_firebase.firestore.values.encoding import encode, invert, is_vector
from embedded_firebase.firestore.values.encoding import field as field_value
from embedded_firebase.firestore.values.paths import DOCUMENT_ID_FIELD, parse_field_path

FieldPath = tuple[str, ...]

NAME = (DOCUMENT_ID_FIELD,)
_ANY_FIELD = ("*",)


class Mode(StrEnum):
    """How an index holds a field; the names are those of the index file."""

    ASCENDING = "ASCENDING"
    DESCENDING = "DESCENDING"
    CONTAINS = "CONTAINS"


class QueryScope(Enum):
    """Whether an index serves queries of one collection or of all collections with its id."""

    COLLECTION = "COLLECTION"
    COLLECTION_GROUP = "COLLECTION_GROUP"


class IndexField(NamedTuple):
    """A field of an index."""

    path: FieldPath
    mode: Mode


# An index is its fields, in order. Documents with the same values are in the order of their names.
Index = tuple[IndexField, ...]
_AUTOMATIC = frozenset((mode, QueryScope.COLLECTION) for mode in Mode)


@dataclass(frozen=True, slots=True)
class IndexSet:
    """All indexes: the automatic ones, with overrides, and the composite ones by collection id."""

    composites: Mapping[tuple[str, QueryScope], tuple[Index, ...]] = field(default_factory=dict)
    overrides: Mapping[tuple[str, FieldPath], frozenset[tuple[Mode, QueryScope]]] = field(default_factory=dict)

    def has_single(self, group_id: str, path: FieldPath, mode: Mode, scope: QueryScope) -> bool:
        """Tell whether a field has a single-field index."""
        return (mode, scope) in self.modes(group_id, path)

    def modes(self, group_id: str, path: FieldPath) -> frozenset[tuple[Mode, QueryScope]]:
        """Return the single-field indexes of a field; the closest override decides."""
        if not self.overrides:
            return _AUTOMATIC
        for length in range(len(path), 0, -1):
            if (group_id, path[:length]) in self.overrides:
                return self.overrides[group_id, path[:length]]
        return self.overrides.get((group_id, _ANY_FIELD), _AUTOMATIC)

    def composite(self, group_id: str) -> tuple[Index, ...]:
        """Return the composite indexes to keep of a collection id, without a `__name__` that ends them.

        One that is left with a single field is redundant to the index of that field.
        """
        if not self.composites:
            return ()
        of_scope = (self.composites.get((group_id, scope), ()) for scope in QueryScope)
        kept = (index[:-1] if index[-1].path == NAME else index for indexes in of_scope for index in indexes)
        return tuple(dict.fromkeys(index for index in kept if len(index) > 1))

    @property
    def fingerprint(self) -> str:
        """A text that identifies the entries of the set."""
        composites = sorted((group, scope.value, describe(index))
                            for (group, scope), indexes in self.composites.items() for index in indexes)  # fmt: skip
        overrides = sorted(
            (group, path, sorted((mode.value, scope.value) for mode, scope in modes))
            for (group, path), modes in self.overrides.items()
        )
        return json.dumps([composites, overrides])


@lru_cache(maxsize=65_536)
def single(path: FieldPath, mode: Mode = Mode.ASCENDING) -> Index:
    """Return a single-field index. One in ascending order serves both directions: it is walked either way."""
    return (IndexField(path, mode),)


def describe(index: Index) -> str:
    """Return a text that names an index."""
    return json.dumps([[*entry.path, entry.mode.value] for entry in index])


def entries(fields: Mapping[str, Value], group_id: str, indexes: IndexSet) -> set[tuple[Index, bytes]]:
    """Return the entries that all indexes hold of a document with these fields: each an index and a position in it.

    A single-field index of ascending order is kept for a field that has one in any order.
    """
    found: set[tuple[Index, bytes]] = set()
    for path, value in _fields(fields, ()):
        index = single(path)
        if is_kept(index, group_id, indexes):
            found.add((index, encode(value)))
        if value.WhichOneof("value_type") == "array_value":
            index = single(path, Mode.CONTAINS)
            if is_kept(index, group_id, indexes):
                found.update((index, encode(element)) for element in value.array_value.values)
    for index in indexes.composite(group_id):
        positions = [_positions(fields, entry) for entry in index]
        found.update((index, b"".join(parts)) for parts in product(*positions))
    return found


def is_kept(index: Index, group_id: str, indexes: IndexSet) -> bool:
    """Tell whether `entries` holds what an index should; false for one that an override leaves out."""
    if len(index) > 1:
        return index in indexes.composite(group_id)
    if not indexes.overrides:
        return True
    ((path, mode),) = index
    contains = mode is Mode.CONTAINS
    return any((held is Mode.CONTAINS) is contains for held, _ in indexes.modes(group_id, path))


def _fields(fields: Mapping[str, Value], prefix: FieldPath) -> Iterator[tuple[FieldPath, Value]]:
    """Yield every field with its path, those inside of maps too."""
    for name, value in fields.items():
        path = (*prefix, name)
        yield path, value
        if value.WhichOneof("value_type") == "map_value" and not is_vector(value):
            yield from _fields(value.map_value.fields, path)


def _positions(fields: Mapping[str, Value], entry: IndexField) -> Sequence[bytes]:
    value = field_value(fields, entry.path)
    if value is None:
        return ()
    if entry.mode is Mode.CONTAINS:
        return tuple({encode(element) for element in value.array_value.values})
    encoded = encode(value)
    return (invert(encoded) if entry.mode is Mode.DESCENDING else encoded,)


def parse(text: str) -> IndexSet:
    """Read an index file.

    Raises:
        ValueError: naming the part that is wrong and what is allowed.
    """
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError('it must hold an object with "indexes" and "fieldOverrides".')  # noqa: TRY004 - the text is wrong
    composites: dict[tuple[str, QueryScope], tuple[Index, ...]] = defaultdict(tuple)
    for position, entry in enumerate(_objects(content, "indexes", "")):
        where = f"indexes[{position}]"
        fields = tuple(
            _parse_field(part, f"{where}.fields[{number}]")
            for number, part in enumerate(_objects(entry, "fields", f"{where}."))
            if "vectorConfig" not in part
        )
        if not entry.get("fields"):
            raise ValueError(f'"{where}.fields" must hold at least one field.')
        key = (_text(entry, "collectionGroup", where), _choice(entry, "queryScope", QueryScope, where))
        # Queries on vectors are not supported, and an index on a vector serves no other query.
        if len(fields) == len(entry.get("fields", ())):
            composites[key] += (fields,)
    overrides: dict[tuple[str, FieldPath], frozenset[tuple[Mode, QueryScope]]] = {}
    for position, entry in enumerate(_objects(content, "fieldOverrides", "")):
        where = f"fieldOverrides[{position}]"
        path = _parse_path(entry, where)
        overrides[_text(entry, "collectionGroup", where), path] = frozenset(
            (_parse_mode(part, f"{where}.indexes[{number}]"),
             _choice(part, "queryScope", QueryScope, f"{where}.indexes[{number}]", QueryScope.COLLECTION))
            for number, part in enumerate(_objects(entry, "indexes", f"{where}."))
        )  # fmt: skip
    return IndexSet(dict(composites), overrides)


def _objects(holder: dict[str, Any], name: str, where: str) -> list[dict[str, Any]]:
    held = holder.get(name, [])
    if not isinstance(held, list) or not all(isinstance(entry, dict) for entry in held):
        raise ValueError(f'"{where}{name}" must be a list of objects.')
    return held


def _text(entry: dict[str, Any], name: str, where: str) -> str:
    held = entry.get(name)
    if not isinstance(held, str) or not held:
        raise ValueError(f'"{where}.{name}" must be a text.')
    return held


def _choice(
    entry: dict[str, Any], name: str, allowed: type[QueryScope], where: str, default: QueryScope | None = None
) -> QueryScope:
    if name not in entry and default is not None:
        return default
    try:
        return allowed(entry.get(name))
    except ValueError as error:
        raise ValueError(f'"{where}.{name}" must be {" or ".join(scope.value for scope in allowed)}.') from error


def _parse_path(entry: dict[str, Any], where: str) -> FieldPath:
    text = _text(entry, "fieldPath", where)
    if text == "*":
        return _ANY_FIELD
    try:
        return parse_field_path(text)
    except EmulatorError as error:
        raise ValueError(f'"{where}.fieldPath": {error.message}') from error


def _parse_field(entry: dict[str, Any], where: str) -> IndexField:
    return IndexField(_parse_path(entry, where), _parse_mode(entry, where))


def _parse_mode(entry: dict[str, Any], where: str) -> Mode:
    if entry.get("arrayConfig") == "CONTAINS":
        return Mode.CONTAINS
    if entry.get("order") in ("ASCENDING", "DESCENDING"):
        return Mode(entry["order"])
    raise ValueError(f'"{where}" needs "order": "ASCENDING" or "DESCENDING", or "arrayConfig": "CONTAINS".')
