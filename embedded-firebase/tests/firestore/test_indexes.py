"""The index file, and the entries that indexes hold of a document."""

import json
from typing import Any

import pytest

from embedded_firebase.firestore.indexes.definitions import (
    IndexField,
    IndexSet,
    Mode,
    QueryScope,
    entries,
    is_kept,
    parse,
    single,
)
from embedded_firebase.firestore.messages import Value
from embedded_firebase.firestore.values.encoding import encode, invert

ONE, TWO = Value(integer_value=1), Value(integer_value=2)


class TestParse:
    def test_the_file_of_the_firebase_cli_is_read(self) -> None:
        """Composite indexes, overrides and the vector indexes that no supported query needs."""
        indexes = parse(json.dumps({
            "indexes": [
                {"collectionGroup": "c", "queryScope": "COLLECTION_GROUP", "density": "SPARSE_ALL", "fields": [
                    {"fieldPath": "a.b", "order": "DESCENDING"}, {"fieldPath": "t", "arrayConfig": "CONTAINS"}]},
                {"collectionGroup": "c", "queryScope": "COLLECTION", "fields": [
                    {"fieldPath": "v", "vectorConfig": {"dimension": 3, "flat": {}}}]}],
            "fieldOverrides": [{"collectionGroup": "c", "fieldPath": "x", "ttl": True, "indexes": [
                {"order": "ASCENDING", "queryScope": "COLLECTION_GROUP"}]}]}))  # fmt: skip
        index = (IndexField(("a", "b"), Mode.DESCENDING), IndexField(("t",), Mode.CONTAINS))
        assert indexes.composites == {("c", QueryScope.COLLECTION_GROUP): (index,)}
        assert indexes.modes("c", ("x", "inside")) == {(Mode.ASCENDING, QueryScope.COLLECTION_GROUP)}

    @pytest.mark.parametrize(
        ("content", "named"),
        [
            ("{", "not JSON"),
            ("[]", "an object"),
            ({"indexes": {}}, '"indexes" must be a list'),
            ({"indexes": [{"queryScope": "COLLECTION"}]}, "indexes[0].fields"),
            ({"indexes": [{"queryScope": "COLLECTION", "fields": [{"fieldPath": "a", "order": "UP"}]}]},
             'indexes[0].fields[0]" needs "order"'),
            ({"indexes": [{"queryScope": "ALL", "collectionGroup": "c", "fields": [
                {"fieldPath": "a", "order": "ASCENDING"}]}]}, '"indexes[0].queryScope" must be COLLECTION or'),
            ({"fieldOverrides": [{"collectionGroup": "c", "fieldPath": "a b"}]}, "fieldOverrides[0].fieldPath"),
        ],
    )  # fmt: skip
    def test_an_error_names_its_place(self, content: Any, named: str) -> None:
        """The error names the position in the file."""
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is what is looked at
            parse(content if isinstance(content, str) else json.dumps(content))
        assert named in str(caught.value)


class TestEntries:
    def test_every_field_has_entries(self) -> None:
        """Fields inside of maps, the maps themselves, whole arrays and each different element have an entry."""
        array = Value(array_value={"values": [ONE, TWO, ONE]})
        inner = Value(map_value={"fields": {"x": TWO}})
        assert entries({"a": array, "m": inner}, "c", IndexSet()) == {
            (single(("a",)), encode(array)),
            (single(("a",), Mode.CONTAINS), encode(ONE)),
            (single(("a",), Mode.CONTAINS), encode(TWO)),
            (single(("m",)), encode(inner)),
            (single(("m", "x")), encode(TWO)),
        }

    def test_a_composite_index_holds_documents_with_all_its_fields(self) -> None:
        """An array gives one entry for each element."""
        indexes = parse(json.dumps({
            "indexes": [{"collectionGroup": "c", "queryScope": "COLLECTION", "fields": [
                {"fieldPath": "t", "arrayConfig": "CONTAINS"}, {"fieldPath": "a", "order": "DESCENDING"}]}],
            "fieldOverrides": [{"collectionGroup": "c", "fieldPath": "*", "indexes": []}]}))  # fmt: skip
        (index,) = indexes.composite("c")
        tags = Value(array_value={"values": [ONE, TWO]})
        assert entries({"t": tags, "a": ONE}, "c", indexes) == {
            (index, encode(ONE) + invert(encode(ONE))),
            (index, encode(TWO) + invert(encode(ONE))),
        }
        assert entries({"t": tags}, "c", indexes) == set()
        assert len(entries({"a": ONE}, "other", indexes)) == 1

    def test_an_exempt_field_has_no_entries(self) -> None:
        """The fields inside it have none either, and no walk may use them."""
        indexes = parse('{"fieldOverrides": [{"collectionGroup": "c", "fieldPath": "m", "indexes": []}]}')
        inner = Value(map_value={"fields": {"x": TWO}})
        assert entries({"m": inner}, "c", indexes) == set()
        assert not is_kept(single(("m", "x")), "c", indexes)
        assert is_kept(single(("m", "x")), "d", indexes)
