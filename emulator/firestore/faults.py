"""Owns faults on demand: which call fails, waits or runs something, scripted by a test.

Must not know of the protocol or what a call does. Each fault may be limited to one database, so that tests that share
a server do not disturb each other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from emulator.firestore.errors import Code, EmulatorError


@dataclass(eq=False, slots=True)
class _Fault:
    rpc: str
    database: str | None
    after: bool
    remaining: int | None
    action: Callable[[], None]


class Faults:
    """The faults that wait for their call. RPCs are named as in the protocol: `Commit`, `BatchGetDocuments`.

    Every method takes `database`, the resource name `projects/{project}/databases/{database}`, or None for any.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[_Fault] = []

    def abort_commits(self, count: int, *, database: str | None = None) -> None:
        """Refuse the next `count` commits with ABORTED, as a conflict would; nothing of them is applied."""
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
        """Let the next `count` calls of an RPC do their work and then answer UNAVAILABLE, as a lost answer looks."""
        self.after(rpc, _raiser(Code.UNAVAILABLE, "The answer was dropped on demand."), count, database=database)

    def delay(self, rpc: str, seconds: float, count: int | None = None, *, database: str | None = None) -> None:
        """Let the next `count` calls of an RPC (None: all) wait before they do anything."""
        self.before(rpc, lambda: time.sleep(seconds), count, database=database)

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
        """Forget the faults of one database, or all."""
        with self._lock:
            self._faults = [f for f in self._faults if database is not None and f.database != database]

    def meet(self, rpc: str, database: str, *, after: bool) -> None:
        """Carry out the faults that a call meets before or after its work, in the order of their making.

        Raises:
            EmulatorError: from a fault that makes the call fail.
        """
        if not self._faults:
            return
        for fault in list(self._faults):
            # One is used up only when its turn comes: an earlier one that makes the call fail spares the later ones.
            if (fault.rpc, fault.after) == (rpc, after) and fault.database in (None, database) and self._use(fault):
                fault.action()

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


def _raiser(code: Code, message: str) -> Callable[[], None]:
    def fail() -> None:
        raise EmulatorError(code, message)

    return fail
