"""Firebase without Google: an embedded Firestore and a functions host, for development and tests.

The public names are imported at first use: a command or a test needs one of the servers, seldom both, and the host
needs packages that Firestore does not.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedded_firebase.firestore.errors import Code
    from embedded_firebase.firestore.server import FirestoreServer
    from embedded_firebase.firestore.testing.counters import Counts
    from embedded_firebase.firestore.testing.faults import DatabaseFaults
    from embedded_firebase.firestore.transactions.transactions import Concurrency
    from embedded_firebase.functions.host import FunctionsHost, HostOptions, Pages

__all__ = [
    "Code",
    "Concurrency",
    "Counts",
    "DatabaseFaults",
    "FirestoreServer",
    "FunctionsHost",
    "HostOptions",
    "Pages",
]
_MODULES = {
    "Code": "firestore.errors",
    "Concurrency": "firestore.transactions.transactions",
    "Counts": "firestore.testing.counters",
    "DatabaseFaults": "firestore.testing.faults",
    "FirestoreServer": "firestore.server",
    "FunctionsHost": "functions.host",
    "HostOptions": "functions.host",
    "Pages": "functions.host",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
