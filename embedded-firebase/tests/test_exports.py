"""The export format: Google's sample exports, every value type, the bytes of each part, and damaged files."""

import json
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import google_crc32c
import pytest
from google.cloud.firestore_v1.types.document import Document, Value
from hypothesis import given, settings
from hypothesis import strategies as st

from embedded_firebase.exports import messages
from embedded_firebase.exports.entities import decode_document, encode_document
from embedded_firebase.exports.errors import ExportError
from embedded_firebase.exports.folder import read_auth_export, read_export, write_export
from embedded_firebase.exports.record_log import BLOCK_BYTES, frame_records, read_records

SAMPLES = Path(__file__).parent / "exports"
SAMPLE_PROJECTS = {"export-a": "demo-case-study", "export-b": "case-study-feraset"}
OVERALL = "firestore_export/firestore_export.overall_export_metadata"
KIND = "firestore_export/all_namespaces/all_kinds/all_namespaces_all_kinds.export_metadata"
OUTPUT = "firestore_export/all_namespaces/all_kinds/output-0"
ROOT = "projects/demo/databases/(default)/documents"

either_sample = pytest.mark.parametrize("sample", SAMPLE_PROJECTS)


def document(path: str, /, **fields: Value) -> Any:
    """Return a document of project demo."""
    return Document(name=f"{ROOT}/{path}", fields=fields)._pb


def round_trip(folder: Path, documents: list[Any]) -> list[Any]:
    """Return the result of reading what was written of `documents`."""
    write_export(folder, documents, "demo")
    return list(read_export(folder))


class TestSamples:
    """Exports that Google's emulator 1.19.8 wrote."""

    @pytest.mark.parametrize(("sample", "count"), [("export-a", 16), ("export-b", 17)])
    def test_every_document_is_read(self, sample: str, count: int) -> None:
        """A sample has as many documents as its metadata says, each under its own project."""
        documents = list(read_export(SAMPLES / sample))
        prefix = f"projects/{SAMPLE_PROJECTS[sample]}/databases/(default)/documents/"
        assert len({d.name for d in documents}) == len(documents) == count
        assert all(d.name.startswith(prefix) for d in documents)

    def test_a_document_has_its_values(self) -> None:
        """Strings, integers, booleans and timestamps of a sample document are read as Firestore values."""
        by_path = {d.name.partition("/documents/")[2]: d for d in read_export(SAMPLES / "export-b")}
        created_at = {"seconds": 1753444267, "nanos": 683_000_000}
        assert (
            by_path["sizes/1024x1792"].fields
            == Document(
                fields={
                    "createdAt": Value(timestamp_value=created_at),
                    "credits": Value(integer_value=4),
                    "name": Value(string_value="1024x1792"),
                    "width": Value(integer_value=1024),
                    "active": Value(boolean_value=True),
                    "height": Value(integer_value=1792),
                },
            )._pb.fields
        )

    @either_sample
    def test_the_firestore_export_folder_alone_is_an_export(self, sample: str) -> None:
        """The inner folder reads the same as the outer one."""
        assert list(read_export(SAMPLES / sample / "firestore_export")) == list(read_export(SAMPLES / sample))

    @either_sample
    def test_writing_what_was_read_gives_the_same_entities(self, sample: str, tmp_path: Path) -> None:
        """Records keep their order, lengths and properties; properties within a record are sorted by name."""
        write_export(tmp_path, read_export(SAMPLES / sample), SAMPLE_PROJECTS[sample])
        theirs, ours = (list(read_records(folder / OUTPUT)) for folder in (SAMPLES / sample, tmp_path))
        assert [(offset, len(record)) for offset, record in ours] == [
            (offset, len(record)) for offset, record in theirs
        ]
        for (_, their_record), (_, our_record) in zip(theirs, ours, strict=True):
            expected = messages.EntityProto.FromString(their_record)
            in_name_order = sorted(expected.raw_property, key=lambda p: p.name)
            del expected.raw_property[:]
            expected.raw_property.extend(in_name_order)
            assert our_record == expected.SerializeToString()

    def test_a_sample_with_one_field_per_document_is_written_byte_for_byte(self, tmp_path: Path) -> None:
        """If there is no property order to choose, our file equals Google's, checksums included."""
        write_export(tmp_path, read_export(SAMPLES / "export-a"), SAMPLE_PROJECTS["export-a"])
        assert (tmp_path / OUTPUT).read_bytes() == (SAMPLES / "export-a" / OUTPUT).read_bytes()
        assert (tmp_path / OVERALL).read_bytes() == (SAMPLES / "export-a" / OVERALL).read_bytes()

    @either_sample
    def test_our_messages_have_every_field_of_a_sample(self, sample: str) -> None:
        """Parsing and serialising each message of a sample gives its bytes, without unknown fields."""
        folder = SAMPLES / sample
        records = [
            *((messages.EntityProto, record) for _, record in read_records(folder / OUTPUT)),
            *((messages.OverallMetadata, record) for _, record in list(read_records(folder / OVERALL))[1:]),
            (messages.KindMetadata, (folder / KIND).read_bytes()),
        ]
        for message_class, content in records:
            message = message_class.FromString(content)
            message.DiscardUnknownFields()
            assert message.SerializeToString() == content

    @either_sample
    def test_our_kind_metadata_equals_theirs_but_for_the_time(self, sample: str, tmp_path: Path) -> None:
        """The kind metadata names the same export and the same outputs."""
        write_export(tmp_path, read_export(SAMPLES / sample), SAMPLE_PROJECTS[sample])
        theirs, ours = (messages.KindMetadata.FromString((f / KIND).read_bytes()) for f in (SAMPLES / sample, tmp_path))
        for metadata in (theirs, ours):
            metadata.run.started_at_micros = metadata.run.ended_at_micros = 0
        assert ours.SerializeToString() == theirs.SerializeToString()


