"""Owns the path between Google's client and the engine of the embedded Firestore, without a socket, and its faults.

Messages are late, lost, delivered twice or refused, and Firestore restarts without its transactions, as
the seed decides. Must not know what the messages are about.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import grpc
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from google.cloud.firestore_v1 import types

from embedded_firebase.firestore import messages
from embedded_firebase.firestore.errors import EmulatorError
from embedded_firebase.firestore.indexes import definitions as indexes
from embedded_firebase.firestore.indexes.definitions import IndexSet
from embedded_firebase.firestore.listen.streams import Listen
from embedded_firebase.firestore.rpc.rpcs import Rpcs
from embedded_firebase.firestore.storage.storage import Storage
from embedded_firebase.firestore.testing.counters import Counters
from embedded_firebase.firestore.transactions.engine import Engine
from embedded_firebase.firestore.transactions.turns import Keys, Turns
from tests.hooks import RpcFault
from tests.simulation.scheduler import Pause, Scheduler

PROJECT = "simulation"
DATABASE = f"projects/{PROJECT}/databases/(default)"
_STATUS = {status.value[0]: status for status in grpc.StatusCode}
_REFUSALS = [grpc.StatusCode.ABORTED, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL]
_LOSSES = [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED]
_FATES = ["refused", "lost", "unanswered", "late", "twice"]
# The worst fates: the commit is applied, and its caller does not know.
_COMMIT_FATES = [*_FATES, "unanswered", "unanswered", "late"]
# The date is arbitrary, but it must match the seed's virtual time.
START_MICROS = 1_795_000_000_000_000


class Client(firestore.Client):
    """Google's client, whose every RPC goes through a network."""

    def __init__(self, network: Network) -> None:
        anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]
        super().__init__(project=PROJECT, credentials=anonymous)
        self._emulator_host = "127.0.0.1:1"
        self._network = network

    def _emulator_channel(self, transport: Any) -> grpc.Channel:
        # The channel would connect at its first call, which never comes.
        channel = super()._emulator_channel(transport)  # type: ignore[no-untyped-call]
        return grpc.intercept_channel(channel, _Interceptor(self._network))


class _Answer:
    def __init__(self, response: Any) -> None:
        self._response = response

    def result(self) -> Any:
        return self._response


class _Interceptor(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    def __init__(self, network: Network) -> None:
        self._network = network

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        return _Answer(self._call(details, request)[0])

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        return iter(self._call(details, request))

    def _call(self, details: Any, request: Any) -> list[Any]:
        rpc = details.method.rpartition("/")[2]
        answers = self._network.call(rpc, type(request).serialize(request), details.timeout)
        kind = getattr(types, f"{rpc}Response", None)
        return [kind.wrap(answer) if kind else answer for answer in answers]


class _NoTurns(Turns):
    """No turns: they make threads wait, and here only one thread runs at a time."""

    def note_conflict(self, keys: Keys) -> None:
        pass


class Network:
    """Firestore as its clients reach it.

    `watch` is called before each delivered request with its RPC and message. What is delivered late may come after its
    caller has given up or died.
    """

    def __init__(self, scheduler: Scheduler, random: Random, watch: Callable[[str, Any], None]) -> None:
        self._scheduler = scheduler
        self._random = random
        self._watch = watch
        self._storage = Storage(None, _index_set())
        self._listener: Any = None
        self.fault_rate = random.choice([0.0, 0.05, 0.15, 0.3])
        # The mean of the slowest answers; a few of them in a row take as long as a call may wait.
        self.slowest_seconds = 0.2
        self._away = False
        self._start()

    def _start(self) -> None:
        self.engine = Engine(
            self._storage,
            lambda: START_MICROS + round(self._scheduler.now * 1e6),
            lambda: self._scheduler.now,
            require_indexes=True,
        )
        self.engine._control._turns = _NoTurns()
        counters = Counters()
        self._rpcs = Rpcs(self.engine, counters, partial(Listen(self.engine, counters).serve, None))
        if self._listener:
            self.engine.feed.subscribe(DATABASE, self._listener)

    def listen(self, listener: Any) -> None:
        """Call a listener with every commit of the engine."""
        self._listener = listener
        self.engine.feed.subscribe(DATABASE, listener)

    def go_away(self, seconds: float) -> None:
        """Refuse every call for a while; then restart without the open transactions."""
        self._scheduler.note(f"Firestore is away for {seconds:.1f} s")
        self._away = True

        def come_back() -> None:
            self._away = False
            self._start()
            self._scheduler.note("Firestore is back")

        self._scheduler.after(seconds, come_back)

    def close(self) -> None:
        """Close the storage."""
        self._storage.close()

    def call(self, rpc: str, request: bytes, timeout_seconds: float) -> list[Any]:
        """Send a request and return the responses.

        Raises:
            RpcFault: an error of Firestore or of the network, or no answer in time.
        """
        scheduler, random = self._scheduler, self._random
        fate = random.choice(_COMMIT_FATES if rpc == "Commit" else _FATES) if self._happens() else "answered"
        scheduler.note(f"{rpc}, to be {fate}")
        pause = Pause(scheduler)
        fault = RpcFault(random.choice(_LOSSES), f"{fate} on the way")
        if fate == "refused":
            scheduler.after(self._delay(), lambda: pause.end(RpcFault(random.choice(_REFUSALS))))
        elif fate == "lost":
            scheduler.after(self._delay(), lambda: pause.end(fault))
        elif fate == "unanswered":
            scheduler.after(self._delay(), lambda: self._deliver(rpc, request, lambda _: pause.end(fault)))
        else:
            delay = random.random() * random.choice([0.1, 3, 30, 300]) if fate == "late" else self._delay()
            scheduler.after(delay, lambda: self._deliver(rpc, request, pause.end))
            if fate == "twice":
                scheduler.after(delay + self._delay(), lambda: self._deliver(rpc, request, pause.end))
        scheduler.after(timeout_seconds, lambda: pause.end(RpcFault(grpc.StatusCode.DEADLINE_EXCEEDED)))
        answer: list[Any] | RpcFault = pause.wait()
        if isinstance(answer, RpcFault):
            scheduler.note(f"{rpc}: {answer.code().name}")
            raise answer
        return answer

    def _deliver(self, rpc: str, request: bytes, answer: Callable[[Any], None]) -> None:
        answered = RpcFault(grpc.StatusCode.UNAVAILABLE, "away") if self._away else self._serve(rpc, request)
        self._scheduler.after(self._delay(), lambda: answer(answered))

    def _serve(self, rpc: str, request: bytes) -> list[Any] | RpcFault:
        message = getattr(messages, f"{rpc}Request").FromString(request)
        self._watch(rpc, message)
        try:
            response = getattr(self._rpcs, re.sub(r"(?<!^)(?=[A-Z])", "_", rpc).lower())(message, None)
            return [response] if hasattr(response, "DESCRIPTOR") else list(response)
        except EmulatorError as error:
            return RpcFault(_STATUS[error.code], error.message)

    def _happens(self) -> bool:
        return self._random.random() < self.fault_rate

    def _delay(self) -> float:
        return self._random.expovariate(1) * self._random.choice([0.002, 0.002, 0.02, self.slowest_seconds])


@cache
def _index_set() -> IndexSet:
    return indexes.parse((Path(__file__).parents[2] / "firestore.indexes.json").read_text())
