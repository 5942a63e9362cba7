"""Owns what a document may hold: sizes, depth, names and value ranges as production enforces them.

Must not know of writes, storage or the protocol. Sizes follow
https://firebase.google.com/docs/firestore/storage-size, limits https://firebase.google.com/docs/firestore/quotas.
"""

from __future__ import annotations

from collections.abc import Mapping

from embedded_firebase.firestore.errors import invalid
from embedded_firebase.firestore.messages import Document, Value
from embedded_firebase.firestore.values.encoding import check_timestamp, is_vector
from embedded_firebase.firestore.values.paths import DOCUMENT_ID_FIELD, check_field_name

MAX_DOCUMENT_BYTES = 1_048_576
MAX_DEPTH = 20
MAX_TRANSFORMS = 500
MAX_REQUEST_BYTES = 10 * 1024 * 1024
MAX_VECTOR_DIMENSIONS = 2_048

# The wire form takes at least half the bytes that billing counts, so a small message needs no exact calculation.
_SURELY_SMALL_BYTES = MAX_DOCUMENT_BYTES // 2 - 8_192


def check_fields(fields: Mapping[str, Value]) -> None:
    """Check a map of fields as a client sent it, and round its timestamps down to microseconds in place.

    Raises:
        EmulatorError: INVALID_ARGUMENT, naming the field and what is allowed.
    """
    for name, value in fields.items():
        check_field_name(name)
        if name == DOCUMENT_ID_FIELD:
            raise invalid(f'Field name "{DOCUMENT_ID_FIELD}" is reserved.')
        check_value(value, name, 1)


def check_value(value: Value, name: str, depth: int) -> None:
    """Check a value that sits `depth` levels deep in the field `name`; rounds timestamps as `check_fields` does.

    Raises:
        EmulatorError: INVALID_ARGUMENT, naming the field and what is allowed.
    """
    match value.WhichOneof("value_type"):
        case "array_value":
            _check_depth(name, depth)
            for element in value.array_value.values:
                if element.WhichOneof("value_type") == "array_value":
                    raise invalid(f'Field "{name}" holds an array directly inside an array, which is not allowed.')
                check_value(element, name, depth + 1)
        case "map_value":
            _check_depth(name, depth)
            _check_map(value, name, depth)
        case "timestamp_value":
            timestamp = value.timestamp_value
            check_timestamp(timestamp, f'Field "{name}"')
            timestamp.nanos -= timestamp.nanos % 1_000
        case "geo_point_value":
            point = value.geo_point_value
            if not (-90 <= point.latitude <= 90 and -180 <= point.longitude <= 180):
                raise invalid(f'Field "{name}" holds a geo point; latitude is within +-90, longitude within +-180.')
        case None:
            raise invalid(f'Field "{name}" holds a value without a type.')
        case "field_reference_value" | "variable_reference_value" | "function_value" | "pipeline_value" as kind:
            raise invalid(f'Field "{name}" holds a {kind}, which belongs to pipelines.')


def check_size(document: Document) -> None:
    """Refuse a document above 1 MiB as billing measures it.

    Raises:
        EmulatorError: INVALID_ARGUMENT, with the size.
    """
    if document.ByteSize() < _SURELY_SMALL_BYTES:
        return
    size = document_bytes(document)
    if size > MAX_DOCUMENT_BYTES:
        raise invalid(
            f'Document "{document.name}" cannot be written because its size ({size:,} bytes) exceeds the maximum '
            f"allowed size of {MAX_DOCUMENT_BYTES:,} bytes."
        )


def document_bytes(document: Document) -> int:
    """Return the size of a document in bytes as Firestore bills it: its name, its fields and 32 bytes."""
    return _name_bytes(document.name) + _fields_bytes(document.fields) + 32


def _check_depth(name: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise invalid(f'Field "{name}" is nested more than {MAX_DEPTH} levels deep.')


def _check_map(value: Value, name: str, depth: int) -> None:
    fields = value.map_value.fields
    if is_vector(value):
        elements = fields["value"].array_value.values if "value" in fields else ()
        if not 1 <= len(elements) <= MAX_VECTOR_DIMENSIONS:
            raise invalid(f'Field "{name}" holds a vector; it needs 1 to {MAX_VECTOR_DIMENSIONS} dimensions.')
        if any(element.WhichOneof("value_type") not in ("double_value", "integer_value") for element in elements):
            raise invalid(f'Field "{name}" holds a vector with an element that is no number.')
        return
    for key, held in fields.items():
        check_field_name(key)
        check_value(held, name, depth + 1)


def _name_bytes(name: str) -> int:
    segments = name.split("/")[5:] if name.startswith("projects/") else name.split("/")
    return sum(len(segment.encode()) + 1 for segment in segments) + 16


def _fields_bytes(fields: Mapping[str, Value]) -> int:
    return sum(len(name.encode()) + 1 + _value_bytes(value) for name, value in fields.items())


def _value_bytes(value: Value) -> int:
    match value.WhichOneof("value_type"):
        case "string_value":
            return len(value.string_value.encode()) + 1
        case "bytes_value":
            return len(value.bytes_value)
        case "reference_value":
            return _name_bytes(value.reference_value)
        case "array_value":
            return sum(map(_value_bytes, value.array_value.values))
        case "map_value":
            return _fields_bytes(value.map_value.fields)
        case "integer_value" | "double_value" | "timestamp_value":
            return 8
        case "geo_point_value":
            return 16
        case _:
            return 1
