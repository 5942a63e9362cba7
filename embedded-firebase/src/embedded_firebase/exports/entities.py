"""Owns the translation between a Firestore document and a Datastore v3 entity, value by value; pure.

It must not know files: bytes come in and go out.

Where exports of Google's emulator give no example (maps, arrays, bytes, references, geo points), it follows the
converters in Google's appengine-python-standard (`google.appengine.datastore.datastore_pbs`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from itertools import chain
from typing import Any

from google.cloud.firestore_v1.types.document import Document, Value
from google.protobuf.message import DecodeError

from embedded_firebase.exports import messages

DEFAULT_DATABASE = "(default)"
_APP_PREFIX = "dev~"  # Google's emulator writes this one; production has others, such as `s~`.
_NUMERIC_ID = re.compile(r"__id(-?[0-9]{1,19})__")  # The Firestore id of a Datastore entity with a numeric id.
_MICROS_PER_SECOND = 1_000_000
_DocumentPb = Document.pb()
_ValuePb = Value.pb()


class _Meaning(IntEnum):
    GD_WHEN = 7
    GEORSS_POINT = 9
    BLOB = 14
    BYTESTRING = 16
    ENTITY_PROTO = 19
    EMPTY_LIST = 24


def encode_document(document: Any) -> bytes:
    """Return the entity record of a `Document.pb()`; its fields go in the order of their names.

    Raises:
        ValueError: the name is not that of a document, or an array holds an array.
    """
    entity = messages.EntityProto()
    _set_key(entity.key, entity.key.path.element, document.name)
    entity.entity_group.element.add().CopyFrom(entity.key.path.element[0])
    _set_properties(entity, document.fields)
    record: bytes = entity.SerializeToString()
    return record


def decode_document(record: bytes) -> Any:
    """Return the `Document.pb()` that an entity record holds, with its full resource name and without times.

    Raises:
        ValueError: the record is not an entity, or it holds a value that Firestore does not support.
    """
    entity = _parse_entity(record)
    document = _DocumentPb(name=_document_name(entity.key, entity.key.path.element))
    _set_fields(document.fields, entity)
    return document


def _set_properties(entity: Any, fields: Mapping[str, Any]) -> None:
    for name, value in sorted(fields.items()):
        if value.WhichOneof("value_type") != "array_value":
            _set_value(entity.raw_property.add(name=name, multiple=False), value)
        elif value.array_value.values:
            for element in value.array_value.values:
                _set_value(entity.raw_property.add(name=name, multiple=True), element)
        else:
            # The only value that exports store among the indexed properties.
            entity.property.add(name=name, multiple=False, meaning=_Meaning.EMPTY_LIST).value.SetInParent()


def _set_value(prop: Any, value: Any) -> None:
    prop.value.SetInParent()  # A null is a present but empty value.
    match value.WhichOneof("value_type"):
        case "null_value":
            pass
        case "boolean_value":
            prop.value.boolean_value = value.boolean_value
        case "integer_value":
            prop.value.int64_value = value.integer_value
        case "double_value":
            prop.value.double_value = value.double_value
        case "timestamp_value":
            prop.meaning = _Meaning.GD_WHEN
            prop.value.int64_value = micros_of(value.timestamp_value)
        case "string_value":
            prop.value.string_value = value.string_value.encode()
        case "bytes_value":
            prop.meaning = _Meaning.BLOB
            prop.value.string_value = value.bytes_value
        case "reference_value":
            reference = prop.value.reference_value
            _set_key(reference, reference.element, value.reference_value)
        case "geo_point_value":
            prop.meaning = _Meaning.GEORSS_POINT
            prop.value.point_value.x = value.geo_point_value.latitude
            prop.value.point_value.y = value.geo_point_value.longitude
        case "map_value":
            prop.meaning = _Meaning.ENTITY_PROTO
            embedded = messages.EntityProto()
            _set_properties(embedded, value.map_value.fields)
            prop.value.string_value = embedded.SerializeToString()
        case other:
            raise ValueError(f"field {prop.name!r}: an export cannot hold a value of type {other} here")


def micros_of(timestamp: Any) -> int:
    """Return a protobuf timestamp in whole microseconds since 1970, rounded down as Firestore does."""
    micros: int = timestamp.seconds * _MICROS_PER_SECOND + timestamp.nanos // 1000
    return micros


def _set_key(key: Any, elements: Any, name: str) -> None:
    """Write a document's resource name as an app, a database and path elements."""
    parts = name.split("/")
    if parts[::2][:3] != ["projects", "databases", "documents"] or len(parts) < 7 or len(parts) % 2 == 0:
        raise ValueError(
            f"{name!r} is not projects/{{project}}/databases/{{database}}/documents/{{path of a document}}"
        )
    key.app = _APP_PREFIX + parts[1]
    if parts[3] != DEFAULT_DATABASE:
        key.database_id = parts[3]
    for collection_id, document_id in zip(parts[5::2], parts[6::2], strict=True):
        if numeric := _NUMERIC_ID.fullmatch(document_id):
            elements.add(type=collection_id, id=int(numeric[1]))
        else:
            elements.add(type=collection_id, name=document_id)


