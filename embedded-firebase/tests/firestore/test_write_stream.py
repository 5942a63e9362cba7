"""The Write RPC through Google's generated client."""

import queue

import pytest
from google.api_core import exceptions
from google.cloud.firestore_v1 import types


class Stream:
    """A write stream; each answer is awaited before the next request."""

    def __init__(self, db):
        self._database = f"projects/{db.project}/databases/(default)"
        self._requests = queue.SimpleQueue()
        self._write = db._firestore_api.write
        self._responses = None

    def send(self, *writes, **more):
        self._requests.put(types.WriteRequest(database=self._database, writes=writes, **more))
        if self._responses is None:
            self._responses = self._write(iter(self._requests.get, None), retry=None, timeout=20)
        return next(self._responses)

    def end(self):
        self._requests.put(None)

    def rest(self):
        return list(self._responses)


@pytest.fixture
def stream(db):
    opened = Stream(db)
    yield opened
    opened.end()


def update(db, path, value, **precondition):
    made = {"update": {"name": db.document(path)._document_path, "fields": {"v": {"integer_value": value}}}}
    return {**made, **({"current_document": precondition} if precondition else {})}


class TestServe:
    def test_writes_in_order(self, db, stream):
        """After the handshake, each request is one commit with its own answer."""
        opened = stream.send()
        assert opened.stream_id
        first = stream.send(update(db, "c/a", 1), update(db, "c/b", 1), stream_token=opened.stream_token)
        second = stream.send(update(db, "c/a", 2), stream_token=first.stream_token)
        assert [len(first.write_results), len(second.write_results)] == [2, 1]
        assert second.commit_time > first.commit_time
        assert [snapshot.get("v") for snapshot in db.collection("c").stream()] == [2, 1]
        assert len({answer.stream_token for answer in (opened, first, second)}) == 3
        stream.end()
        assert stream.rest() == []

    def test_a_refused_write_ends_the_stream(self, db, stream):
        """The stream ends with the code of the error; the request is not applied."""
        opened = stream.send()
        with pytest.raises(exceptions.NotFound):
            stream.send(update(db, "c/a", 1), update(db, "c/b", 1, exists=True), stream_token=opened.stream_token)
        assert not db.document("c/a").get().exists

    @pytest.mark.parametrize("more", [{"stream_id": "x"}, {"stream_token": b"x"}])
    def test_a_broken_stream_cannot_be_resumed(self, stream, more):
        """The INVALID_ARGUMENT says to start a new stream."""
        with pytest.raises(exceptions.InvalidArgument, match="start a new one"):
            stream.send(**more)

    def test_the_first_request_holds_no_writes(self, db, stream):
        """The first request is the handshake."""
        with pytest.raises(exceptions.InvalidArgument, match="first request"):
            stream.send(update(db, "c/a", 1))

    @pytest.mark.parametrize("token", [b"x", (9).to_bytes(8, "big")])
    def test_a_foreign_token_is_refused(self, db, stream, token):
        """Only tokens of this stream acknowledge its answers."""
        stream.send()
        with pytest.raises(exceptions.InvalidArgument, match="stream_token"):
            stream.send(update(db, "c/a", 1), stream_token=token)

    def test_an_earlier_token_is_invalid(self, db, stream):
        """A token is invalid once a later one was sent."""
        opened = stream.send()
        first = stream.send(update(db, "c/a", 1), stream_token=opened.stream_token)
        stream.send(update(db, "c/a", 2), stream_token=first.stream_token)
        with pytest.raises(exceptions.InvalidArgument, match="stream_token"):
            stream.send(update(db, "c/a", 3), stream_token=opened.stream_token)

    def test_the_last_request_may_hold_no_writes(self, db, stream):
        """A request without writes only acknowledges; another one after it is refused."""
        opened = stream.send()
        stream._requests.put(types.WriteRequest(stream_token=opened.stream_token))
        with pytest.raises(exceptions.InvalidArgument, match="Only the last"):
            stream.send(update(db, "c/a", 1))
