"""The Listen RPC, message by message through Google's generated client, and `on_snapshot` on top of it."""

import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import pytest
from google.api_core import exceptions
from google.cloud import firestore
from google.cloud.firestore import CollectionReference, FieldFilter
from google.cloud.firestore_v1 import types
from google.cloud.firestore_v1.watch import Watch
from google.protobuf import timestamp_pb2

from embedded_firebase.firestore.errors import Code
from embedded_firebase.firestore.listen import mailbox
from embedded_firebase.firestore.rpc import service
from embedded_firebase.firestore.server import FirestoreServer

SECONDS = 20
KINDS = ("NO_CHANGE", "ADD", "REMOVE", "CURRENT", "RESET")


class Stream:
    """A listen stream with abbreviated answers."""

    def __init__(self, db):
        self._database = f"projects/{db.project}/databases/(default)"
        self._requests = queue.SimpleQueue()
        self._listen = db._firestore_api.listen
        self.token = b""
        self.read_time = None

    @cached_property
    def _responses(self):
        # The client opens a stream only once it can wait for the first answer.
        return self._listen(iter(self._requests.get, None), retry=None, timeout=SECONDS)

    def add(self, target_id, target, **more):
        """Add a query, or documents by their references."""
        if isinstance(target, list):
            names = [reference._document_path for reference in target]
            more["documents"] = {"documents": names}
        else:
            wanted = target._query() if isinstance(target, CollectionReference) else target
            parent, _ = wanted._parent._parent_info()
            more["query"] = {"parent": parent, "structured_query": wanted._to_protobuf()}
        self.send(add_target={"target_id": target_id, **more})

    def send(self, **request):
        self._requests.put(types.ListenRequest(database=self._database, **request))

    def end(self):
        self._requests.put(None)

    def cancel(self):
        self.end()
        if "_responses" in vars(self):
            self._responses.cancel()

    def next(self):
        """One answer: its kind, the document's id if any, and the targets."""
        response = next(self._responses)._pb
        kind = response.WhichOneof("response_type")
        answer = getattr(response, kind)
        if kind == "target_change":
            if answer.resume_token and not answer.target_ids:
                self.token, self.read_time = answer.resume_token, answer.read_time
            cause = [answer.cause.code] if answer.HasField("cause") else []
            return (KINDS[answer.target_change_type], *answer.target_ids, *cause)
        if kind == "document_change":
            return ("changed", answer.document.name.rpartition("/")[2], *answer.target_ids)
        return (kind.removeprefix("document_"), answer.document.rpartition("/")[2], *answer.removed_target_ids)

    def snapshot(self):
        """All answers up to the next consistent snapshot of the whole stream."""
        answers = list(iter(self.next, ("NO_CHANGE",)))
        assert self.read_time is not None
        return answers


@pytest.fixture
def stream(db):
    opened = Stream(db)
    yield opened
    opened.cancel()


class TestDocuments:
    def test_the_life_of_a_document(self, db, stream):
        """A document is missing, is created, changed and deleted; each is one snapshot."""
        document = db.document("c/a")
        stream.add(7, [document])
        assert stream.snapshot() == [("ADD", 7), ("delete", "a", 7), ("CURRENT", 7)]
        document.set({"v": 1})
        assert stream.snapshot() == [("changed", "a", 7)]
        document.set({"v": 2})
        assert stream.snapshot() == [("changed", "a", 7)]
        document.delete()
        assert stream.snapshot() == [("delete", "a", 7)]

    def test_writes_without_a_change_are_not_sent(self, db, stream):
        """Neither another document nor a write of the same content is sent."""
        db.document("c/a").set({"v": 1})
        stream.add(1, [db.document("c/a"), db.document("c/b")])
        assert stream.snapshot() == [("ADD", 1), ("changed", "a", 1), ("delete", "b", 1), ("CURRENT", 1)]
        db.document("c/other").set({})
        db.document("c/a").set({"v": 1})
        db.document("c/b").set({})
        assert stream.snapshot() == [("changed", "b", 1)]


