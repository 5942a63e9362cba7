"""Owns the effect of a write on a document: preconditions, masks, transforms; must not know storage or clocks.

The rules are those of `google.firestore.v1.Write`, `Precondition` and `DocumentTransform`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from embedded_firebase.firestore.errors import Code, EmulatorError, invalid
from embedded_firebase.firestore.messages import Document, FieldTransform, Precondition, Value, Write, WriteResult
from embedded_firebase.firestore.values import limits
from embedded_firebase.firestore.values.encoding import NULL_VALUE, encode, field, is_nan, is_number, number, set_field
from embedded_firebase.firestore.values.encoding import delete_field as remove_field
from embedded_firebase.firestore.values.paths import DOCUMENT_ID_FIELD, parse_field_path
from embedded_firebase.firestore.values.timestamps import set_micros, to_micros
from embedded_firebase.firestore.verify import operation, verified_name

_MIN_INTEGER, _MAX_INTEGER = -(1 << 63), (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a write: the new document (None when it is deleted), and the result for the client."""

    document: Document | None
    result: WriteResult


def target(write: Write) -> str:
    """Return the name of the document that a write is about.

    Raises:
        EmulatorError: INVALID_ARGUMENT when the write has no operation.
    """
    match operation(write):
        case "update":
            return write.update.name
        case "delete":
            return write.delete
        case "transform":
            return write.transform.document
        case "verify":
            return verified_name(write)
        case None:
            raise invalid("A write needs one operation: update, delete, transform or verify.")


def apply(write: Write, current: Document | None, commit_time: int) -> Outcome:
    """Apply a write to the document as it is.

    Args:
        write: the write; values in it are rounded to what Firestore stores.
        current: the document now, None when it does not exist; it is not changed.
        commit_time: microseconds since the epoch, later than every earlier commit.

    Raises:
        EmulatorError: ALREADY_EXISTS, NOT_FOUND or FAILED_PRECONDITION from a precondition, INVALID_ARGUMENT.
    """
    name = target(write)
    if write.HasField("current_document"):
        check_precondition(write.current_document, name, current, commit_time)
    if write.WhichOneof("operation") == "delete":
        return Outcome(None, WriteResult())
    if operation(write) == "verify":
        return Outcome(current, WriteResult(update_time=None if current is None else current.update_time))

    document = Document(name=name)
    if write.WhichOneof("operation") == "update":
        _update(document, write, current)
        transforms = write.update_transforms
    else:
        if current is not None:
            document.CopyFrom(current)
        transforms = write.transform.field_transforms
    if len(transforms) > limits.MAX_TRANSFORMS:
        raise invalid(f"A write has at most {limits.MAX_TRANSFORMS} transforms; this one has {len(transforms)}.")

    result = WriteResult()
    for transform in transforms:
        result.transform_results.append(_transform(document, transform, commit_time))
    limits.check_size(document)
    if current is not None:
        document.create_time.CopyFrom(current.create_time)
        document.update_time.CopyFrom(current.update_time)
        if _same(document, current):
            result.update_time.CopyFrom(current.update_time)
            return Outcome(current, result)
    else:
        set_micros(document.create_time, commit_time)
    set_micros(document.update_time, commit_time)
    result.update_time.CopyFrom(document.update_time)
    return Outcome(document, result)


def check_precondition(precondition: Precondition, name: str, current: Document | None, commit_time: int) -> None:
    """Check the precondition of a write against the current document.

    Raises:
        EmulatorError: ALREADY_EXISTS, NOT_FOUND, FAILED_PRECONDITION; INVALID_ARGUMENT for a time in the future.
    """
    match precondition.WhichOneof("condition_type"):
        case "exists":
            if precondition.exists and current is None:
                raise EmulatorError(Code.NOT_FOUND, f"No document to update: {name}")
            if not precondition.exists and current is not None:
                raise EmulatorError(Code.ALREADY_EXISTS, f"Document already exists: {name}")
        case "update_time":
            required = to_micros(precondition.update_time)
            if required > commit_time:
                raise invalid(f"The required update time of {name} lies in the future.")
            if current is None:
                raise EmulatorError(Code.FAILED_PRECONDITION, f"The document to update does not exist: {name}")
            stored = to_micros(current.update_time)
            if stored != required:
                raise EmulatorError(
                    Code.FAILED_PRECONDITION,
                    f"The stored version ({stored}) does not match the required base version ({required}): {name}",
                )


