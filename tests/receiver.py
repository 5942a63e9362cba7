"""Owns a web server that receives webhooks and answers as a test chooses."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    """Records the requests it receives; answers `status` after a delay, with `location` if one is set."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.received_at: list[datetime] = []
        self.status = 204
        self.location: str | None = None
        self.delay_seconds = 0.0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received_at.append(datetime.now(UTC))
                receiver.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
                time.sleep(receiver.delay_seconds)
                self.send_response(receiver.status)
                if receiver.location is not None:
                    self.send_header("Location", receiver.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        # A daemon: a test that fails before it stops its receiver must not keep pytest from ending.
        serve = self._server.serve_forever
        self._serving = threading.Thread(target=serve, kwargs={"poll_interval": 0.01}, daemon=True)
        self._serving.start()
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hook?of=ada"

    def stop(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._serving.join()
        self._server.server_close()