class TestQueries:
    def test_documents_come_and_leave_with_the_filter(self, db, stream):
        """A document that no longer matches is removed, and a deleted one is deleted."""
        for name, value in (("a", 1), ("b", 2)):
            db.document(f"c/{name}").set({"v": value})
        stream.add(1, db.collection("c").where(filter=FieldFilter("v", ">", 1)))
        assert stream.snapshot() == [("ADD", 1), ("changed", "b", 1), ("CURRENT", 1)]
        db.document("c/a").update({"v": 3})
        assert stream.snapshot() == [("changed", "a", 1)]
        db.document("c/b").update({"v": 0})
        assert stream.snapshot() == [("remove", "b", 1)]
        db.document("c/a").delete()
        assert stream.snapshot() == [("delete", "a", 1)]

    def test_a_limit_shows_the_next_when_one_leaves(self, db, stream):
        """A document before the last one of a limit removes that one."""
        for number in range(4):
            db.document(f"c/{number}").set({"v": number})
        stream.add(1, db.collection("c").order_by("v").limit(2))
        assert stream.snapshot() == [("ADD", 1), ("changed", "0", 1), ("changed", "1", 1), ("CURRENT", 1)]
        db.document("c/0").delete()
        assert stream.snapshot() == [("changed", "2", 1), ("delete", "0", 1)]
        db.document("c/9").set({"v": -1})
        assert stream.snapshot() == [("changed", "9", 1), ("remove", "2", 1)]
        db.document("c/3").update({"v": 30})
        db.document("c/1").update({"w": 1})
        assert stream.snapshot() == [("changed", "1", 1)]

    def test_collection_groups(self, db, stream):
        """Documents below any parent are sent."""
        stream.add(1, db.collection_group("d"))
        stream.snapshot()
        db.document("c/a/d/x").set({})
        assert stream.snapshot() == [("changed", "x", 1)]
        db.document("c/a").set({})
        db.document("d/y").set({})
        assert stream.snapshot() == [("changed", "y", 1)]

    def test_a_commit_is_one_snapshot(self, db, stream):
        """All documents of a commit come before the time of its snapshot."""
        stream.add(1, db.collection("c"))
        stream.snapshot()
        batch = db.batch()
        for number in range(3):
            batch.set(db.document(f"c/{number}"), {})
        batch.commit()
        assert stream.snapshot() == [("changed", str(number), 1) for number in range(3)]
        assert stream.read_time.ToNanoseconds() >= batch.commit_time.timestamp_pb().ToNanoseconds()

    def test_snapshots_are_consistent_and_in_order(self, db, stream):
        """While threads write pairs of documents, no snapshot shows half a pair, and times increase."""
        stream.add(1, db.collection("c"))
        stream.snapshot()

        def write(number: int) -> None:
            for step in range(10):
                batch = db.batch()
                for name in ("left", "right"):
                    batch.set(db.document(f"c/{name}"), {"v": f"{number}-{step}"})
                batch.commit()

        with ThreadPoolExecutor(3) as pool:
            written = [pool.submit(write, number) for number in range(3)]
            for done in written:
                done.result()
        db.document("c/last").set({})
        times = []
        while ("changed", "last", 1) not in (answers := stream.snapshot()):
            assert {answer[1] for answer in answers} == {"left", "right"}
            times.append((stream.read_time.seconds, stream.read_time.nanos))
        assert times == sorted(set(times))


class TestTargets:
    def test_several_on_one_stream(self, db, stream):
        """Each target gets its own changes, and a removed one gets none."""
        stream.add(1, db.collection("c"))
        stream.snapshot()
        db.document("c/a").set({})
        stream.snapshot()
        stream.add(2, [db.document("c/a")])
        assert stream.snapshot() == [("ADD", 2), ("changed", "a", 2), ("CURRENT", 2)]
        db.document("c/a").set({"v": 1})
        assert stream.snapshot() == [("changed", "a", 1), ("changed", "a", 2)]
        stream.send(remove_target=1)
        assert stream.next() == ("REMOVE", 1)
        db.document("c/a").set({"v": 2})
        assert stream.snapshot() == [("changed", "a", 2)]

    def test_once(self, db, stream):
        """A target with `once` is removed when it is current."""
        stream.add(1, db.collection("c"), once=True)
        assert stream.snapshot() == [("ADD", 1), ("CURRENT", 1)]
        assert stream.next() == ("REMOVE", 1)
        stream.add(1, db.collection("c"))
        assert stream.snapshot() == [("ADD", 1), ("CURRENT", 1)]

    def test_the_server_chooses_ids(self, db, stream):
        """The server chooses an id if the client gives none; after that the client cannot give one."""
        stream.add(0, db.collection("c"))
        assert stream.snapshot() == [("ADD", 1), ("CURRENT", 1)]
        stream.add(0, db.collection("d"))
        assert stream.snapshot() == [("ADD", 2), ("CURRENT", 2)]
        stream.add(5, db.collection("e"))
        assert stream.next() == ("REMOVE", 5, 3)

    def test_a_refused_target_leaves_the_others(self, db, stream):
        """The refused target is removed with its cause."""
        stream.add(1, db.collection("c"))
        stream.snapshot()
        stream.add(2, db.collection("c").limit(-1))
        assert stream.next() == ("REMOVE", 2, 3)
        db.document("c/a").set({})
        assert stream.snapshot() == [("changed", "a", 1)]

    def test_an_id_cannot_be_used_twice(self, db, stream):
        """The second use of an id ends the stream with INVALID_ARGUMENT."""
        stream.add(1, db.collection("c"))
        stream.snapshot()
        stream.add(1, db.collection("d"))
        with pytest.raises(exceptions.InvalidArgument, match="already"):
            stream.next()

    @pytest.mark.parametrize("request_", [{}, {"add_target": {"target_id": -1}}])
    def test_a_bad_request_ends_the_stream(self, stream, request_):
        """The stream ends with INVALID_ARGUMENT."""
        stream.send(**request_)
        with pytest.raises(exceptions.InvalidArgument):
            stream.next()

    def test_an_empty_target_is_removed(self, stream):
        """A target needs a query or documents."""
        stream.send(add_target={"target_id": 1})
        assert stream.next() == ("REMOVE", 1, 3)


