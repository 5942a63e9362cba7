"""Owns the dispatch of a call: to the RPCs of an administrator, or to those guarded by the rules for its caller.

Must not know what an RPC does. Without rules every caller is an administrator.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from embedded_firebase.firestore.access.callers import auth_of
from embedded_firebase.firestore.access.guard import GuardedEngine, denied
from embedded_firebase.firestore.listen.streams import Listen
from embedded_firebase.firestore.rpc.methods import METHODS
from embedded_firebase.firestore.rpc.rpcs import Rpcs
from embedded_firebase.firestore.rules.ruleset import Ruleset
from embedded_firebase.firestore.testing.counters import Counters
from embedded_firebase.firestore.transactions.engine import Engine

# No rule can cover these.
_ADMINISTRATORS_ONLY = frozenset({"ListCollectionIds", "PartitionQuery"})


class Access:
    """Finds the method of a call.

    Args:
        engine: what calls read and write.
        counters: count reads and writes.
        ruleset: binds all callers but administrators; None when there are no rules.
    """

    def __init__(self, engine: Engine, counters: Counters, ruleset: Ruleset | None) -> None:
        self._engine = engine
        self._counters = counters
        self._ruleset = ruleset
        self._administrator = Rpcs(engine, counters, Listen(engine, counters))

    def behavior(self, rpc: str, authorization: str | None) -> Callable[[Any, Any], Any]:
        """Return what answers an RPC, given a request and a context, for a caller with this `Authorization` header.

        Raises:
            EmulatorError: UNAUTHENTICATED for a token that is not valid, PERMISSION_DENIED for RPCs of
                administrators only.
        """
        _, method = METHODS[rpc]
        return partial(method, self._rpcs(rpc, authorization))

    def _rpcs(self, rpc: str, authorization: str | None) -> Rpcs:
        if self._ruleset is None:
            return self._administrator
        auth = auth_of(authorization, time.time())
        if auth is None:
            return self._administrator
        if rpc in _ADMINISTRATORS_ONLY:
            raise denied()
        return Rpcs(GuardedEngine(self._engine, self._ruleset, auth), self._counters)