def _update(document: Document, write: Write, current: Document | None) -> None:
    """Fill the new `document` with the fields of an update, over the current ones where a mask says so."""
    limits.check_fields(write.update.fields)
    if not write.HasField("update_mask"):
        document.fields.MergeFrom(write.update.fields)
        return
    if current is not None:
        document.fields.MergeFrom(current.fields)
    for text in write.update_mask.field_paths:
        path = parse_field_path(text)
        if DOCUMENT_ID_FIELD in path:
            raise invalid(f'Field path "{text}" must not hold "{DOCUMENT_ID_FIELD}".')
        value = field(write.update.fields, path)
        if value is None:
            remove_field(document.fields, path)
        else:
            set_field(document.fields, path, value)
            _check_path_depth(path, value)


def _check_path_depth(path: tuple[str, ...], value: Value) -> None:
    if len(path) - 1 > limits.MAX_DEPTH:
        raise invalid(f'Field "{path[0]}" is nested more than {limits.MAX_DEPTH} levels deep.')
    if len(path) > 1:
        limits.check_value(value, path[0], len(path))


def _same(document: Document, current: Document) -> bool:
    # Compares bytes, because messages compare NaN as unequal to itself and 0.0 as equal to -0.0.
    return bool(document.SerializeToString(deterministic=True) == current.SerializeToString(deterministic=True))


def _transform(document: Document, transform: FieldTransform, commit_time: int) -> Value:
    """Apply one transform to the document in place and return its result."""
    path = parse_field_path(transform.field_path)
    if DOCUMENT_ID_FIELD in path:
        raise invalid(f'A transform must not name "{DOCUMENT_ID_FIELD}".')
    held = field(document.fields, path)
    kind = transform.WhichOneof("transform_type")
    match kind:
        case "set_to_server_value":
            if transform.set_to_server_value != 1:
                raise invalid(f'The transform of "{transform.field_path}" names no server value.')
            new = result = Value()
            set_micros(new.timestamp_value, commit_time)
        case "increment" | "maximum" | "minimum":
            operand = getattr(transform, kind)
            if not is_number(operand):
                raise invalid(f'The {kind} of "{transform.field_path}" needs an integer or a double.')
            new = result = operand if held is None or not is_number(held) else _COMBINE[kind](held, operand)
        case "append_missing_elements" | "remove_all_from_array":
            elements = getattr(transform, kind).values
            limits.check_value(Value(array_value=getattr(transform, kind)), transform.field_path, len(path))
            old = held.array_value.values if held is not None else ()
            new = _union(old, elements) if kind == "append_missing_elements" else _difference(old, elements)
            result = NULL_VALUE
        case _:
            raise invalid(f'The transform of "{transform.field_path}" names no operation.')
    set_field(document.fields, path, new)
    _check_path_depth(path, new)
    return result


def _increment(held: Value, operand: Value) -> Value:
    total = number(held) + number(operand)
    if isinstance(total, float):
        return Value(double_value=total)
    return Value(integer_value=min(max(total, _MIN_INTEGER), _MAX_INTEGER))


def _maximum(held: Value, operand: Value) -> Value:
    if is_nan(held) or is_nan(operand):
        return Value(double_value=math.nan)
    return operand if number(operand) > number(held) else held


def _minimum(held: Value, operand: Value) -> Value:
    if is_nan(held) or is_nan(operand):
        return Value(double_value=math.nan)
    return operand if number(operand) < number(held) else held


_COMBINE = {"increment": _increment, "maximum": _maximum, "minimum": _minimum}


def _union(old: Iterable[Value], elements: Iterable[Value]) -> Value:
    new = Value()
    new.array_value.values.extend(old)
    seen = {encode(value) for value in new.array_value.values}
    for element in elements:
        key = encode(element)
        if key not in seen:
            seen.add(key)
            new.array_value.values.append(element)
    new.array_value.SetInParent()
    return new


def _difference(old: Iterable[Value], elements: Iterable[Value]) -> Value:
    removed = {encode(value) for value in elements}
    new = Value()
    new.array_value.values.extend(value for value in old if encode(value) not in removed)
    new.array_value.SetInParent()
    return new