class TestPublishedMessages:
    """Our field numbers and encodings, compared with a record that Google's own classes serialised."""

    RECORD = (SAMPLES / "every_type.entity").read_bytes()
    DOCUMENT = document(
        "cities/SF/places/__id7__",
        emptyArray=Value(array_value={}),
        array=Value(
            array_value={
                "values": [
                    Value(null_value=0),
                    Value(integer_value=1),
                    Value(map_value={"fields": {"k": Value(integer_value=2)}}),
                ],
            },
        ),
        bool=Value(boolean_value=False),
        bytes=Value(bytes_value=b"\x00\xff"),
        double=Value(double_value=-0.5),
        emptyMap=Value(map_value={}),
        emptyString=Value(string_value=""),
        geo=Value(geo_point_value={"latitude": 37.5, "longitude": -122.25}),
        int=Value(integer_value=-1),
        map=Value(
            map_value={
                "fields": {
                    "none": Value(array_value={}),
                    "inner": Value(map_value={"fields": {"deep": Value(integer_value=5)}}),
                },
            },
        ),
        null=Value(null_value=0),
        ref=Value(reference_value=f"{ROOT}/cities/LA"),
        refElsewhere=Value(reference_value="projects/other/databases/named/documents/c/__id8__"),
        string=Value(string_value="å"),
        timestamp=Value(timestamp_value={"seconds": -1, "nanos": 999_999_000}),
    )

    def test_our_messages_have_every_field_of_it(self) -> None:
        """The record parses without unknown fields."""
        entity = messages.EntityProto.FromString(self.RECORD)
        entity.DiscardUnknownFields()
        assert entity.SerializeToString() == self.RECORD

    def test_it_is_read_as_the_document(self) -> None:
        """Every kind of value is read as its Firestore value."""
        assert decode_document(self.RECORD) == self.DOCUMENT

    def test_it_equals_our_output(self) -> None:
        """Our encoding of the document equals that record byte for byte."""
        assert encode_document(self.DOCUMENT) == self.RECORD


