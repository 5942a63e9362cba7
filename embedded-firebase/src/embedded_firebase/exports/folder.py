"""Owns the folder of an export: its files, its metadata, and its atomic replacement.

Must not know how a document or a record is encoded.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from shutil import rmtree
from typing import Any

from google.protobuf.message import DecodeError

from embedded_firebase.exports import messages
from embedded_firebase.exports.entities import decode_document, encode_document, micros_of
from embedded_firebase.exports.errors import ExportError
from embedded_firebase.exports.record_log import frame_records, read_records

# The versions that exports of these tools carry; the CLI reads them and does not compare them.
_CLI_VERSION = "15.34.2"
_FIRESTORE_VERSION = "1.19.8"

_METADATA_NAME = "firebase-export-metadata.json"
_FIRESTORE_NAME = "firestore_export"
_OVERALL_SUFFIX = ".overall_export_metadata"
_KIND_METADATA_NAME = "all_namespaces/all_kinds/all_namespaces_all_kinds.export_metadata"
_OUTPUT_NAME = "output-0"
_AUTH_NAME = "auth_export"
_FORMAT_VERSION = b"3"  # The first record of the overall metadata.
_ALL_NAMESPACES, _ALL_KINDS = 2, 3  # As Google's emulator writes them; their meaning is not published.

_ACCOUNTS_KIND = "identitytoolkit#DownloadAccountResponse"
_AUTH_CONFIG = {
    "signIn": {"allowDuplicateEmails": False},
    "emailPrivacyConfig": {"enableImprovedEmailPrivacy": False},
}


def read_export(folder: Path) -> Iterator[Any]:
    """Return an iterator over the `Document.pb()` messages of an export, in its order, one in memory at a time.

    `folder` holds firebase-export-metadata.json or is the firestore_export folder itself. Names and references keep the
    export's own project. The format holds no create and update times. An export without Firestore has no documents.

    Raises:
        ExportError: at once when `folder` is not an export, later when a file is damaged, truncated or unknown.
    """
    if (folder / _METADATA_NAME).is_file():
        product = _product(folder, "firestore")
        if product is None:
            return iter(())
        overall_file = _inside(folder, product.get("metadata_file"), folder / _METADATA_NAME)
        return _read_documents(overall_file)
    overall_files = sorted(folder.glob(f"*{_OVERALL_SUFFIX}"))
    if len(overall_files) != 1:
        raise ExportError(folder, f"is no export: it needs {_METADATA_NAME} or one file named *{_OVERALL_SUFFIX}")
    return _read_documents(overall_files[0])


def write_export(
    folder: Path,
    documents: Iterable[Any],
    project: str,
    users: Sequence[Mapping[str, Any]] | None = None,
) -> None:
    """Write `Document.pb()` messages of `project`, and users as in accounts.json, as an export of the Firebase CLI.

    The same input gives the same bytes: the export is dated by the newest update time among its documents. Documents
    are streamed. Only files of an export are replaced, after all new ones are written; firebase-export-metadata.json is
    removed first and written last, so a folder that has it is complete.
    No users (None) means an export without the Auth product; an empty list means one without accounts.

    Raises:
        ValueError: a document has a bad name, is of another project, or holds an array in an array.
    """
    folder.mkdir(parents=True, exist_ok=True)
    metadata: dict[str, Any] = {"version": _CLI_VERSION}
    with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as staging_name:
        staging = Path(staging_name)
        _write_firestore(staging / _FIRESTORE_NAME, _of_project(documents, project))
        metadata["firestore"] = {
            "version": _FIRESTORE_VERSION,
            "path": _FIRESTORE_NAME,
            "metadata_file": f"{_FIRESTORE_NAME}/{_FIRESTORE_NAME}{_OVERALL_SUFFIX}",
        }
        if users is not None:
            _write_auth(staging / _AUTH_NAME, users)
            metadata["auth"] = {"version": _CLI_VERSION, "path": _AUTH_NAME}
        (staging / _METADATA_NAME).write_text(json.dumps(metadata, indent=2), encoding="utf-8")

        (folder / _METADATA_NAME).unlink(missing_ok=True)
        for name in (_FIRESTORE_NAME, _AUTH_NAME):
            if (staging / name).exists():
                if (folder / name).exists():
                    rmtree(folder / name)
                (staging / name).rename(folder / name)
        (staging / _METADATA_NAME).rename(folder / _METADATA_NAME)


def write_firestore_export(folder: Path, documents: Iterable[Any]) -> None:
    """Write `Document.pb()` messages as the Firestore part of an export alone, named as its folder.

    An existing export is replaced when the new one is complete; parent folders are created.

    Raises:
        ExportError: the folder is there and holds anything but an export.
        ValueError: a document has a bad name.
    """
    folder = folder.resolve()
    if folder.exists() and not (folder.is_dir() and _is_export_or_empty(folder)):
        raise ExportError(folder, "is there already and is no export")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".export-") as staging_name:
        staging = Path(staging_name) / folder.name
        _write_firestore(staging, documents, folder.name)
        if folder.exists():
            rmtree(folder)
        staging.rename(folder)


def read_auth_export(folder: Path) -> list[dict[str, Any]]:
    """Return the users of an export as accounts.json has them; none when the export has no Auth product.

    Raises:
        ExportError: `folder` is not an export, or its accounts cannot be read.
    """
    product = _product(folder, "auth")
    if product is None:
        return []
    accounts_file = _inside(folder, product.get("path"), folder / _METADATA_NAME) / "accounts.json"
    users = _read_json(accounts_file).get("users")
    if not isinstance(users, list):
        raise ExportError(accounts_file, "'users' must be a list")
    return users


def _is_export_or_empty(folder: Path) -> bool:
    names = {path.name for path in folder.iterdir()}
    return not names or names == {"all_namespaces", f"{folder.name}{_OVERALL_SUFFIX}"}


def _read_documents(overall_file: Path) -> Iterator[Any]:
    expected = actual = 0
    for kind in _read_overall(overall_file):
        kind_file = _inside(overall_file.parent, kind.metadata_file, overall_file)
        for output in _read_kind(kind_file).output:
            output_file = _inside(kind_file.parent, output.file, kind_file)
            for offset, record in read_records(output_file):
                try:
                    yield decode_document(record)
                except ValueError as error:
                    raise ExportError(output_file, str(error), offset) from error
                actual += 1
        expected += kind.entity_count
    if actual != expected:
        raise ExportError(overall_file, f"{expected} documents were exported, {actual} are there")


def _read_overall(overall_file: Path) -> list[Any]:
    records = list(read_records(overall_file))
    version = records[0][1] if records else b""
    if version != _FORMAT_VERSION:
        reason = f"format version {version[:20]!r} is not known; {_FORMAT_VERSION!r} is"
        raise ExportError(overall_file, reason, 0)
    return [
        kind for offset, record in records[1:] for kind in _parse(messages.OverallMetadata, record, overall_file).kind
    ]


def _read_kind(kind_file: Path) -> Any:
    try:
        content = kind_file.read_bytes()
    except OSError as error:
        raise ExportError(kind_file, f"cannot be read: {error.strerror}") from error
    return _parse(messages.KindMetadata, content, kind_file)


def _parse(message_class: Any, content: bytes, file: Path) -> Any:
    try:
        return message_class.FromString(content)
    except DecodeError as error:
        raise ExportError(file, "not the metadata of an export") from error


def _product(folder: Path, name: str) -> dict[str, Any] | None:
    metadata_file = folder / _METADATA_NAME
    product = _read_json(metadata_file).get(name)
    if product is not None and not isinstance(product, dict):
        raise ExportError(metadata_file, f"{name!r} must be an object")
    return product


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ExportError(file, f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ExportError(file, f"is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ExportError(file, "must hold a JSON object")
    return content


def _inside(folder: Path, relative: Any, named_by: Path) -> Path:
    """Return a file or folder named in an export, which must be inside of it (path traversal)."""
    if not isinstance(relative, str) or not relative:
        raise ExportError(named_by, "names no file where it must")
    file = folder / relative
    if not file.resolve().is_relative_to(folder.resolve()):
        raise ExportError(named_by, f"names {relative!r}, which is outside the export")
    return file


def _of_project(documents: Iterable[Any], project: str) -> Iterator[Any]:
    for document in documents:
        if not document.name.startswith(f"projects/{project}/"):
            raise ValueError(f"{document.name!r} is not a document of project {project!r}")
        yield document


def _write_firestore(folder: Path, documents: Iterable[Any], name: str = _FIRESTORE_NAME) -> None:
    overall_file = folder / f"{name}{_OVERALL_SUFFIX}"
    kind_file = folder / _KIND_METADATA_NAME
    kind_file.parent.mkdir(parents=True)
    count = newest_micros = 0

    def records() -> Iterator[bytes]:
        nonlocal count, newest_micros
        for document in documents:
            count += 1
            newest_micros = max(newest_micros, micros_of(document.update_time))
            yield encode_document(document)

    output_file = kind_file.parent / _OUTPUT_NAME
    with output_file.open("wb") as output:
        output.writelines(frame_records(records()))
    run = {"export_name": name, "started_at_micros": newest_micros, "ended_at_micros": newest_micros}
    kind = messages.KindMetadata(run=run, output=[{"prefix": "", "file": _OUTPUT_NAME}])
    kind_file.write_bytes(kind.SerializeToString())
    summary = {
        "scope": {"namespaces": _ALL_NAMESPACES, "kinds": _ALL_KINDS},
        "metadata_file": _KIND_METADATA_NAME,
        "entity_count": count,
        "output_bytes": output_file.stat().st_size,
    }
    overall = messages.OverallMetadata(kind=[summary])
    overall_file.write_bytes(b"".join(frame_records([_FORMAT_VERSION, overall.SerializeToString()])))


def _write_auth(folder: Path, users: Sequence[Mapping[str, Any]]) -> None:
    folder.mkdir()
    accounts = {"kind": _ACCOUNTS_KIND, "users": list(users)}
    for name, content in (("accounts.json", accounts), ("config.json", _AUTH_CONFIG)):
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        (folder / name).write_text(text, encoding="utf-8")
