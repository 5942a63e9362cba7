"""Owns the meaning of single values: Firestore's order across all types, as bytes, and access along field paths.

Must not know of documents, queries or storage.

The order is documented at https://firebase.google.com/docs/firestore/manage-data/data-types#value_type_ordering:
null, booleans, numbers (NaN first, integers and doubles mixed), timestamps, strings, bytes, references, geo points,
arrays, vectors, maps. `encode` is its single source of truth: values are equal, or sort before each other, exactly when
their encodings do. Encodings are prefix-free, so that they can be concatenated, and inverted bit by bit for descending
order.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, MutableMapping, Sequence

from embedded_firebase.firestore.errors import invalid
from embedded_firebase.firestore.messages import Timestamp, Value
from embedded_firebase.firestore.values.paths import SEGMENT_END, escape_zeros, path_key

# Tags leave room between the types for those of Firestore's Enterprise edition.
NULL, BOOLEAN, NUMBER, TIMESTAMP, STRING, BYTES, REFERENCE, GEO_POINT, ARRAY, VECTOR, MAP = range(0x10, 0x46, 5)
# Inside an array or map every element starts with a tag or with `_ENTRY`; the end is below both.
_END, _ENTRY = b"\x01", b"\x02"

# Timestamps run from 0001-01-01 to 9999-12-31.
_MIN_SECONDS, _MAX_SECONDS = -62_135_596_800, 253_402_300_799
_SIGN_BIT = 1 << 63
_ALL_BITS = (1 << 64) - 1
_INVERTED_BYTES = bytes(range(255, -1, -1))
_TAGS = {
    "null_value": NULL,
    None: NULL,
    "boolean_value": BOOLEAN,
    "integer_value": NUMBER,
    "double_value": NUMBER,
    "timestamp_value": TIMESTAMP,
    "string_value": STRING,
    "bytes_value": BYTES,
    "reference_value": REFERENCE,
    "geo_point_value": GEO_POINT,
    "array_value": ARRAY,
}
_TAG_BYTES = {kind: b"%c" % tag for kind, tag in _TAGS.items()}

NULL_VALUE = Value(null_value=0)


def encode(value: Value) -> bytes:
    """Encode a value so that byte order is Firestore's order.

    Raises:
        EmulatorError: INVALID_ARGUMENT for a value that documents cannot hold, which a query may still contain.
    """
    kind = value.WhichOneof("value_type")
    try:
        tag = _TAG_BYTES[kind] if kind != "map_value" else b"%c" % type_tag(value)
    except KeyError:
        raise invalid(f"A {kind} belongs to pipelines; no document holds one.") from None
    match kind:
        case "string_value":
            return tag + escape_zeros(value.string_value.encode()) + SEGMENT_END
        case "integer_value":
            return tag + _encode_integer(value.integer_value)
        case "double_value":
            return tag + _encode_double(value.double_value) + b"\x80\x00"
        case "boolean_value":
            return tag + (b"\x01" if value.boolean_value else b"\x00")
        case "timestamp_value":
            timestamp = value.timestamp_value
            check_timestamp(timestamp, "A value")
            return tag + struct.pack(">QI", timestamp.seconds + _SIGN_BIT, timestamp.nanos)
        case "bytes_value":
            return tag + escape_zeros(value.bytes_value) + SEGMENT_END
        case "reference_value":
            return tag + path_key(value.reference_value) + _END
        case "geo_point_value":
            point = value.geo_point_value
            return tag + _encode_double(point.latitude) + _encode_double(point.longitude)
        case "array_value":
            return tag + b"".join(map(encode, value.array_value.values)) + _END
        case "map_value":
            return tag + _encode_map(value)
        case _:
            return tag


def check_timestamp(timestamp: Timestamp, holder: str) -> None:
    """Refuse a time that Firestore cannot hold.

    Raises:
        EmulatorError: INVALID_ARGUMENT, naming the holder.
    """
    if not (_MIN_SECONDS <= timestamp.seconds <= _MAX_SECONDS and 0 <= timestamp.nanos < 1_000_000_000):
        raise invalid(f"{holder} holds a timestamp outside of 0001-01-01 to 9999-12-31.")


def invert(encoded: bytes) -> bytes:
    """Return an encoding, or several joined, for descending order; applying it twice gives the encoding back."""
    return encoded.translate(_INVERTED_BYTES)


def type_tag(value: Value) -> int:
    """Return the first byte of a value's encoding: its type, in the order of types."""
    kind = value.WhichOneof("value_type")
    if kind == "map_value":
        return VECTOR if is_vector(value) else MAP
    return _TAGS[kind]


