"""Owns the URLs of Cloud Tasks that a Firebase client uses: create, delete, list and get tasks, as JSON.

Must not know how a task is delivered. Errors are in Google's model; a created task is answered like the Firebase
CLI's emulator, as clients expect.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from werkzeug.wrappers import Request, Response

from embedded_firebase.local_only import LOCAL_HOST
from embedded_firebase.tasks.queues import TaskQueue
from embedded_firebase.tasks.storage import Task, TaskExists

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MOUNT = "/projects"
_TASKS = re.compile(r"/(?P<queue>projects/[^/]+/locations/[^/]+/queues/[^/]+)/tasks(?:/(?P<task>[^/]+))?")
_TASK_ID = re.compile(r"[A-Za-z0-9_-]{1,500}")
# The range and the default of Cloud Tasks.
_DEADLINE_SECONDS = range(15, 1801)
_DEFAULT_DEADLINE_SECONDS = 600.0
_MAX_BODY_BYTES = 2 * 1024 * 1024


class _Refused(Exception):
    def __init__(self, http_status: int, status: str, message: str) -> None:
        super().__init__(message)
        self.content = {"error": {"code": http_status, "status": status, "message": message}}


def tasks_api(queues: Mapping[str, TaskQueue], now: Callable[[], datetime]) -> WSGIApplication:
    """Answer below MOUNT; queues are by resource name."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = _MAX_BODY_BYTES
        try:
            content, code = _answer(request, queues, now), 200
        except _Refused as error:
            content, code = error.content, error.content["error"]["code"]  # type: ignore[assignment]
        return Response(json.dumps(content), code, mimetype="application/json")(environ, start_response)

    return application


def _answer(request: Request, queues: Mapping[str, TaskQueue], now: Callable[[], datetime]) -> dict[str, Any]:
    match = _TASKS.fullmatch(request.root_path + request.path)
    queue = queues.get(match["queue"]) if match else None
    if match is None or queue is None:
        raise _Refused(404, "NOT_FOUND", f"There is no queue at {request.path}; the queues are: {', '.join(queues)}")
    task_id = match["task"]
    if request.method == "POST" and task_id is None:
        return _create(request, queue, now())
    if request.method == "GET" and task_id is None:
        return {"tasks": [_shown(task) for task in queue.waiting()]}
    if request.method == "DELETE" and task_id is not None:
        if not queue.delete(f"{queue.name}/tasks/{task_id}"):
            raise _Refused(404, "NOT_FOUND", f"No task {task_id} is waiting in {queue.name}.")
        return {}
    raise _Refused(405, "UNIMPLEMENTED", f"{request.method} is not possible here.")


def _create(request: Request, queue: TaskQueue, now: datetime) -> dict[str, Any]:
    # An HTML form of another site cannot send this content type without a CORS preflight (CSRF).
    if not request.is_json:
        raise _Refused(415, "INVALID_ARGUMENT", "Send the task with 'Content-Type: application/json'.")
    try:
        task = _parsed(json.loads(request.get_data())["task"], queue.name, request.host, now)
    except (TypeError, KeyError, AttributeError, ValueError, binascii.Error) as error:
        raise _Refused(400, "INVALID_ARGUMENT", f"The task cannot be read: {error!r}") from None
    try:
        queue.add(task)
    except TaskExists:
        message = f"The task {task.name} exists already, or did within the past hour."
        raise _Refused(409, "ALREADY_EXISTS", message) from None
    return {"task": _shown(task)}


def _parsed(given: dict[str, Any], queue: str, host: str, now: datetime) -> Task:
    http_request = given["httpRequest"]
    url = http_request.get("url") or ""
    parts = urlsplit(url)
    if url and not (parts.scheme in ("http", "https") and (LOCAL_HOST.fullmatch(parts.netloc) or parts.netloc == host)):
        raise ValueError(f"the url {url!r} is not of this machine, and tasks are delivered to no other")
    name = (given.get("name") or f"{queue}/tasks/{uuid.uuid4().hex}").removeprefix("/")
    if not (name.startswith(f"{queue}/tasks/") and _TASK_ID.fullmatch(name.removeprefix(f"{queue}/tasks/"))):
        raise ValueError(f"the name {name!r} is not {queue}/tasks/ and an id of letters, digits, hyphens, underscores")
    deadline_seconds = float(str(given.get("dispatchDeadline") or f"{_DEFAULT_DEADLINE_SECONDS}s").removesuffix("s"))
    if not _DEADLINE_SECONDS[0] <= deadline_seconds <= _DEADLINE_SECONDS[-1]:
        raise ValueError("dispatchDeadline must be from 15s to 1800s")
    scheduled = given.get("scheduleTime")
    due_at = datetime.fromisoformat(scheduled).astimezone(UTC) if scheduled else now
    return Task(
        name=name,
        queue=queue,
        method=http_request.get("httpMethod") or "POST",
        url=url,
        headers={str(key): str(value) for key, value in (http_request.get("headers") or {}).items()},
        body=base64.b64decode(http_request.get("body") or "", validate=True),
        deadline_seconds=deadline_seconds,
        created_at=now,
        due_at=due_at,
    )


def _shown(task: Task) -> dict[str, Any]:
    return {
        # The Firebase CLI's emulator adds a leading slash, and clients strip the first character.
        "name": f"/{task.name}",
        "createTime": _rfc3339(task.created_at),
        "scheduleTime": _rfc3339(task.due_at),
        "dispatchDeadline": f"{task.deadline_seconds:g}s",
        "dispatchCount": task.attempts,
        "responseCount": task.executions,
        "httpRequest": {"url": task.url, "httpMethod": task.method, "headers": task.headers},
    }


def _rfc3339(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
