"""Owns the life cycle of the server: storage, port, start and stop; must not know any rule of Firestore."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import grpc

from embedded_firebase.firestore.errors import invalid
from embedded_firebase.firestore.http.application import Application
from embedded_firebase.firestore.http.control import Control
from embedded_firebase.firestore.http.front import Front
from embedded_firebase.firestore.http.rest import Rest
from embedded_firebase.firestore.indexes import definitions as index_rules
from embedded_firebase.firestore.indexes.definitions import IndexSet
from embedded_firebase.firestore.messages import Document
from embedded_firebase.firestore.rpc.dispatch import Access
from embedded_firebase.firestore.rpc.service import Service
from embedded_firebase.firestore.rules import ruleset
from embedded_firebase.firestore.rules.ruleset import Ruleset
from embedded_firebase.firestore.storage.storage import Storage
from embedded_firebase.firestore.testing.counters import Counters
from embedded_firebase.firestore.testing.faults import Faults
from embedded_firebase.firestore.transactions.engine import Engine
from embedded_firebase.firestore.transactions.transactions import Concurrency
from embedded_firebase.firestore.values.paths import database_name
from embedded_firebase.local_only import local_only

# More threads than `turns.MAX_WAITERS`, so that waiters cannot starve the holder of a turn (thread-pool deadlock).
_THREADS = 256
_DOCUMENTS_PER_LOAD = 1_000
_MAX_MESSAGE_BYTES = 32 * 1024 * 1024


class FirestoreServer:
    """An embedded Firestore on a port of this machine.

    Args:
        data_dir: the folder of the documents, created when missing; None keeps them in memory.
        indexes: a `firestore.indexes.json`; None for the automatic indexes alone.
        require_indexes: refuse queries that need a missing index in production.
        rules: a `firestore.rules` that binds every caller but administrators; None for no rules.
        concurrency: whether transactions find conflicts when they commit, or lock what they read.

    Raises:
        OSError: when another process uses the folder.
        ValueError: when the index file or the rules cannot be read.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        indexes: Path | None = None,
        require_indexes: bool = False,
        rules: Path | None = None,
        concurrency: Concurrency = Concurrency.OPTIMISTIC,
    ) -> None:
        index_set = None if indexes is None else _read_indexes(indexes)
        bound_by = None if rules is None else _read_rules(rules)
        if data_dir is not None:
            data_dir.mkdir(parents=True, exist_ok=True)
        self.counters = Counters()
        self.faults = Faults()
        self._storage = Storage(None if data_dir is None else data_dir / "firestore.sqlite3", index_set)
        self._engine = Engine(self._storage, concurrency=concurrency, require_indexes=require_indexes)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="firestore")
        self._access = Access(self._engine, self.counters, bound_by)
        self._front: Front | None = None
        self._service = Service(self._access, self.counters, self.faults)
        self._server = grpc.server(
            self._threads,
            handlers=[self._service.handler()],
            options=[
                # Without this, a second server on the same port would share it instead of failing.
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
                ("grpc.max_send_message_length", -1),
            ],
        )

    def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Serve gRPC alone on a port, 0 for any free one, and return it.

        Raises:
            OSError: when the port is taken.
        """
        bound = self._bind(host, port)
        self._server.start()
        return bound

    def start_with_http(self, host: str = "127.0.0.1", port: int = 0, grpc_port: int | None = None) -> int:
        """Serve gRPC and HTTP on one port, 0 for any free one, and return it.

        Args:
            host: the address to serve on.
            port: the port for both.
            grpc_port: a second port that serves gRPC alone, without the proxy.

        Raises:
            OSError: when a port is taken.
        """
        if grpc_port is not None:
            self._bind(host, grpc_port)
        grpc_address = self._bind_behind_front()
        rest = Rest(self._access, self.counters, self.faults)
        control = Control(self, self.put_rules, self.faults, self.counters)
        application = Application({"/v1/": rest.respond, "/emulator/v1/": control.respond})
        try:
            self._front = Front(host, port, local_only(application, host.strip("[]")), grpc_address)
        except OSError as error:
            raise _taken(host, port) from error
        self._server.start()
        self._front.start()
        return self._front.port

    def _bind(self, host: str, port: int) -> int:
        try:
            bound: int = self._server.add_insecure_port(f"{host}:{port}")
        except RuntimeError as error:
            raise _taken(host, port) from error
        return bound

    def _bind_behind_front(self) -> str | tuple[str, int]:
        if sys.platform != "linux":
            return "127.0.0.1", self._bind("127.0.0.1", 0)
        # Faster than a TCP port, and unlike a socket file it does not survive a killed process.
        name = f"firestore-{secrets.token_hex(8)}"
        self._server.add_insecure_port(f"unix-abstract:{name}")
        return f"\0{name}"

    def stop(self) -> None:
        """Stop at once: open calls are cancelled, acknowledged writes are kept."""
        self.faults.end()
        if self._front is not None:
            self._front.stop()
        self._server.stop(grace=None).wait()
        self._service.stop()
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._storage.close()

    def load(self, documents: Iterable[Document], project: str, database: str = "(default)") -> None:
        """Store documents, without preconditions. The project and database in their names are replaced."""
        root = database_name(project, database)
        remaining = iter(documents)
        while chunk := [_renamed(document, root) for document in islice(remaining, _DOCUMENTS_PER_LOAD)]:
            self._engine.load(chunk)

    def clear(self, project: str, database: str = "(default)") -> None:
        """Delete every document of a database at once."""
        self._engine.clear(database_name(project, database))

    def put_rules(self, project: str, source: str) -> None:
        """Replace the rules that bind the callers of a project.

        Raises:
            EmulatorError: INVALID_ARGUMENT for rules that cannot be read, with the line and column.
        """
        try:
            rules = ruleset.parse(source)
        except ValueError as error:
            raise invalid(f"The rules cannot be read: {error}") from error
        self._access.put_rules(project, rules)

    def documents(self, project: str, database: str = "(default)") -> Iterator[Document]:
        """Yield every document of a database as of now, in the order of names."""
        return self._engine.documents(database_name(project, database))

    def is_empty(self, project: str) -> bool:
        """Tell whether no database of a project holds a document."""
        return not self._storage.has_documents(f"projects/{project}/databases/")


def _taken(host: str, port: int) -> OSError:
    return OSError(f"Port {port} on {host} is taken or cannot be bound.")


def _read_indexes(path: Path) -> IndexSet:
    try:
        return index_rules.parse(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"Index file {path}: {error}") from error


def _read_rules(path: Path) -> Ruleset:
    try:
        return ruleset.parse(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"Rules file {path}: {error}") from error


def _renamed(document: Document, root: str) -> Document:
    """Return a copy of the document under another database."""
    renamed = Document()
    renamed.CopyFrom(document)
    _, _, path = document.name.partition("/documents/")
    renamed.name = f"{root}/documents/{path}"
    return renamed