def is_vector(value: Value) -> bool:
    """Tell whether a map value is the wire form of a vector."""
    fields = value.map_value.fields
    return "__type__" in fields and fields["__type__"].string_value == "__vector__"


def is_nan(value: Value) -> bool:
    """Tell whether a value is the double NaN."""
    return value.WhichOneof("value_type") == "double_value" and math.isnan(value.double_value)


def is_number(value: Value) -> bool:
    """Tell whether a value is an integer or a double."""
    return value.WhichOneof("value_type") in ("integer_value", "double_value")


def number(value: Value) -> int | float:
    """Return the Python number of an integer or double value."""
    held: int | float = value.integer_value if value.WhichOneof("value_type") == "integer_value" else value.double_value
    return held


def field(fields: Mapping[str, Value], path: Sequence[str]) -> Value | None:
    """Return the value at a field path of a map of fields, None when it is absent."""
    for name in path[:-1]:
        # `in` first: reading an absent key of a protobuf map would create it.
        if name not in fields:
            return None
        fields = fields[name].map_value.fields
    value: Value | None = fields.get(path[-1])
    return value


def set_field(fields: MutableMapping[str, Value], path: Sequence[str], value: Value) -> None:
    """Set the value at a field path in place; values on the way that are not maps are replaced by maps."""
    for name in path[:-1]:
        parent = fields[name]
        if parent.WhichOneof("value_type") != "map_value":
            parent.Clear()
            parent.map_value.SetInParent()
        fields = parent.map_value.fields
    fields[path[-1]].CopyFrom(value)


def delete_field(fields: MutableMapping[str, Value], path: Sequence[str]) -> None:
    """Delete the value at a field path in place; nothing happens when it is absent."""
    for name in path[:-1]:
        # Accessing the map of another value would turn it into a map.
        if name not in fields or fields[name].WhichOneof("value_type") != "map_value":
            return
        fields = fields[name].map_value.fields
    fields.pop(path[-1], None)


def _encode_double(held: float) -> bytes:
    if math.isnan(held):
        return bytes(8)
    # Adding zero makes -0.0 and 0.0 one value. A negative double has all bits inverted, a positive one its sign.
    bits: int = struct.unpack(">Q", struct.pack(">d", held + 0.0))[0]
    return struct.pack(">Q", bits ^ (_ALL_BITS if bits & _SIGN_BIT else _SIGN_BIT))


def _encode_integer(held: int) -> bytes:
    # Rounding to a double keeps the order of integers; the remainder (at most 512) orders those with the same double.
    nearest = float(held)
    return _encode_double(nearest) + struct.pack(">H", held - int(nearest) + 0x8000)


def _encode_map(value: Value) -> bytes:
    fields = value.map_value.fields
    if is_vector(value):
        elements = fields["value"].array_value.values if "value" in fields else ()
        return struct.pack(">I", len(elements)) + b"".join(map(encode, elements))
    entries = (_ENTRY + escape_zeros(name.encode()) + SEGMENT_END + encode(fields[name]) for name in sorted(fields))
    return b"".join(entries) + _END


# Below the functions that make them.
NULL_ENCODED = encode(NULL_VALUE)
NAN_ENCODED = encode(Value(double_value=math.nan))