def _document_name(key: Any, elements: Iterable[Any]) -> str:
    if not key.app or not elements:
        raise ValueError("a key has no application or no path")
    project = key.app.rpartition("~")[2]
    pairs = ((e.type, e.name if e.HasField("name") else f"__id{e.id}__") for e in elements)
    return "/".join(
        ["projects", project, "databases", key.database_id or DEFAULT_DATABASE, "documents", *chain(*pairs)],
    )


def _parse_entity(record: bytes) -> Any:
    try:
        return messages.EntityProto.FromString(record)
    except DecodeError as error:
        raise ValueError("not an entity of the export format") from error


def _set_fields(fields: Any, entity: Any) -> None:
    for prop, value in _values(entity):
        is_known = prop.name in fields
        field = fields[prop.name]
        if prop.multiple and (not is_known or field.WhichOneof("value_type") == "array_value"):
            field.array_value.values.append(value)
        elif not is_known:
            field.CopyFrom(value)
        else:
            raise ValueError(f"field {prop.name!r} is there twice")


def _values(entity: Any) -> Iterator[tuple[Any, Any]]:
    for prop in chain(entity.property, entity.raw_property):
        value = _ValuePb()
        _read_value(value, prop)
        yield prop, value


def _read_value(value: Any, prop: Any) -> None:
    stored = prop.value
    if prop.meaning == _Meaning.EMPTY_LIST:
        value.array_value.SetInParent()
    elif stored.HasField("boolean_value"):
        value.boolean_value = stored.boolean_value
    elif stored.HasField("int64_value") and prop.meaning == _Meaning.GD_WHEN:
        value.timestamp_value.seconds, micros = divmod(stored.int64_value, _MICROS_PER_SECOND)
        value.timestamp_value.nanos = micros * 1000
    elif stored.HasField("int64_value"):
        value.integer_value = stored.int64_value
    elif stored.HasField("double_value"):
        value.double_value = stored.double_value
    elif stored.HasField("string_value") and prop.meaning == _Meaning.ENTITY_PROTO:
        value.map_value.SetInParent()
        _set_fields(value.map_value.fields, _parse_entity(stored.string_value))
    elif stored.HasField("string_value") and prop.meaning in (_Meaning.BLOB, _Meaning.BYTESTRING):
        value.bytes_value = stored.string_value
    elif stored.HasField("string_value"):
        value.string_value = stored.string_value.decode()
    elif stored.HasField("reference_value"):
        value.reference_value = _document_name(stored.reference_value, stored.reference_value.element)
    elif stored.HasField("point_value"):
        value.geo_point_value.latitude = stored.point_value.x
        value.geo_point_value.longitude = stored.point_value.y
    elif stored.ByteSize() == 0:
        value.null_value = 0
    else:
        raise ValueError(f"field {prop.name!r} holds a value of a type that Firestore does not know")
