"""Clear, export and import as in Google's emulator; faults and counters over HTTP."""

import contextlib
import http.client
import shutil
import threading
from pathlib import Path

import pytest
from google.api_core import exceptions
from tests.firestore.http.conftest import Http

from embedded_firebase.exports.folder import read_export
from embedded_firebase.firestore.server import FirestoreServer

pytestmark = pytest.mark.embedded
EXPORTS = Path(__file__).parents[2] / "exports"


@pytest.fixture
def project(db):
    """The URL of the test's project."""
    return f"/emulator/v1/projects/{db.project}"


@pytest.fixture
def database(db):
    """The resource name of the test's database."""
    return f"projects/{db.project}/databases/(default)"


def held(server, project: str, database: str = "(default)") -> dict[str, str]:
    """Every document by its path, as text without its times."""
    documents = {}
    for document in server.documents(project, database):
        documents[document.name.partition("/documents/")[2]] = str(sorted(document.fields.items()))
    return documents


class TestClear:
    def test_it_empties_one_database(self, http_client, project, db, server):
        """A clear removes all documents, subcollections included; another database of the project is unchanged."""
        for path in ("c/a", "c/a/d/b", "e/missing/f/g"):
            db.document(path).set({})
        http_client("PATCH", f"/v1/projects/{db.project}/databases/other/documents/c/a", {})
        answer = http_client("DELETE", f"{project}/databases/(default)/documents")
        assert (answer.status, answer.content) == (200, {})
        assert held(server, db.project) == {}
        assert set(held(server, db.project, "other")) == {"c/a"}

    def test_an_empty_database_stays_empty(self, http_client, project):
        """Clearing an empty database is not an error."""
        assert http_client("DELETE", f"{project}/databases/never-used/documents").status == 200

    def test_a_transaction_that_read_is_aborted(self, http_client, project, db):
        """A clear aborts a transaction that has read, because its read set has changed."""
        db.document("c/a").set({})
        transaction = db.transaction()
        transaction._begin()
        db.document("c/a").get(transaction=transaction)
        transaction.set(db.document("c/b"), {})
        http_client("DELETE", f"{project}/databases/(default)/documents")
        with pytest.raises(exceptions.Aborted):
            transaction._commit()


