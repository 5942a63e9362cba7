"""Owns faults on demand: which call fails, waits or runs something, scripted by a test.

Must not know of the protocol or what a call does. Each fault may be limited to one database, so that tests that share
a server do not disturb each other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from embedded_firebase.firestore.errors import Code, EmulatorError


@dataclass(eq=False, slots=True)
class _Fault:
    rpc: str
    database: str | None
    after: bool
    remaining: int | None
    action: Callable[[], None]


class Faults:
    """The pending faults. RPCs are named as in the protocol: `Commit`, `BatchGetDocuments`.

    Every method takes `database`, the resource name `projects/{project}/databases/{database}`, or None for any.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[_Fault] = []
        self._ended = threading.Event()

    def abort_commits(self, count: int, *, database: str | None = None) -> None:
        """Refuse the next `count` commits with ABORTED, as a conflict would, without applying them."""
        self.fail("Commit", Code.ABORTED, count, database=database, message="Aborted on demand.")

    def fail(
        self,
        rpc: str,
        code: Code,
        count: int = 1,
        *,
        database: str | None = None,
        message: str = "Failed on demand.",
    ) -> None:
        """Refuse the next `count` calls of an RPC with a code before they do anything."""
        self.before(rpc, _raiser(code, message), count, database=database)

    def drop_answer(self, rpc: str = "Commit", count: int = 1, *, database: str | None = None) -> None:
        """Let the next `count` calls of an RPC take effect and then answer UNAVAILABLE, like a lost answer."""
        self.after(rpc, _raiser(Code.UNAVAILABLE, "The answer was dropped on demand."), count, database=database)

    def delay(self, rpc: str, seconds: float, count: int | None = None, *, database: str | None = None) -> None:
        """Let the next `count` calls of an RPC (None: all) wait before they do anything."""
        self.before(rpc, lambda: self._pause(seconds), count, database=database)

    def before(
        self, rpc: str, action: Callable[[], None], count: int | None = 1, *, database: str | None = None
    ) -> None:
        """Run something before the next `count` calls of an RPC (None: all) do anything."""
        self._add(_Fault(rpc, database, False, count, action))

    def after(
        self, rpc: str, action: Callable[[], None], count: int | None = 1, *, database: str | None = None
    ) -> None:
        """Run something after the next `count` calls of an RPC (None: all) did their work, before the answer."""
        self._add(_Fault(rpc, database, True, count, action))

    def clear(self, *, database: str | None = None) -> None:
        """Remove the faults of one database, or all."""
        with self._lock:
            self._faults = [f for f in self._faults if database is not None and f.database != database]

    def end(self) -> None:
        """End all delays, because the server stops."""
        self._ended.set()

    def meet(self, rpc: str, database: str, *, after: bool) -> None:
        """Apply the faults of a call before or after its work, in the order of their creation.

        Raises:
            EmulatorError: from a fault that makes the call fail.
        """
        if not self._faults:
            return
        for fault in list(self._faults):
            # A fault is used up only when it is reached: an earlier one that fails the call leaves the later ones.
            if (fault.rpc, fault.after) == (rpc, after) and fault.database in (None, database) and self._use(fault):
                fault.action()

    def _pause(self, seconds: float) -> None:
        self._ended.wait(seconds)

    def _use(self, fault: _Fault) -> bool:
        with self._lock:
            if fault not in self._faults:
                return False
            if fault.remaining is not None:
                fault.remaining -= 1
                if fault.remaining == 0:
                    self._faults.remove(fault)
            return True

    def _add(self, fault: _Fault) -> None:
        if fault.remaining is not None and fault.remaining <= 0:
            return
        with self._lock:
            self._faults.append(fault)


class DatabaseFaults:
    """Faults on demand that only calls to one database meet. RPCs are named as in the protocol."""

    def __init__(self, faults: Faults, database: str) -> None:
        self._faults = faults
        self._database = database

    def fail(self, code: Code, count: int = 1, rpc: str = "Commit") -> None:
        """Refuse the next `count` calls before they do anything."""
        self._faults.fail(rpc, code, count, database=self._database)

    def lose_answer(self, code: Code = Code.UNAVAILABLE, count: int = 1, rpc: str = "Commit") -> None:
        """Let the next `count` calls do their work and answer with an error."""
        self.after(_raiser(code, "The answer is lost on demand."), count, rpc)

    def delay(self, seconds: float, count: int | None = None, rpc: str = "Commit") -> None:
        """Let the next `count` calls (None: all) wait before they do anything."""
        self._faults.delay(rpc, seconds, count, database=self._database)

    def before(self, action: Callable[[], None], count: int | None = 1, rpc: str = "Commit") -> None:
        """Run something before the next `count` calls (None: all) do anything."""
        self._faults.before(rpc, action, count, database=self._database)

    def after(self, action: Callable[[], None], count: int | None = 1, rpc: str = "Commit") -> None:
        """Run something after the next `count` calls (None: all) did their work, before the answer."""
        self._faults.after(rpc, action, count, database=self._database)

    def clear(self) -> None:
        """Remove all faults of the database."""
        self._faults.clear(database=self._database)


def _raiser(code: Code, message: str) -> Callable[[], None]:
    def fail() -> None:
        raise EmulatorError(code, message)

    return fail
