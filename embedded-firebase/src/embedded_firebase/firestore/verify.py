"""Owns `Write.verify`, which Google's Python messages lack, on the wire and in JSON; must not know what it means.

The field is part of `google.firestore.v1.Write` in the web SDK: `string verify = 5` of the oneof `operation`, the name
of a document whose precondition alone is checked. protobuf keeps it among the unknown fields of a message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from google.protobuf.unknown_fields import UnknownFieldSet

from embedded_firebase.firestore.errors import invalid
from embedded_firebase.firestore.messages import Write

_FIELD, _LENGTH_DELIMITED = 5, 2
_TAG = bytes([_FIELD << 3 | _LENGTH_DELIMITED])

Operation = Literal["update", "delete", "transform", "verify"]


def operation(write: Write) -> Operation | None:
    """Return which operation a write is, None when it has none."""
    known = write.WhichOneof("operation")
    return known or (None if _verified(write) is None else "verify")


def verified_name(write: Write) -> str:
    """Return the name of the document that a write verifies.

    Raises:
        EmulatorError: INVALID_ARGUMENT when it is not text.
    """
    try:
        return (_verified(write) or b"").decode()
    except UnicodeDecodeError:
        raise invalid("verify must be the name of a document.") from None


def verification(name: str) -> Write:
    """Return a write that verifies a document; it has no precondition yet."""
    content = name.encode()
    return Write.FromString(_TAG + _varint(len(content)) + content)


def take_from_json(body: Mapping[str, Any]) -> tuple[dict[str, Any], dict[int, Write]]:
    """Split the JSON of a request with writes into what protobuf can read, and its verifications by their positions.

    Raises:
        EmulatorError: INVALID_ARGUMENT for a verification that is not text, or that has another operation.
    """
    writes = body.get("writes")
    if not isinstance(writes, list):
        return dict(body), {}
    found: dict[int, Write] = {}
    readable = []
    for position, write in enumerate(writes):
        if isinstance(write, dict) and "verify" in write:
            name = write["verify"]
            if not isinstance(name, str) or {"update", "delete", "transform"} & write.keys():
                raise invalid("verify must be the name of a document, and the only operation of its write.")
            found[position] = verification(name)
            readable.append({key: value for key, value in write.items() if key != "verify"})
        else:
            readable.append(write)
    return {**body, "writes": readable}, found


def _verified(write: Write) -> bytes | None:
    # The last one counts, as for any field of a oneof.
    found = None
    fields = UnknownFieldSet(write)
    for field in map(fields.__getitem__, range(len(fields))):
        if field.field_number == _FIELD and field.wire_type == _LENGTH_DELIMITED:
            found = field.data
    return found


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])
