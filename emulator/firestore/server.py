"""Owns the server's life: it opens the storage, binds the port, stops; must not know any rule of Firestore."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import grpc

from emulator.firestore.counters import Counters
from emulator.firestore.engine import Engine
from emulator.firestore.faults import Faults
from emulator.firestore.interceptor import Interceptor
from emulator.firestore.messages import Document
from emulator.firestore.paths import database_name
from emulator.firestore.rpcs import Rpcs
from emulator.firestore.storage import Storage

# More threads than `turns.MAX_WAITERS`, so that those who wait for a turn never keep its holder from being served.
_THREADS = 256
_DOCUMENTS_PER_LOAD = 1_000
_MAX_MESSAGE_BYTES = 32 * 1024 * 1024


class FirestoreServer:
    """An embedded Firestore on a port of this machine.

    Args:
        data_dir: the folder that keeps the documents, made when missing; None keeps them in memory.

    Raises:
        OSError: when another process uses the folder.
    """

    def __init__(self, data_dir: Path | None = None) -> None:
        if data_dir is not None:
            data_dir.mkdir(parents=True, exist_ok=True)
        self.counters = Counters()
        self.faults = Faults()
        self._storage = Storage(None if data_dir is None else data_dir / "firestore.sqlite3")
        self._engine = Engine(self._storage)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="firestore")
        self._server = grpc.server(  # type: ignore[no-untyped-call]
            self._threads,
            handlers=[Rpcs(self._engine, self.counters).handler()],
            interceptors=[Interceptor(self.counters, self.faults)],
            options=[
                # Without this, a second server on the same port would share it instead of failing.
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
                ("grpc.max_send_message_length", -1),
            ],
        )

    def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Serve on a port, 0 for any free one, and return it.

        Raises:
            OSError: when the port is taken.
        """
        try:
            bound: int = self._server.add_insecure_port(f"{host}:{port}")
        except RuntimeError as error:
            raise OSError(f"Port {port} on {host} is taken or cannot be bound.") from error
        self._server.start()
        return bound

    def stop(self) -> None:
        """Stop at once: calls under way are cancelled, what was acknowledged is kept."""
        self._server.stop(grace=None).wait()
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._storage.close()

    def load(self, documents: Iterable[Document], project: str, database: str = "(default)") -> None:
        """Store documents, without preconditions. Each belongs to the database, whatever project its name holds."""
        root = database_name(project, database)
        remaining = iter(documents)
        while chunk := [_renamed(document, root) for document in islice(remaining, _DOCUMENTS_PER_LOAD)]:
            self._engine.load(chunk)

    def documents(self, project: str, database: str = "(default)") -> Iterator[Document]:
        """Yield every document of a database as of now, in the order of names."""
        return self._engine.documents(database_name(project, database))

    def is_empty(self, project: str) -> bool:
        """Tell whether no database of a project holds a document."""
        return not self._storage.has_documents(f"projects/{project}/databases/")


def _renamed(document: Document, root: str) -> Document:
    """Return a copy of the document under another database."""
    renamed = Document()
    renamed.CopyFrom(document)
    _, _, path = document.name.partition("/documents/")
    renamed.name = f"{root}/documents/{path}"
    return renamed
