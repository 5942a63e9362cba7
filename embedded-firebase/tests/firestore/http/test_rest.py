"""The REST surface: Google's URLs, protobuf's JSON, Google's errors."""

from inspect import getmembers, isclass

import pytest
from google.cloud.firestore_v1.services.firestore.transports import rest_base

from embedded_firebase.firestore.errors import Code
from embedded_firebase.firestore.http.rest import ROUTES

pytestmark = pytest.mark.embedded

# One value of every type, including those that JSON does not have.
VALUES = {
    "null": {"nullValue": None},
    "boolean": {"booleanValue": False},
    "integer": {"integerValue": "-9223372036854775808"},
    "double": {"doubleValue": 0.1},
    "negative zero": {"doubleValue": -0.0},
    "not a number": {"doubleValue": "NaN"},
    "infinity": {"doubleValue": "-Infinity"},
    "timestamp": {"timestampValue": "2026-01-01T00:00:00.123456Z"},
    "string": {"stringValue": "Grüße 🦊"},
    "bytes": {"bytesValue": "AP8="},
    "reference": {"referenceValue": "projects/p/databases/(default)/documents/c/a"},
    "point": {"geoPointValue": {"latitude": 1.5, "longitude": -2.5}},
    "array": {"arrayValue": {"values": [{"integerValue": "0"}, {"mapValue": {}}]}},
    "map": {"mapValue": {"fields": {"a.b": {"stringValue": ""}}}},
}


def name_of(documents: str, path: str) -> str:
    return f"{documents.removeprefix('/v1/')}/{path}"


class TestRoutes:
    def test_they_match_the_protocol(self):
        """The routes match the protocol's annotations, from which the client's own REST transport is generated."""
        published = set()
        for name, base in getmembers(rest_base._BaseFirestoreRestTransport, isclass):
            if hasattr(base, "_get_http_options") and "Operation" not in name:
                for option in base._get_http_options():
                    published.add((option["method"].upper(), option["uri"], name.removeprefix("_Base")))
        assert set(ROUTES) == published


class TestDocuments:
    def test_every_type_comes_back_as_it_was_sent(self, http_client, documents, db):
        """Each type is read back as it was written, and is the same for a gRPC client."""
        created = http_client("POST", f"{documents}/c?documentId=a", {"fields": VALUES})
        assert created.status == 200
        read = http_client("GET", f"{documents}/c/a").content
        assert read == created.content
        assert read["fields"] == VALUES
        assert str(read["fields"]["negative zero"]["doubleValue"]) == "-0.0"
        assert db.document("c/a").get(["integer"]).to_dict() == {"integer": -(2**63)}

    def test_an_id_is_made_when_none_is_given(self, http_client, documents):
        """A missing id becomes one of twenty letters and digits, also in a subcollection."""
        name = http_client("POST", f"{documents}/c/x/d", {}).content["name"]
        prefix, _, made = name.rpartition("/")
        assert prefix == name_of(documents, "c/x/d")
        assert len(made) == 20
        assert made.isalnum()

    def test_a_patch_obeys_its_mask(self, http_client, documents, db):
        """Fields outside of the mask stay, masked ones without a value are removed; the answer has its own mask."""
        db.document("c/a").set({"kept": 1, "gone": 2, "changed": 3, "odd name": 4})
        url = f"{documents}/c/a?updateMask.fieldPaths=changed&updateMask.fieldPaths=gone&mask.fieldPaths=kept"
        answer = http_client("PATCH", url, {"fields": {"changed": {"integerValue": 5}}})
        assert answer.content["fields"] == {"kept": {"integerValue": "1"}}
        assert db.document("c/a").get().to_dict() == {"kept": 1, "changed": 5, "odd name": 4}

    def test_preconditions(self, http_client, documents, db):
        """Preconditions in the URL, on existence and on the update time, are checked."""
        db.document("c/a").set({})
        assert http_client("PATCH", f"{documents}/c/a?currentDocument.exists=false", {}).status == 409
        assert http_client("PATCH", f"{documents}/c/b?currentDocument.exists=true", {}).status == 404
        stale = "2020-01-01T00:00:00Z"
        assert http_client("DELETE", f"{documents}/c/a?currentDocument.updateTime={stale}").status == 400
        fresh = http_client("GET", f"{documents}/c/a").content["updateTime"]
        assert http_client("DELETE", f"{documents}/c/a?currentDocument.updateTime={fresh}").content == {}
        assert http_client("GET", f"{documents}/c/a").status == 404

    def test_an_id_may_hold_characters_that_a_url_escapes(self, http_client, documents, db):
        """An id may hold spaces, letters of any language, a percent sign, a question mark."""
        db.document("c/ä b%?:x").set({"v": 1})
        answer = http_client("GET", f"{documents}/c/%C3%A4%20b%25%3F:x")
        assert answer.content["name"] == name_of(documents, "c/ä b%?:x")

    def test_a_collection_comes_in_pages(self, http_client, documents, db):
        """A list has pages, in the requested order and with the requested fields."""
        for number in range(5):
            db.document(f"c/{number}").set({"v": -number, "w": 0})
        found = []
        token = ""
        while True:
            url = f"{documents}/c?pageSize=2&orderBy=v&mask.fieldPaths=v&pageToken={token}"
            content = http_client("GET", url).content
            found += [int(document["fields"]["v"]["integerValue"]) for document in content["documents"]]
            assert all(set(document["fields"]) == {"v"} for document in content["documents"])
            token = content.get("nextPageToken")
            if token is None:
                break
        assert found == [-4, -3, -2, -1, 0]

    def test_a_tree_can_be_walked(self, http_client, documents, db):
        """Collection ids below the root and a document can be listed, and missing parent documents too."""
        db.document("a/1").set({})
        db.document("b/missing/c/1").set({})
        assert http_client("POST", f"{documents}:listCollectionIds", {}).content == {"collectionIds": ["a", "b"]}
        assert http_client("POST", f"{documents}/b/missing:listCollectionIds").content == {"collectionIds": ["c"]}
        assert http_client("GET", f"{documents}/b").content == {}
        listed = http_client("GET", f"{documents}/b?showMissing=true").content
        assert listed == {"documents": [{"name": name_of(documents, "b/missing")}]}

    def test_named_databases_are_separate(self, http_client, documents):
        """A request uses the database in its URL."""
        other = documents.replace("(default)", "other")
        http_client("PATCH", f"{other}/c/a", {})
        assert http_client("GET", f"{other}/c/a").status == 200
        assert http_client("GET", f"{documents}/c/a").status == 404


