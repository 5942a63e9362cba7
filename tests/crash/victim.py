"""Owns a process that makes one service call and may be killed meanwhile; run as a module.

It reads the call from its standard input and prints its progress, waiting for a line after each word. Must not know the
process that kills it.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.cloud import firestore

from imagegen.credits.service import grant, revoke_grant
from imagegen.firebase.identity import UNRESTRICTED
from imagegen.generations.creation import create_generation_request
from imagegen.generations.endpoints import read_request
from imagegen.generations.lookup import cancel_generation
from imagegen.generations.recovery import reconcile
from imagegen.generations.worker import process
from imagegen.images.records import Image
from imagegen.kit import idempotency
from imagegen.kit.errors import AppError, TryAgain
from imagegen.kit.weeks import Week
from imagegen.providers.model import ImageRequest, ModelError
from imagegen.reports.service import build_weekly_report
from tests.world import make_deps


@dataclass
class Tells:
    """A model that announces the start and the end of each drawing."""

    fails: bool

    def generate(self, request: ImageRequest) -> Image:
        tell("drawing")
        tell("drawn")
        if self.fails:
            raise ModelError("no picture today")
        return Image("https://images.example.com/drawn.png")


class TellsOfTasks:
    """A queue that announces the start and the end of each enqueue."""

    def enqueue(self, function: str, data: dict[str, str], delay_seconds: int = 0) -> None:
        tell("enqueuing")
        tell("enqueued")


def tell(word: str) -> str:
    """Print a word and return the line that answers it."""
    print(word, flush=True)
    return sys.stdin.readline()


def obey(order: dict[str, Any]) -> None:
    """Make the ordered call, in the database of a project and at a given time."""
    now = datetime.fromisoformat(order["now"])
    deps = make_deps(
        firestore.Client(project=order["project"]),
        now=lambda: now,
        new_id=lambda: "victim1",
        image_models={"model-a": Tells(fails=False), "model-b": Tells(fails=True)},
        tasks=TellsOfTasks(),
    )
    deps.catalog.current()
    tell("begins")
    match order["call"]:
        case "create" | "queue" as call:
            asked = read_request(deps, order["body"]).order()
            create_generation_request(deps, asked, order["key"], respond_async=call == "queue")
        case "process":
            with suppress(TryAgain):
                process(deps, order["generationId"])
        case "cancel":
            cancel_generation(deps, UNRESTRICTED, order["generationId"])
        case "grant":
            grant(deps, "ada", order["credits"], "bought", order["key"])
        case "revoke":
            revoke_grant(deps, "ada", idempotency.id_of("ada", order["key"]))
        case "reconcile":
            reconcile(deps)
        case "report":
            build_weekly_report(deps, Week.of(now).back(1))


def main() -> None:
    """Obey one order, and print its result."""
    try:
        obey(json.loads(tell("ready")))
    except AppError as error:
        tell(error.reason)
    else:
        tell("done")


if __name__ == "__main__":
    main()