def firestore_values() -> st.SearchStrategy[Value]:
    """Values of every type; an array never holds an array, as in Firestore."""
    text = st.text(st.characters(codec="utf-8"), max_size=20)
    micros = st.integers(0, 999_999)
    scalars = st.one_of(
        st.just(Value(null_value=0)),
        st.booleans().map(lambda v: Value(boolean_value=v)),
        st.integers(-(2**63), 2**63 - 1).map(lambda v: Value(integer_value=v)),
        st.floats().map(lambda v: Value(double_value=v)),
        st.builds(
            lambda seconds, micros: Value(timestamp_value={"seconds": seconds, "nanos": micros * 1000}),
            st.integers(-62135596800, 253402300799),
            micros,
        ),
        text.map(lambda v: Value(string_value=v)),
        st.binary(max_size=20).map(lambda v: Value(bytes_value=v)),
        path_ids().map(lambda v: Value(reference_value=f"projects/other/databases/named/documents/{v}")),
        st.builds(
            lambda latitude, longitude: Value(geo_point_value={"latitude": latitude, "longitude": longitude}),
            st.floats(-90, 90),
            st.floats(-180, 180),
        ),
    )

    def containers(inner: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
        fields = st.dictionaries(text.filter(bool), inner, max_size=3)
        maps = fields.map(lambda v: Value(map_value={"fields": v}))
        elements = st.one_of(scalars, maps)
        return maps | st.lists(elements, max_size=3).map(lambda v: Value(array_value={"values": v}))

    return st.recursive(scalars, containers, max_leaves=8)


def path_ids() -> st.SearchStrategy[str]:
    """Document paths: pairs of ids, which may hold anything but a slash."""
    one_id = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=8)
    return (
        st.integers(1, 3).flatmap(lambda pairs: st.lists(one_id, min_size=2 * pairs, max_size=2 * pairs)).map("/".join)
    )


class TestRoundTrip:
    @settings(max_examples=150, deadline=None)
    @given(
        path_ids(), st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), firestore_values(), max_size=4)
    )
    def test_any_document_survives_a_round_trip(self, path: str, fields: dict[str, Any]) -> None:
        """Reading the written record of a document gives the document, bit for bit (NaN and -0.0 included)."""
        original = document(path, **fields)
        copy = decode_document(encode_document(original))
        assert copy.SerializeToString(deterministic=True) == original.SerializeToString(deterministic=True)

    @settings(max_examples=20, deadline=None)
    @given(st.lists(st.integers(0, 2 * BLOCK_BYTES), max_size=5))
    def test_any_file_survives_a_round_trip(self, tmp_path_factory: pytest.TempPathFactory, sizes: list[int]) -> None:
        """Documents of any size and number are read back in their order."""
        documents = [document(f"c/{n}", f=Value(string_value="x" * size)) for n, size in enumerate(sizes)]
        assert round_trip(tmp_path_factory.mktemp("export"), documents) == documents

    def test_a_vector_survives_a_round_trip(self, tmp_path: Path) -> None:
        """Firestore's vector is a map with `__type__`, and is preserved."""
        vector = {
            "__type__": Value(string_value="__vector__"),
            "value": Value(array_value={"values": [{"double_value": 1.5}]}),
        }
        original = document("c/d", v=Value(map_value={"fields": vector}))
        assert round_trip(tmp_path, [original]) == [original]

    def test_nanoseconds_are_rounded_down(self, tmp_path: Path) -> None:
        """The format counts microseconds, as Firestore does."""
        original = document("c/d", t=Value(timestamp_value={"seconds": 1, "nanos": 1999}))
        (copy,) = round_trip(tmp_path, [original])
        assert copy.fields["t"].timestamp_value.nanos == 1000


