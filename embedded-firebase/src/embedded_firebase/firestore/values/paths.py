"""Owns resource names and field paths: their grammar and limits, and the order-preserving keys of names.

Must not know of documents, storage or the protocol.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from embedded_firebase.firestore.errors import invalid

MAX_SEGMENT_BYTES = 1_500
MAX_PATH_BYTES = 6_144
MAX_COLLECTIONS = 100
DOCUMENT_ID_FIELD = "__name__"

_NUMERIC_ID = re.compile(r"__id(-?\d{1,19})__\Z")
_RESERVED_ID = re.compile(r"__.*__\Z", re.DOTALL)
_SIMPLE_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTED_FIELD_NAME = re.compile(r"`((?:[^`\\]|\\.)+)`", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

# Bytes of a key. A segment starts with its kind, so that numeric ids sort before named ones; a zero byte inside a
# segment is escaped, so that a segment that is a prefix of another sorts first.
_NUMERIC, _NAMED = b"\x02", b"\x03"
SEGMENT_END, ZERO_ESCAPED = b"\x00\x01", b"\x00\xff"


@dataclass(frozen=True, slots=True)
class DocumentPath:
    """Where a document lives: its database, its collection relative to the database's root, and its own id."""

    database: str
    collection: str
    document_id: str

    @property
    def name(self) -> str:
        """The full resource name."""
        return f"{self.database}/documents/{self.collection}/{self.document_id}"


@lru_cache(maxsize=65_536)
def parse_document(name: str) -> DocumentPath:
    """Parse `projects/{p}/databases/{d}/documents/{collection}/{id}[/...]`.

    Raises:
        EmulatorError: INVALID_ARGUMENT when it is no valid document name.
    """
    database, relative = parse_parent(name)
    collection, slash, document_id = relative.rpartition("/")
    if not slash:
        raise invalid(f'Document name "{name}" must name a document below "{database}/documents".')
    return DocumentPath(database, collection, document_id)


@lru_cache(maxsize=4_096)
def parse_parent(name: str) -> tuple[str, str]:
    """Parse a document's name or `projects/{p}/databases/{d}/documents` into database and relative path ("" for root).

    Raises:
        EmulatorError: INVALID_ARGUMENT when it is neither.
    """
    segments = name.split("/")
    database = parse_database("/".join(segments[:4]))
    if len(segments) < 5 or segments[4] != "documents" or len(segments) % 2 == 0:
        raise invalid(f'Name "{name}" must be "{database}/documents" or a document below it, an even number of parts.')
    if len(segments) - 5 > 2 * MAX_COLLECTIONS:
        raise invalid(f"A document path has at most {MAX_COLLECTIONS} collections, one below the other.")
    for segment in segments[5:]:
        check_segment(segment, name)
    relative = "/".join(segments[5:])
    if len(relative.encode()) > MAX_PATH_BYTES:
        raise invalid(f"A document path has at most {MAX_PATH_BYTES} bytes; this one has {len(relative.encode())}.")
    return database, relative


@lru_cache(maxsize=4_096)
def project_of(database: str) -> str:
    """Return the id of the project that the resource name of a database starts with, "" when it names none."""
    return "/".join(database.split("/")[1:2])


def parse_database(name: str) -> str:
    """Check `projects/{p}/databases/{d}` and return it.

    Raises:
        EmulatorError: INVALID_ARGUMENT when it is no database name.
    """
    segments = name.split("/")
    if len(segments) != 4 or segments[0] != "projects" or segments[2] != "databases" or not all(segments):
        raise invalid(f'Database name "{name}" must look like "projects/{{project}}/databases/{{database}}".')
    return name


