"""Every RPC through Google's own client."""

import datetime
import math
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.api_core import exceptions
from google.cloud import firestore
from google.cloud.firestore import FieldFilter
from google.cloud.firestore_v1 import types
from google.cloud.firestore_v1.vector import Vector

from embedded_firebase.firestore import messages
from embedded_firebase.firestore.rpc.methods import METHODS
from embedded_firebase.firestore.rpc.rpcs import Rpcs
from embedded_firebase.firestore.transactions import turns
from embedded_firebase.firestore.verify import verification


@pytest.fixture
def api(db):
    """The generated client, for RPCs that the client on top of it does not use."""
    return db._firestore_api


@pytest.fixture
def root(db):
    return f"projects/{db.project}/databases/(default)/documents"


class TestOtherDatabases:
    def test_names_are_of_the_database_of_the_request(self, api, db):
        """A request reads and writes only documents of the database that it names, and says which is not."""
        database = f"projects/{db.project}/databases/(default)"
        other = f"projects/{db.project}/databases/other"
        name = f"{other}/documents/c/a"
        with pytest.raises(exceptions.InvalidArgument, match="is not in the database"):
            list(api.batch_get_documents({"database": database, "documents": [name]}))
        for write in ({"update": {"name": name}}, {"delete": name}):
            with pytest.raises(exceptions.InvalidArgument, match="is not in the database"):
                api.commit({"database": database, "writes": [write]})
        assert not list(api.list_documents({"parent": f"{other}/documents", "collection_id": "c"}))

    def test_a_transaction_belongs_to_its_database(self, api, db):
        """It neither commits nor reads in another one, and goes on in its own."""
        database = f"projects/{db.project}/databases/(default)"
        other = f"projects/{db.project}/databases/other"
        transaction = api.begin_transaction({"database": database}).transaction
        with pytest.raises(exceptions.InvalidArgument):
            api.commit({"database": other, "transaction": transaction})
        request = {"database": other, "documents": [f"{other}/documents/c/a"], "transaction": transaction}
        with pytest.raises(exceptions.InvalidArgument):
            list(api.batch_get_documents(request))
        api.commit({"database": database, "transaction": transaction})


class TestMethods:
    def test_each_is_an_rpc(self):
        """The table names every method once, by its name in snake case."""
        named = {re.sub(r"(?<!^)(?=[A-Z])", "_", rpc).lower(): method for rpc, (_, method) in METHODS.items()}
        assert named == {name: method for name, method in vars(Rpcs).items() if not name.startswith("_")}


