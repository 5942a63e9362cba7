"""Production's limits through Google's client: a value at the limit passes, one more gets production's code."""

import datetime

import pytest
from google.api_core import exceptions
from google.cloud import firestore
from google.cloud.firestore import FieldFilter, Or
from google.cloud.firestore_v1 import types
from google.protobuf.timestamp_pb2 import Timestamp

# The names of the document and the field and 32 bytes count too; see `document_bytes`.
MAX_TEXT = 1_048_576 - (len("c") + 1 + len("a") + 1 + 16) - (len("v") + 1) - 1 - 32


def nested(levels):
    value = {}
    for _ in range(levels - 1):
        value = {"m": value}
    return {"m": value}


class TestDocuments:
    @pytest.mark.parametrize(
        "data",
        [
            {"v": "x" * MAX_TEXT},
            nested(20),
            {"v": [{"v": [1]}]},
            {"x" * 1_500: 1},
            {"v": datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)},
            {"v": firestore.GeoPoint(-90, 180)},
            {f"f{number}": firestore.Increment(1) for number in range(500)},
        ],
        ids=["size", "depth", "arrays in a map", "field name", "time", "point", "transforms"],
    )
    def test_a_value_at_the_limit_passes(self, db, data):
        """A document exactly at each limit is stored."""
        db.document("c/a").set(data)

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            ({"v": "x" * (MAX_TEXT + 1)}, "maximum allowed size of 1,048,576 bytes"),
            (nested(21), "20 levels"),
            ({"__reserved__": 1}, "reserved"),
            ({"m": {"__reserved__": 1}}, "reserved"),
            ({"x" * 1_501: 1}, "1500 bytes"),
            ({f"f{number}": firestore.Increment(1) for number in range(501)}, "500 transforms"),
        ],
        ids=["size", "depth", "reserved", "reserved within", "field name", "transforms"],
    )
    def test_one_more_is_refused(self, db, data, message):
        """It is refused with INVALID_ARGUMENT, and no document is written."""
        with pytest.raises(exceptions.InvalidArgument, match=message):
            db.document("c/a").set(data)
        assert not db.document("c/a").get().exists

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            ({"array_value": {"values": [{"array_value": {"values": []}}]}}, "array directly inside an array"),
            ({"geo_point_value": {"latitude": 91}}, "latitude"),
            ({}, "without a type"),
            ({"timestamp_value": Timestamp(nanos=-1)}, "9999-12-31"),
            ({"field_reference_value": "f"}, "pipelines"),
            ({"map_value": {"fields": {"m": {"pipeline_value": {}}}}}, "pipelines"),
        ],
    )
    def test_values_that_clients_do_not_send_are_refused(self, db, database, value, message):
        """A raw request with such a value is INVALID_ARGUMENT."""
        write = {"update": {"name": f"{database}/documents/c/a", "fields": {"v": value}}}
        with pytest.raises(exceptions.InvalidArgument, match=message):
            db._firestore_api.commit({"database": database, "writes": [write]})

    @pytest.mark.parametrize(
        "path",
        [
            "c/__reserved__",
            "__reserved__/a",
            "c/..",
            f"c/{'x' * 1_501}",
            "/".join(["x" * 1_500] * 6),
            "/".join("x" * 202),
        ],
    )
    def test_names_are_bounded(self, db, database, path):
        """Reserved, too long or too deep ones are INVALID_ARGUMENT for reads and writes."""
        name = f"{database}/documents/{path}"
        with pytest.raises(exceptions.InvalidArgument):
            db._firestore_api.get_document({"name": name})
        with pytest.raises(exceptions.InvalidArgument):
            db._firestore_api.commit({"database": database, "writes": [{"update": {"name": name}}]})


