"""Tasks enqueued by Firebase's own client are delivered as by Cloud Tasks."""

import json
import queue
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import flask
import httpx
import pytest
from firebase_admin.exceptions import AlreadyExistsError, NotFoundError
from firebase_admin.functions import TaskOptions, TaskQueue
from tests.functions.conftest import NOON, PROJECT, Clock, Target, worker

from embedded_firebase.functions.host import FunctionsHost

MakeHost = Callable[..., FunctionsHost]
MakeQueue = Callable[..., TaskQueue]


def tasks_of(host: FunctionsHost) -> str:
    """The URL of the queue's tasks."""
    return f"{host.url}/projects/{PROJECT}/locations/us-central1/queues/work/tasks"


def waiting(host: FunctionsHost) -> list[dict[str, Any]]:
    """The tasks that have not ended."""
    return httpx.get(tasks_of(host)).json()["tasks"]


def await_state(host: FunctionsHost, reached: Callable[[list[dict[str, Any]]], bool]) -> None:
    """Wait until the tasks that have not ended match."""
    while not reached(waiting(host)):
        time.sleep(0.002)


class TestEnqueue:
    def test_delivers(self, make_host: MakeHost, task_queue: MakeQueue) -> None:
        """A task is posted to the function, with the headers of Cloud Tasks."""
        target = Target()
        task_id = task_queue(make_host(worker(target))).enqueue({"data": {"number": 7}})
        headers, body = target.next_call()
        assert json.loads(body) == {"data": {"number": 7}}
        assert headers["Content-Type"] == "application/json"
        assert headers["User-Agent"] == "Google-Cloud-Tasks"
        assert headers["X-Cloudtasks-Queuename"] == "work"
        assert headers["X-Cloudtasks-Taskname"] == task_id
        assert headers["X-Cloudtasks-Taskretrycount"] == "0"
        assert headers["X-Cloudtasks-Taskexecutioncount"] == "0"
        assert headers["X-Cloudtasks-Tasketa"] == f"{NOON.timestamp():.6f}"
        assert "X-Cloudtasks-Taskpreviousresponse" not in headers

    def test_custom_headers(self, make_host: MakeHost, task_queue: MakeQueue) -> None:
        """A task may set headers, except those of Cloud Tasks."""
        target = Target()
        mine = {"X-Mine": "yes", "x-cloudtasks-queuename": "no", "Content-Length": "1000"}
        task_queue(make_host(worker(target))).enqueue({"data": 1}, TaskOptions(headers=mine))
        headers, _ = target.next_call()
        assert (headers["X-Mine"], headers["X-Cloudtasks-Queuename"]) == ("yes", "work")

    def test_to_another_url(self, make_host: MakeHost, task_queue: MakeQueue) -> None:
        """A task may name another URL than its function's."""
        target, other = Target(), Target()
        elsewhere = make_host(worker(other))
        uri = f"{elsewhere.url}/{PROJECT}/us-central1/work/there?x=1"
        task_queue(make_host(worker(target))).enqueue({"data": 1}, TaskOptions(uri=uri))
        other.next_call()
        assert target.calls.empty()

    @pytest.mark.parametrize(
        "options",
        [TaskOptions(schedule_time=NOON + timedelta(seconds=60)), TaskOptions(schedule_time=NOON + timedelta(days=20))],
    )
    def test_a_delay_is_kept(
        self, make_host: MakeHost, task_queue: MakeQueue, clock: Clock, options: TaskOptions
    ) -> None:
        """A scheduled task is delivered at its time, and not earlier."""
        target = Target()
        host = make_host(worker(target))
        client = task_queue(host)
        client.enqueue({"data": "late"}, options)
        client.enqueue({"data": "now"})
        assert target.next_call()[1] == b'{"data": "now"}'
        clock.now = options.schedule_time - timedelta(seconds=1)
        host.wake()
        client.enqueue({"data": "then"})
        assert target.next_call()[1] == b'{"data": "then"}'
        clock.now = options.schedule_time
        host.wake()
        assert target.next_call()[1] == b'{"data": "late"}'

    def test_a_name_is_used_once(self, make_host: MakeHost, task_queue: MakeQueue, clock: Clock) -> None:
        """A name is refused while its task waits and for an hour after it ended, as by Cloud Tasks."""
        target = Target()
        host = make_host(worker(target))
        client = task_queue(host)
        options = TaskOptions(task_id="once", schedule_time=NOON + timedelta(seconds=60))
        assert client.enqueue({"data": 1}, options) == "once"
        with pytest.raises(AlreadyExistsError, match="tasks/once exists already"):
            client.enqueue({"data": 2}, TaskOptions(task_id="once"))
        clock.advance(seconds=60)
        host.wake()
        target.next_call()
        await_state(host, lambda tasks: not tasks)
        clock.advance(minutes=59)
        with pytest.raises(AlreadyExistsError):
            client.enqueue({"data": 3}, TaskOptions(task_id="once"))
        clock.advance(minutes=1)
        assert client.enqueue({"data": 4}, TaskOptions(task_id="once")) == "once"
        assert target.next_call()[1] == b'{"data": 4}'

    def test_an_unknown_queue(self, make_host: MakeHost, task_queue: MakeQueue) -> None:
        """A function without a queue cannot be enqueued to, and the error lists the queues."""
        with pytest.raises(NotFoundError, match="the queues are: projects/demo-host/locations/us-central1/queues/work"):
            task_queue(make_host(worker(Target())), "play").enqueue({"data": 1})

    @pytest.mark.parametrize(
        "task",
        [
            {},
            {"httpRequest": {"url": "", "body": "not base64!"}},
            {"httpRequest": {"url": ""}, "scheduleTime": "tomorrow"},
            {"httpRequest": {"url": ""}, "scheduleTime": 5},
            {"httpRequest": {"url": ""}, "dispatchDeadline": "14s"},
            {"httpRequest": {"url": ""}, "name": "projects/p/locations/l/queues/q/tasks/t"},
            {"httpRequest": {"url": ""}, "name": f"projects/{PROJECT}/locations/us-central1/queues/work/tasks/a b"},
            {"httpRequest": "?"},
            [],
            None,
        ],
    )
    def test_an_invalid_task_is_refused(self, make_host: MakeHost, task: Any) -> None:
        """An invalid task is an INVALID_ARGUMENT in Google's error model."""
        host = make_host(worker(Target()))
        response = httpx.post(tasks_of(host), json={"task": task})
        assert (response.status_code, response.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
        assert waiting(host) == []

    @pytest.mark.parametrize(
        "url",
        [
            "http://192.168.1.1/",
            "http://169.254.169.254/computeMetadata/v1/",
            "https://example.com",
            "http://127.0.0.1.example.com/",
            "http://127.0.0.1:80@example.com/",
            "http://example.com#@127.0.0.1/",
            "http://example.com\\@127.0.0.1/",
            "http:///work",
            "ftp://127.0.0.1/",
            "work",
        ],
    )
    def test_urls_of_other_machines_are_refused(self, make_host: MakeHost, url: str) -> None:
        """A task can call this machine only."""
        host = make_host(worker(Target()))
        response = httpx.post(tasks_of(host), json={"task": {"httpRequest": {"url": url}}})
        assert (response.status_code, response.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
        assert waiting(host) == []

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({"Origin": "https://evil.example", "Content-Type": "text/plain"}, 403),
            ({"Origin": "https://evil.example", "Content-Type": "application/json"}, 403),
            ({"Content-Type": "text/plain"}, 415),
            ({}, 415),
        ],
    )
    def test_pages_of_other_origins(self, make_host: MakeHost, headers: dict[str, str], status: int) -> None:
        """A page of another origin cannot enqueue, even if it may call functions; nor can an HTML form (CSRF)."""
        target = Target()
        host = make_host(worker(target), any_origin=True)
        response = httpx.post(tasks_of(host), content='{"task": {"httpRequest": {"url": ""}}}', headers=headers)
        assert response.status_code == response.json()["error"]["code"] == status
        assert (waiting(host), target.calls.empty()) == ([], True)

    def test_a_body_that_is_no_json(self, make_host: MakeHost) -> None:
        """A body that is not JSON is refused like any other invalid task."""
        host = make_host(worker(Target()))
        response = httpx.post(tasks_of(host), content="{", headers={"Content-Type": "application/json"})
        assert (response.status_code, response.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


class TestDelete:
    def test_a_waiting_task(self, make_host: MakeHost, task_queue: MakeQueue, clock: Clock) -> None:
        """A deleted task is never delivered, and its name stays reserved."""
        target = Target()
        host = make_host(worker(target))
        client = task_queue(host)
        options = TaskOptions(task_id="gone", schedule_time=NOON + timedelta(seconds=60))
        client.enqueue({"data": 1}, options)
        client.delete("gone")
        with pytest.raises(NotFoundError):
            client.delete("gone")
        with pytest.raises(AlreadyExistsError):
            client.enqueue({"data": 1}, options)
        clock.advance(hours=1)
        client.enqueue({"data": 2})
        assert target.next_call()[1] == b'{"data": 2}'


class TestRetries:
    def test_follow_the_backoff(self, make_host: MakeHost, task_queue: MakeQueue, clock: Clock) -> None:
        """A failed task is retried after 10 s and 20 s, with headers about earlier attempts, and then given up."""
        target = Target(statuses=[429, 500, 404])
        host = make_host(worker(target))
        task_queue(host).enqueue({"data": 1})
        first, _ = target.next_call()
        await_state(host, lambda tasks: tasks[0]["scheduleTime"] == "2026-11-18T12:00:10Z")
        clock.advance(seconds=10)
        host.wake()
        second, body = target.next_call()
        await_state(host, lambda tasks: tasks[0]["scheduleTime"] == "2026-11-18T12:00:30Z")
        clock.advance(seconds=20)
        host.wake()
        third, _ = target.next_call()
        await_state(host, lambda tasks: not tasks)
        counted = [
            (headers["X-Cloudtasks-Taskretrycount"], headers["X-Cloudtasks-Taskexecutioncount"])
            for headers in (first, second, third)
        ]
        # A server error counts as an attempt, but not as an execution.
        assert counted == [("0", "0"), ("1", "1"), ("2", "1")]
        assert (second["X-Cloudtasks-Taskpreviousresponse"], third["X-Cloudtasks-Taskpreviousresponse"]) == (
            "429",
            "500",
        )
        assert body == b'{"data": 1}'
        assert target.calls.empty()

    def test_a_function_that_is_not_reachable(self, make_host: MakeHost, task_queue: MakeQueue, clock: Clock) -> None:
        """A refused connection is a failure like any other."""
        target = Target()
        host = make_host(worker(target))
        task_queue(host).enqueue({"data": 1}, TaskOptions(uri="http://127.0.0.1:1/"))
        await_state(host, lambda tasks: tasks[0]["scheduleTime"] == "2026-11-18T12:00:10Z")
        assert waiting(host)[0]["responseCount"] == 0


class TestLimits:
    @pytest.mark.parametrize("most", [1, 3])
    def test_concurrent_tasks(self, make_host: MakeHost, task_queue: MakeQueue, most: int) -> None:
        """No more tasks than allowed run at any moment, and all are delivered."""
        lock, under_way, seen = threading.Lock(), [0], []
        go: queue.Queue[None] = queue.Queue()

        def work(request: flask.Request) -> flask.Response:
            with lock:
                under_way[0] += 1
                seen.append(under_way[0])
            go.get(timeout=20)
            with lock:
                under_way[0] -= 1
            return flask.Response("")

        host = make_host(worker(work, max_concurrent_dispatches=most))
        client = task_queue(host)
        for number in range(10):
            client.enqueue({"data": number})
        for _ in range(10):
            go.put(None)
        await_state(host, lambda tasks: not tasks)
        assert len(seen) == 10
        assert max(seen) <= most

    def test_tasks_in_a_second(self, make_host: MakeHost, task_queue: MakeQueue, clock: Clock) -> None:
        """No more tasks than allowed start in a second."""
        target = Target()
        host = make_host(worker(target, max_dispatches_per_second=2))
        client = task_queue(host)
        for number in range(6):
            client.enqueue({"data": number})
        for seconds, left in ((0, 4), (1, 2), (1, 0)):
            clock.advance(seconds=seconds)
            host.wake()
            for _ in range(2):
                target.next_call()
            await_state(host, lambda tasks, left=left: len(tasks) == left)
            host.wake()
            assert target.calls.empty()


class TestKept:
    def test_survive_a_restart(self, make_host: MakeHost, task_queue: MakeQueue, clock: Clock, tmp_path: Path) -> None:
        """A waiting task is delivered by the next host on the same folder, and its name stays reserved."""
        host = make_host(worker(Target()), data=tmp_path)
        options = TaskOptions(task_id="kept", schedule_time=NOON + timedelta(seconds=60), headers={"X-Mine": "yes"})
        task_queue(host).enqueue({"data": 1}, options)
        host.stop(5)
        clock.advance(seconds=60)
        target = Target()
        host = make_host(worker(target), data=tmp_path)
        headers, body = target.next_call()
        assert (headers["X-Mine"], headers["X-Cloudtasks-Taskname"], body) == ("yes", "kept", b'{"data": 1}')
        with pytest.raises(AlreadyExistsError):
            task_queue(host).enqueue({"data": 1}, TaskOptions(task_id="kept"))

    def test_a_folder_belongs_to_one_host(self, make_host: MakeHost, tmp_path: Path) -> None:
        """A second host on the same folder is refused, because both would deliver."""
        make_host(worker(Target()), data=tmp_path)
        with pytest.raises(OSError, match="cannot be opened"):
            make_host(worker(Target()), data=tmp_path)
