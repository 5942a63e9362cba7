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
from embedded_firebase.firestore.values.paths import project_of

# No rule can cover these.
_ADMINISTRATORS_ONLY = frozenset({"ListCollectionIds", "PartitionQuery"})


class Access:
    """Finds the method of a call.

    Args:
        engine: what calls read and write.
        counters: count reads and writes.
        ruleset: binds all callers but administrators, unless their project has rules of its own; None for none.
    """

    def __init__(self, engine: Engine, counters: Counters, ruleset: Ruleset | None) -> None:
        self._engine = engine
        self._counters = counters
        self._ruleset = ruleset
        self._put: dict[str, Ruleset] = {}
        self._listen = Listen(engine, counters)
        self._administrator = Rpcs(engine, counters, partial(self._listen.serve, None))

    def put_rules(self, project: str, ruleset: Ruleset) -> None:
        """Bind the callers of a project by these rules from now on; open streams keep those that they started with."""
        self._put[project] = ruleset

    def behavior(self, rpc: str, database: str, authorization: str | None) -> Callable[[Any, Any], Any]:
        """Return what answers an RPC, given a request and a context, for a caller with this `Authorization` header.

        Args:
            rpc: the name of the RPC.
            database: the resource name of the database that the request is about; the RPC refuses any other.
            authorization: the header, None when there is none.

        Raises:
            EmulatorError: UNAUTHENTICATED for a token that is not valid, PERMISSION_DENIED for RPCs of
                administrators only.
        """
        _, method = METHODS[rpc]
        return partial(method, self._rpcs(rpc, database, authorization))

    def _rpcs(self, rpc: str, database: str, authorization: str | None) -> Rpcs:
        ruleset = self._put.get(project_of(database), self._ruleset)
        if ruleset is None:
            return self._administrator
        auth = auth_of(authorization, time.time())
        if auth is None:
            return self._administrator
        if rpc in _ADMINISTRATORS_ONLY:
            raise denied()
        guarded = GuardedEngine(self._engine, ruleset, auth)
        return Rpcs(guarded, self._counters, partial(self._listen.serve, guarded))
