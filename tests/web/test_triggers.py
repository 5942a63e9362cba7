"""Which tasks a queue function runs, and what its queue is answered, which decides whether it delivers a task again."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import flask
import pytest
from firebase_functions import https_fn, tasks_fn
from werkzeug.datastructures import Headers

from imagegen.deps import Deps
from imagegen.kit import log
from imagegen.kit.errors import TryAgain, Unavailable
from imagegen.web.triggers import add_figures, queued, run_task, scheduled

pytestmark = pytest.mark.pure


def deliver(error: Exception | None, data: object, retry_count: str = "") -> list[tuple[str, int]]:
    """Deliver a task whose work ends in an error or not; return what the work was given."""
    given: list[tuple[str, int]] = []

    def work(_deps: Deps, generation_id: str, tried: int) -> None:
        given.append((generation_id, tried))
        if error is not None:
            raise error

    headers = Headers({"X-CloudTasks-TaskRetryCount": retry_count})
    call: Any = SimpleNamespace(data=data, raw_request=SimpleNamespace(headers=headers))
    deps: Any = None
    run_task(call, work, lambda: deps)
    return given


class TestRunTask:
    @pytest.mark.parametrize(
        ("retry_count", "tried"),
        [("", 0), ("3", 3), ("999999", 999_999), ("x", 0), ("-1", 0), ("+1", 0), ("9" * 5000, 0), ("\u0663", 0)],
    )
    def test_the_work_gets_the_id(self, retry_count: str, tried: int) -> None:
        """What the task names is worked on, and how often it was tried before is passed on where the queue says it."""
        assert deliver(None, {"generationRequestId": "gen1"}, retry_count) == [("gen1", tried)]

    @pytest.mark.parametrize(
        "data",
        [
            None,
            "gen1",
            [],
            {},
            *({"generationRequestId": named} for named in (1, "", "a/b", "..", "a\u202e", "x" * 129)),
        ],
    )
    def test_one_that_names_no_generation_is_dropped(self, data: object) -> None:
        """It would name none the next time either, so that it ends without an error."""
        assert deliver(None, data) == []

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (TryAgain("attempt 2"), https_fn.FunctionsErrorCode.ABORTED),
            (Unavailable(), https_fn.FunctionsErrorCode.UNAVAILABLE),
        ],
    )
    def test_what_may_pass_is_delivered_again(self, error: Exception, code: https_fn.FunctionsErrorCode) -> None:
        """An attempt that is not over is no 503, which would slow the whole queue down; a Firestore that is away is."""
        with pytest.raises(https_fn.HttpsError) as raised:
            deliver(error, {"generationRequestId": "gen1"})
        assert raised.value.code == code

    def test_a_bug_is_delivered_again(self, capsys: pytest.CaptureFixture[str]) -> None:
        """An unexpected error is a 500, and is logged once, in our log."""
        with pytest.raises(https_fn.HttpsError) as raised:
            deliver(ZeroDivisionError("a\u2028b"), {"generationRequestId": "gen1"})
        assert (raised.value.code, raised.value.message) == (https_fn.FunctionsErrorCode.INTERNAL, "INTERNAL")
        assert "ZeroDivisionError: a\\\\u2028b" in capsys.readouterr().err


def delivered(content: bytes, content_type: str = "application/json") -> tuple[int, list[object]]:
    """Post a body to a queue function; return the status of its answer, and the data of the tasks that it ran."""
    ran: list[object] = []

    @queued
    @tasks_fn.on_task_dispatched()
    def work(call: https_fn.CallableRequest[Any]) -> None:
        ran.append(call.data)

    with flask.Flask("work").test_request_context("/", method="POST", data=content, content_type=content_type):
        response = work(flask.request)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    return response.status_code, ran


class TestQueued:
    def test_a_task_runs(self) -> None:
        """A JSON object with `data` alone is a task."""
        assert delivered(b'{"data": {"generationRequestId": "gen1"}}') == (200, [{"generationRequestId": "gen1"}])

    @pytest.mark.parametrize(
        "content",
        [b"", b"x", b"[]", b"null", b"{}", b'{"data": 1, "x": "\\n"}', b'{"data": 1, "data": 2}', b"[" * 9000],
    )
    def test_another_body_is_refused(self, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
        """Another body is a 400, which is logged without what it holds."""
        assert delivered(content) == (400, [])
        captured = capsys.readouterr()
        (line,) = (captured.out + captured.err).splitlines()
        assert json.loads(line)["message"].startswith("task refused: The request is not valid")

    def test_of_another_type(self) -> None:
        """A body that is not declared as JSON is a 415."""
        assert delivered(b'{"data": 1}', "text/plain") == (415, [])

    def test_a_large_body(self) -> None:
        """A body of 16,384 bytes is read, and a larger one is a 413."""
        text = b'{"data": 1}'
        assert delivered(text.ljust(16_384)) == (200, [1])
        assert delivered(text.ljust(16_385)) == (413, [])


class TestScheduled:
    def test_figures_are_in_the_answer_of_their_run(self) -> None:
        """A run answers what it did; the next one begins without figures."""
        figures = [{"refunded": 2}, {}]

        def run(request: flask.Request) -> flask.Response:
            add_figures(figures.pop(0))
            return flask.Response()

        answers = [_fired(run).json for _ in range(2)]
        assert answers == [{"status": "done", "refunded": 2}, {"status": "done"}]

    def test_the_id_of_a_run_is_in_its_log(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A run that failed is found in the log by the id in its answer."""

        def run(request: flask.Request) -> flask.Response:
            log.info("it ran")
            return flask.Response("the text of an exception", 500)

        answered = _fired(run)
        assert answered.status_code == 500
        assert b"exception" not in answered.data
        assert json.loads(capsys.readouterr().out)["requestId"] == answered.headers["X-Request-Id"]


def _fired(run: Any) -> flask.Response:
    with flask.Flask("test").test_request_context("/", method="POST") as context:
        return scheduled({"status": "done"})(run)(context.request)
