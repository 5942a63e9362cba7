"""Owns running tests on a changed copy of the repository, in a process forked from one that has imported all libraries.

The fork saves each mutant the second that the imports take; the parent has no thread and no channel. Must not know how
mutants are made, nor which tests belong to a file.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

_EMBEDDED = "embedded-firebase"
_LEFT_OUT = shutil.ignore_patterns("venv", "node_modules", ".git", "__pycache__", ".*_cache", ".hypothesis")


def import_libraries() -> None:
    """Import what the tests need, but nothing of this repository."""
    import firebase_admin.auth
    import firebase_functions.https_fn
    import google.cloud.firestore
    import google.cloud.storage
    import httpx
    import hypothesis.strategies
    import pydantic
    import schemathesis

    modules = (firebase_admin, firebase_functions, google.cloud, httpx, hypothesis, pydantic, schemathesis)
    assert all(modules)


@dataclass
class Copy:
    """A copy of the repository, in which at most one process at a time runs tests."""

    folder: Path
    number: int
    pid: int = 0
    started: float = 0.0
    limit_seconds: float = 0.0

    @classmethod
    def make(cls, root: Path, folder: Path, number: int) -> Copy:
        """Copy a repository without what is installed in it; the number says on which core its tests run."""
        shutil.copytree(root, folder, ignore=_LEFT_OUT, symlinks=True)
        # Some tests ask git for the tracked files.
        subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True, timeout=60)
        subprocess.run(["git", "add", "--all"], cwd=folder, check=True, timeout=60)
        return cls(folder, number)

    def change(self, path: str, text: str) -> None:
        """Change a file, and forget its bytecode, which says no more of its source than the second and the size."""
        file = self.folder / path
        file.write_text(text)
        for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*"):
            compiled.unlink()

    def begin(self, tests: Sequence[str], limit_seconds: float) -> None:
        """Begin tests in a forked process; the first that fails ends it."""
        self.started, self.limit_seconds = time.monotonic(), limit_seconds
        self.pid = os.fork()
        if self.pid == 0:
            # Whatever happens, the child must not return into the code of its parent.
            code = 1
            try:
                os.setpgid(0, 0)
                code = _run(self.folder, self.number, tests)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)

    def ended(self) -> bool | None:
        """Return whether all tests passed; None while they run. A run beyond its limit has failed."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            self._end_what_it_started()
            return os.waitstatus_to_exitcode(status) == 0
        if time.monotonic() - self.started > self.limit_seconds:
            self._end_what_it_started()
            os.waitpid(self.pid, 0)
            return False
        return None

    def output(self) -> str:
        """Return what the last tests printed."""
        return (self.folder / "tests.log").read_text()

    def _end_what_it_started(self) -> None:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def _run(folder: Path, number: int, tests: Sequence[str]) -> int:
    is_embedded = all(not (folder / test).exists() for test in tests)
    where = folder / _EMBEDDED if is_embedded else folder
    os.chdir(where)
    log = os.open(folder / "tests.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    own = [str(folder / _EMBEDDED / "src"), str(where), *([] if is_embedded else [str(folder / "functions")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(own)
    checkout = str(Path(__file__).parents[2])
    sys.path[:] = own + [path for path in sys.path if path and (not path.startswith(checkout) or "venv" in path)]
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    # Imported here, from the copy.
    from embedded_firebase.pytest_plugin import keep_to_one_core

    keep_to_one_core(number)
    options = [
        "-q",
        "-x",
        "-m",
        "not long",
        "-p",
        "no:cacheprovider",
        "-W",
        "ignore::pytest.PytestAssertRewriteWarning",
    ]
    return int(pytest.main([*options, *tests]))
