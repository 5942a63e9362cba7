"""The last calls are recorded, with their cost if it is known."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from werkzeug import Request, Response
from werkzeug.test import Client

from embedded_firebase.functions.recent_calls import RecentCalls

COST = {"reads": 1, "writes": 2}
Answer = Callable[[str], None]


class Watched:
    """Calls of functions that the test defines, and of a host that counts how often it fetches a cost."""

    def __init__(self, answer: Answer) -> None:
        self.asked: list[tuple[float, float]] = []
        self.cost: dict[str, int] | None = COST

        @Request.application
        def functions(request: Request) -> Response:
            answer(request.path)
            return Response("done", 201, headers={"X-Request-Id": "r1"})

        def cost_between(started_at: float, ended_at: float) -> dict[str, int] | None:
            self.asked.append((started_at, ended_at))
            return self.cost

        self.recent = RecentCalls(functions, lambda path: path.strip("/") or None, cost_between, free={"queue"})
        self.client = Client(self.recent)

    def calls(self) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = Client(self.recent.answer).get("/").json["calls"]  # type: ignore[index]
        return calls


def nothing(path: str) -> None:
    """Do nothing."""


class TestRecentCalls:
    def test_are_recorded(self) -> None:
        """The newest call is first; other paths and CORS preflights are left out."""
        watched = Watched(nothing)
        watched.client.get("/")
        watched.client.options("/first")
        for name in ("/first", "/second"):
            watched.client.post(name)
        second, first = watched.calls()
        assert (first["function"], second["function"]) == ("first", "second")
        assert (second["method"], second["status"], second["requestId"]) == ("POST", 201, "r1")
        assert second["at"] >= first["at"]

    def test_are_limited(self) -> None:
        """Only the newest calls are kept, because the host may run for days."""
        watched = Watched(nothing)
        for _ in range(120):
            watched.client.get("/first")
        assert len(watched.calls()) == 100


class TestCost:
    def test_is_fetched_when_read(self) -> None:
        """The cost is fetched when the list is read, once."""
        watched = Watched(nothing)
        watched.client.get("/first")
        assert watched.asked == []
        assert [watched.calls()[0]["firestore"] for _ in range(2)] == [COST, COST]
        ((started_at, ended_at),) = watched.asked
        assert started_at <= ended_at

    def test_unknown(self) -> None:
        """An unknown cost is left out, and is not fetched again."""
        watched = Watched(nothing)
        watched.cost = None
        watched.client.get("/first")
        for _ in range(2):
            assert "firestore" not in watched.calls()[0]
        assert len(watched.asked) == 1

    def test_of_calls_that_overlap(self) -> None:
        """The cost of overlapping calls is unknown; that of the next one is known again."""
        both = threading.Barrier(2)

        def answer(path: str) -> None:
            if path != "/alone":
                both.wait(10)

        watched = Watched(answer)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(watched.client.get, ("/first", "/second")))
        watched.client.get("/alone")
        assert {call["function"] for call in watched.calls() if "firestore" in call} == {"alone"}

    def test_of_a_nested_call(self) -> None:
        """The cost of nested calls is unknown, unless the inner one, such as to a queue, uses no Firestore."""
        within: list[str] = []

        def call(path: str) -> None:
            if path == "/outer":
                watched.client.post(within.pop())

        watched = Watched(call)
        within.append("/inner")
        watched.client.get("/outer")
        assert not any("firestore" in call for call in watched.calls())
        within.append("/queue")
        watched.client.get("/outer")
        known = [call["function"] for call in watched.calls() if "firestore" in call]
        assert known == ["outer"]

    def test_of_a_call_that_raises(self) -> None:
        """A call that raises has ended, so that the next one does not overlap it."""

        def answer(path: str) -> None:
            if path == "/broken":
                raise RuntimeError

        watched = Watched(answer)
        with pytest.raises(RuntimeError):
            watched.client.get("/broken")
        watched.client.get("/first")
        assert watched.calls()[0]["firestore"] == COST
