"""What a task queue hears of a task, which decides whether and how it delivers it again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from firebase_functions import https_fn
from werkzeug.datastructures import Headers

from imagegen.deps import Deps
from imagegen.kit.errors import TryAgain, Unavailable
from imagegen.web.triggers import run_task

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
    @pytest.mark.parametrize(("retry_count", "tried"), [("", 0), ("3", 3), ("x", 0)])
    def test_the_work_gets_the_id(self, retry_count: str, tried: int) -> None:
        """What the task names is worked on, and how often it was tried before is passed on where the queue says it."""
        assert deliver(None, {"generationRequestId": "gen1"}, retry_count) == [("gen1", tried)]

    @pytest.mark.parametrize("data", [None, "gen1", {}, {"generationRequestId": 1}])
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

    def test_a_bug_is_not_hidden(self) -> None:
        """What is unexpected goes on to the platform, which logs it and delivers the task again."""
        with pytest.raises(ZeroDivisionError):
            deliver(ZeroDivisionError(), {"generationRequestId": "gen1"})
