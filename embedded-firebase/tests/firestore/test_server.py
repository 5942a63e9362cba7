"""The server's life: start, stop, bulk loading, and the command line with its process killed."""

import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from google.cloud.firestore_v1.types import CommitRequest, CommitResponse, Document, RunQueryRequest, RunQueryResponse

from embedded_firebase.exports.folder import read_export
from embedded_firebase.firestore.server import FirestoreServer

pytestmark = pytest.mark.embedded
EXPORT = Path(__file__).parents[1] / "exports" / "export-a"
DATABASE = "projects/demo-project/databases/(default)"


class Client:
    """A simple client of one port; Google's takes its address from the environment, which tests share."""

    def __init__(self, port: int) -> None:
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self._commit = self._channel.unary_unary(
            "/google.firestore.v1.Firestore/Commit", CommitRequest.serialize, CommitResponse.deserialize
        )
        self._query = self._channel.unary_stream(
            "/google.firestore.v1.Firestore/RunQuery", RunQueryRequest.serialize, RunQueryResponse.deserialize
        )

    def put(self, *numbers: int) -> CommitResponse:
        """Commit documents together, each in two collections."""
        names = [f"{DATABASE}/documents/{collection}/{number:06}" for number in numbers for collection in "ab"]
        writes = [{"update": {"name": name}} for name in names]
        return self._commit(CommitRequest(database=DATABASE, writes=writes), wait_for_ready=True, timeout=10)

    def numbers(self, collection: str = "a") -> set[int]:
        query = {"from_": [{"collection_id": collection}]}
        request = RunQueryRequest(parent=f"{DATABASE}/documents", structured_query=query)
        answers = list(self._query(request, wait_for_ready=True, timeout=10))
        return {int(answer.document.name[-6:]) for answer in answers if answer.document.name}

    def close(self) -> None:
        self._channel.close()


@contextmanager
def client_of(port: int) -> Iterator[Client]:
    client = Client(port)
    yield client
    client.close()


@contextmanager
def process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server in its own process, ready."""
    command = [sys.executable, "-m", "embedded_firebase.cli.firestore", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        try:
            line = next(line for line in running.stdout if line.startswith("Firestore ready on 127.0.0.1:"))
            yield running, int(line.rpartition(":")[2])
        finally:
            running.kill()


class TestFirestoreServer:
    def test_a_taken_port_is_an_error(self):
        """A port in use is never shared."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            server = FirestoreServer()
            with pytest.raises(OSError, match=f"Port {port} on 127.0.0.1 is taken"):
                server.start(port=port)
            server.stop()

    def test_two_servers_never_share_a_port(self):
        """Two of our servers do not share a port either."""
        one, other = FirestoreServer(), FirestoreServer()
        port = one.start()
        with pytest.raises(OSError, match="is taken"):
            other.start(port=port)
        one.stop()
        other.stop()

    def test_documents_are_loaded_into_the_project_asked_for(self):
        """The project in their names is replaced; they are returned in the order of names."""
        server = FirestoreServer()
        assert server.is_empty("mine")
        names = ["c/b", "c/a/d/x", "c/a"]
        documents = [Document(name=f"projects/theirs/databases/(default)/documents/{name}")._pb for name in names]
        documents[0].fields["v"].integer_value = 1
        server.load(documents, "mine")
        held = list(server.documents("mine"))
        assert [document.name for document in held] == [
            f"projects/mine/databases/(default)/documents/{name}" for name in ("c/a", "c/a/d/x", "c/b")
        ]
        assert held[2].fields["v"].integer_value == 1
        assert not server.is_empty("mine")
        assert server.is_empty("theirs")
        assert list(server.documents("theirs")) == []
        server.stop()

    def test_acknowledged_writes_survive_a_restart(self, tmp_path):
        """Later update times are higher, even if the clock stood still."""
        server = FirestoreServer(tmp_path)
        with client_of(server.start()) as client:
            first = client.put(1)
        server.stop()
        server = FirestoreServer(tmp_path)
        with client_of(server.start()) as client:
            assert client.numbers() == {1}
            assert client.put(2).commit_time > first.commit_time
        server.stop()