class TestDocuments:
    def test_every_type_survives_a_round_trip(self, db):
        """Types, nesting and order within arrays are kept."""
        data = {
            "null": None,
            "bool": True,
            "int": 2**63 - 1,
            "double": -0.0,
            "text": "ünï\x00code",
            "bytes": b"\x00\xff",
            "time": datetime.datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=datetime.UTC),
            "point": firestore.GeoPoint(1.5, -2.5),
            "reference": db.document("a/b"),
            "array": [1, "two", {"three": [3]}],
            "map": {"deep": {"er": {}}},
            "vector": Vector([1.0, 2.0]),
            "dotted.name": 1,
        }
        db.document("c/a").set(data)
        held = db.document("c/a").get().to_dict()
        assert held == data
        assert math.copysign(1, held["double"]) == -1

    def test_create_update_delete(self, db):
        """A document is created once; an update needs it to exist; a delete does not."""
        document = db.document("c/a")
        created = document.create({"a": {"x": 1, "y": 2}, "b": 1})
        with pytest.raises(exceptions.AlreadyExists):
            document.create({})
        updated = document.update({"a.x": 5, "a.y": firestore.DELETE_FIELD, "`odd name`": 1})
        snapshot = document.get()
        assert snapshot.to_dict() == {"a": {"x": 5}, "b": 1, "odd name": 1}
        assert snapshot.create_time == created.update_time
        assert snapshot.update_time == updated.update_time > created.update_time
        document.delete()
        document.delete()
        assert not document.get().exists
        with pytest.raises(exceptions.NotFound):
            document.update({"a": 1})

    def test_a_guarded_update_needs_the_exact_version(self, db):
        """A settle uses `last_update_time` to detect that it is too late (compare-and-set)."""
        document = db.document("c/a")
        first = document.set({"v": 1}).update_time
        document.update({"v": 2}, option=db.write_option(last_update_time=first))
        with pytest.raises(exceptions.FailedPrecondition):
            document.update({"v": 3}, option=db.write_option(last_update_time=first))
        with pytest.raises(exceptions.FailedPrecondition):
            document.delete(option=db.write_option(last_update_time=first))
        assert document.get().to_dict() == {"v": 2}

    def test_merging_keeps_other_fields(self, db):
        """Set with merge creates a missing document."""
        document = db.document("c/a")
        document.set({"a": {"x": 1}}, merge=True)
        document.set({"a": {"y": 2}, "b": 1}, merge=["a.y"])
        assert document.get().to_dict() == {"a": {"x": 1, "y": 2}}

    def test_transforms_return_their_results(self, db):
        """The server's timestamp is the commit time, and results come in order."""
        batch = db.batch()
        batch.set(db.document("c/a"), {"n": firestore.Increment(2), "at": firestore.SERVER_TIMESTAMP})
        (result,) = batch.commit()
        assert sorted(value._pb.WhichOneof("value_type") for value in result.transform_results) == [
            "integer_value",
            "timestamp_value",
        ]
        snapshot = db.document("c/a").get()
        assert snapshot.to_dict() == {"n": 2, "at": snapshot.update_time}
        assert batch.commit_time == snapshot.update_time

    def test_a_mask_shows_only_its_fields(self, db):
        """A mask applies to a read of one document and of many."""
        db.document("c/a").set({"a": {"x": 1, "y": 2}, "b": 1})
        assert db.document("c/a").get(["a.x"]).to_dict() == {"a": {"x": 1}}
        # Missing documents come last, as in production.
        found, missing = db.get_all([db.document("c/0"), db.document("c/a")], ["b"])
        assert (found.to_dict(), missing.exists) == ({"b": 1}, False)

    def test_the_past_can_be_read(self, db):
        """A read at the read time of an earlier answer gives the earlier state."""
        document = db.document("c/a")
        document.set({"v": 1})
        then = document.get().read_time
        document.set({"v": 2})
        db.document("c/b").set({"v": 2})
        assert document.get(read_time=then).to_dict() == {"v": 1}
        assert [snapshot.to_dict() for snapshot in db.collection("c").stream(read_time=then)] == [{"v": 1}]

    def test_databases_and_projects_are_separate(self, db):
        """The same path in another database or project is another document."""
        db.document("c/a").set({"v": 1})
        elsewhere = firestore.Client(project=db.project, database="other")
        assert not elsewhere.document("c/a").get().exists
        elsewhere.close()

    def test_the_rpcs_for_single_documents(self, api, root):
        """GetDocument, CreateDocument, UpdateDocument and DeleteDocument work."""
        value = types.Value(integer_value=1)
        made = api.create_document(
            types.CreateDocumentRequest(
                parent=root, collection_id="c", document_id="a", document={"fields": {"v": value, "w": value}}
            )
        )
        assert made.name == f"{root}/c/a"
        anonymous = api.create_document(types.CreateDocumentRequest(parent=root, collection_id="c", document={}))
        assert len(anonymous.name.rpartition("/")[2]) == 20
        api.update_document({"document": {"name": made.name, "fields": {}}, "update_mask": {"field_paths": ["v"]}})
        assert set(api.get_document({"name": made.name}).fields) == {"w"}
        api.delete_document({"name": made.name})
        with pytest.raises(exceptions.NotFound):
            api.get_document({"name": made.name})

    def test_listing_pages_and_shows_missing_parents(self, db, api, root):
        """A document that has only subcollections is listed as missing."""
        db.document("c/a").set({"v": 1})
        db.document("c/b/d/e").set({"v": 1})
        db.document("c/c").set({"v": 2})
        assert [document.id for document in db.collection("c").list_documents(page_size=2)] == ["a", "b", "c"]
        listed = api.list_documents({"parent": root, "collection_id": "c", "page_size": 1, "order_by": "v desc"})
        assert [document.name[-1] for document in listed] == ["c", "a"]

    @pytest.mark.parametrize("order_by", ["", "v desc", "w, v desc", "__name__ desc"])
    def test_pages_continue_after_the_last_one(self, db, api, root, order_by):
        """No document is skipped even if listed ones are deleted in between, as by a recursive delete."""
        for number in range(6):
            db.document(f"c/{number}").set({"v": number, "w": number // 4})
        request = {"parent": root, "collection_id": "c", "page_size": 2, "order_by": order_by}
        whole = [document.name for document in api.list_documents(request)]
        listed = []
        for document in api.list_documents(request):
            listed.append(document.name)
            api.delete_document({"name": document.name})
        assert listed == whole
        assert len(listed) == 6

    def test_missing_parents_are_paged_and_belong_to_their_time(self, db, api, root):
        """Missing parents are paged like documents, at the same read time."""
        for path in ("c/a", "c/b/d/x", "c/e/d/x/f/y", "c/g", "c/h/d/x"):
            db.document(path).set({"v": 1})
        read_time = db.document("c/a").get().read_time
        db.document("c/z/d/x").set({})
        request = {"parent": root, "collection_id": "c", "page_size": 2, "show_missing": True, "read_time": read_time}
        listed = [(document.name[-1], "v" in document.fields) for document in api.list_documents(request)]
        assert listed == [("a", True), ("b", False), ("e", False), ("g", True), ("h", False)]
        assert [document.name[-1] for document in api.list_documents({**request, "read_time": None})][-1] == "z"

    @pytest.mark.parametrize(
        "change",
        [
            {"page_token": "x"},
            {"page_token": "00.00"},
            {"page_size": -1},
            {"order_by": "v upwards"},
            {"show_missing": True, "order_by": "v"},
        ],
    )
    def test_unsupported_lists_are_refused(self, api, root, change):
        """The error is INVALID_ARGUMENT."""
        with pytest.raises(exceptions.InvalidArgument):
            api.list_documents({"parent": root, "collection_id": "c", **change})

    def test_listing_collections(self, db, api, root):
        """Collections of the root and of a document are listed."""
        db.document("c/a/d/x").set({})
        db.document("e/a").set({})
        assert [collection.id for collection in db.collections()] == ["c", "e"]
        assert [collection.id for collection in db.document("c/a").collections()] == ["d"]
        assert list(api.list_collection_ids({"parent": root, "page_size": 1})) == ["c", "e"]


class TestBatchWrite:
    def test_each_write_has_its_own_status(self, db, api, root):
        """A failed write does not affect the others."""
        database = root.removesuffix("/documents")
        writes = [
            {"update": {"name": f"{root}/c/a", "fields": {"v": {"integer_value": 1}}}},
            {"update": {"name": f"{root}/c/b"}, "current_document": {"exists": True}},
            {"delete": f"{root}/c/c"},
        ]
        answer = api.batch_write({"database": database, "writes": writes})
        assert [status.code for status in answer.status] == [0, 5, 0]
        assert db.document("c/a").get().exists
        with pytest.raises(exceptions.InvalidArgument, match="twice"):
            api.batch_write({"database": database, "writes": [writes[2], writes[2]]})

    def test_the_bulk_writer(self, db):
        """Google's own bulk writer works."""
        writer = db.bulk_writer()
        for number in range(50):
            writer.create(db.document(f"c/{number}"), {"v": number})
        writer.close()
        assert db.collection("c").count().get()[0][0].value == 50


class TestQueries:
    @pytest.fixture
    def people(self, db):
        batch = db.batch()
        for name, age, city in (("ann", 30, "x"), ("bob", 20, "y"), ("cid", 40, "x"), ("dan", None, "y")):
            batch.set(db.document(f"people/{name}"), {"age": age, "city": city, "tags": [name, city]})
        batch.set(db.document("teams/t/people/eve"), {"age": 50, "city": "x", "tags": []})
        batch.commit()
        return db.collection("people")

    def test_filter_order_limit_select(self, people):
        """The client's query reaches the engine unchanged."""
        query = people.where(filter=FieldFilter("age", ">", 10)).order_by("age", direction="DESCENDING")
        assert [snapshot.id for snapshot in query.limit(2).stream()] == ["cid", "ann"]
        assert [snapshot.to_dict() for snapshot in query.select(["age"]).limit(1).stream()] == [{"age": 40}]
        assert [snapshot.id for snapshot in query.limit_to_last(2).get()] == ["ann", "bob"]
        assert [snapshot.to_dict() for snapshot in people.select([]).limit(1).stream()] == [{}]

    def test_a_snapshot_is_a_cursor(self, people):
        """The next page starts after the snapshot."""
        query = people.order_by("city")
        first = list(query.limit(2).stream())
        rest = list(query.start_after(first[-1]).stream())
        assert [snapshot.id for snapshot in first + rest] == ["ann", "cid", "bob", "dan"]

    def test_a_collection_group_has_any_parent(self, db, people):
        """Documents of all collections with the same id are found."""
        found = db.collection_group("people").where(filter=FieldFilter("city", "==", "x")).stream()
        assert [snapshot.id for snapshot in found] == ["ann", "cid", "eve"]

    def test_aggregations(self, people):
        """Several aggregations of filtered results work in one query."""
        query = people.where(filter=FieldFilter("age", ">", 0)).count("n").sum("age", "s").avg("age", "a")
        assert {result.alias: result.value for result in query.get()[0]} == {"n": 3, "s": 90, "a": 30.0}
        assert people.limit(2).count().get()[0][0].value == 2

    def test_many_results_stream(self, db):
        """A result larger than one chunk of a scan is streamed whole."""
        for start in range(0, 1_500, 500):
            batch = db.batch()
            for number in range(start, start + 500):
                batch.set(db.document(f"many/{number:04}"), {"v": number})
            batch.commit()
        assert [snapshot.get("v") for snapshot in db.collection("many").stream()] == list(range(1_500))

    def test_a_bad_query_is_refused(self, people):
        """It is INVALID_ARGUMENT, at once."""
        with pytest.raises(exceptions.InvalidArgument):
            list(people.limit(-1).stream())

    def test_recursive_delete(self, db, people):
        """The client deletes everything below a reference."""
        db.recursive_delete(db.collection("teams"))
        assert [collection.id for collection in db.collections()] == ["people"]


class TestTransactions:
    def test_new_transactions_begin_with_a_read(self, db, api, root):
        """The first answer holds the new id, which can then commit."""
        database = root.removesuffix("/documents")
        request = {"database": database, "documents": [f"{root}/c/a"], "new_transaction": {"read_write": {}}}
        begun, missing = api.batch_get_documents(request)
        assert begun.transaction
        assert missing.missing == f"{root}/c/a"
        db.document("c/a").set({})
        with pytest.raises(exceptions.Aborted):
            api.commit({"database": database, "transaction": begun.transaction})

    def test_a_read_is_verified(self, db, api, root):
        """`verify` checks the precondition of a document and changes nothing: the web SDK sends it for its reads."""
        unchanged, missing = db.document("c/a"), db.document("c/b")
        read_at = unchanged.set({"v": 1}).update_time

        def commit(*writes):
            request = messages.CommitRequest(database=root.removesuffix("/documents"), writes=writes)
            return api.commit(types.CommitRequest.wrap(request))

        def verify(name, **precondition):
            write = verification(f"{root}/{name}")
            write.current_document.MergeFrom(messages.Precondition(**precondition))
            return write

        held = verify("c/a", update_time=read_at.timestamp_pb())
        other = messages.Write(update={"name": f"{root}/c/other"})
        answer = commit(held, verify("c/b", exists=False), other)
        assert [result.update_time for result in answer.write_results][:2] == [read_at, None]
        assert unchanged.get().update_time == read_at
        assert not missing.get().exists
        unchanged.set({"v": 2})
        for stale, error in (
            (held, exceptions.FailedPrecondition),
            (verify("c/b", exists=True), exceptions.NotFound),
            (verify("c/a", exists=False), exceptions.AlreadyExists),
            (verify("c"), exceptions.InvalidArgument),
            (messages.Write.FromString(bytes([5 << 3 | 2, 1, 0xFF])), exceptions.InvalidArgument),
        ):
            with pytest.raises(error):
                commit(messages.Write(delete=f"{root}/c/other"), stale)
        assert db.document("c/other").get().exists

    @pytest.mark.embedded
    def test_a_verification_is_not_billed_as_a_write(self, db, api, root, firestore_counts):
        """It writes nothing."""
        request = messages.CommitRequest(
            database=root.removesuffix("/documents"), writes=[verification(f"{root}/{'c' * 200}/a")]
        )
        api.commit(types.CommitRequest.wrap(request))
        counts = firestore_counts()
        assert (counts.writes, counts.deletes) == (0, 0)

    def test_read_only_transactions(self, db):
        """They see one snapshot, also with queries."""
        db.document("c/a").set({"v": 1})
        transaction = db.transaction(read_only=True)
        transaction._begin()
        db.document("c/a").set({"v": 2})
        assert db.document("c/a").get(transaction=transaction).to_dict() == {"v": 1}
        assert [snapshot.to_dict() for snapshot in db.collection("c").stream(transaction=transaction)] == [{"v": 1}]
        transaction._commit()

    @pytest.mark.embedded
    @pytest.mark.parametrize("threads", [20, 50])
    def test_contending_threads_all_succeed(self, db, threads, monkeypatch):
        """Each increments one counter within the client's default five attempts."""
        # On a loaded machine a round trip may take longer than a turn of 0.1 s.
        for limit in ("TURN_SECONDS", "MAX_WAIT_SECONDS", "CONTENDED_SECONDS"):
            monkeypatch.setattr(turns, limit, 50.0)
        counter = db.document("c/counter")
        counter.set({"n": 0})
        start = threading.Barrier(threads)

        def increment() -> None:
            @firestore.transactional
            def body(transaction):
                held = counter.get(transaction=transaction).get("n")
                transaction.update(counter, {"n": held + 1})

            start.wait()
            body(db.transaction())

        with ThreadPoolExecutor(threads) as pool:
            for done in [pool.submit(increment) for _ in range(threads)]:
                done.result()
        assert counter.get().get("n") == threads

    def test_crossing_transfers_keep_the_total(self, db):
        """Transactions that use two accounts in opposite orders neither deadlock nor lose money."""
        accounts = [db.document(f"accounts/{number}") for number in range(3)]
        for account in accounts:
            account.set({"credits": 100})

        @firestore.transactional
        def transfer(transaction, source, sink):
            held = [account.get(transaction=transaction).get("credits") for account in (source, sink)]
            transaction.update(source, {"credits": held[0] - 1})
            transaction.update(sink, {"credits": held[1] + 1})

        def work(number: int) -> int:
            done = 0
            for step in range(5):
                source, sink = accounts[(number + step) % 3], accounts[(number * 2 + step + 1) % 3]
                if source != sink:
                    try:
                        transfer(db.transaction(), source, sink)
                        done += 1
                    except ValueError:  # The client has given up after five attempts.
                        pass
            return done

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(work, range(6))) > 0
        assert sum(account.get().get("credits") for account in accounts) == 300


class TestPartitionQuery:
    @pytest.fixture
    def paths(self, db):
        """The paths of 1,000 documents of a group below two parents, in order."""
        paths = sorted(f"{parent}c/{number:03}" for parent in ("", "a/b/") for number in range(500))
        for start in (0, 500):
            batch = db.batch()
            for path in paths[start : start + 500]:
                batch.set(db.document(path), {"v": 1})
            batch.commit()
        return paths

    def test_the_partitions_join_to_the_whole(self, db, paths):
        """Each partition begins where the one before ends."""
        partitions = list(db.collection_group("c").get_partitions(3))
        found = [[snapshot.reference.path for snapshot in partition.query().stream()] for partition in partitions]
        assert [len(part) for part in found] == [250] * 4
        assert [path for part in found for path in part] == paths

    def test_cursors_are_exact_positions(self, api, root, paths):
        """A start cursor includes its document, and an end cursor excludes it."""
        query = {"from_": [{"collection_id": "c", "all_descendants": True}]}
        order = {"field": {"field_path": "__name__"}, "direction": "ASCENDING"}
        request = {"parent": root, "structured_query": {**query, "order_by": [order]}, "partition_count": 1}
        (cursor,) = api.partition_query(request)
        counts = []
        for bound in ({"end_at": cursor}, {"start_at": cursor}):
            part = types.StructuredQuery({**query, "order_by": [order], **bound})
            found = [answer.document.name for answer in api.run_query({"parent": root, "structured_query": part})]
            counts.append((len(found), cursor.values[0].reference_value in found))
        assert counts == [(500, False), (500, True)]

    def test_pages_partition_one_snapshot(self, db, api, root, paths):
        """Documents created between two pages move no cursor."""
        query = {"from_": [{"collection_id": "c", "all_descendants": True}]}
        request = {"parent": root, "structured_query": query, "partition_count": 4}
        whole = [cursor.values[0].reference_value for cursor in api.partition_query(request)]
        pages = api.partition_query({**request, "page_size": 3}).pages
        first = next(pages)
        db.document("a/a/c/first").set({})
        assert [len(first.partitions), bool(first.next_page_token)] == [3, True]
        assert [cursor.values[0].reference_value for page in (first, *pages) for cursor in page.partitions] == whole

    @pytest.mark.parametrize(
        "change",
        [
            {"partition_count": 0},
            {"page_size": -1},
            {"page_token": "x"},
            {"structured_query": {"from_": [{"collection_id": "c"}]}},
            {"structured_query": {"from_": [{"collection_id": "c", "all_descendants": True}], "limit": 1}},
        ],
    )
    def test_unsupported_partitions_are_refused(self, api, root, change):
        """The error is INVALID_ARGUMENT."""
        query = {"from_": [{"collection_id": "c", "all_descendants": True}]}
        with pytest.raises(exceptions.InvalidArgument):
            api.partition_query({"parent": root, "structured_query": query, "partition_count": 2, **change})


class TestOtherRpcs:
    def test_unsupported_rpcs_are_unimplemented(self, api, root):
        """Pipelines are answered UNIMPLEMENTED."""
        with pytest.raises(exceptions.MethodNotImplemented, match="Pipelines"):
            list(api.execute_pipeline({"database": root.removesuffix("/documents")}))

    @pytest.mark.parametrize("database", ["", "projects/p", "projects//databases/x", "nonsense/p/databases/d"])
    def test_a_bad_database_is_refused(self, api, database):
        """It is INVALID_ARGUMENT, with the expected form."""
        with pytest.raises(exceptions.InvalidArgument, match="must look like"):
            api.begin_transaction({"database": database})
