"""Owns a stand-in of Cloud Tasks that takes tasks and delivers none. Must not know who enqueues them."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Tasks:
    """Answers as Cloud Tasks and as the Firebase CLI's emulator, and keeps the path and the request of each task."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        # When each is to be delivered at the earliest; None is at once.
        self.scheduled: list[str | None] = []
        tasks = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                task = json.loads(body)["task"]
                tasks.sent.append((self.path, task["httpRequest"]))
                tasks.scheduled.append(task.get("scheduleTime"))
                name = f"{self.path.removeprefix('/').removeprefix('v2/')}/1"
                content = json.dumps({"name": name, "task": {"name": f"/{name}"}}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._serving = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._serving.start()
        self.host = f"127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._serving.join()
        self._server.server_close()