class TestQueries:
    def test_the_results_are_an_array(self, http_client, documents, db):
        """There is one element per document; without results there is one element without a document."""
        for number in range(3):
            db.document(f"c/{number}").set({"v": number})
        order = [{"field": {"fieldPath": "v"}, "direction": "DESCENDING"}]
        query = {"from": [{"collectionId": "c"}], "orderBy": order, "limit": 2}
        answer = http_client("POST", f"{documents}:runQuery", {"structuredQuery": query})
        assert [row["document"]["name"][-1] for row in answer.content] == ["2", "1"]
        nothing = {"from": [{"collectionId": "nothing"}]}
        (row,) = http_client("POST", f"{documents}:runQuery", {"structuredQuery": nothing}).content
        assert set(row) == {"readTime"}

    def test_below_a_document(self, http_client, documents, db):
        """The URL names the parent document of a query."""
        db.document("c/a/d/1").set({})
        query = {"structuredQuery": {"from": [{"collectionId": "d"}]}}
        (row,) = http_client("POST", f"{documents}/c/a:runQuery", query).content
        assert row["document"]["name"] == name_of(documents, "c/a/d/1")

    def test_aggregations(self, http_client, documents, db):
        """The figures of an aggregation are in the first element."""
        for number in range(3):
            db.document(f"c/{number}").set({"v": number})
        query = {
            "structuredQuery": {"from": [{"collectionId": "c"}]},
            "aggregations": [{"alias": "n", "count": {}}, {"alias": "s", "sum": {"field": {"fieldPath": "v"}}}],
        }
        (row,) = http_client("POST", f"{documents}:runAggregationQuery", {"structuredAggregationQuery": query}).content
        assert row["result"]["aggregateFields"] == {"n": {"integerValue": "3"}, "s": {"integerValue": "3"}}

    def test_an_error_is_in_an_array(self, http_client, documents):
        """An error is in an array, like all answers of a streamed call."""
        query = {"structuredQuery": {"from": [{"collectionId": "c"}], "limit": -1}}
        answer = http_client("POST", f"{documents}:runQuery", query)
        assert answer.status == 400
        assert answer.content[0]["error"]["status"] == "INVALID_ARGUMENT"

    def test_a_pipeline_is_refused(self, http_client, documents):
        """Pipelines are answered as not implemented."""
        answer = http_client("POST", f"{documents}:executePipeline", {})
        assert (answer.status, answer.content[0]["error"]["status"]) == (501, "UNIMPLEMENTED")

    def test_a_query_is_cut_into_partitions(self, http_client, documents, db):
        """The partition cursors are references."""
        batch = db.batch()
        for number in range(400):
            batch.set(db.document(f"c/{number:03}"), {})
        batch.commit()
        query = {
            "from": [{"collectionId": "c", "allDescendants": True}],
            "orderBy": [{"field": {"fieldPath": "__name__"}, "direction": "ASCENDING"}],
        }
        sent = {"structuredQuery": query, "partitionCount": "3"}
        content = http_client("POST", f"{documents}:partitionQuery", sent).content
        cuts = [partition["values"][0]["referenceValue"] for partition in content["partitions"]]
        assert 1 <= len(cuts) <= 3
        assert all(cut.startswith(name_of(documents, "c/")) for cut in cuts)


