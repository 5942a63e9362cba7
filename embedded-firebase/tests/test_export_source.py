"""Exports made from JSON: documents and accounts, and errors that name the mistake in the source."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.cloud.firestore_v1.types.document import Document, Value

from embedded_firebase.cli.export import main
from embedded_firebase.exports.folder import read_auth_export, read_export
from embedded_firebase.exports.source import SourceError, load_source

Write = Callable[..., Path]

USER = {"localId": "u", "email": "u@example.com", "displayName": "U", "password": "secret"}
GOOD: dict[str, Any] = {
    "project": "demo",
    "asOf": "2026-01-01T00:00:00Z",
    "documents": {"c/d": {"n": 1}},
    "users": [USER],
}


@pytest.fixture
def source(tmp_path: Path) -> Write:
    """Writes a source file: the valid one with `changes`."""

    def write(**changes: Any) -> Path:
        file = tmp_path / "source.json"
        file.write_text(json.dumps(GOOD | changes))
        return file

    return write


class TestLoadSource:
    def test_json_values_become_firestore_values(self, source: Write) -> None:
        """Each JSON type has one Firestore type; a tag makes a timestamp, in any time zone."""
        fields: dict[str, Any] = {
            "null": None,
            "bool": True,
            "int": 1,
            "double": 1.0,
            "string": "s",
            "list": [1, {"k": None}],
            "map": {"deep": {"deeper": []}},
            "time": {"$timestamp": "2026-01-01T02:00:00.5+02:00"},
        }
        (document,) = load_source(source(documents={"c/d": fields})).documents
        deeper = Value(map_value={"fields": {"deeper": Value(array_value={})}})
        list_map = Value(map_value={"fields": {"k": Value(null_value=0)}})
        expected = {
            "null": Value(null_value=0),
            "bool": Value(boolean_value=True),
            "int": Value(integer_value=1),
            "double": Value(double_value=1.0),
            "string": Value(string_value="s"),
            "list": Value(array_value={"values": [Value(integer_value=1), list_map]}),
            "map": Value(map_value={"fields": {"deep": deeper}}),
            "time": Value(timestamp_value={"seconds": 1767225600, "nanos": 500_000_000}),
        }
        assert document.name == "projects/demo/databases/(default)/documents/c/d"
        assert document.fields == Document(fields=expected)._pb.fields

    def test_documents_and_accounts_are_dated_by_the_source(self, source: Write) -> None:
        """`asOf` is the create and update time of all documents and accounts."""
        loaded = load_source(source())
        (document,) = loaded.documents
        assert document.create_time.seconds == document.update_time.seconds == 1767225600
        assert [user["createdAt"] for user in loaded.users] == ["1767225600000"]

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"extra": 1}, "exactly project, asOf, documents, users"),
            ({"project": 1}, "project must be a JSON str"),
            ({"documents": []}, "documents must be a JSON dict"),
            ({"asOf": "yesterday"}, "asOf: 'yesterday' is not a time"),
            ({"asOf": "2026-01-01T00:00:00"}, "asOf: .* needs a time zone"),
            ({"documents": {"c": {}}}, "'c' must be collection/document"),
            ({"documents": {"c//d/e": {}}}, "'c//d/e' must be collection/document"),
            ({"documents": {"c/d": []}}, "c/d: must be an object of fields"),
            ({"documents": {"c/d": {"f": [[1]]}}}, "c/d f: .* is not allowed"),
            ({"documents": {"c/d": {"f": {"g": 2**63}}}}, r"c/d f\.g: .* is not allowed"),
            ({"documents": {"c/d": {"f": {"$timestamp": 1}}}}, "c/d f: .* is not allowed"),
            ({"documents": {"c/d": {"f": {"$timestamp": "2026-01-01T00:00:00Z", "more": 1}}}}, "is not allowed"),
            ({"users": [{**USER, "admin": True}]}, "exactly the strings localId, email, displayName, password"),
            ({"users": [{**USER, "email": None}]}, "exactly the strings localId"),
            ({"users": ["u"]}, "exactly the strings localId"),
        ],
    )
    def test_an_error_names_its_place(self, changes: dict[str, Any], reason: str, source: Write) -> None:
        """An error names the place in the source and what is allowed there."""
        with pytest.raises(SourceError, match=reason):
            load_source(source(**changes))

    def test_a_file_that_is_missing_or_not_json_is_named(self, tmp_path: Path) -> None:
        """The error begins with the file."""
        file = tmp_path / "source.json"
        for _ in range(2):
            with pytest.raises(SourceError, match=r"source\.json"):
                load_source(file)
            file.write_text("{")


class TestMain:
    def test_it_writes_an_export_that_reads_back(
        self, source: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The command writes documents and users, and says how many."""
        assert main(["--source", str(source()), "--out", str(tmp_path / "out")]) == 0
        assert capsys.readouterr().out.endswith("1 documents, 1 users\n")
        assert [d.fields["n"].integer_value for d in read_export(tmp_path / "out")] == [1]
        assert [user["localId"] for user in read_auth_export(tmp_path / "out")] == ["u"]

    def test_check_detects_an_outdated_export(
        self, source: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """--check returns 0 if the export matches the source, else 1, and writes nothing."""
        out = tmp_path / "out"
        command = ["--source", str(source()), "--out", str(out)]
        assert main([*command, "--check"]) == 1
        assert not out.exists()
        main(command)
        assert main([*command, "--check"]) == 0
        source(documents={"c/d": {"n": 2}})
        capsys.readouterr()
        assert main([*command, "--check"]) == 1
        outdated = capsys.readouterr().err.splitlines()
        assert [line.split()[0].rpartition("/")[2] for line in outdated] == ["output-0"]
        assert [d.fields["n"].integer_value for d in read_export(out)] == [1]

    def test_a_bad_source_is_a_one_line_error(self, source: Write, capsys: pytest.CaptureFixture[str]) -> None:
        """A bad source exits with 1, without a traceback."""
        assert main(["--source", str(source(users=[1])), "--out", "unused"]) == 1
        assert len(capsys.readouterr().err.splitlines()) == 1
