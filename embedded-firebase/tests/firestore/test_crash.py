"""A server on disk that is killed under load, again and again, at random moments.

Every acknowledged commit is there after the restart, none is there in part, indexes agree with documents, and time goes
on. CRASH_ROUNDS=200 in the environment kills more often; `make test-long` sets 10.
"""

import os
import random
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from embedded_firebase.firestore import messages
from embedded_firebase.firestore.values.timestamps import to_micros

pytestmark = pytest.mark.embedded
ROUNDS = int(os.environ.get("CRASH_ROUNDS", "2"))
DATABASE = "projects/demo-crash/databases/(default)"
ACCOUNTS = [f"accounts/{letter}" for letter in "abcde"]
OPENING = 100
COLORS = ["red", "green", "blue"]


def name(path: str) -> str:
    return f"{DATABASE}/documents/{path}"


def write(path: str, **fields: int | str) -> messages.Write:
    kinds = {str: "string_value", int: "integer_value"}
    values = {field: {kinds[type(value)]: value} for field, value in fields.items()}
    return messages.Write(update={"name": name(path), "fields": values})


class Client:
    """A bare client: unlike Google's it never resends, so that a lost answer is visible."""

    def __init__(self, port: int) -> None:
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")

    def call(self, rpc: str, request: Any, *, stream: bool = False) -> Any:
        make = self._channel.unary_stream if stream else self._channel.unary_unary
        answer = getattr(messages, f"{rpc}Response").FromString
        method = make(f"/google.firestore.v1.Firestore/{rpc}", lambda message: message.SerializeToString(), answer)
        return method(request, wait_for_ready=True, timeout=10)

    def commit(self, *writes: messages.Write, transaction: bytes = b"") -> int:
        """Commit and return the commit time in microseconds."""
        request = messages.CommitRequest(database=DATABASE, writes=writes, transaction=transaction)
        return to_micros(self.call("Commit", request).commit_time)

    def begin(self) -> bytes:
        return self.call("BeginTransaction", messages.BeginTransactionRequest(database=DATABASE)).transaction

    def get(self, *paths: str, transaction: bytes) -> dict[str, messages.Document]:
        request = messages.BatchGetDocumentsRequest(
            database=DATABASE, documents=map(name, paths), transaction=transaction
        )
        return self._by_path(answer.found for answer in self.call("BatchGetDocuments", request, stream=True))

    def query(self, collection: str, **equal: str) -> dict[str, messages.Document]:
        request = messages.RunQueryRequest(parent=f"{DATABASE}/documents")
        request.structured_query.from_.add(collection_id=collection)
        for field, value in equal.items():
            condition = request.structured_query.where.field_filter
            condition.field.field_path, condition.op, condition.value.string_value = field, 5, value
        answers = self.call("RunQuery", request, stream=True)
        return self._by_path(answer.document for answer in answers if answer.HasField("document"))

    def close(self) -> None:
        self._channel.close()

    @staticmethod
    def _by_path(documents: Any) -> dict[str, messages.Document]:
        return {document.name.partition("/documents/")[2]: document for document in documents}