class TestResume:
    def test_only_changes_are_sent(self, db, stream):
        """After the token of the last snapshot only created, changed and removed documents are sent."""
        for name in "abc":
            db.document(f"c/{name}").set({"v": 1})
        stream.add(1, db.collection("c"))
        stream.snapshot()
        db.document("c/a").update({"v": 2})
        db.document("c/b").delete()
        db.document("c/d").set({"v": 1})
        again = Stream(db)
        again.add(1, db.collection("c"), resume_token=stream.token, expected_count=3)
        expected = [("ADD", 1), ("changed", "a", 1), ("changed", "d", 1), ("delete", "b", 1), ("CURRENT", 1)]
        assert again.snapshot() == expected
        again.cancel()

    def test_a_read_time_does_the_same(self, db, stream):
        """A read time also resumes, for a client that read the documents in another way."""
        db.document("c/a").set({"v": 1})
        read_time = db.document("c/a").get().read_time
        db.document("c/b").set({"v": 1})
        stream.add(1, db.collection("c"), read_time=read_time)
        assert stream.snapshot() == [("ADD", 1), ("changed", "b", 1), ("CURRENT", 1)]

    def test_a_read_time_between_two_microseconds(self, db, stream):
        """It is that of the microsecond before: clients take times from bundles and caches, to the nanosecond."""
        db.document("c/a").set({"v": 1})
        read_time = timestamp_pb2.Timestamp()
        read_time.FromNanoseconds(db.document("c/a").get().read_time.timestamp_pb().ToNanoseconds() + 1)
        db.document("c/b").set({"v": 1})
        stream.add(1, db.collection("c"), read_time=read_time)
        assert stream.snapshot() == [("ADD", 1), ("changed", "b", 1), ("CURRENT", 1)]

    @pytest.mark.parametrize("read_time", [{"seconds": 1000, "nanos": 9999}, {"seconds": 0, "nanos": 1}])
    def test_a_read_time_beyond_the_history(self, db, stream, read_time):
        """Everything is sent again, with RESET first, as after a resume token that is too old."""
        db.document("c/a").set({"v": 1})
        stream.add(1, db.collection("c"), read_time=read_time)
        assert stream.snapshot() == [("ADD", 1), ("RESET", 1), ("changed", "a", 1), ("CURRENT", 1)]

    def test_a_read_time_in_the_future_is_refused(self, db, stream):
        """Its target is removed with the cause."""
        stream.add(1, db.collection("c"), read_time={"seconds": 32_503_680_000, "nanos": 1})
        assert stream.next() == ("REMOVE", 1, Code.INVALID_ARGUMENT)

    @pytest.mark.parametrize("more", [{"resume_token": b"of another server"}, {"expected_count": 5}])
    def test_everything_is_sent_again(self, db, stream, more):
        """After an unknown token, or a client that lost count, everything is sent again, with RESET first."""
        db.document("c/a").set({"v": 1})
        stream.add(1, db.collection("c"))
        stream.snapshot()
        again = Stream(db)
        again.add(1, db.collection("c"), **{"resume_token": stream.token, **more})
        assert again.snapshot() == [("ADD", 1), ("RESET", 1), ("changed", "a", 1), ("CURRENT", 1)]
        again.cancel()


