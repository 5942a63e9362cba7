"""Owns the translation of readable JSON to a Firebase emulator export; must not know what documents mean."""

import filecmp
import json
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from google.cloud.firestore_v1.types.document import Document, Value

from embedded_firebase.exports.folder import write_export

TIMESTAMP_TAG = "$timestamp"


class SourceError(Exception):
    """A source that cannot be used; the message has the place and what is allowed."""


@dataclass(frozen=True)
class Source:
    """The content of a source file: documents as `Document.pb()` messages, users as in accounts.json of an export."""

    project: str
    documents: tuple[Any, ...]
    users: tuple[dict[str, Any], ...]


def load_source(file: Path) -> Source:
    """Read a source file.

    Raises:
        SourceError: the file cannot be read, or a value of it is not allowed where it is.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SourceError(f"{file}: {error}") from error
    shape = {"project": str, "asOf": str, "documents": dict, "users": list}
    if not isinstance(content, dict) or content.keys() != shape.keys():
        raise SourceError(f"{file}: must be an object with exactly {', '.join(shape)}")
    for name, expected_type in shape.items():
        if not isinstance(content[name], expected_type):
            raise SourceError(f"{file}: {name} must be a JSON {expected_type.__name__}")
    as_of = _parse_time(content["asOf"], "asOf")
    project = content["project"]
    documents = (_document(project, path, fields, as_of) for path, fields in content["documents"].items())
    return Source(project, tuple(documents), tuple(_account(user, as_of) for user in content["users"]))


def write_source(source: Source, folder: Path) -> None:
    """Write the export of a source into `folder`."""
    write_export(folder, source.documents, source.project, source.users)


def outdated_files(source: Source, folder: Path) -> list[str]:
    """Return the files of an export in `folder`, by relative name, that differ from `source`."""
    with tempfile.TemporaryDirectory() as name:
        fresh = Path(name)
        write_source(source, fresh)
        files = sorted(str(path.relative_to(fresh)) for path in fresh.rglob("*") if path.is_file())
        _, different, missing = filecmp.cmpfiles(fresh, folder, files, shallow=False)
    return sorted(different + missing)


def _document(project: str, path: str, fields: Any, as_of: datetime) -> Any:
    parts = path.split("/")
    if len(parts) % 2 or not all(parts):
        raise SourceError(f"documents: {path!r} must be collection/document, or more such pairs")
    name = f"projects/{project}/databases/(default)/documents/{path}"
    if not isinstance(fields, dict):
        raise SourceError(f"{path}: must be an object of fields")
    values = {field: _value(value, f"{path} {field}") for field, value in fields.items()}
    return Document(name=name, fields=values, create_time=as_of, update_time=as_of)._pb


def _value(value: Any, place: str) -> Value:
    match value:
        case None:
            return Value(null_value=0)
        case bool():
            return Value(boolean_value=value)
        case int() if -(2**63) <= value < 2**63:
            return Value(integer_value=value)
        case float():
            return Value(double_value=value)
        case str():
            return Value(string_value=value)
        case list() if not any(isinstance(element, list) for element in value):
            return Value(array_value={"values": [_value(element, place) for element in value]})
        case {"$timestamp": str(text), **others} if not others:
            return Value(timestamp_value=_parse_time(text, place))
        case dict() if TIMESTAMP_TAG not in value:
            return Value(
                map_value={"fields": {name: _value(field, f"{place}.{name}") for name, field in value.items()}}
            )
        case _:
            raise SourceError(
                f"{place}: {value!r} is not allowed: a list in a list, an integer beyond 64 bits,"
                f' or a timestamp not of the form {{"{TIMESTAMP_TAG}": "2026-01-01T00:00:00Z"}}',
            )


def _parse_time(text: str, place: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SourceError(f"{place}: {text!r} is not a time such as 2026-01-01T00:00:00Z") from error
    if moment.tzinfo is None:
        raise SourceError(f"{place}: {text!r} needs a time zone, such as 2026-01-01T00:00:00Z")
    return moment.astimezone(UTC)


def _account(user: Any, as_of: datetime) -> dict[str, Any]:
    """Return an account as the Auth emulator exports it, with its fake password hash."""
    names = ["localId", "email", "displayName", "password"]
    if not isinstance(user, dict) or sorted(user) != sorted(names) or not all(isinstance(user[n], str) for n in names):
        raise SourceError(f"users: {user!r} must be an object of exactly the strings {', '.join(names)}")
    salt = f"fakeSalt{user['localId']}"
    as_of_ms = int(as_of.timestamp()) * 1000
    identity = {
        "providerId": "password",
        "email": user["email"],
        "federatedId": user["email"],
        "rawId": user["email"],
        "displayName": user["displayName"],
    }
    return {
        "localId": user["localId"],
        "createdAt": str(as_of_ms),
        "displayName": user["displayName"],
        "passwordHash": f"fakeHash:salt={salt}:password={user['password']}",
        "salt": salt,
        "passwordUpdatedAt": as_of_ms,
        "providerUserInfo": [identity],
        "validSince": str(as_of_ms // 1000),
        "email": user["email"],
        "emailVerified": True,
        "disabled": False,
    }