class TestForeignEncodings:
    """Encodings of production exports that we never write."""

    @pytest.mark.parametrize(
        ("meaning", "stored", "value"),
        [
            (15, {"string_value": b"long"}, Value(string_value="long")),
            (16, {"string_value": b"\xff"}, Value(bytes_value=b"\xff")),
            (0, {"point_value": {"x": 1.0, "y": 2.0}}, Value(geo_point_value={"latitude": 1.0, "longitude": 2.0})),
            (24, {}, Value(array_value={})),
        ],
    )
    def test_other_encodings_are_read(self, meaning: int, stored: dict[str, Any], value: Any) -> None:
        """Text, byte strings, points without a meaning and raw empty lists are read as their values."""
        entity = messages.EntityProto.FromString(encode_document(document("c/d")))
        entity.raw_property.add(name="f", multiple=False, meaning=meaning, value=stored)
        assert decode_document(entity.SerializeToString()).fields["f"] == value._pb

    def test_the_prefix_of_the_application_is_not_the_project(self) -> None:
        """`s~demo`, as production writes it, is project demo."""
        entity = messages.EntityProto.FromString(encode_document(document("c/d")))
        entity.key.app = "s~demo"
        assert decode_document(entity.SerializeToString()).name == f"{ROOT}/c/d"

    @pytest.mark.parametrize(
        ("properties", "reason"),
        [
            ([{"value": {}}, {"value": {}}], "'f' is there twice"),
            ([{"multiple": True, "value": {}}, {"value": {}}], "'f' is there twice"),
            ([{"value": {"string_value": b"\xff"}}], "utf-8"),
            ([{"meaning": 19, "value": {"string_value": b"\xff"}}], "not an entity"),
            ([{"value": {"reference_value": {"app": "dev~demo"}}}], "no path"),
        ],
    )
    def test_an_invalid_document_is_refused(self, properties: list[dict[str, Any]], reason: str) -> None:
        """A field given twice, text that is not UTF-8, a broken map or reference: each says what is wrong."""
        entity = messages.EntityProto.FromString(encode_document(document("c/d")))
        for prop in properties:
            entity.raw_property.add(name="f", **prop)
        with pytest.raises(ValueError, match=reason):
            decode_document(entity.SerializeToString())

    def test_a_datastore_user_is_refused(self) -> None:
        """A value type that only Datastore has is an error, not a null."""
        entity = messages.EntityProto.FromString(encode_document(document("c/d")))
        user_value = b"\x43\x44"  # An empty group of field 8.
        entity.raw_property.add(name="f").value.MergeFromString(user_value)
        with pytest.raises(ValueError, match="a type that Firestore does not know"):
            decode_document(entity.SerializeToString())


