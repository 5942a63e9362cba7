"""Writes firestore/messages.pyi: what the type checker knows of the messages of `google.firestore.v1`.

google-cloud-firestore ships the messages without types of their fields. They are read off the descriptors that the
messages carry, so that a field that is spelled wrong, or has come or gone with a new version, is found by mypy. With
`--check` nothing is written, and the exit status is 1 when the file is not current.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from embedded_firebase.firestore import messages

STUBS = Path(messages.__file__).with_suffix(".pyi")
_INDENT = "    "
_HEADER = '''\
"""What the type checker knows of `messages`. Written by tools/message_stubs.py; do not edit."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self, overload

from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty as Empty
from google.protobuf.internal.containers import (
    MessageMap,
    RepeatedCompositeFieldContainer,
    RepeatedScalarFieldContainer,
    ScalarMap,
)
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp as Timestamp
from google.protobuf.wrappers_pb2 import DoubleValue, Int32Value, Int64Value
'''
_F = FieldDescriptor
_SCALARS = {_F.TYPE_STRING: "str", _F.TYPE_BYTES: "bytes", _F.TYPE_BOOL: "bool", _F.TYPE_ENUM: "int"}
_SCALARS |= dict.fromkeys((_F.TYPE_DOUBLE, _F.TYPE_FLOAT), "float")
_SCALARS |= dict.fromkeys((_F.TYPE_INT32, _F.TYPE_INT64, _F.TYPE_UINT32, _F.TYPE_UINT64), "int")


class Stubs:
    """The stubs of some messages, each with all that they hold.

    Args:
        public: the messages that have a name in the module.
    """

    def __init__(self, public: dict[str, Descriptor]) -> None:
        self._public = {descriptor.full_name: name for name, descriptor in public.items()}
        self._outermost: dict[str, Descriptor] = {}
        for descriptor in public.values():
            self._gather(descriptor)

    def text(self) -> str:
        """Return the content of the file."""
        blocks = ["\n".join(self._message(self._outermost[name], "")) for name in sorted(self._outermost)]
        nested = (
            f"{name} = {self._name(descriptor, qualified=True)}"
            for name, descriptor in sorted(public_messages().items())
            if descriptor.containing_type is not None
        )
        return "\n\n".join([_HEADER, *blocks, "\n".join(nested)]) + "\n"

    def _gather(self, descriptor: Descriptor) -> None:
        """Note the outermost message of a descriptor, and those of all its fields."""
        while descriptor.containing_type is not None:
            descriptor = descriptor.containing_type
        if descriptor.full_name.startswith("google.protobuf.") or descriptor.full_name in self._outermost:
            return
        self._outermost[descriptor.full_name] = descriptor
        pending = [descriptor]
        for message in pending:
            pending += message.nested_types
            for field in message.fields:
                if field.message_type is not None:
                    self._gather(field.message_type)

    def _name(self, descriptor: Descriptor, *, qualified: bool = False) -> str:
        """Return how a message is named here: with an underscore where the module itself has no such name."""
        if descriptor.containing_type is not None:
            return f"{self._name(descriptor.containing_type)}.{descriptor.name}"
        is_public = descriptor.full_name in self._public or descriptor.full_name.startswith("google.protobuf.")
        return descriptor.name if is_public else f"_{descriptor.name}"

    def _message(self, descriptor: Descriptor, indent: str) -> Iterator[str]:
        name = descriptor.name if indent else self._name(descriptor)
        yield f"{indent}class {name}(Message):"
        inner = indent + _INDENT
        for nested in descriptor.nested_types:
            if not nested.GetOptions().map_entry:
                yield from self._message(nested, inner)
        for field in descriptor.fields:
            yield from self._field(field, inner)
        yield f"{inner}def __init__("
        yield f"{inner}{_INDENT}self,"
        if descriptor.fields:
            yield f"{inner}{_INDENT}*,"
        yield from (f"{inner}{_INDENT}{field.name}: {self._given(field)} | None = None," for field in descriptor.fields)
        yield f"{inner}) -> None: ..."
        yield f"{inner}@classmethod"
        yield f"{inner}def FromString(cls, s: bytes) -> Self: ..."
        yield from _presence(descriptor, inner)

    def _field(self, field: FieldDescriptor, indent: str) -> Iterator[str]:
        held = self._held(field)
        if field.message_type is None and not field.is_repeated:
            yield f"{indent}{field.name}: {held}"
        else:
            # Changed in place, never assigned.
            yield f"{indent}@property"
            yield f"{indent}def {field.name}(self) -> {held}: ..."

    def _held(self, field: FieldDescriptor) -> str:
        """Return the type of a field on reading."""
        if (entry := _map_entry(field)) is not None:
            key, value = (entry.fields_by_name[name] for name in ("key", "value"))
            kind = "ScalarMap" if value.message_type is None else "MessageMap"
            return f"{kind}[{self._single(key)}, {self._single(value)}]"
        if field.is_repeated:
            kind = "Scalar" if field.message_type is None else "Composite"
            return f"Repeated{kind}FieldContainer[{self._single(field)}]"
        return self._single(field)

    def _given(self, field: FieldDescriptor) -> str:
        """Return the type of a field as the constructor takes it: a message may be given as a mapping of its fields."""
        if (entry := _map_entry(field)) is not None:
            key, value = (entry.fields_by_name[name] for name in ("key", "value"))
            return f"Mapping[{self._single(key)}, {self._single_given(value)}]"
        return f"Iterable[{self._single_given(field)}]" if field.is_repeated else self._single_given(field)

    def _single_given(self, field: FieldDescriptor) -> str:
        return self._single(field) + ("" if field.message_type is None else " | Mapping[str, Any]")

    def _single(self, field: FieldDescriptor) -> str:
        return _SCALARS[field.type] if field.message_type is None else self._name(field.message_type)


def _map_entry(field: FieldDescriptor) -> Descriptor | None:
    message = field.message_type
    return message if message is not None and message.GetOptions().map_entry else None


def _presence(descriptor: Descriptor, indent: str) -> Iterator[str]:
    """Yield HasField and WhichOneof, which take the names of this message alone."""
    asked = [field.name for field in descriptor.fields if field.has_presence]
    oneofs = {oneof.name: [field.name for field in oneof.fields] for oneof in descriptor.oneofs}
    # Synthetic oneofs of optional fields are not part of the protocol.
    oneofs = {name: fields for name, fields in oneofs.items() if not name.startswith("_")}
    if names := _literal([*asked, *oneofs]):
        yield f"{indent}def HasField(self, field_name: {names}) -> bool: ..."
    for name, fields in oneofs.items():
        if len(oneofs) > 1:
            yield f"{indent}@overload"
        yield f"{indent}def WhichOneof(self, oneof_group: {_literal([name])}) -> {_literal(fields)} | None: ..."


def _literal(names: list[str]) -> str:
    return f"Literal[{', '.join(map(repr, names))}]".replace("'", '"') if names else ""


def public_messages() -> dict[str, Descriptor]:
    """Return the descriptors of the messages that the module names."""
    found = {name: value for name, value in vars(messages).items() if isinstance(value, type)}
    # protobuf has two implementations; both have the descriptors of the pure one, of which types speak.
    return {name: cast(Descriptor, value.DESCRIPTOR) for name, value in found.items() if issubclass(value, Message)}


def main() -> int:
    """Write the file, or check it; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the file is not current")
    text = Stubs(public_messages()).text()
    if not parser.parse_args().check:
        STUBS.write_text(text)
        return 0
    if STUBS.is_file() and STUBS.read_text() == text:
        return 0
    sys.stderr.write(f"{STUBS} is not current; run {Path(__file__).name}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
