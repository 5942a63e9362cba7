"""Owns a running host: functions served over HTTP, their queues delivered, their schedules fired.

Must not know what the functions do, or how the host is started.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from embedded_firebase import log
from embedded_firebase.functions.discovery import Function
from embedded_firebase.functions.firestore_costs import CostBetween
from embedded_firebase.functions.recent_calls import RecentCalls
from embedded_firebase.functions.server import FunctionsServer, application, names_of
from embedded_firebase.hosting import commands
from embedded_firebase.hosting import site as hosting
from embedded_firebase.hosting.site import Site
from embedded_firebase.local_only import local_only
from embedded_firebase.tasks import api as tasks_api
from embedded_firebase.tasks.delivery import deliver
from embedded_firebase.tasks.policies import Schedule
from embedded_firebase.tasks.queues import TaskQueue
from embedded_firebase.tasks.storage import TaskStorage

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from embedded_firebase.tasks.schedules import ScheduledJob

# Stopping takes as long.
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """How a host serves.

    Args:
        data: the folder of the tasks; without one they are lost when the host stops.
        mounts: WSGI applications by path.
        any_origin: let pages of any origin call the functions, which then have to authenticate callers.
        fire_schedules: fire schedules when they are due; otherwise they are fired by their URL alone, as in Firebase's
            emulator.
        now: the clock of queues and schedules; after moving a fake one, `wake`.
    """

    data: Path | None = None
    mounts: Mapping[str, WSGIApplication] = field(default_factory=dict)
    any_origin: bool = False
    fire_schedules: bool = True
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """A site in front of the functions, and what its pages may use.

    Args:
        site: what is served.
        listener: the socket that it is served on, which stays open when the host stops.
        emulators: addresses of other emulators, by product.
        runnable: Python modules that pages may run, by name.
        cost_between: gets the cost of the functions at Firestore.
        lines_of: gets the log lines of a call by its X-Request-Id.
    """

    site: Site
    listener: socket.socket
    emulators: Mapping[str, str] = field(default_factory=dict)
    runnable: Mapping[str, str] = field(default_factory=dict)
    cost_between: CostBetween = lambda *_: None
    lines_of: Callable[[str], list[str]] = lambda _: []


class FunctionsHost:
    """Everything that Firebase runs of a project's functions, on a socket that is bound already.

    Args:
        functions: what is served.
        project: the project's id.
        listener: the socket, which stays open when the host stops.
        options: how they are served.
        pages: a site in front of them.

    Raises:
        OSError: the port or the folder cannot be used.
    """

    def __init__(
        self,
        functions: Iterable[Function],
        project: str,
        listener: socket.socket,
        options: HostOptions | None = None,
        pages: Pages | None = None,
    ) -> None:
        functions, options = list(functions), options or HostOptions()
        host, port = listener.getsockname()[:2]
        self.url = f"http://{host}:{port}"
        self._storage = TaskStorage(options.data)
        queues: dict[str, TaskQueue] = {}
        jobs: list[ScheduledJob] = []
        for function in functions:
            url = self.url + function.path(project)
            if function.queue:
                name = function.queue_name(project)
                queues[name] = TaskQueue(name, url, function.queue, self._storage, deliver, options.now)
            if function.schedule and options.fire_schedules:
                jobs += _job(function, function.schedule, url, options.now)
        self._runners: list[TaskQueue | ScheduledJob] = [*queues.values(), *jobs]
        # A task is a call that its sender describes, so pages from elsewhere may not enqueue one.
        tasks = local_only(tasks_api.tasks_api(queues, options.now), host)
        answers = application(functions, project, {tasks_api.MOUNT: tasks, **options.mounts})
        names = names_of(functions, project)
        recent = RecentCalls(
            answers,
            lambda path: names.get(path) or names.get("/".join(path.split("/", 4)[:4])),
            pages.cost_between if pages else lambda *_: None,
            free=set(names.values()) - {function.name for function in functions},
            lines_of=pages.lines_of if pages else lambda _: [],
        )
        self._servers = [FunctionsServer(listener, local_only(recent, host, any_origin=options.any_origin), names)]
        if pages:
            site = _site_of(pages, recent, project, f"{host}:{port}")
            self._servers.append(
                FunctionsServer(pages.listener, local_only(site, host, any_origin=options.any_origin), {})
            )
        self._serving = [
            threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), name="server", daemon=True)
            for server in self._servers
        ]

    def start(self) -> None:
        """Serve, deliver and fire in background threads."""
        for runner in (*self._serving, *self._runners):
            runner.start()

    def stop(self, seconds: float) -> None:
        """Start nothing new and wait up to `seconds` in total for open calls."""
        ends_at = time.monotonic() + seconds
        # Queues and schedules first, since their open deliveries are calls to the servers.
        for runner in self._runners:
            runner.stop(max(ends_at - time.monotonic(), 0))
        for server, serving in zip(self._servers, self._serving, strict=True):
            server.drain(max(ends_at - time.monotonic(), 0))
            serving.join()
        self._storage.close()

    def wake(self) -> None:
        """Check the clock again."""
        for runner in self._runners:
            runner.wake()


def _job(function: Function, schedule: Schedule, url: str, now: Callable[[], datetime]) -> list[ScheduledJob]:
    # Imported here, because a project without schedules needs no package that reads them.
    from embedded_firebase.tasks.schedules import ScheduledJob

    try:
        return [ScheduledJob(f"firebase-schedule-{function.name}-{function.region}", schedule, url, deliver, now)]
    except ValueError as error:
        log.write("WARNING", f"{function.name} is fired by its URL alone: {error}")
        return []


def _site_of(pages: Pages, recent: RecentCalls, project: str, address: str) -> WSGIApplication:
    """Return the site in front of the functions at an address, with the paths that Hosting keeps."""
    addresses = {"functions": address, **pages.emulators}
    own = {"/__/firebase/init.json": hosting.init_json(project, addresses), "/__/calls": recent.answer}
    # The modules that pages run find the same Firestore.
    environment = {"GCLOUD_PROJECT": project}
    if "firestore" in addresses:
        environment["FIRESTORE_EMULATOR_HOST"] = addresses["firestore"]
    own |= {f"/__/run/{name}": commands.run(module, environment) for name, module in pages.runnable.items()}
    return hosting.application(pages.site, recent, project, own)
