"""Owns the clients of a load: their sequence of requests, and the answers."""

from __future__ import annotations

import http.client
import itertools
import json
import random
import threading
import time
from dataclasses import dataclass
from typing import Any

HOT = "hot"
# The longest time that a caller may have to wait, and a margin.
_TIMEOUT_SECONDS = 30
_STYLES = ["realistic", "anime", "oil painting", "sketch", "cyberpunk", "watercolor"]
_COLORS = ["vibrant", "monochrome", "pastel", "neon", "vintage"]
_SIZES = ["512x512", "1024x1024", "1024x1792"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer to one call: `kind` is 200, or a status with its reason; `generation_id` may be missing."""

    user_id: str
    function: str
    kind: str
    seconds: float
    generation_id: str | None


class Clients:
    """Clients that call without a pause; half of them use one account, the hot one."""

    def __init__(self, port: int, project: str, accounts: list[str], count: int) -> None:
        self.answers: list[Answer] = []
        self._port = port
        self._path = f"/{project}/us-central1"
        self._accounts = accounts
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(count)]

    def start(self) -> None:
        """Start all clients."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let each client finish its call, and wait for that."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        choice = random.Random(number)
        keys = itertools.count(1)
        while not self._stopping.is_set():
            user_id = HOT if number % 2 == 0 else choice.choice(self._accounts[1:])
            if choice.random() < 0.1:
                self._call(user_id, "getUserCredits", {"userId": user_id}, None)
                continue
            body = {
                "userId": user_id,
                "model": choice.choice(["Model A", "Model B"]),
                "style": choice.choice(_STYLES),
                "color": choice.choice(_COLORS),
                "size": choice.choice(_SIZES),
                "prompt": "a fox in the snow",
            }
            key = f"{number}-{next(keys)}" if choice.random() < 0.5 else None
            kind = self._call(user_id, "createGenerationRequest", body, key)
            while key and kind.startswith(("503", "409", "no answer")) and not self._stopping.wait(1):
                kind = self._call(user_id, "createGenerationRequest", body, key)

    def _call(self, user_id: str, function: str, body: dict[str, str], key: str | None) -> str:
        started = time.perf_counter()
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request("POST", f"{self._path}/{function}", json.dumps(body), headers)
            response = connection.getresponse()
            kind, generation_id = _read(response.status, json.loads(response.read()))
        except (OSError, ValueError, http.client.HTTPException) as error:
            kind, generation_id = f"no answer ({type(error).__name__})", None
        finally:
            connection.close()
        seconds = time.perf_counter() - started
        self.answers.append(
            Answer(user_id=user_id, function=function, kind=kind, seconds=seconds, generation_id=generation_id)
        )
        return kind


def _read(status: int, content: dict[str, Any]) -> tuple[str, str | None]:
    if status < 400:
        return str(status), content.get("generationRequestId")
    (info, *_) = content["error"]["details"]
    return f"{status} {info['reason']}", info["metadata"].get("generationRequestId")
