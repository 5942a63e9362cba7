"""Owns the Firebase apps of this process: one for each purpose, since what they may do differs.

Knows nothing of what they are for.
"""

from __future__ import annotations

import threading
from typing import Any

from imagegen import config

_starting = threading.Lock()


def app(purpose: str, credential: Any = None) -> Any:
    """Return the app of a purpose, which the first call starts; without a credential it has the platform's rights."""
    # Imported here, since most cold starts of queues and schedules need none.
    import firebase_admin

    project = config.project_id()
    # By the project as well, since tests have many.
    name = f"{purpose}-{project}"
    with _starting:
        try:
            return firebase_admin.get_app(name)  # type: ignore[no-untyped-call]
        except ValueError:
            return firebase_admin.initialize_app(  # type: ignore[no-untyped-call]
                credential, {"projectId": project}, name
            )
