"""Owns a stand-in of Google's Identity Toolkit: the look-up of an account, and the access tokens that it asks for.

Must not know who asks. firebase-admin calls it unchanged, as the Auth emulator or as Google itself.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


class IdentityToolkit:
    """Every account exists, is enabled and has no revoked token, unless a test says so in `accounts`."""

    def __init__(self) -> None:
        # The fields of an account by uid; None for one that was deleted.
        self.accounts: dict[str, dict[str, Any] | None] = {}
        # The uid and the Authorization header of each look-up.
        self.lookups: list[tuple[str, str | None]] = []
        # The status that each look-up gets instead of an answer.
        self.refusal: int | None = None
        # Clear it to let each look-up wait.
        self.answers = threading.Event()
        self.answers.set()
        toolkit = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/token":
                    self._answer(200, {"access_token": "of-the-functions", "expires_in": 3600, "token_type": "Bearer"})
                    return
                assert self.path.endswith("/accounts:lookup"), self.path
                (uid,) = json.loads(body)["localId"]
                toolkit.lookups.append((uid, self.headers["Authorization"]))
                toolkit.answers.wait()
                found = toolkit.accounts.get(uid, {})
                users = [] if found is None else [{"localId": uid} | found]
                if toolkit.refusal is None:
                    self._answer(200, {"users": users})
                else:
                    self._answer(toolkit.refusal, {"error": {"message": "refused", "status": "PERMISSION_DENIED"}})

            def _answer(self, status: int, body: dict[str, object]) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._serving = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._serving.start()
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}"

    def service_account(self, folder: Path) -> Path:
        """Write a service account key whose access tokens come from here; return its file."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file = folder / "service-account.json"
        fields = {
            "type": "service_account",
            "client_email": "functions@example.com",
            "private_key": pem.decode(),
            "token_uri": f"{self.url}/token",
        }
        file.write_text(json.dumps(fields))
        return file

    def stop(self) -> None:
        """Stop answering; safe to call more than once."""
        self.answers.set()
        if not self._serving.is_alive():
            return
        self._server.shutdown()
        self._serving.join()
        self._server.server_close()
