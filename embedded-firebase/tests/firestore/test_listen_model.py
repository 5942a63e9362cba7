"""The state of a Listen client equals the query's results after any commits, pauses and broken streams."""

import queue
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from embedded_firebase.firestore.listen import mailbox
from embedded_firebase.firestore.listen.streams import Listen
from embedded_firebase.firestore.messages import ListenRequest, StructuredQuery, Write
from embedded_firebase.firestore.query import query
from embedded_firebase.firestore.storage.storage import Storage
from embedded_firebase.firestore.testing.counters import Counters
from embedded_firebase.firestore.transactions.engine import Engine
from embedded_firebase.firestore.transactions.views import Consistency
from embedded_firebase.firestore.values.timestamps import to_micros

DATABASE = "projects/p/databases/(default)"
ROOT = f"{DATABASE}/documents"
MARKER, MARKER_ID = f"{ROOT}/marker/m", 99
PATHS = ["c/a", "c/b", "c/d", "c/e", "x/y/c/a", "c/a/c/z"]

ABOVE_ONE = {"field_filter": {"field": {"field_path": "v"}, "op": 3, "value": {"integer_value": 1}}}
BY_VALUE = [{"field": {"field_path": "v"}, "direction": 1}]
BY_VALUE_DOWN = [{"field": {"field_path": "v"}, "direction": 2}]
QUERIES = {
    1: {"from_": [{"collection_id": "c"}]},
    2: {"from_": [{"collection_id": "c"}], "where": ABOVE_ONE},
    3: {"from_": [{"collection_id": "c"}], "order_by": BY_VALUE, "limit": {"value": 2}},
    4: {"from_": [{"collection_id": "c", "all_descendants": True}], "order_by": BY_VALUE_DOWN, "limit": {"value": 3}},
    5: {"from_": [{"collection_id": "c"}], "order_by": BY_VALUE, "offset": 1, "limit": {"value": 2}},
    6: {
        "from_": [{"collection_id": "c", "all_descendants": True}],
        "order_by": BY_VALUE,
        "start_at": {"values": [{"integer_value": 2}], "before": True},
    },
    7: {"from_": [{"collection_id": "c"}], "select": {"fields": [{"field_path": "w"}]}, "where": ABOVE_ONE},
}

change = st.tuples(st.sampled_from(PATHS), st.none() | st.integers(0, 4))
commit = st.lists(change, min_size=1, max_size=4)
program = st.lists(st.tuples(st.lists(commit, max_size=4), st.booleans()), max_size=5)


class Call:
    """The part of a gRPC call that a stream uses: it never ends by itself."""

    def add_callback(self, _callback):
        return True


class Client:
    """Applies the responses: the names and update times of each target's documents."""

    def __init__(self, listen):
        self._listen = listen
        self.views = {target_id: {} for target_id in (*QUERIES, MARKER_ID)}
        self._token = b""
        self.time = 0
        self.connect()

    def connect(self):
        self._requests = queue.SimpleQueue()
        self._responses = self._listen.serve(None, iter(self._requests.get, None), Call())
        for target_id, view in self.views.items():
            request = ListenRequest(database=DATABASE)
            request.add_target.target_id = target_id
            if target_id == MARKER_ID:
                request.add_target.documents.documents.append(MARKER)
            else:
                request.add_target.query.parent = ROOT
                request.add_target.query.structured_query.CopyFrom(StructuredQuery(**QUERIES[target_id]))
            if self._token:
                request.add_target.resume_token = self._token
                request.add_target.expected_count.value = len(view)
            self._requests.put(request)
        for _ in self.views:
            self.read_snapshot()

    def disconnect(self):
        self._requests.put(None)
        self._responses.close()

    def read_snapshot(self):
        while True:
            response = next(self._responses)
            match response.WhichOneof("response_type"):
                case "document_change":
                    told = response.document_change
                    for target_id in told.target_ids:
                        self.views[target_id][told.document.name] = to_micros(told.document.update_time)
                case "target_change":
                    told = response.target_change
                    if told.target_change_type == 4:
                        for target_id in told.target_ids:
                            self.views[target_id].clear()
                    if told.HasField("read_time") and not told.target_ids:
                        self._token, self.time = told.resume_token, to_micros(told.read_time)
                        return
                case kind:
                    told = getattr(response, kind)
                    for target_id in told.removed_target_ids:
                        self.views[target_id].pop(told.document, None)


def write(path, value):
    if value is None:
        return Write(delete=f"{ROOT}/{path}")
    fields = {"v": {"integer_value": value}, "w": {"integer_value": value % 2}}
    return Write(update={"name": f"{ROOT}/{path}", "fields": fields})


def found(engine, target_id, time):
    parsed = query.parse(ROOT, StructuredQuery(**QUERIES[target_id]))
    results, _ = engine.query(parsed, Consistency(read_time=time))
    return {document.name: to_micros(document.update_time) for document in list(results)[parsed.offset :]}


class TestListen:
    @settings(deadline=None, max_examples=60)
    @given(program, st.sampled_from([3, mailbox.MAX_WAITING_DOCUMENTS]))
    def test_a_client_has_the_current_results(self, steps, max_waiting):
        """Each snapshot of every target is correct, whether commits were followed, dropped or resumed after."""
        storage = Storage()
        with patch.object(mailbox, "MAX_WAITING_DOCUMENTS", max_waiting):
            engine = Engine(storage)
            client = Client(Listen(engine, Counters()))
            for number, (commits, breaks) in enumerate(steps):
                if breaks:
                    client.disconnect()
                for changes in commits:
                    engine.commit(DATABASE, [write(*entry) for entry in changes])
                if breaks:
                    client.connect()
                marked, _ = engine.commit(DATABASE, [write("marker/m", number)])
                while client.time < marked:
                    client.read_snapshot()
                for target_id in QUERIES:
                    assert client.views[target_id] == found(engine, target_id, client.time)
            client.disconnect()
        storage.close()
