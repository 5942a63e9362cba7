"""Owns the Firebase apps of this process: one for each purpose, because their credentials differ.

Must not know what they are used for.
"""

from __future__ import annotations

import threading
from typing import Any

from imagegen import config

# For each request; firebase-admin's own limit is two minutes.
_HTTP_TIMEOUT_SECONDS = 5
_starting = threading.Lock()


def app(purpose: str, credential: Any = None) -> Any:
    """Return the app of a purpose, created at the first call; its default credential is the platform's own."""
    # Imported here: most cold starts of queues and schedules need no app.
    import firebase_admin

    project = config.project_id()
    # The project is part of the name because tests use several projects in one process.
    name = f"{purpose}-{project}"
    with _starting:
        try:
            return firebase_admin.get_app(name)  # type: ignore[no-untyped-call]
        except ValueError:
            return firebase_admin.initialize_app(  # type: ignore[no-untyped-call]
                credential, {"projectId": project, "httpTimeout": _HTTP_TIMEOUT_SECONDS}, name
            )