@pytest.mark.embedded
class TestStreams:
    def test_a_slow_client_catches_up(self, db, stream, monkeypatch):
        """The server drops commits for a slow client, and later reads its targets again (backpressure)."""
        monkeypatch.setattr(mailbox, "MAX_WAITING_DOCUMENTS", 2)
        db.document("c/gone").set({})
        stream.add(1, db.collection("c"))
        stream.snapshot()
        batch = db.batch()
        for number in range(5):
            batch.set(db.document(f"c/{number}"), {})
        batch.delete(db.document("c/gone"))
        batch.commit()
        assert stream.snapshot() == [*(("changed", str(number), 1) for number in range(5)), ("delete", "gone", 1)]

    def test_a_vanished_client_leaves_no_resources(self, db, server):
        """No thread and no listener is left."""
        before = set(threading.enumerate())
        streams = [Stream(db) for _ in range(20)]
        for stream in streams:
            stream.add(1, db.collection("c"))
            stream.snapshot()
        readers = [t for t in threading.enumerate() if t not in before and t.name == "firestore-listen"]
        assert len(readers) == 20
        for stream in streams:
            stream.cancel()
        for reader in readers:
            reader.join(SECONDS)
        assert not any(reader.is_alive() for reader in readers)

    def test_a_client_that_ends_its_requests_ends_the_stream(self, db, stream):
        """The stream ends after the answers to the requests that were sent."""
        stream.add(1, db.collection("c"))
        stream.end()
        assert stream.snapshot() == [("ADD", 1), ("CURRENT", 1)]
        with pytest.raises(StopIteration):
            stream.next()

    def test_streams_are_limited_and_block_no_other_call(self, monkeypatch):
        """One stream too many is refused at once; the end of another one frees its place."""
        monkeypatch.setattr(service, "MAX_STREAMS", 2)
        server = FirestoreServer()
        host = f"127.0.0.1:{server.start()}"
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", host)
        db = firestore.Client(project="demo-streams")
        streams = [Stream(db) for _ in range(2)]
        for stream in streams:
            stream.add(1, db.collection("c"))
            stream.snapshot()
        refused = Stream(db)
        refused.add(1, db.collection("c"))
        with pytest.raises(exceptions.ResourceExhausted, match="2 streams"):
            refused.next()
        db.document("c/a").set({})
        assert [stream.snapshot() for stream in streams] == [[("changed", "a", 1)]] * 2
        streams[0].end()
        with pytest.raises(StopIteration):
            streams[0].next()
        started = time.monotonic()
        server.stop()
        assert time.monotonic() - started < 2
        with pytest.raises(exceptions.GoogleAPICallError):
            streams[1].next()
        for stream in [*streams, refused]:
            stream.end()
        db.close()


class Snapshots:
    """The arguments of a client's listener callback."""

    def __init__(self):
        self._seen = queue.SimpleQueue()

    def __call__(self, documents, changes, _read_time):
        self._seen.put(([document.id for document in documents], [change.type.name for change in changes]))

    def next(self):
        return self._seen.get(timeout=SECONDS)


class TestOnSnapshot:
    @pytest.fixture
    def seen(self):
        return Snapshots()

    def test_a_document(self, db, seen):
        """The client's callback is called for each state."""
        watch = db.document("c/a").on_snapshot(seen)
        assert isinstance(watch, Watch)
        assert seen.next() == ([], [])
        db.document("c/a").set({})
        assert seen.next() == (["a"], ["ADDED"])
        db.document("c/a").delete()
        assert seen.next() == ([], ["REMOVED"])
        watch.unsubscribe()

    def test_a_query_with_a_limit(self, db, seen):
        """A document enters and another leaves. Limits to the last are tested in Node: this client has a bug there."""
        for number in range(1, 4):
            db.document(f"c/{number}").set({"v": number})
        watch = db.collection("c").order_by("v").limit(2).on_snapshot(seen)
        assert seen.next() == (["1", "2"], ["ADDED", "ADDED"])
        db.document("c/0").set({"v": 0})
        assert seen.next() == (["0", "1"], ["REMOVED", "ADDED"])
        watch.unsubscribe()

    @pytest.mark.embedded
    def test_a_stream_that_breaks_is_resumed(self, db, seen, faults, server):
        """The client reopens the stream, which counts as another call."""
        before = server.counters.snapshot(db._database_string)
        faults.fail(Code.UNAVAILABLE, rpc="Listen")
        watch = db.collection("c").on_snapshot(seen)
        assert seen.next() == ([], [])
        db.document("c/a").set({})
        assert seen.next() == (["a"], ["ADDED"])
        counts = server.counters.snapshot(db._database_string) - before
        # Both of its threads may notice the break and open the stream once more than needed.
        assert counts.calls["Listen"] >= 2
        watch.unsubscribe()

    def test_a_collection_group(self, db, seen):
        """Documents below any parent are in the snapshot."""
        watch = db.collection_group("d").on_snapshot(seen)
        assert seen.next() == ([], [])
        db.document("c/a/d/x").set({})
        assert seen.next() == (["x"], ["ADDED"])
        watch.unsubscribe()
