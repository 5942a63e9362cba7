"""Owns noticing that the code changed, and starting this process anew with it, in place.

Must not know what the process does. The port stays bound all the while: callers wait, and are not refused.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path

_SOCKETS = "FUNCTIONS_HOST_SOCKETS"
_IGNORED_FOLDERS = {"venv", "node_modules", "__pycache__"}
_POLL_SECONDS = 0.5
_SETTLE_SECONDS = 0.1

# What is known of each file: when it was written, and its size.
Snapshot = dict[Path, tuple[int, int]]


def snapshot(source: Path) -> Snapshot:
    """Return the state of what the functions are made of: their code and their `.env` files."""
    found = {}
    for folder, folders, files in os.walk(source):
        folders[:] = [name for name in folders if name not in _IGNORED_FOLDERS and not name.startswith(".")]
        for name in files:
            if name.endswith(".py") or name.startswith((".env", ".secret.local")):
                path = Path(folder, name)
                try:
                    state = path.stat()
                except FileNotFoundError:
                    continue
                found[path] = (state.st_mtime_ns, state.st_size)
    return found


def wait_for_change(source: Path, known: Snapshot) -> list[Path]:
    """Wait until something differs from what is known and has settled, and return what."""
    # Looking costs less than a millisecond a second, and sees changes on every kind of file system.
    while (seen := snapshot(source)) == known:
        time.sleep(_POLL_SECONDS)
    while True:
        time.sleep(_SETTLE_SECONDS)
        settled, seen = seen, snapshot(source)
        if settled == seen:
            return sorted(path for path in known.keys() | seen.keys() if known.get(path) != seen.get(path))


def inherited_sockets(environment: MutableMapping[str, str]) -> list[socket.socket]:
    """Return the sockets that the process had before it was started anew, none if it was not."""
    sockets = [socket.socket(fileno=int(number)) for number in environment.pop(_SOCKETS, "").split()]
    for kept in sockets:
        # No child of the functions shall hold the port.
        kept.set_inheritable(False)
    return sockets


def start_anew(sockets: Iterable[socket.socket], environment: Mapping[str, str]) -> None:
    """Replace this process by a new one of the same command, which takes the sockets over; it does not return."""
    sys.stdout.flush()
    sys.stderr.flush()
    for kept in sockets:
        kept.set_inheritable(True)
    command = [sys.executable, *sys.orig_argv[1:]]
    numbers = " ".join(str(kept.fileno()) for kept in sockets)
    os.execve(sys.executable, command, {**environment, _SOCKETS: numbers})  # noqa: S606 - this very program.