class TestCommandLine:
    def test_killed_under_load_it_loses_no_acknowledged_write(self, tmp_path):
        """No commit is there in part either."""
        acknowledged = set()
        with process("--data", str(tmp_path)) as (running, port), client_of(port) as client:
            enough = threading.Event()

            def write(start: int) -> None:
                for number in range(start, start + 100_000):
                    try:
                        client.put(number)
                    except grpc.RpcError:
                        return
                    acknowledged.add(number)
                    if len(acknowledged) >= 200:
                        enough.set()

            writers = [threading.Thread(target=write, args=(start,)) for start in (0, 100_000, 200_000, 300_000)]
            for writer in writers:
                writer.start()
            assert enough.wait(20)
            running.kill()
            for writer in writers:
                writer.join()
        with process("--data", str(tmp_path)) as (_, port), client_of(port) as client:
            kept = client.numbers("a")
            assert acknowledged <= kept
            assert kept == client.numbers("b")

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_ends_it_cleanly(self, number):
        """It exits at once with code 0."""
        with process() as (running, _):
            running.send_signal(number)
            assert running.wait(5) == 0

    def test_a_taken_port_is_a_one_line_error(self):
        """The error names the port and the flag, and the exit code is 1."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = str(taken.getsockname()[1])
            command = [sys.executable, "-m", "embedded_firebase.cli.firestore", "--port", port]
            done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        lines = [line for line in done.stderr.splitlines() if "Port" in line]
        assert done.returncode == 1
        assert lines == [f"Port {port} on 127.0.0.1 is taken or cannot be bound. Choose another with --port."]

    def test_an_export_is_imported_once(self, tmp_path):
        """It is imported into an empty project; later starts use the stored data."""
        arguments = ("--data", str(tmp_path), "--import", str(EXPORT))
        held = set()
        for _ in range(2):
            with process(*arguments) as (_, port), client_of(port) as client:
                query = {"from_": [{"collection_id": "users"}]}
                request = RunQueryRequest(parent=f"{DATABASE}/documents", structured_query=query)
                held.add(tuple(answer.document.name for answer in client._query(request, wait_for_ready=True)))
        assert len(held) == 1
        assert f"{DATABASE}/documents/users/testUser1" in next(iter(held))

    def test_http_is_on_the_same_port(self):
        """HTTP has the same port, and answers as Google's emulator does."""
        with process() as (_, port), urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
            assert answer.read() == b"Ok\n"

    def test_imported_data_is_exported_on_exit(self, tmp_path):
        """The export has the same documents, in a folder that the Firebase CLI imports."""
        with process("--import", str(EXPORT), "--export-on-exit", str(tmp_path / "out")) as (running, _):
            running.send_signal(signal.SIGTERM)
            assert running.wait(10) == 0
        given, written = (
            {document.name.split("/", 5)[5]: str(sorted(document.fields.items())) for document in read_export(folder)}
            for folder in (EXPORT, tmp_path / "out")
        )
        assert given
        assert written == given
        assert (tmp_path / "out" / "firebase-export-metadata.json").is_file()

    def test_an_unreadable_export_is_a_one_line_error(self, tmp_path):
        """The error names the folder, and the exit code is 1."""
        command = [sys.executable, "-m", "embedded_firebase.cli.firestore", "--port", "0", "--import", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"--import {tmp_path}: ")
        assert "is no export" in line

    def test_an_unwritable_export_is_a_one_line_error(self, tmp_path):
        """The error at the end names the folder too."""
        (tmp_path / "file").write_text("")
        with process("--export-on-exit", str(tmp_path / "file")) as (running, _):
            running.send_signal(signal.SIGTERM)
            assert running.wait(10) == 1

    def test_help(self):
        """--help lists every flag."""
        command = [sys.executable, "-m", "embedded_firebase.cli.firestore", "--help"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
        assert all(
            flag in done.stdout
            for flag in ("--host", "--port", "--grpc-port", "--data", "--import", "--export-on-exit", "--project")
        )
