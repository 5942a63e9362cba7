"""The declarations of functions are read from the attributes that Firebase's SDK sets."""

import importlib.util
from pathlib import Path

import pytest

from embedded_firebase.functions.discovery import Function, functions_of
from embedded_firebase.tasks.policies import QueueOptions, RetryPolicy, Schedule


@pytest.fixture(scope="module")
def functions() -> dict[str, Function]:
    """The functions of the sample project, by name."""
    spec = importlib.util.spec_from_file_location("sample_project", Path(__file__).parent / "sample.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FIREBASE_CONFIG", '{"projectId": "demo"}')
        environment.setenv("ATTEMPTS", "4")
        spec.loader.exec_module(module)
        return {function.name: function for function in functions_of(module)}


class TestFunctionsOf:
    def test_paths_are_those_of_the_emulator(self, functions: dict[str, Function]) -> None:
        """Each kind of function has the URL that the Firebase CLI gives it."""
        assert {name: function.path("demo") for name, function in functions.items()} == {
            "echo": "/demo/europe-west1/echo",
            "enqueue": "/demo/us-central1/enqueue",
            "plain": "/demo/us-central1/plain",
            "work": "/demo/us-central1/work",
            "nightly": "/functions/projects/demo/triggers/us-central1-nightly-0",
            "old": "/functions/projects/demo/triggers/us-central1-old-0",
        }

    def test_a_queue(self, functions: dict[str, Function]) -> None:
        """Retries and limits are the decorator's, parameters resolved, with Firebase's defaults."""
        retries = RetryPolicy(max_attempts=4, min_backoff_seconds=1, max_backoff_seconds=3600, max_doublings=2)
        assert functions["work"].queue == QueueOptions(retries, 8, 500)
        retries = RetryPolicy(max_attempts=3, min_backoff_seconds=0.1, max_backoff_seconds=3600, max_doublings=16)
        assert functions["plain"].queue == QueueOptions(retries, 1000, 500)
        assert functions["echo"].queue is None

    def test_a_schedule(self, functions: dict[str, Function]) -> None:
        """The schedule, its time zone and its retries are the decorator's."""
        retries = RetryPolicy(max_attempts=3, min_backoff_seconds=20, max_backoff_seconds=3600, max_doublings=5)
        assert functions["nightly"].schedule == Schedule("30 2 * * *", "Europe/Paris", retries)
        schedule = functions["old"].schedule
        assert schedule
        assert (schedule.time_zone, schedule.retries.max_attempts) == ("UTC", 1)