class TestExportAndImport:
    @pytest.mark.parametrize(("sample", "count"), [("export-a", 16), ("export-b", 17)])
    def test_samples_of_googles_come_back_the_same(
        self, http_client, project, database, db, server, tmp_path, sample, count
    ):
        """Import, export, import elsewhere and export again give the same documents each time."""
        sent = {"database": database, "export_directory": str(EXPORTS / sample), "export_name": "firestore_export"}
        assert http_client("POST", f"{project}:import", sent).status == 200
        first = held(server, db.project)
        assert len(first) == count
        sent = {"database": database, "export_directory": str(tmp_path), "export_name": "firestore_export"}
        assert http_client("POST", f"{project}:export", sent).content == {}
        overall = tmp_path / "firestore_export" / "firestore_export.overall_export_metadata"
        other = {"database": f"projects/{db.project}-b/databases/other", "export_directory": str(overall)}
        assert http_client("POST", f"{project}-b:import", other).status == 200
        assert held(server, f"{db.project}-b", "other") == first
        back = {"database": database, "export_directory": str(tmp_path), "export_name": "again"}
        assert http_client("POST", f"{project}:export", back).status == 200
        exported, again = (
            [document.SerializeToString() for document in read_export(tmp_path / name)]
            for name in ("firestore_export", "again")
        )
        assert exported == again

    def test_the_files_are_where_googles_are(self, http_client, project, db, tmp_path):
        """The export is in a folder of the requested name, without other files; the Firebase CLI adds its metadata."""
        db.document("c/a").set({})
        sent = {"export_directory": str(tmp_path / "deep"), "export_name": "mine"}
        assert http_client("POST", f"{project}:export", sent).status == 200
        files = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
        assert files == {
            "deep/mine/mine.overall_export_metadata",
            "deep/mine/all_namespaces/all_kinds/all_namespaces_all_kinds.export_metadata",
            "deep/mine/all_namespaces/all_kinds/output-0",
        }

    def test_an_export_replaces_an_export(self, http_client, project, db, tmp_path):
        """A new export replaces an old one completely."""
        sent = {"export_directory": str(tmp_path), "export_name": "mine"}
        for path in ("c/a", "c/b"):
            db.document(path).set({})
            assert http_client("POST", f"{project}:export", sent).status == 200
        assert len(list(read_export(tmp_path / "mine"))) == 2

    def test_an_export_replaces_only_an_export(self, http_client, project, tmp_path):
        """A folder with other content is not replaced, and neither is a file."""
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "precious").write_text("")
        (tmp_path / "file").write_text("")
        for name in ("mine", "file"):
            answer = http_client("POST", f"{project}:export", {"export_directory": str(tmp_path), "export_name": name})
            assert answer.status == 400
            assert "no export" in answer.content["error"]["message"]
        assert (tmp_path / "mine" / "precious").exists()

    def test_an_import_is_added_to_existing_documents(self, http_client, project, db, server):
        """Documents with other names stay."""
        db.document("kept/a").set({})
        http_client("POST", f"{project}:import", {"export_directory": str(EXPORTS / "export-a")})
        assert len(held(server, db.project)) == 17

    def test_a_damaged_export_changes_nothing(self, http_client, project, db, server, tmp_path):
        """An export is read to its end before it is imported; the error names the file."""
        shutil.copytree(EXPORTS / "export-a", tmp_path / "damaged")
        (output,) = (tmp_path / "damaged").rglob("output-0")
        content = output.read_bytes()
        output.write_bytes(content[:-20] + bytes(20))
        answer = http_client("POST", f"{project}:import", {"export_directory": str(tmp_path / "damaged")})
        assert answer.status == 400
        assert "output-0" in answer.content["error"]["message"]
        assert held(server, db.project) == {}

    @pytest.mark.parametrize(
        ("verb", "changes", "text"),
        [
            ("export", {"export_directory": None}, "export_directory"),
            ("export", {"export_directory": ""}, "export_directory"),
            ("export", {"export_directory": "a\0b"}, "export_directory"),
            ("export", {"export_name": "../up"}, "export_name"),
            ("export", {"export_name": ".."}, "export_name"),
            ("export", {"database": "projects/another/databases/(default)"}, "another"),
            ("export", {"database": "bogus"}, "bogus"),
            ("export", {"bogus": 1}, "bogus"),
            ("import", {"export_name": "nothing"}, "nothing"),
            ("import", {"export_directory": 7}, "export_directory"),
        ],
    )
    def test_a_bad_request_names_the_field(self, http_client, project, tmp_path, verb, changes, text):
        """A bad request names its field, and no file is written."""
        sent = {"export_directory": str(tmp_path), "export_name": "mine", **changes}
        answer = http_client("POST", f"{project}:{verb}", {k: v for k, v in sent.items() if v is not None})
        assert answer.status == 400
        assert text in answer.content["error"]["message"]
        assert list(tmp_path.iterdir()) == []


