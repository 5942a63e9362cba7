"""Owns tokens as Firebase signs them, and a server for the keys that verify them."""

from __future__ import annotations

import base64
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID


def claims(project: str, uid: str, **changed: Any) -> dict[str, Any]:
    """The claims of an ID token that is valid for an hour."""
    now = int(time.time())
    return {
        "iss": f"https://securetoken.google.com/{project}",
        "aud": project,
        "sub": uid,
        "iat": now - 5,
        "exp": now + 3600,
    } | changed


def unsigned(payload: dict[str, Any]) -> str:
    """A token as the Auth emulator issues it."""
    parts = [json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, payload)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


class Signer:
    """A key pair in Google's role; the public half is served over HTTP in both formats that Google uses."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        signer = self

        class Keys(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                signer.fetched += 1
                body = json.dumps(signer._jwks() if self.path == "/jwks" else {"key-1": signer._certificate()}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.fetched = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
        self._serving = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._serving.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def sign(self, payload: dict[str, Any], *, algorithm: str = "RS256", key: Any = None) -> str:
        """A signed token."""
        return jwt.encode(payload, key or self._key, algorithm=algorithm, headers={"kid": "key-1"})

    def stop(self) -> None:
        """Stop serving the keys; safe to call more than once."""
        if not self._serving.is_alive():
            return
        self._server.shutdown()
        self._serving.join()
        self._server.server_close()

    def _certificate(self) -> str:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "keys")])
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(name, name, self._key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        certificate = builder.sign(self._key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM).decode()

    def _jwks(self) -> dict[str, Any]:
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [key | {"kid": "key-1", "use": "sig", "alg": "RS256"}]}