class TestTransactions:
    def test_a_conflict_is_409(self, http_client, documents, db):
        """If a document that was read has been changed by another, the commit answers 409 and ABORTED."""
        db.document("c/a").set({"v": 1})
        name = name_of(documents, "c/a")
        transaction = http_client("POST", f"{documents}:beginTransaction", {}).content["transaction"]
        read = {"documents": [name], "transaction": transaction}
        (row,) = http_client("POST", f"{documents}:batchGet", read).content
        assert row["found"]["fields"] == {"v": {"integerValue": "1"}}
        db.document("c/a").set({"v": 2})
        write = {"update": {"name": name, "fields": {}}}
        answer = http_client("POST", f"{documents}:commit", {"transaction": transaction, "writes": [write]})
        assert (answer.status, answer.content["error"]["status"]) == (409, "ABORTED")

    def test_a_read_is_verified(self, http_client, documents, db):
        """`verify` is taken in JSON too: its precondition is checked, and nothing is written."""
        db.document("c/a").set({})
        name = name_of(documents, "c/a")
        other = {"update": {"name": name_of(documents, "c/b"), "fields": {}}}

        def commit(**write):
            return http_client("POST", f"{documents}:commit", {"writes": [write, other]}).content

        version = http_client("GET", f"{documents}/c/a").content["updateTime"]
        committed = commit(verify=name, currentDocument={"updateTime": version})
        assert committed["writeResults"][0] == {"updateTime": version}
        assert commit(verify=name, currentDocument={"exists": False})["error"]["status"] == "ALREADY_EXISTS"
        for bad in ({"verify": 1}, {"verify": None}, {"verify": name, "delete": name}):
            assert commit(**bad)["error"]["status"] == "INVALID_ARGUMENT"

    def test_commit_and_roll_back(self, http_client, documents, db):
        """A transaction can be committed and rolled back."""
        first, second = (
            http_client("POST", f"{documents}:beginTransaction", {}).content["transaction"] for _ in range(2)
        )
        write = {"update": {"name": name_of(documents, "c/a"), "fields": {"v": {"integerValue": 1}}}}
        assert http_client("POST", f"{documents}:commit", {"transaction": first, "writes": [write]}).status == 200
        assert http_client("POST", f"{documents}:rollback", {"transaction": second}).content == {}
        assert http_client("POST", f"{documents}:commit", {"transaction": second}).status == 400
        assert db.document("c/a").get().to_dict() == {"v": 1}

    def test_a_batch_has_a_status_for_each_write(self, http_client, documents):
        """A failed write of a batch does not affect the others."""
        wrong = {"update": {"name": name_of(documents, "c/a")}, "currentDocument": {"exists": True}}
        right = {"update": {"name": name_of(documents, "c/b")}}
        content = http_client("POST", f"{documents}:batchWrite", {"writes": [wrong, right]}).content
        assert [status.get("code", 0) for status in content["status"]] == [Code.NOT_FOUND, 0]


