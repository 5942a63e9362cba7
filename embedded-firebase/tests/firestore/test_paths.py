"""Resource names, field paths and the order of their keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded_firebase.firestore.errors import Code, EmulatorError
from embedded_firebase.firestore.values.paths import (
    parse_document,
    parse_field_path,
    parse_parent,
    path_key,
    prefix_end,
    segment_key,
)

DATABASE = "projects/p/databases/(default)"
segments = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1).filter(
    lambda text: not text.startswith("__")
)


class TestParseDocument:
    def test_a_name_has_a_database_a_collection_and_an_id(self):
        """A nested document's collection is everything between the database and its own id."""
        path = parse_document(f"{DATABASE}/documents/users/u1/transactions/t1")
        assert (path.database, path.collection, path.document_id) == (DATABASE, "users/u1/transactions", "t1")
        assert path.name == f"{DATABASE}/documents/users/u1/transactions/t1"

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "users/u1",
            f"{DATABASE}/documents",
            f"{DATABASE}/documents/users",
            f"{DATABASE}/documents/users/u1/transactions",
            f"{DATABASE}/documents/users//",
            f"{DATABASE}/documents/users/..",
            f"{DATABASE}/documents/users/__reserved__",
            f"{DATABASE}/documents/users/{'é' * 751}",
            f"{DATABASE}/documents/" + "/".join(["x" * 1_500] * 6),
            f"{DATABASE}/documents/" + "/".join(["x"] * 202),
            f"{DATABASE}/elsewhere/users/u1",
            "projects//databases/(default)/documents/users/u1",
        ],
    )
    def test_an_invalid_document_name_is_refused(self, name):
        """A wrong depth and empty, reserved or too long parts are INVALID_ARGUMENT."""
        with pytest.raises(EmulatorError) as caught:
            parse_document(name)
        assert caught.value.code is Code.INVALID_ARGUMENT

    def test_a_numeric_id_of_datastore_is_allowed(self):
        """`__id7__` is reserved for documents that came from Datastore, and valid."""
        assert parse_document(f"{DATABASE}/documents/users/__id7__").document_id == "__id7__"


class TestParseParent:
    def test_the_root_is_the_empty_path(self):
        """All documents are below the root."""
        assert parse_parent(f"{DATABASE}/documents") == (DATABASE, "")

    def test_a_document_is_a_parent(self):
        """Collections are below documents."""
        assert parse_parent(f"{DATABASE}/documents/a/b") == (DATABASE, "a/b")


class TestKeys:
    @given(segments, segments)
    def test_order_of_keys_is_order_of_utf8(self, left, right):
        """Ids sort by their bytes in UTF-8."""
        assert (segment_key(left) < segment_key(right)) == (left.encode() < right.encode())

    @given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1), segments)
    def test_numeric_ids_sort_by_number_before_all_others(self, left, right, named):
        """`__id10__` comes after `__id9__` and before every named id."""
        assert (segment_key(f"__id{left}__") < segment_key(f"__id{right}__")) == (left < right)
        assert segment_key(f"__id{left}__") < segment_key(named)

    @given(st.lists(segments, min_size=1, max_size=4), st.lists(segments, min_size=1, max_size=4))
    def test_paths_sort_part_by_part(self, left, right):
        """A path sorts by its first differing part, and before everything below it."""
        encoded = [[part.encode() for part in path] for path in (left, right)]
        assert (path_key("/".join(left)) < path_key("/".join(right))) == (encoded[0] < encoded[1])

    @given(segments, segments)
    def test_a_prefix_ends_behind_all_below_it(self, parent, child):
        """The range of a prefix holds its children and no sibling."""
        prefix = path_key(parent)
        assert prefix <= path_key(f"{parent}/{child}") < prefix_end(prefix)
        assert parent == child or not prefix <= path_key(child) < prefix_end(prefix)


class TestParseFieldPath:
    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("a", ("a",)),
            ("a.b_2.C", ("a", "b_2", "C")),
            ("`a.b`.c", ("a.b", "c")),
            ("`x-y`", ("x-y",)),
            (r"`tick\`back\\slash`", ("tick`back\\slash",)),
            ("`ünïcode`", ("ünïcode",)),
        ],
    )
    def test_simple_and_quoted_parts(self, text, names):
        """Dots separate parts; backticks quote any text, with a backslash before backtick and backslash."""
        assert parse_field_path(text) == names

    @pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "1a", "a-b", "`a", "``", "`a`b", "__reserved__"])
    def test_an_invalid_path_is_refused(self, text):
        """Any other text is INVALID_ARGUMENT."""
        with pytest.raises(EmulatorError) as caught:
            parse_field_path(text)
        assert caught.value.code is Code.INVALID_ARGUMENT

    @given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20), min_size=1, max_size=4))
    def test_the_clients_own_quoting_is_understood(self, names):
        """Field paths written by Google's client are parsed to the same names."""
        from google.cloud.firestore_v1.field_path import FieldPath

        if not any(name.startswith("__") for name in names):
            assert parse_field_path(FieldPath(*names).to_api_repr()) == tuple(names)
