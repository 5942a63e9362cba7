"""Owns the environment of the functions: the emulator's variables and the `.env` files of their folder.

Must not know what the functions do with it. The files are read as the Firebase CLI reads them.
"""

from __future__ import annotations

import json
import re
from collections.abc import MutableMapping
from pathlib import Path

_LINE = re.compile(
    r"""^\s*(?:export)?\s*([\w./]+)\s*=[\f\t\v]*(\s*'(?:\\'|[^'])*'|\s*"(?:\\"|[^"])*"|[^#\r\n]*)?\s*(?:\#[^\n]*)?$""",
    re.MULTILINE | re.DOTALL,
)
_ESCAPED = re.compile(r"""\\([nrtv\\'"])""")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
# Refused by a deploy, because the platform sets them.
_RESERVED_PREFIXES = ("X_GOOGLE_", "FIREBASE_", "EXT_")
_RESERVED = {"FIREBASE_CONFIG", "CLOUD_RUNTIME_CONFIG", "ENTRY_POINT", "GCP_PROJECT", "GCLOUD_PROJECT"}
_RESERVED |= {"GOOGLE_CLOUD_PROJECT", "FUNCTION_TRIGGER_TYPE", "FUNCTION_NAME", "FUNCTION_MEMORY_MB"}
_RESERVED |= {"FUNCTION_TIMEOUT_SEC", "FUNCTION_IDENTITY", "FUNCTION_REGION", "FUNCTION_TARGET"}
_RESERVED |= {"FUNCTION_SIGNATURE_TYPE", "K_SERVICE", "K_REVISION", "PORT", "K_CONFIGURATION"}
_RESERVED |= {"EVENTARC_CLOUD_EVENT_SOURCE"}


def set_environment(
    environment: MutableMapping[str, str], project: str, firestore_host: str, tasks_host: str | None = None
) -> None:
    """Give the functions the environment that Firebase's emulator gives them; hosts are as in `127.0.0.1:8080`."""
    environment["FUNCTIONS_EMULATOR"] = "true"
    environment["GCLOUD_PROJECT"] = project
    environment["FIREBASE_CONFIG"] = json.dumps({"projectId": project})
    environment["FIRESTORE_EMULATOR_HOST"] = firestore_host
    # With a proxy configured, gRPC would use it for local addresses too.
    environment["no_grpc_proxy"] = firestore_host.partition(":")[0]
    if tasks_host:
        environment["CLOUD_TASKS_EMULATOR_HOST"] = tasks_host
        # So would the client that enqueues; other addresses still use the proxy.
        kept = environment.get("no_proxy") or environment.get("NO_PROXY")
        environment["no_proxy"] = ",".join(filter(None, [kept, tasks_host.partition(":")[0]]))


def read_files(source: Path, project: str) -> dict[str, str]:
    """Return what `.env`, `.env.<project>`, `.env.local` and `.secret.local` of a folder say; later ones win.

    Raises:
        ValueError: a line is not NAME=value, or a deploy refuses the name; the message names both.
    """
    variables: dict[str, str] = {}
    for name in (".env", f".env.{project}", ".env.local", ".secret.local"):
        if (source / name).is_file():
            try:
                variables |= parse((source / name).read_text())
            except ValueError as error:
                raise ValueError(f"{source / name}: {error}") from None
    return variables


def parse(text: str) -> dict[str, str]:
    """Read the variables of a `.env` file.

    Raises:
        ValueError: a line is not NAME=value, or a name is reserved.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    variables = {}
    for name, given in _LINE.findall(text):
        value = given.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            quote, value = value[0], value[1:-1]
            if quote == '"':
                value = _ESCAPED.sub(lambda escaped: _ESCAPES.get(escaped[1], escaped[1]), value)
        if name in _RESERVED or name.startswith(_RESERVED_PREFIXES) or not _NAME.fullmatch(name):
            raise ValueError(f"{name} is reserved, or not made of capitals, digits and underscores")
        variables[name] = value
    for line in _LINE.sub("", text).split("\n"):
        if line.strip() and not line.strip().startswith("#"):
            raise ValueError(f"{line.strip()!r} is not NAME=value")
    return variables
