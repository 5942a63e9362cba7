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

        self.recent = RecentCalls(
            functions,
            lambda path: path.strip("/") or None,
            cost_between,
            free={"queue"},
            lines_of=lambda request_id: [f"a line of {request_id}"],
        )
        self.client = Client(self.recent)

    def answer(self, query: str = "") -> dict[str, Any]:
        answer: dict[str, Any] = Client(self.recent.answer).get(f"/{query}").json  # type: ignore[assignment]
        return answer

    def calls(self) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = self.answer()["calls"]
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

    def test_reads_of_a_page_do_not_push_out_other_calls(self) -> None:
        """However often a page of the host reads, a call of a program stays; what a page sends is no read."""
        watched = Watched(nothing)
        page = {"Sec-Fetch-Site": "same-origin"}
        watched.client.get("/program")
        watched.client.post("/sent", headers=page)
        for _ in range(120):
            watched.client.get("/polled", headers=page)
        watched.client.get("/elsewhere", headers={"Sec-Fetch-Site": "cross-site"})
        calls = watched.calls()
        assert [call["function"] for call in calls if not call["isPageRead"]] == ["elsewhere", "sent", "program"]
        assert len(calls) == 103
        assert (calls[0]["function"], calls[-1]["function"]) == ("elsewhere", "program")

    def test_one_is_found_with_its_lines(self) -> None:
        """By its request id a call is answered with its log lines; without an id there are none."""
        watched = Watched(nothing)
        watched.client.get("/first")
        found = watched.answer("?requestId=r1")
        assert [call["function"] for call in found["calls"]] == ["first"]
        assert found["lines"] == ["a line of r1"]
        assert watched.answer("?requestId=r2")["calls"] == []
        assert "lines" not in watched.answer()


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
        assert {call["function"] for call in watched.calls() if call["overlapped"]} == {"first", "second"}

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
        assert {call["function"]: call["overlapped"] for call in watched.calls()[:2]} == {
            "outer": False,
            "queue": False,
        }

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
