"""Versions, scans, collections and the file on disk."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from embedded_firebase.firestore.messages import Document, StructuredQuery
from embedded_firebase.firestore.query import query as queries
from embedded_firebase.firestore.storage import document_table, execution, recent_changes
from embedded_firebase.firestore.storage import storage as storage_module
from embedded_firebase.firestore.storage.document_table import HISTORY_MICROS
from embedded_firebase.firestore.storage.storage import Change, Storage
from embedded_firebase.firestore.values.paths import parse_document, segment_key

DATABASE = "projects/p/databases/(default)"


def put(storage: Storage, time: int, path: str, number: int | None) -> None:
    """Write a document with one number, or delete it, at a time."""
    name = f"{DATABASE}/documents/{path}"
    document = None if number is None else Document(name=name, fields={"n": {"integer_value": number}})
    storage.apply([Change(parse_document(name), document)], time)


def number(document: Document | None) -> int | None:
    return None if document is None else document.fields["n"].integer_value


def read(storage: Storage, path: str, time: int | None = None) -> int | None:
    return number(storage.get(parse_document(f"{DATABASE}/documents/{path}"), time))


def scanned(storage: Storage, time: int, below: str = "", group: str = "") -> list[str]:
    collections = storage.collections(DATABASE, below, group)
    return [document.name.partition("/documents/")[2] for document in storage.scan(collections, time)]


@pytest.fixture
def storage():
    storage = Storage()
    yield storage
    storage.close()


class TestVersions:
    def test_each_time_sees_its_own_version(self, storage):
        """A document is created at 10, changed at 20, deleted at 30 and created again at 40."""
        for time, value in ((10, 1), (20, 2), (30, None), (40, 4)):
            put(storage, time, "c/d", value)
        seen = {time: read(storage, "c/d", time) for time in (9, 10, 19, 20, 29, 30, 39, 40, 99)}
        assert seen == {9: None, 10: 1, 19: 1, 20: 2, 29: 2, 30: None, 39: None, 40: 4, 99: 4}
        assert read(storage, "c/d") == 4

    def test_a_scan_sees_one_snapshot(self, storage):
        """Documents that change during a scan of many chunks look as they did at its start."""
        names = [f"c/{number:05}" for number in range(500)]
        for time, name in enumerate(names, 1):
            put(storage, time, name, 1)
        (collection,) = storage.collections(DATABASE, "")
        found = storage.scan([collection], 500)
        first = next(found)
        put(storage, 501, "c/00400", 2)
        put(storage, 502, "c/00401", None)
        put(storage, 503, "c/00402x", 1)
        documents = [first, *found]
        assert [document.name.partition("/documents/")[2] for document in documents] == names
        assert {number(document) for document in documents} == {1}

    def test_old_versions_are_dropped_after_an_hour(self, storage, monkeypatch):
        """The horizon moves with the dropped versions."""
        monkeypatch.setattr(storage_module, "_COMMITS_PER_SWEEP", 1)
        put(storage, 10, "c/d", 1)
        put(storage, 20, "c/d", 2)
        assert read(storage, "c/d", 15) == 1
        put(storage, 20 + HISTORY_MICROS, "c/other", 1)
        assert storage.horizon == 20
        assert read(storage, "c/d", 15) is None
        assert read(storage, "c/d", 20) == 2

    def test_too_many_versions_are_dropped_oldest_first(self, storage, monkeypatch):
        """The versions of a hot document cannot fill the memory."""
        monkeypatch.setattr(storage_module, "_COMMITS_PER_SWEEP", 1)
        monkeypatch.setattr(document_table, "MAX_VERSIONS", 3)
        for time in range(1, 11):
            put(storage, time, "c/d", time)
        assert storage.horizon == 7
        assert [read(storage, "c/d", time) for time in (6, 7, 8, 9, 10)] == [None, 7, 8, 9, 10]


class TestCollections:
    def test_documents_come_in_the_order_of_their_names(self, storage):
        """A nested collection of the same id lies between the documents of the outer one."""
        for time, path in enumerate(("g/b", "g/a/g/x", "g/a", "h/a/g/y", "g/a/h/z"), 1):
            put(storage, time, path, 1)
        assert scanned(storage, 9) == ["g/a", "g/a/g/x", "g/a/h/z", "g/b", "h/a/g/y"]
        assert scanned(storage, 9, group="g") == ["g/a", "g/a/g/x", "g/b", "h/a/g/y"]
        assert scanned(storage, 9, below="g/a") == ["g/a/g/x", "g/a/h/z"]

    def test_a_string_prefix_is_not_a_parent(self, storage):
        """A document below `a/b` is not below `a/bc`."""
        put(storage, 1, "a/b/c/d", 1)
        put(storage, 2, "a/bc/c/d", 1)
        assert scanned(storage, 9, below="a/b") == ["a/b/c/d"]


class TestApply:
    def test_a_failed_commit_leaves_no_trace(self, storage):
        """Its new collections are not created either."""
        bad = Change(parse_document(f"{DATABASE}/documents/new/b"), "no document")
        good = Change(parse_document(f"{DATABASE}/documents/new/a"), Document(name=f"{DATABASE}/documents/new/a"))
        with pytest.raises(AttributeError):
            storage.apply([good, bad], 10)
        assert storage.collection(DATABASE, "new") is None
        assert storage.latest == 0
        put(storage, 11, "new/a", 1)
        assert read(storage, "new/a") == 1

    def test_a_failed_commit_leaves_no_index(self, storage):
        """An index that a failed commit made is forgotten, so that its number can be that of another one."""
        names = [f"{DATABASE}/documents/c/{id_}" for id_ in "ab"]
        documents = [Document(name=name, fields={name[-1]: {"integer_value": 1}}) for name in names]
        changes = [Change(parse_document(name), document) for name, document in zip(names, documents, strict=True)]
        bad = Change(parse_document(f"{DATABASE}/documents/c/bad"), "no document")
        with pytest.raises(AttributeError):
            storage.apply([changes[0], bad], 10)
        storage.apply([changes[1]], 11)
        storage.apply([changes[0]], 12)
        for field, id_ in (("a", "a"), ("b", "b")):
            where = {"field": {"field_path": field}, "op": "EQUAL", "value": {"integer_value": 1}}
            message = StructuredQuery(from_=[{"collection_id": "c"}], where={"field_filter": where})
            query = queries.parse(f"{DATABASE}/documents", message)
            assert execution.count(storage, query, 12) == 1
            assert [found.name[-1] for found in execution.results(storage, query, 12)] == [id_]


class TestRecentChanges:
    def test_of_a_collection_without_any(self):
        """Nothing has changed there since the storage was opened; what was before is not known."""
        changes = recent_changes.RecentChanges(opened_at=5)
        assert [changes.since(1, time) for time in (4, 5, 6)] == [None, set(), set()]

    def test_the_past_is_known_up_to_a_number_of_changes(self, storage, monkeypatch):
        """The last changes of a collection are known by their keys; before them, all documents have to be read."""
        monkeypatch.setattr(recent_changes, "MAX_RECENT_CHANGES", 3)
        for time in range(1, 6):
            put(storage, time, f"c/{time}", 1)
        put(storage, 6, "other/x", 1)
        (collection, _) = storage.collections(DATABASE, "")
        known = {time: storage.changes_since(collection, time) for time in range(7)}
        keys = {time: segment_key(str(time)) for time in range(1, 6)}
        assert known == {
            0: None,
            1: None,
            2: {keys[3], keys[4], keys[5]},
            3: {keys[4], keys[5]},
            4: {keys[5]},
            5: set(),
            6: set(),
        }

    def test_a_query_of_the_past_beyond_them(self, storage):
        """After more than 1,000 changes a query still finds what was there, and nothing else."""
        put(storage, 1, "c/old", 7)
        put(storage, 2, "c/changed", 7)
        for time in range(3, recent_changes.MAX_RECENT_CHANGES + 10):
            put(storage, time, "c/changed", time % 2)
        put(storage, 5_000, "c/new", 7)
        where = {"field": {"field_path": "n"}, "op": "EQUAL", "value": {"integer_value": 7}}
        message = StructuredQuery(from_=[{"collection_id": "c"}], where={"field_filter": where})
        query = queries.parse(f"{DATABASE}/documents", message)
        found = {
            time: [document.name.rpartition("/")[2] for document in execution.results(storage, query, time)]
            for time in (1, 2, 3, 5_000)
        }
        assert found == {1: ["old"], 2: ["changed", "old"], 3: ["old"], 5_000: ["new", "old"]}


# Writes a document; then dies between two statements of a commit of two.
VICTIM = """
import os, signal, sys
from pathlib import Path
from tests.firestore.test_storage import DATABASE, Change, Document, Storage, parse_document, put

