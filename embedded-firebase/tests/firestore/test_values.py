"""The order of values across all types, and access to fields."""

import math
from itertools import pairwise

import pytest
from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1._helpers import encode_value
from google.cloud.firestore_v1.order import Order
from google.cloud.firestore_v1.vector import Vector
from hypothesis import given
from hypothesis import strategies as st

from embedded_firebase.firestore.messages import Document, Value
from embedded_firebase.firestore.values.encoding import delete_field, encode, field, set_field

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
integers = st.integers(-(2**63), 2**63 - 1)
numbers = st.one_of(
    integers,
    st.floats(),
    st.sampled_from([0.0, -0.0, 2.0**53, 2**53 + 1, 2.0**63, 2**63 - 1, -(2.0**63), -(2**63), 2**62 + 512]),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    numbers,
    texts,
    st.binary(max_size=8),
    st.datetimes(),
    st.builds(GeoPoint, st.floats(-90, 90), st.floats(-180, 180)),
    st.lists(st.floats(allow_nan=False), min_size=1, max_size=3).map(Vector),
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)


def pb(value) -> Value:
    """The raw message of a Python value."""
    return encode_value(value)._pb


def sign(left: bytes, right: bytes) -> int:
    return (left > right) - (left < right)


class TestEncode:
    @given(anything, anything)
    def test_order_of_encodings_is_order_of_values(self, left, right):
        """Google's own client, which sorts snapshots itself, agrees on any two values."""
        assert sign(encode(pb(left)), encode(pb(right))) == Order.compare(
            encode_value(left)._pb, encode_value(right)._pb
        )

    @given(anything, anything)
    def test_no_encoding_is_a_prefix_of_another(self, left, right):
        """Encodings are self-delimiting, so that they can be joined and inverted."""
        one, other = encode(pb(left)), encode(pb(right))
        assert one == other or not one.startswith(other)

    @given(integers, st.floats(allow_nan=False))
    def test_integers_and_doubles_compare_exactly(self, integer, double):
        """An integer that no double can represent sorts correctly between two doubles."""
        expected = (integer > double) - (integer < double)
        assert sign(encode(pb(integer)), encode(pb(double))) == expected

    def test_types_sort_as_documented(self):
        """Null, booleans, NaN, numbers, times, strings, bytes, references, geo points, arrays, vectors, maps."""
        reference = Value(reference_value="projects/p/databases/d/documents/a/b")
        times = Value(timestamp_value={"seconds": 1})
        ordered = [
            pb(None),
            pb(False),
            pb(True),
            pb(math.nan),
            pb(-math.inf),
            pb(-1),
            pb(0),
            pb(0.5),
            pb(math.inf),
            times,
        ]
        ordered += [pb(""), pb("a"), pb("é"), pb("\U0001f600"), pb(b""), pb(b"\x00"), reference, pb(GeoPoint(-90, 0))]
        ordered += [pb([]), pb([1]), pb([1, 2]), pb(Vector([9.0])), pb(Vector([1.0, 1.0])), pb({}), pb({"a": 1})]
        keys = [encode(value) for value in ordered]
        assert all(left < right for left, right in pairwise(keys))

    def test_a_reference_sorts_part_by_part(self):
        """`a/b` comes before all below it, and those before `a/b!`, though "!" is less than "/"."""
        names = ["a/b", "a/b/c/d", "a/b!"]
        keys = [encode(Value(reference_value=f"projects/p/databases/d/documents/{name}")) for name in names]
        assert keys == sorted(keys)

    @pytest.mark.parametrize(("left", "right"), [(0.0, -0.0), (3, 3.0), (math.nan, -math.nan), ([1], [1.0])])
    def test_equal_values_encode_alike(self, left, right):
        """Zeros, equal numbers of different types, and all NaNs are one value."""
        assert encode(pb(left)) == encode(pb(right))


class TestFieldAccess:
    def test_reading_an_absent_path_creates_nothing(self):
        """Reading a protobuf map must not create entries."""
        document = Document()
        document.fields["a"].map_value.fields["b"].integer_value = 1
        before = document.SerializeToString(deterministic=True)
        assert field(document.fields, ("a", "b")).integer_value == 1
        assert field(document.fields, ("x", "y")) is None
        assert field(document.fields, ("a", "b", "c")) is None
        assert document.SerializeToString(deterministic=True) == before

    def test_setting_below_a_value_makes_it_a_map(self):
        """A value on the path is replaced by a map."""
        document = Document()
        document.fields["a"].integer_value = 1
        set_field(document.fields, ("a", "b"), Value(string_value="x"))
        assert field(document.fields, ("a", "b")).string_value == "x"

    def test_deleting_an_absent_path_does_nothing(self):
        """Only existing fields are deleted."""
        document = Document()
        document.fields["a"].map_value.fields["b"].integer_value = 1
        delete_field(document.fields, ("a", "c"))
        delete_field(document.fields, ("x", "y"))
        assert set(document.fields) == {"a"}
        delete_field(document.fields, ("a", "b"))
        assert document.fields["a"].WhichOneof("value_type") == "map_value"
        assert not document.fields["a"].map_value.fields

    def test_deleting_below_a_value_that_is_no_map_leaves_it(self):
        """A value that is no map does not become one."""
        document = Document(fields={"a": {"integer_value": 0}})
        delete_field(document.fields, ("a", "b"))
        assert document == Document(fields={"a": {"integer_value": 0}})