class TestFaults:
    def test_commits_are_aborted(self, http_client, db, database, documents):
        """The requested number of commits is aborted, over gRPC and REST."""
        assert (
            http_client("POST", "/emulator/v1/faults", {"action": "abort", "count": 2, "database": database}).status
            == 200
        )
        with pytest.raises(exceptions.Aborted):
            db.document("c/a").set({})
        assert http_client("POST", f"{documents}:commit", {}).status == 409
        db.document("c/a").set({})

    def test_a_named_rpc_fails(self, http_client, db, database):
        """The named RPC fails with the requested code and message."""
        fault = {"action": "fail", "rpc": "BatchGetDocuments", "code": "PERMISSION_DENIED", "message": "No entry"}
        http_client("POST", "/emulator/v1/faults", fault | {"database": database})
        with pytest.raises(exceptions.PermissionDenied, match="No entry"):
            db.document("c/a").get()

    def test_a_streamed_rpc_fails_over_rest(self, http_client, documents, database):
        """A streamed RPC over REST answers its error in an array, like its results."""
        fault = {"action": "fail", "rpc": "RunQuery", "code": "UNAVAILABLE", "database": database}
        http_client("POST", "/emulator/v1/faults", fault)
        query = {"structuredQuery": {"from": [{"collectionId": "c"}]}}
        answer = http_client("POST", f"{documents}:runQuery", query)
        assert (answer.status, answer.content[0]["error"]["status"]) == (503, "UNAVAILABLE")

    def test_a_lost_answer_keeps_its_write(self, http_client, db, database, documents):
        """A write whose answer is dropped is applied, and its caller cannot tell."""
        http_client("POST", "/emulator/v1/faults", {"action": "dropAnswer", "database": database})
        write = {"update": {"name": f"{database}/documents/c/a"}}
        assert http_client("POST", f"{documents}:commit", {"writes": [write]}).status == 503
        assert db.document("c/a").get().exists

    def test_they_are_cleared(self, http_client, db, database):
        """Clearing removes the faults of one database; the next call works."""
        http_client("POST", "/emulator/v1/faults", {"action": "abort", "count": 99, "database": database})
        http_client("DELETE", f"/emulator/v1/faults?database={database}")
        db.document("c/a").set({})

    @pytest.mark.parametrize(
        ("body", "text"),
        [
            ({}, "action"),
            ({"action": "explode"}, "dropAnswer"),
            ({"action": "fail", "code": "OK"}, "ABORTED"),
            ({"action": "fail"}, "code"),
            ({"action": "delay"}, "seconds"),
            ({"action": "delay", "seconds": -1}, "0 to 600"),
            ({"action": "abort", "count": 0}, "above 0"),
            ({"action": "abort", "count": True}, "count"),
            ({"action": "abort", "database": "p"}, "projects/{project}"),
            ({"action": "abort", "bogus": 1}, "bogus"),
        ],
    )
    def test_a_bad_fault_names_the_field(self, http_client, body, text):
        """The error names the field and what is allowed."""
        answer = http_client("POST", "/emulator/v1/faults", body)
        assert answer.status == 400
        assert text in answer.content["error"]["message"]

    def test_a_long_delay_does_not_delay_the_stop(self):
        """The server stops at once, although a delayed call waits."""
        server = FirestoreServer()
        http_client = Http(server.start_with_http())
        waiting = threading.Event()
        server.faults.before("GetDocument", waiting.set)
        http_client("POST", "/emulator/v1/faults", {"action": "delay", "rpc": "GetDocument", "seconds": 600})

        def call() -> None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                http_client("GET", "/v1/projects/p/databases/(default)/documents/c/a")

        caller = threading.Thread(target=call)
        caller.start()
        assert waiting.wait(10)
        server.stop()
        caller.join(10)
        assert not caller.is_alive()

    def test_a_call_can_be_delayed(self, http_client, documents, database):
        """The call waits, and then works."""
        fault = {"action": "delay", "rpc": "GetDocument", "seconds": 0.01, "count": 1, "database": database}
        assert http_client("POST", "/emulator/v1/faults", fault).status == 200
        assert http_client("GET", f"{documents}/c/a").status == 404


class TestCounters:
    def test_since_a_mark(self, http_client, db, database, documents):
        """Since a mark, calls are counted by RPC and billed operations of one database, REST included."""
        db.document("c/a").set({})
        mark = http_client("POST", "/emulator/v1/marks").content["mark"]
        db.document("c/a").get()
        http_client("GET", f"{documents}/c/a")
        list(db.collection("c").stream())
        http_client("DELETE", f"{documents}/c/a")
        counted = http_client("GET", f"/emulator/v1/counters?since={mark}&database={database}").content
        assert counted == {
            "roundTrips": 4,
            "calls": {"BatchGetDocuments": 1, "GetDocument": 1, "DeleteDocument": 1, "RunQuery": 1},
            "reads": 3,
            "writes": 0,
            "deletes": 1,
            "indexEntries": 1,
        }

    def test_without_a_mark_since_the_start(self, http_client, db, database):
        """Without a mark and a database, all calls since the start are counted."""
        db.document("c/a").set({})
        own = http_client("GET", f"/emulator/v1/counters?database={database}").content
        assert (own["calls"], own["writes"]) == ({"Commit": 1}, 1)
        assert http_client("GET", "/emulator/v1/counters").content["roundTrips"] >= own["roundTrips"]

    def test_an_unknown_mark(self, http_client):
        """An unknown mark is not found."""
        answer = http_client("GET", "/emulator/v1/counters?since=bogus")
        assert (answer.status, answer.content["error"]["status"]) == (404, "NOT_FOUND")


class TestUrls:
    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/emulator/v1/projects/p/databases/(default)/documents", 405),
            ("DELETE", "/emulator/v1/projects/p/databases", 404),
            ("PUT", "/emulator/v1/projects/p:securityRule", 404),
            ("GET", "/emulator/v1/projects/p:securityRules", 405),
        ],
    )
    def test_an_unknown_url_is_an_error(self, http_client, method, path, status):
        """The error is in Google's model."""
        answer = http_client(method, path)
        assert answer.status == status
        assert answer.content["error"]["code"] == status