storage = Storage(Path(sys.argv[1]))
put(storage, 10, "c/whole", 1)
put_document = storage._documents.put

def put_and_die(*document):
    put_document(*document)
    os.kill(os.getpid(), signal.SIGKILL)

storage._documents.put = put_and_die
changes = [Change(parse_document(name), Document(name=name)) for name in (
    f"{DATABASE}/documents/half/a", f"{DATABASE}/documents/half/b")]
storage.apply(changes, 20)
"""


class TestThreads:
    def test_any_thread_may_use_it(self, storage):
        """The caller holds the lock, and may be of any thread."""
        with ThreadPoolExecutor(1) as other:
            other.submit(put, storage, 1, "c/a", 1).result()
        assert read(storage, "c/a") == 1


class TestOnDisk:
    def test_a_kill_between_two_statements(self, tmp_path: Path):
        """A process that dies inside of a commit leaves nothing of it, and all that was committed before."""
        path = tmp_path / "firestore.sqlite3"
        folder = Path(__file__).parents[2]
        died = subprocess.run([sys.executable, "-c", VICTIM, path], cwd=folder, timeout=50, check=False)
        assert died.returncode == -signal.SIGKILL
        storage = Storage(path)
        assert (read(storage, "c/whole"), storage.latest) == (1, 10)
        assert scanned(storage, 99) == ["c/whole"]
        storage.close()

    def test_data_survives_a_restart(self, tmp_path: Path):
        """Documents, their past and the last commit time are stored on disk."""
        path = tmp_path / "firestore.sqlite3"
        storage = Storage(path)
        put(storage, 10, "c/d", 1)
        put(storage, 20, "c/d", 2)
        storage.close()
        again = Storage(path)
        assert (read(again, "c/d"), read(again, "c/d", 15), again.latest) == (2, 1, 20)
        again.close()

    def test_one_process_at_a_time(self, tmp_path: Path):
        """A second process is refused with the path and the likely reason."""
        path = tmp_path / "firestore.sqlite3"
        storage = Storage(path)
        with pytest.raises(OSError, match=r"firestore.sqlite3 cannot be opened .* another emulator"):
            Storage(path)
        storage.close()
