"""Owns the protobuf messages of an export, by field number; must not know Firestore documents.

The entity messages are those of Google's published `entity.proto` (Datastore v3), cut to the fields that a Firestore
export uses. Every field is optional here, because Google writes the entity inside a map value without its key.
The two metadata messages are not published; they and their names are inferred from exports of Google's emulator.
See docs/decisions/0002-export-messages.md.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# The classes are made at run time, so that no type checker knows their fields.
_descriptors: Any = descriptor_pb2
_factory: Any = message_factory

_PACKAGE = "firestore_export"
_Field = _descriptors.FieldDescriptorProto
_SCALARS = {
    "int64": _Field.TYPE_INT64,
    "int32": _Field.TYPE_INT32,
    "bool": _Field.TYPE_BOOL,
    "bytes": _Field.TYPE_BYTES,
    "double": _Field.TYPE_DOUBLE,
    "string": _Field.TYPE_STRING,
}

# Message name -> its fields as "number type name"; a type is a scalar, a message, `group` before a message, and
# `*` after it when repeated.
_MESSAGES = {
    "PathElement": ("2 string type", "3 int64 id", "4 string name"),
    "Path": ("1 group PathElement* element",),
    "Reference": ("13 string app", "14 Path path", "23 string database_id"),
    "Point": ("6 double x", "7 double y"),
    "ReferenceElement": ("15 string type", "16 int64 id", "17 string name"),
    "ReferenceValue": ("13 string app", "14 group ReferenceElement* element", "23 string database_id"),
    "PropertyValue": (
        "1 int64 int64_value",
        "2 bool boolean_value",
        "3 bytes string_value",
        "4 double double_value",
        "5 group Point point_value",
        "12 group ReferenceValue reference_value",
    ),
    "Property": ("1 int32 meaning", "3 string name", "4 bool multiple", "5 PropertyValue value"),
    "EntityProto": ("13 Reference key", "14 Property* property", "15 Property* raw_property", "16 Path entity_group"),
    "Scope": ("1 int32 namespaces", "3 int32 kinds"),
    "KindSummary": ("1 Scope scope", "2 string metadata_file", "3 int64 entity_count", "4 int64 output_bytes"),
    "OverallMetadata": ("1 KindSummary* kind",),
    "ExportRun": ("1 string export_name", "2 int64 started_at_micros", "3 int64 ended_at_micros"),
    "Output": ("1 string prefix", "2 string file"),
    "KindMetadata": ("1 ExportRun run", "2 Output* output"),
}


def _add_field(message: Any, specification: str) -> None:
    number, *group, type_name, name = specification.split()
    field = message.field.add(name=name, number=int(number), label=_Field.LABEL_OPTIONAL)
    if type_name.endswith("*"):
        field.label = _Field.LABEL_REPEATED
        type_name = type_name[:-1]
    if type_name in _SCALARS:
        field.type = _SCALARS[type_name]
    else:
        field.type = _Field.TYPE_GROUP if group else _Field.TYPE_MESSAGE
        field.type_name = f".{_PACKAGE}.{type_name}"


def _build_pool() -> Any:
    file = _descriptors.FileDescriptorProto(name="firestore_export.proto", package=_PACKAGE, syntax="proto2")
    for message_name, specifications in _MESSAGES.items():
        message = file.message_type.add(name=message_name)
        for specification in specifications:
            _add_field(message, specification)
    pool: Any = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _message_class(name: str) -> Any:
    return _factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


_POOL = _build_pool()
EntityProto = _message_class("EntityProto")
Path = _message_class("Path")
Reference = _message_class("Reference")
OverallMetadata = _message_class("OverallMetadata")
KindMetadata = _message_class("KindMetadata")