class TestWriteExport:
    def test_the_same_input_gives_the_same_bytes(self, tmp_path: Path) -> None:
        """Two exports of the same documents, their fields set in different orders, are the same files."""
        fields = {f"f{n}": Value(integer_value=n) for n in range(20)}
        backwards = dict(reversed(fields.items()))
        for name, given_fields in (("one", fields), ("two", backwards)):
            write_export(tmp_path / name, [document("c/d", m=Value(map_value={"fields": given_fields}))], "demo", [])
        one, two = (sorted(p for p in (tmp_path / n).rglob("*") if p.is_file()) for n in ("one", "two"))
        assert [p.name for p in one] == [p.name for p in two]
        assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]

    def test_the_metadata_has_the_parts_of_the_sample(self, tmp_path: Path) -> None:
        """firebase-export-metadata.json names the same paths as the Firebase CLI's."""
        write_export(tmp_path, [], "demo", users=[])
        ours, theirs = (
            json.loads((folder / "firebase-export-metadata.json").read_text())
            for folder in (tmp_path, SAMPLES / "export-a")
        )
        assert ours["firestore"] == theirs["firestore"]
        assert ours.keys() == theirs.keys() - {"database"}
        assert ours["auth"]["path"] == theirs["auth"]["path"]

    def test_an_export_without_users_does_not_name_auth(self, tmp_path: Path) -> None:
        """A missing product is not named, because the CLI stops if its folder is missing."""
        write_export(tmp_path, [], "demo")
        assert "auth" not in json.loads((tmp_path / "firebase-export-metadata.json").read_text())
        assert not (tmp_path / "auth_export").exists()
        assert read_auth_export(tmp_path) == []

    def test_its_time_is_that_of_the_newest_document(self, tmp_path: Path) -> None:
        """Start and end of the export are the newest update time of its documents."""
        documents = [document("c/a"), document("c/b"), document("c/c")]
        documents[1].update_time.seconds = 7
        write_export(tmp_path, documents, "demo")
        run = messages.KindMetadata.FromString((tmp_path / KIND).read_bytes()).run
        assert (run.started_at_micros, run.ended_at_micros) == (7_000_000, 7_000_000)

    def test_other_files_of_the_folder_stay(self, tmp_path: Path) -> None:
        """Overwriting an export replaces only its own files, and leaves no temporary files."""
        (tmp_path / "source.json").write_text("{}")
        write_export(tmp_path, [document("c/old")], "demo", [{"localId": "old"}])
        write_export(tmp_path, [document("c/new")], "demo", [{"localId": "new"}])
        assert [d.name for d in read_export(tmp_path)] == [f"{ROOT}/c/new"]
        assert read_auth_export(tmp_path) == [{"localId": "new"}]
        assert {p.name for p in tmp_path.iterdir()} == {
            "source.json",
            "firebase-export-metadata.json",
            "firestore_export",
            "auth_export",
        }

    def test_an_export_can_be_written_over_itself(self, tmp_path: Path) -> None:
        """Documents may be streamed from the export that they replace."""
        write_export(tmp_path, [document("c/d")], "demo")
        write_export(tmp_path, read_export(tmp_path), "demo")
        assert [d.name for d in read_export(tmp_path)] == [f"{ROOT}/c/d"]

    def test_a_failure_while_writing_keeps_the_old_export(self, tmp_path: Path) -> None:
        """If the documents end in an error, the old export is complete and no other file is left."""

        def broken() -> Iterator[Any]:
            yield document("c/new")
            raise RuntimeError("the source broke off")

        write_export(tmp_path, [document("c/old")], "demo")
        with pytest.raises(RuntimeError, match="broke off"):
            write_export(tmp_path, broken(), "demo")
        assert [d.name for d in read_export(tmp_path)] == [f"{ROOT}/c/old"]
        assert {p.name for p in tmp_path.iterdir()} == {"firebase-export-metadata.json", "firestore_export"}

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("projects/other/databases/(default)/documents/c/d", "not a document of project 'demo'"),
            ("projects/demo/databases/(default)/documents/c", "path of a document"),
            ("projects/demo/databases/(default)", "path of a document"),
            ("projects/demo/documents/c/d", "path of a document"),
        ],
    )
    def test_a_bad_name_is_refused(self, name: str, reason: str, tmp_path: Path) -> None:
        """A document of another project, or an invalid name, is an error that contains the name."""
        with pytest.raises(ValueError, match=reason):
            write_export(tmp_path, [Document(name=name)._pb], "demo")

    def test_an_array_in_an_array_is_refused(self, tmp_path: Path) -> None:
        """Neither the format nor Firestore has nested arrays."""
        inner = Value(array_value={"values": [Value(array_value={})]})
        with pytest.raises(ValueError, match="field 'f': an export cannot hold a value of type array_value here"):
            write_export(tmp_path, [document("c/d", f=inner)], "demo")