def check_segment(segment: str, name: str) -> None:
    """Refuse a collection or document id that Firestore reserves or cannot hold.

    Raises:
        EmulatorError: INVALID_ARGUMENT, naming the id and the whole name.
    """
    if not segment:
        raise invalid(f'Name "{name}" holds an empty part ("//").')
    if segment in (".", ".."):
        raise invalid(f'Name "{name}" must not hold "." or ".." as a part.')
    if len(segment) > MAX_SEGMENT_BYTES // 4 and len(segment.encode()) > MAX_SEGMENT_BYTES:
        raise invalid(f"An id has at most {MAX_SEGMENT_BYTES} bytes; one in this name has {len(segment.encode())}.")
    if segment.startswith("__") and _RESERVED_ID.match(segment) and not _NUMERIC_ID.match(segment):
        raise invalid(f'Resource id "{segment}" is invalid because it is reserved.')


def database_name(project: str, database: str = "(default)") -> str:
    """Return the resource name of a database."""
    return f"projects/{project}/databases/{database}"


def escape_zeros(raw: bytes) -> bytes:
    """Escape zero bytes, so that none can be mistaken for a terminator."""
    return raw.replace(b"\x00", ZERO_ESCAPED) if b"\x00" in raw else raw


def segment_key(segment: str) -> bytes:
    """Encode one part of a path so that byte order is Firestore's order of ids (numeric ids first, then UTF-8)."""
    numeric = _NUMERIC_ID.match(segment) if segment.startswith("__id") else None
    if numeric:
        # Nine bytes and an offset hold any id of the pattern, those beyond 64 bits too.
        return _NUMERIC + (int(numeric[1]) + (1 << 70)).to_bytes(9, "big")
    return _NAMED + escape_zeros(segment.encode()) + SEGMENT_END


def path_key(path: str) -> bytes:
    """Encode a relative path so that byte order is path order and a parent's key is a prefix of its children's."""
    return b"".join(map(segment_key, path.split("/"))) if path else b""


def prefix_end(prefix: bytes) -> bytes:
    """Return the least key above every key that starts with `prefix` (which holds a byte below 255)."""
    trimmed = prefix.rstrip(b"\xff")
    return trimmed[:-1] + bytes([trimmed[-1] + 1])


@lru_cache(maxsize=65_536)
def parse_field_path(text: str) -> tuple[str, ...]:
    """Parse a dotted field path whose parts are simple names or quoted with backticks.

    Raises:
        EmulatorError: INVALID_ARGUMENT when it breaks the grammar.
    """
    names: list[str] = []
    position = 0
    while True:
        simple = _SIMPLE_FIELD_NAME.match(text, position)
        quoted = None if simple else _QUOTED_FIELD_NAME.match(text, position)
        found = simple or quoted
        if not found:
            raise invalid(
                f'Invalid field path "{text}": each part must match [A-Za-z_][A-Za-z0-9_]* or be quoted with backticks.'
            )
        names.append(_ESCAPED.sub(r"\1", quoted[1]) if quoted else found[0])
        position = found.end()
        if position == len(text):
            break
        if text[position] != ".":
            raise invalid(f'Invalid field path "{text}": parts are separated by dots.')
        position += 1
    for name in names:
        check_field_name(name)
    return tuple(names)


def format_field_path(path: tuple[str, ...]) -> str:
    """Return the text that `parse_field_path` reads as this path."""
    return ".".join(
        name if _SIMPLE_FIELD_NAME.fullmatch(name) else "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
        for name in path
    )


def check_field_name(name: str) -> None:
    """Refuse a field name that is empty, too long or reserved (`__name__` is for queries and masks alone).

    Raises:
        EmulatorError: INVALID_ARGUMENT, naming the field.
    """
    if not name:
        raise invalid("A field name must not be empty.")
    if len(name) > MAX_SEGMENT_BYTES // 4 and len(name.encode()) > MAX_SEGMENT_BYTES:
        raise invalid(f"A field name has at most {MAX_SEGMENT_BYTES} bytes; this one has {len(name.encode())}.")
    if name.startswith("__") and name != DOCUMENT_ID_FIELD and _RESERVED_ID.match(name):
        raise invalid(f'Field name "{name}" is reserved.')
