"""Owns processes that die: at each step towards the outside one can be killed or lose the answer.

Must not know what the processes do.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import grpc
import pytest

from imagegen.config import Settings
from imagegen.generations.creation import create_generation_request
from tests.hooks import HookedClient, RpcFault, Send
from tests.world import World, make_deps

# What happens at a step: it gets a function that sends the request, and returns the response or raises.
Fate = Callable[[Send], object]
Status = grpc.StatusCode


class Killed(BaseException):
    """Stands for the death of a process: no code of ours may catch it."""


def dies_before(send: Send) -> object:
    raise Killed


def dies_after(send: Send) -> object:
    with suppress(Exception):
        send()
    raise Killed


def loses_the_answer(code: Status) -> Fate:
    """The request is applied, and the answer is an error."""

    def fate(send: Send) -> object:
        send()
        raise RpcFault(code)

    return fate


def is_refused(code: Status) -> Fate:
    """The request is not applied, and the answer is an error."""

    def fate(send: Send) -> object:
        raise RpcFault(code)

    return fate


def is_sent_twice(send: Send) -> object:
    """The request is applied twice and only the second answer returns, as when a channel resends it."""
    send()
    return send()


class Late:
    """The request arrives after its caller has timed out."""

    def __init__(self) -> None:
        self._send: Send | None = None

    def __call__(self, send: Send) -> object:
        self._send = send
        raise RpcFault(Status.DEADLINE_EXCEEDED)

    def arrive(self) -> None:
        assert self._send is not None
        with suppress(grpc.RpcError):
            self._send()

    def arrives_first(self, send: Send) -> object:
        """Arrive before another request is sent."""
        self.arrive()
        return send()


class Process:
    """A process as the list of its steps, the first being step 1.

    A step is an RPC, or a call of a model ("model"), of the store of images ("picture"), of the queue ("task") or of a
    receiver ("webhook").
    `fates` says what happens at a step, by its number or its name. Once killed it does nothing more: every later step
    raises `Killed` before a request is sent, even a rollback. The catalog is cached, unless this `is_cold_start`.
    """

    def __init__(
        self,
        world: World,
        fates: Mapping[int | str, Fate] | None = None,
        *,
        is_cold_start: bool = False,
        settings: Settings | None = None,
    ) -> None:
        self.steps: list[str] = []
        self._fates = fates or {}
        self._dead = False
        self._lock = threading.Lock()
        self.db = HookedClient(world.db.project, self._step)
        watch = functools.partial(_Watched, self._step)
        settings = settings or world.deps.settings
        image_models = {name: watch("model", model) for name, model in world.deps.image_models.items()}
        self.deps = make_deps(
            self.db,
            settings=settings,
            now=world.deps.now,
            new_id=world.deps.new_id,
            image_models=image_models,
            images=watch("picture", world.deps.images),
            tasks=watch("task", world.deps.tasks),
            webhooks=watch("webhook", world.deps.webhooks),
        )
        if not is_cold_start:
            world.deps.catalog.current()
            self.deps = replace(self.deps, catalog=world.deps.catalog)

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()  # type: ignore[no-untyped-call]

    def _step(self, name: str, request: object, send: Send) -> object:
        with self._lock:
            if self._dead:
                raise Killed
            self.steps.append(name)
            fate = self._fates.get(len(self.steps)) or self._fates.get(name)
        if fate is None:
            return send()
        try:
            return fate(send)
        except Killed:
            self._dead = True
            raise


class _Watched:
    """An object of the world, each of whose methods is a step."""

    def __init__(self, step: Callable[[str, object, Send], object], name: str, watched: object) -> None:
        self._step, self._name, self._watched = step, name, watched

    def __getattr__(self, method: str) -> Any:
        call = getattr(self._watched, method)
        return lambda *arguments: self._step(self._name, arguments, lambda: call(*arguments))


def abandon(world: World, key: str | None = None) -> None:
    """Charge ada for a generation and die when the model is asked."""
    with Process(world, {"model": dies_before}) as process, pytest.raises(Killed):
        create_generation_request(process.deps, world.order("ada"), key)