class TestReadAuthExport:
    def test_users_survive_a_round_trip(self, tmp_path: Path) -> None:
        """Accounts are unchanged, in the CLI's envelope."""
        users = [{"localId": "a", "displayName": "Zoë"}, {"localId": "b"}]
        write_export(tmp_path, [], "demo", users)
        assert read_auth_export(tmp_path) == users

    def test_the_sample_has_no_accounts_and_our_files_are_its_bytes(self, tmp_path: Path) -> None:
        """An export without accounts has the sample's accounts.json and config.json, byte for byte."""
        write_export(tmp_path, [], "demo", users=[])
        assert read_auth_export(SAMPLES / "export-a") == []
        for name in ("accounts.json", "config.json"):
            ours, theirs = ((folder / "auth_export" / name).read_bytes() for folder in (tmp_path, SAMPLES / "export-a"))
            assert ours == theirs

    def test_an_export_without_auth_has_no_users(self) -> None:
        """A product that is not named has no accounts."""
        assert read_auth_export(SAMPLES / "export-b") == []

    @pytest.mark.parametrize("content", [b"[", b"[]", b'{"users": {}}', b"\xff"])
    def test_damaged_accounts_are_an_error(self, content: bytes, tmp_path: Path) -> None:
        """An invalid accounts.json is an error that names the file."""
        write_export(tmp_path, [], "demo", users=[])
        (tmp_path / "auth_export" / "accounts.json").write_bytes(content)
        with pytest.raises(ExportError, match=r"accounts\.json"):
            read_auth_export(tmp_path)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A copy of a sample that a test may damage."""
    return shutil.copytree(SAMPLES / "export-b", tmp_path / "export")


def fragment(content: bytes, fragment_type: int = 1) -> bytes:
    """One fragment with a correct checksum, framed without our own code."""
    crc = google_crc32c.value(bytes([fragment_type]) + content)
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32
    return struct.pack("<IHB", masked, len(content), fragment_type) + content


class TestDamage:
    """Every defect of an export is one ExportError with its position."""

    def test_every_flipped_byte_is_found(self, export: Path) -> None:
        """No byte of the documents can change unnoticed; the error names the file and the fragment."""
        output = export / OUTPUT
        whole = output.read_bytes()
        for position in range(0, len(whole), 7):
            damaged = bytearray(whole)
            damaged[position] ^= 0xFF
            output.write_bytes(damaged)
            with pytest.raises(ExportError) as caught:
                list(read_export(export))
            assert caught.value.file == output
            assert caught.value.offset is not None
            assert caught.value.offset <= position

    def test_every_truncation_is_found(self, export: Path) -> None:
        """A truncated file is an error, even if it ends between two records."""
        output = export / OUTPUT
        whole = output.read_bytes()
        record_ends = [offset for offset, _ in read_records(output)]
        for length in {*range(0, len(whole), 11), *record_ends}:
            output.write_bytes(whole[:length])
            with pytest.raises(ExportError):
                list(read_export(export))

    def test_documents_before_the_damage_are_read(self, export: Path) -> None:
        """Reading is streamed: documents before the damage are returned first."""
        output = export / OUTPUT
        output.write_bytes(output.read_bytes()[:-1])
        documents = read_export(export)
        assert [next(documents).name for _ in range(16)]
        with pytest.raises(ExportError, match="cut off"):
            next(documents)

    @pytest.mark.parametrize(
        ("content", "reason", "offset"),
        [
            (fragment(b"x", 5), "fragment type 5 is not known", 0),
            (fragment(b"x", 3), "never started", 0),
            (fragment(b"x", 4), "never started", 0),
            (fragment(b"x", 2), "ends inside the record", 0),
            (fragment(b"x", 2) + fragment(b"y", 1), "has no end", 8),
            (fragment(b"\xff"), "not an entity", 0),
            (fragment(b""), "no application", 0),
            (bytes(9) + b"x", "neither a whole fragment nor padding", 0),
        ],
    )
    def test_bad_framing_says_what_and_where(self, content: bytes, reason: str, offset: int, export: Path) -> None:
        """Each fault that a checksum cannot detect has its own message and byte position."""
        (export / OUTPUT).write_bytes(content)
        with pytest.raises(ExportError, match=reason) as caught:
            list(read_export(export))
        assert (caught.value.file, caught.value.offset) == (export / OUTPUT, offset)

    @pytest.mark.parametrize("name", [OUTPUT, KIND, OVERALL])
    def test_a_missing_file_is_an_error(self, name: str, export: Path) -> None:
        """A missing file of the export is named in the error."""
        (export / name).unlink()
        with pytest.raises(ExportError, match="cannot be read") as caught:
            list(read_export(export))
        assert caught.value.file == export / name

    def test_an_unknown_version_is_refused(self, export: Path) -> None:
        """A format version other than 3 is an error."""
        (export / OVERALL).write_bytes(fragment(b"4"))
        with pytest.raises(ExportError, match="format version b'4' is not known; b'3' is"):
            list(read_export(export))

    @pytest.mark.parametrize("content", [b"", fragment(b"3") + fragment(b"\xff")])
    def test_bad_overall_metadata_is_refused(self, content: bytes, export: Path) -> None:
        """Empty or broken overall metadata is an error of that file."""
        (export / OVERALL).write_bytes(content)
        with pytest.raises(ExportError, match="overall_export_metadata"):
            list(read_export(export))

    def test_bad_kind_metadata_is_refused(self, export: Path) -> None:
        """Broken kind metadata is an error of that file."""
        (export / KIND).write_bytes(b"\xff")
        with pytest.raises(ExportError, match="not the metadata of an export"):
            list(read_export(export))

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ("", "is not JSON"),
            ("[]", "must hold a JSON object"),
            ('{"firestore": 1}', "'firestore' must be an object"),
            ('{"firestore": {}}', "names no file"),
            ('{"firestore": {"metadata_file": "../elsewhere"}}', "outside the export"),
        ],
    )
    def test_bad_export_metadata_is_refused_at_once(self, content: str, reason: str, export: Path) -> None:
        """The call itself fails, before the first document is read."""
        (export / "firebase-export-metadata.json").write_text(content)
        with pytest.raises(ExportError, match=reason):
            read_export(export)

    def test_a_folder_that_is_no_export_is_refused_at_once(self, tmp_path: Path) -> None:
        """An empty and a missing folder are errors that name the missing file."""
        for folder in (tmp_path, tmp_path / "missing"):
            with pytest.raises(ExportError, match=r"is no export: it needs firebase-export-metadata\.json"):
                read_export(folder)

    def test_an_export_without_firestore_has_no_documents(self, export: Path) -> None:
        """A product that is not named is not imported."""
        (export / "firebase-export-metadata.json").write_text("{}")
        assert list(read_export(export)) == []


class TestRecordLog:
    """The framing, compared with the rules of the LevelDB log format."""

    @pytest.mark.parametrize("first_bytes", range(BLOCK_BYTES - 7 - 16, BLOCK_BYTES - 7 + 1))
    def test_a_record_at_any_distance_from_the_block_end_comes_back(self, first_bytes: int, tmp_path: Path) -> None:
        """A block may end in padding, an empty first fragment or a cut record, and both records are read."""
        records = [b"a" * first_bytes, b"b" * (2 * BLOCK_BYTES), b""]
        file = tmp_path / "log"
        file.write_bytes(b"".join(frame_records(records)))
        assert [record for _, record in read_records(file)] == records

    def test_a_block_with_exactly_a_header_left_takes_an_empty_first_fragment(self, tmp_path: Path) -> None:
        """The last seven bytes are filled by a first fragment without data, as the format requires."""
        content = b"".join(frame_records([b"a" * (BLOCK_BYTES - 14), b"bc"]))
        assert content[BLOCK_BYTES - 7 :] == fragment(b"", 2) + fragment(b"bc", 4)

    def test_a_block_with_less_than_a_header_left_is_padded_with_zeros(self) -> None:
        """Fewer than seven bytes are never used."""
        content = b"".join(frame_records([b"a" * (BLOCK_BYTES - 13), b"bc"]))
        assert content[BLOCK_BYTES - 6 :] == bytes(6) + fragment(b"bc")

    def test_zeros_to_the_end_of_a_block_are_skipped(self, tmp_path: Path) -> None:
        """A writer may fill a block with zeros at any point, even if a header would fit."""
        file = tmp_path / "log"
        file.write_bytes(fragment(b"a").ljust(BLOCK_BYTES, b"\0") + fragment(b"b"))
        assert list(read_records(file)) == [(0, b"a"), (BLOCK_BYTES, b"b")]