class TestRequests:
    def test_a_request_has_ten_mebibytes_at_most(self, db):
        """A request may have any number of writes; one that is too large is not applied at all."""
        batch = db.batch()
        for number in range(11):
            batch.set(db.document(f"c/{number}"), {"v": "x" * 1_000_000})
        with pytest.raises(exceptions.InvalidArgument, match="10,485,760 bytes"):
            batch.commit()
        assert db.collection("c").count().get()[0][0].value == 0


class TestQueries:
    @pytest.mark.parametrize("count", [30, 31])
    def test_thirty_disjunctions(self, db, count):
        """The limit counts disjunctions after expansion, in any notation."""
        collection = db.collection("c")
        values = list(range(count))
        either = Or([FieldFilter("v", "==", value) for value in values])
        for condition in (FieldFilter("v", "in", values), FieldFilter("v", "array_contains_any", values), either):
            query = collection.where(filter=condition)
            if count == 30:
                assert list(query.stream()) == []
            else:
                with pytest.raises(exceptions.InvalidArgument, match="30"):
                    list(query.stream())

    def test_ten_values_of_not_in(self, db):
        """A list of eleven values is refused."""
        collection = db.collection("c")
        assert list(collection.where(filter=FieldFilter("v", "not-in", list(range(10)))).stream()) == []
        with pytest.raises(exceptions.InvalidArgument, match="10"):
            list(collection.where(filter=FieldFilter("v", "not-in", list(range(11)))).stream())

    def test_five_aggregations(self, db):
        """A sixth aggregation is refused."""
        query = db.collection("c").count("n0")
        for number in range(1, 5):
            query = query.count(f"n{number}")
        assert len(query.get()[0]) == 5
        with pytest.raises(exceptions.InvalidArgument, match="aggregation query is 5"):
            query.count("n5").get()

    @pytest.mark.parametrize("value", [{"function_value": {}}, {"timestamp_value": Timestamp(nanos=-1)}])
    def test_operands_are_values_of_documents(self, db, database, value):
        """Other types are INVALID_ARGUMENT, in a filter and in a cursor."""
        order = {"field": {"field_path": "v"}, "direction": 1}
        condition = {"field_filter": {"field": {"field_path": "v"}, "op": "EQUAL", "value": value}}
        for part in ({"where": condition}, {"order_by": [order], "start_at": {"values": [value]}}):
            asked = {"from_": [{"collection_id": "c"}], **part}
            with pytest.raises(exceptions.InvalidArgument):
                list(db._firestore_api.run_query({"parent": f"{database}/documents", "structured_query": asked}))


class TestTransactions:
    def test_unknown_and_finished_ones_are_refused(self, db, database):
        """Both are INVALID_ARGUMENT."""
        api = db._firestore_api
        begun = api.begin_transaction({"database": database}).transaction
        api.commit({"database": database, "transaction": begun})
        for transaction in (begun, b"unknown"):
            with pytest.raises(exceptions.InvalidArgument):
                api.commit({"database": database, "transaction": transaction})

    def test_read_only_ones_refuse_writes(self, db, database):
        """The error is INVALID_ARGUMENT."""
        options = {"read_only": {}}
        begun = db._firestore_api.begin_transaction({"database": database, "options": options}).transaction
        write = {"update": {"name": f"{database}/documents/c/a"}}
        with pytest.raises(exceptions.InvalidArgument, match="read-only"):
            db._firestore_api.commit({"database": database, "transaction": begun, "writes": [write]})

    @pytest.mark.parametrize(
        ("ahead_seconds", "error"), [(60, exceptions.InvalidArgument), (-7_200, exceptions.FailedPrecondition)]
    )
    def test_the_past_reaches_back_an_hour(self, db, database, ahead_seconds, error):
        """The future is INVALID_ARGUMENT, and a dropped past FAILED_PRECONDITION."""
        moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=ahead_seconds)
        request = types.GetDocumentRequest(name=f"{database}/documents/c/a", read_time=moment)
        with pytest.raises(error):
            db._firestore_api.get_document(request)
