"""Owns detecting code changes and restarting this process in place; must not know what the process does.

The port stays bound during the restart: callers wait in the backlog and are not refused.
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

# The modification time and size of each file.
Snapshot = dict[Path, tuple[int, int]]


def snapshot(source: Path) -> Snapshot:
    """Return the state of the files of the functions: code and `.env` files."""
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
    """Wait until files differ from the snapshot and have settled, and return them."""
    # Polling takes less than a millisecond per second, and works on every file system.
    while (seen := snapshot(source)) == known:
        time.sleep(_POLL_SECONDS)
    while True:
        time.sleep(_SETTLE_SECONDS)
        settled, seen = seen, snapshot(source)
        if settled == seen:
            return sorted(path for path in known.keys() | seen.keys() if known.get(path) != seen.get(path))


def inherited_sockets(environment: MutableMapping[str, str]) -> list[socket.socket]:
    """Return the sockets inherited over a restart, none at the first start."""
    sockets = [socket.socket(fileno=int(number)) for number in environment.pop(_SOCKETS, "").split()]
    for kept in sockets:
        # Child processes of the functions must not inherit the port.
        kept.set_inheritable(False)
    return sockets


def start_anew(sockets: Iterable[socket.socket], environment: Mapping[str, str]) -> None:
    """Replace this process (execve) by the same command, which inherits the sockets; does not return."""
    sys.stdout.flush()
    sys.stderr.flush()
    for kept in sockets:
        kept.set_inheritable(True)
    command = [sys.executable, *sys.orig_argv[1:]]
    numbers = " ".join(str(kept.fileno()) for kept in sockets)
    os.execve(sys.executable, command, {**environment, _SOCKETS: numbers})  # noqa: S606 - this very program.