class TestErrors:
    @pytest.mark.parametrize(
        ("method", "path", "body", "status", "code", "text"),
        [
            ("GET", "/c/nothing", None, 404, "NOT_FOUND", "not found"),
            ("GET", "/c/__reserved__", None, 400, "INVALID_ARGUMENT", "reserved"),
            ("GET", "/c/..", None, 400, "INVALID_ARGUMENT", '".."'),
            ("GET", f"/c/{'x' * 1501}", None, 400, "INVALID_ARGUMENT", "1500"),
            ("GET", "//a", None, 404, "NOT_FOUND", "every part has a name"),
            ("DELETE", "/c", None, 404, "NOT_FOUND", "There is no DELETE"),
            ("POST", ":bogus", {}, 404, "NOT_FOUND", "There is no POST"),
            ("GET", "/c?pageSize=-1", None, 400, "INVALID_ARGUMENT", "page_size"),
            ("GET", "/c?pageSize=many", None, 400, "INVALID_ARGUMENT", "pageSize"),
            ("GET", "/c?bogus=1", None, 400, "INVALID_ARGUMENT", "bogus"),
            ("GET", "/c/a?mask.bogus=1", None, 400, "INVALID_ARGUMENT", "bogus"),
            ("GET", "/c/a?mask.fieldPaths.more=1", None, 400, "INVALID_ARGUMENT", "fieldPaths"),
            ("GET", "/c?pageSize=1&pageSize=2", None, 400, "INVALID_ARGUMENT", "once"),
            ("GET", "/c?showMissing=perhaps", None, 400, "INVALID_ARGUMENT", "showMissing"),
            ("POST", "/c", b"{", 400, "INVALID_ARGUMENT", "not JSON"),
            ("POST", "/c", b"\xff\xfe\xfd", 400, "INVALID_ARGUMENT", "not JSON"),
            ("POST", "/c", b"[1]", 400, "INVALID_ARGUMENT", "JSON object"),
            ("POST", "/c", b"[" * 1_000_000, 400, "INVALID_ARGUMENT", "nested too deep"),
            ("POST", "/c", b'{"fields": {"a": {"integerValue": ' + b"1" * 5_000 + b"}}}", 400, "INVALID_ARGUMENT", ""),
            ("POST", "/c", {"bogus": 1}, 400, "INVALID_ARGUMENT", "bogus"),
            ("POST", "/c", {"fields": {"a": {"integerValue": 2**63}}}, 400, "INVALID_ARGUMENT", "integerValue"),
            ("POST", "/c", {"fields": {"a": {"stringValue": "\ud800"}}}, 400, "INVALID_ARGUMENT", "surrogate"),
            ("POST", "/c", {"fields": {"a": {}}}, 400, "INVALID_ARGUMENT", '"a"'),
            ("PATCH", "/c/a", {"fields": {"a": {"booleanValue": "yes"}}}, 400, "INVALID_ARGUMENT", "booleanValue"),
        ],
    )
    def test_they_name_the_mistake(self, http_client, documents, method, path, body, status, code, text):
        """An error is in Google's model, with the HTTP status of its code."""
        answer = http_client(method, documents + path, body)
        error = answer.content["error"]
        assert (answer.status, error["code"], error["status"]) == (status, status, code)
        assert text in error["message"]
        assert len(error["message"]) < 3_000

    def test_a_value_nested_too_deep(self, http_client, documents):
        """Deep nesting is refused, whether by the JSON parser or by Firestore."""
        for levels in (21, 60, 300):
            body = b'{"fields": {"a": ' + b'{"mapValue": {"fields": {"a": ' * levels + b"{}" + b"}}}" * levels + b"}}"
            assert http_client("POST", f"{documents}/c", body).status == 400

    def test_standard_parameters_are_ignored(self, http_client, documents, db):
        """Parameters of any Google API, such as keys and formats, are accepted and have no effect."""
        db.document("c/a").set({})
        assert http_client("GET", f"{documents}/c/a?key=k&alt=json&%24alt=json&prettyPrint=false").status == 200

    def test_an_unexpected_failure_discloses_nothing(self, http_client, server, db, documents):
        """It is a 500 in Google's model; the details are in the log only."""

        def fail() -> None:
            raise ZeroDivisionError("secret")

        server.faults.before("GetDocument", fail, database=f"projects/{db.project}/databases/(default)")
        answer = http_client("GET", f"{documents}/c/a")
        assert (answer.status, answer.content["error"]["status"]) == (500, "INTERNAL")
        assert "secret" not in answer.content["error"]["message"]