@contextmanager
def server(data: Path, concurrency: str = "optimistic") -> Iterator[tuple[subprocess.Popen[str], Client, float]]:
    """A server process on a folder, its client, and the seconds until it was ready."""
    started = time.monotonic()
    command = [
        sys.executable,
        "-m",
        "embedded_firebase.cli.firestore",
        "--port",
        "0",
        "--data",
        str(data),
        "--concurrency",
        concurrency,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            line = next(line for line in process.stdout if line.startswith("Firestore ready on"))
            ready_seconds = time.monotonic() - started
            client = Client(int(line.rpartition(":")[2]))
            yield process, client, ready_seconds
            client.close()
        finally:
            process.kill()


class Load:
    """The clients' work on the server, and which of it was acknowledged."""

    def __init__(self) -> None:
        self.singles: set[str] = set()
        self.batches: set[str] = set()
        self.transfers: set[str] = set()
        self.counted = 0
        self.latest = 0
        self._lock = threading.Lock()

    def run_until_killed(self, client: Client, process: subprocess.Popen[str], seconds: float) -> None:
        """Run all kinds of clients at once and kill the server after a while."""
        begun = len(self.singles)
        work = [self._single, self._batch, self._count, self._transfer, self._transfer]
        threads = [threading.Thread(target=self._repeat, args=(step, client)) for step in work]
        for thread in threads:
            thread.start()
        while len(self.singles) == begun:
            time.sleep(0.001)
        time.sleep(seconds)
        process.kill()
        for thread in threads:
            thread.join()

    def _repeat(self, step: Callable[[Client], None], client: Client) -> None:
        while True:
            try:
                step(client)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.ABORTED:
                    return

    def _note(self, commit_time: int) -> None:
        with self._lock:
            self.latest = max(self.latest, commit_time)

    def _single(self, client: Client) -> None:
        id_ = uuid.uuid4().hex
        self._note(client.commit(write(f"singles/{id_}", color=random.choice(COLORS))))
        self.singles.add(id_)

    def _batch(self, client: Client) -> None:
        id_ = uuid.uuid4().hex
        self._note(client.commit(*(write(f"batch{part}/{id_}", color=COLORS[part]) for part in range(3))))
        self.batches.add(id_)

    def _count(self, client: Client) -> None:
        self._note(client.commit(write("counters/one", n=self.counted + 1)))
        self.counted += 1

    def _transfer(self, client: Client) -> None:
        source, sink = random.sample(ACCOUNTS, 2)
        transaction = client.begin()
        held = {
            path: document.fields["n"].integer_value
            for path, document in client.get(source, sink, transaction=transaction).items()
        }
        id_ = uuid.uuid4().hex
        moved = random.randint(1, 9)
        commit_time = client.commit(
            write(source, n=held[source] - moved),
            write(sink, n=held[sink] + moved),
            write(f"transfers/{id_}", source=source, sink=sink, n=moved),
            transaction=transaction,
        )
        self._note(commit_time)
        self.transfers.add(id_)

    def check(self, client: Client) -> None:
        """Compare the server's data with what it acknowledged."""
        singles = client.query("singles")
        assert {f"singles/{id_}" for id_ in self.singles} <= singles.keys()
        for color in COLORS:
            scanned = {path for path, document in singles.items() if document.fields["color"].string_value == color}
            assert client.query("singles", color=color).keys() == scanned
        parts = [{path.partition("/")[2] for path in client.query(f"batch{part}")} for part in range(3)]
        assert self.batches <= parts[0]
        assert parts[0] == parts[1] == parts[2]
        transfers = client.query("transfers")
        assert {f"transfers/{id_}" for id_ in self.transfers} <= transfers.keys()
        expected = Counter(dict.fromkeys(ACCOUNTS, OPENING))
        for document in transfers.values():
            expected[document.fields["source"].string_value] -= document.fields["n"].integer_value
            expected[document.fields["sink"].string_value] += document.fields["n"].integer_value
        accounts = client.query("accounts")
        assert {path: document.fields["n"].integer_value for path, document in accounts.items()} == dict(expected)
        (counter,) = client.query("counters").values()
        assert counter.fields["n"].integer_value in (self.counted, self.counted + 1)
        self.counted = counter.fields["n"].integer_value

    def check_times(self, client: Client, created: dict[str, int]) -> None:
        """Commit times stay monotonic after a restart, and documents keep their creation time."""
        accounts = client.query("accounts")
        assert {path: to_micros(document.create_time) for path, document in accounts.items()} == created
        commit_time = client.commit(write("restarts/one", at=self.latest))
        assert commit_time > max(self.latest, *(to_micros(document.update_time) for document in accounts.values()))
        self._note(commit_time)


class TestKill:
    @pytest.mark.timeout(60 + 5 * ROUNDS)
    def test_no_acknowledged_write_is_lost_or_half_applied(self, tmp_path):
        """Each kill interrupts single writes, batches and transactions."""
        load = Load()
        fresh, ready = [], []
        data = tmp_path / "data"
        with server(data) as (process, client, ready_seconds):
            fresh.append(ready_seconds)
            load.latest = client.commit(*(write(path, n=OPENING) for path in ACCOUNTS), write("counters/one", n=0))
            created = {path: to_micros(document.create_time) for path, document in client.query("accounts").items()}
            load.run_until_killed(client, process, 0.2)
        for number in range(ROUNDS):
            with server(data, ("optimistic", "pessimistic")[number % 2]) as (process, client, ready_seconds):
                ready.append(ready_seconds)
                load.check(client)
                load.check_times(client, created)
                load.run_until_killed(client, process, random.uniform(0, 0.3))
        with server(data) as (_, client, _):
            load.check(client)
        with server(tmp_path / "empty") as (_, _, ready_seconds):
            fresh.append(ready_seconds)
        print(
            f"{ROUNDS + 1} kills, {len(load.singles)} single writes, {len(load.batches)} batches, "
            f"{len(load.transfers)} transfers, {load.counted} counts kept; ready after a kill in {min(ready):.2f} to "
            f"{max(ready):.2f} s, without data in {min(fresh):.2f} s"
        )
