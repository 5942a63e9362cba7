"""Owns the `make dev` on which the commands of the documents run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.documents.markdown import blocks
from tests.running_dev import Dev


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Dev]]:
    """Start a fresh `make dev`; all are stopped after the test."""
    started: list[Dev] = []

    def start(**environment: str) -> Dev:
        dev = Dev(tmp_path_factory.mktemp("dev"), **environment)
        started.append(dev)
        dev.start()
        dev.await_ready()
        return dev

    yield start
    for dev in started:
        dev.stop()


@pytest.fixture(scope="session")
def answered(run: Callable[..., Dev]) -> tuple[Dev, list[str]]:
    """A `make dev` on which each block of docs/api.md was run in turn, and the output of each."""
    # The rate limit is never reached, but with it all fields of an account are written.
    dev = run(RATE_LIMIT_PER_MINUTE="1000")
    return dev, dev.paste(*(block for block, _ in blocks("docs/api.md")))
