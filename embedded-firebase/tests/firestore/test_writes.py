"""The effect of a write on a document."""

import math

import pytest
from google.cloud import firestore
from google.cloud.firestore_v1 import _helpers
from hypothesis import given
from hypothesis import strategies as st

from embedded_firebase.firestore.errors import Code, EmulatorError
from embedded_firebase.firestore.messages import Document, Value, Write
from embedded_firebase.firestore.transactions.writes import apply
from embedded_firebase.firestore.values.timestamps import to_micros

NAME = "projects/p/databases/(default)/documents/c/d"
EARLIER, NOW = 1_000_000, 2_000_000
integers = st.integers(-(2**63), 2**63 - 1)


def doc(**fields) -> Document:
    """An existing document."""
    document = Document(name=NAME, create_time={"seconds": 1}, update_time={"seconds": 1})
    for name, value in fields.items():
        document.fields[name].CopyFrom(_helpers.encode_value(value)._pb)
    return document


def data(document: Document | None):
    return None if document is None else _helpers.decode_dict(document.fields, None)


def update(fields: dict, mask: list[str] | None = None, **more) -> Write:
    """An update with a mask of field paths; None means no mask."""
    write = Write(update=doc(**fields), **more)
    if mask is not None:
        write.update_mask.field_paths.extend(mask)
        write.update_mask.SetInParent()
    return write


def transform(**transforms) -> Write:
    """A write with transforms only, made by Google's client."""
    (write,) = _helpers.pbs_for_set_with_merge(NAME, transforms, merge=True)
    return write._pb


class TestUpdate:
    def test_without_a_mask_it_replaces_everything(self):
        """A set replaces the whole document; its creation time stays."""
        outcome = apply(update({"b": 2}), doc(a=1), NOW)
        assert data(outcome.document) == {"b": 2}
        assert to_micros(outcome.document.create_time) == EARLIER
        assert to_micros(outcome.document.update_time) == to_micros(outcome.result.update_time) == NOW

    def test_of_a_missing_document_it_creates(self):
        """A new document is created at the time of the commit."""
        outcome = apply(update({"a": 1}, ["a"]), None, NOW)
        assert data(outcome.document) == {"a": 1}
        assert to_micros(outcome.document.create_time) == to_micros(outcome.document.update_time) == NOW

    def test_a_mask_sets_present_fields_and_deletes_missing_ones(self):
        """Other fields stay, nested ones too; quoted names may hold dots."""
        current = doc(a={"x": 1, "y": 2}, b=1, c=1, **{"d.e": 1})
        write = update({"a": {"x": 9}, "b": 7, "d.e": 5}, ["a.x", "a.y", "c", "`d.e`", "gone.too"])
        assert data(apply(write, current, NOW).document) == {"a": {"x": 9}, "b": 1, "d.e": 5}

    def test_an_empty_mask_touches_no_field(self):
        """It creates an empty document, and does not change an existing one."""
        assert data(apply(update({}, []), None, NOW).document) == {}
        assert data(apply(update({}, []), doc(a=1), NOW).document) == {"a": 1}

    def test_a_write_without_a_change_keeps_the_update_time(self):
        """A write of the same values answers the earlier time."""
        outcome = apply(update({"a": math.nan}), doc(a=math.nan), NOW)
        assert to_micros(outcome.document.update_time) == to_micros(outcome.result.update_time) == EARLIER

    def test_the_current_document_is_not_changed(self):
        """A commit that fails later must leave it unchanged."""
        current = doc(a={"x": 1})
        before = current.SerializeToString(deterministic=True)
        apply(update({"a": {"x": 2}}, ["a.x"]), current, NOW)
        assert current.SerializeToString(deterministic=True) == before

    def test_timestamps_are_kept_to_the_microsecond(self):
        """Nanoseconds are cut off."""
        write = Write(update=Document(name=NAME))
        write.update.fields["t"].timestamp_value.nanos = 1_999
        assert apply(write, None, NOW).document.fields["t"].timestamp_value.nanos == 1_000

    def test_the_wire_holds_one_operation(self):
        """A write without one is refused."""
        with pytest.raises(EmulatorError) as caught:
            apply(Write(), None, NOW)
        assert caught.value.code is Code.INVALID_ARGUMENT


class TestDelete:
    def test_it_leaves_no_document_and_no_update_time(self):
        """A missing document can be deleted too."""
        for current in (doc(a=1), None):
            outcome = apply(Write(delete=NAME), current, NOW)
            assert outcome.document is None
            assert not outcome.result.HasField("update_time")


class TestPreconditions:
    @pytest.mark.parametrize(
        ("precondition", "current", "code"),
        [
            ({"exists": False}, doc(), Code.ALREADY_EXISTS),
            ({"exists": True}, None, Code.NOT_FOUND),
            ({"update_time": {"nanos": 999_999_000}}, doc(), Code.FAILED_PRECONDITION),
            ({"update_time": {"seconds": 1}}, None, Code.FAILED_PRECONDITION),
            ({"update_time": {"seconds": 9}}, doc(), Code.INVALID_ARGUMENT),
            ({"update_time": {"seconds": 1, "nanos": 1}}, doc(), Code.INVALID_ARGUMENT),
        ],
    )
    def test_a_failed_precondition_has_productions_code(self, precondition, current, code):
        """The code says which precondition failed."""
        for write in (
            update({"a": 1}, current_document=precondition),
            Write(delete=NAME, current_document=precondition),
        ):
            with pytest.raises(EmulatorError) as caught:
                apply(write, current, NOW)
            assert caught.value.code is code
            assert caught.value.message

    @pytest.mark.parametrize(
        ("precondition", "current"),
        [({"exists": False}, None), ({"exists": True}, doc()), ({"update_time": {"seconds": 1}}, doc())],
    )
    def test_a_met_precondition_has_no_effect(self, precondition, current):
        """The write is applied as without a precondition."""
        assert data(apply(update({"a": 1}, current_document=precondition), current, NOW).document) == {"a": 1}


class TestTransforms:
    @pytest.mark.parametrize(
        ("held", "operand", "sum_", "kind"),
        [
            (1, 2, 3, int),
            (2**63 - 2, 5, 2**63 - 1, int),
            (-(2**63), -1, -(2**63), int),
            (1, 0.5, 1.5, float),
            (0.5, 1, 1.5, float),
            ("text", 4, 4, int),
        ],
    )
    def test_increment(self, held, operand, sum_, kind):
        """Integers saturate, a double makes a double, any other value is replaced."""
        outcome = apply(transform(n=firestore.Increment(operand)), doc(n=held), NOW)
        assert data(outcome.document) == {"n": sum_}
        assert type(data(outcome.document)["n"]) is kind
        assert _helpers.decode_value(outcome.result.transform_results[0], None) == sum_

    @given(integers, integers)
    def test_increment_never_leaves_the_integers(self, held, operand):
        """The sum saturates at 64 bits."""
        total = data(apply(transform(n=firestore.Increment(operand)), doc(n=held), NOW).document)["n"]
        assert total == min(max(held + operand, -(2**63)), 2**63 - 1)

    @pytest.mark.parametrize(
        ("held", "operand", "maximum", "minimum"),
        [(1, 2, 2, 1), (3, 3.0, 3, 3), (0, -0.0, 0, 0), (1, math.nan, math.nan, math.nan), (2.5, 2, 2.5, 2)],
    )
    def test_maximum_and_minimum(self, held, operand, maximum, minimum):
        """The larger or smaller keeps its type, equal ones leave the field, NaN wins."""
        larger = data(apply(transform(n=firestore.Maximum(operand)), doc(n=held), NOW).document)["n"]
        smaller = data(apply(transform(n=firestore.Minimum(operand)), doc(n=held), NOW).document)["n"]
        assert [repr(larger), repr(smaller)] == [repr(maximum), repr(minimum)]

    def test_array_union_and_remove(self):
        """Equal numbers of different types are one element; the order stays; the result is null."""
        outcome = apply(transform(a=firestore.ArrayUnion([2.0, 3, 3])), doc(a=[1, 2]), NOW)
        assert data(outcome.document) == {"a": [1, 2, 3]}
        assert outcome.result.transform_results[0].WhichOneof("value_type") == "null_value"
        assert data(apply(transform(a=firestore.ArrayRemove([1.0, 9])), doc(a=[1, 2, 1]), NOW).document) == {"a": [2]}
        assert data(apply(transform(a=firestore.ArrayRemove([1])), doc(a="text"), NOW).document) == {"a": []}

    def test_the_server_timestamp_is_the_commit_time(self):
        """All fields of a commit get the same time."""
        outcome = apply(transform(a=firestore.SERVER_TIMESTAMP, b=firestore.SERVER_TIMESTAMP), None, NOW)
        assert [to_micros(outcome.document.fields[name].timestamp_value) for name in "ab"] == [NOW, NOW]

    def test_several_on_one_field_apply_in_order_after_the_update(self):
        """Each sees the effect of the one before, and has its own result."""
        write = update({"n": 1})
        for amount in (2, 3):
            write.update_transforms.add(field_path="n", increment={"integer_value": amount})
        outcome = apply(write, None, NOW)
        assert data(outcome.document) == {"n": 6}
        assert [value.integer_value for value in outcome.result.transform_results] == [3, 6]

    def test_the_older_transform_operation_works_too(self):
        """A write may have only transforms, with the document's name."""
        write = Write(transform={"document": NAME})
        write.transform.field_transforms.add(field_path="a.b", increment={"integer_value": 2})
        assert data(apply(write, doc(c=1), NOW).document) == {"a": {"b": 2}, "c": 1}

    def test_increment_needs_a_number(self):
        """An increment by a string is refused."""
        write = update({})
        write.update_transforms.add(field_path="n", increment={"string_value": "x"})
        with pytest.raises(EmulatorError) as caught:
            apply(write, None, NOW)
        assert caught.value.code is Code.INVALID_ARGUMENT


class TestLimits:
    @pytest.mark.parametrize(
        "value",
        [
            [[1]],
            {"__reserved__": 1},
            {"": 1},
            "x" * 1_048_576,
            {"x" * 1_501: 1},
            [1] * 140_000,
        ],
        ids=["array in array", "reserved name", "empty name", "1 MiB", "long name", "many small"],
    )
    def test_what_production_refuses_is_refused(self, value):
        """Names, nesting and size have production's limits."""
        write = Write(update=Document(name=NAME))
        write.update.fields["f"].CopyFrom(_helpers.encode_value(value)._pb)
        with pytest.raises(EmulatorError) as caught:
            apply(write, None, NOW)
        assert caught.value.code is Code.INVALID_ARGUMENT

    @pytest.mark.parametrize(("levels", "allowed"), [(20, True), (21, False)])
    def test_maps_nest_twenty_levels(self, levels, allowed):
        """The twenty-first level is refused, written as a map or by a path."""
        value = Value(integer_value=1)
        for _ in range(levels):
            value = Value(map_value={"fields": {"m": value}})
        whole = Write(update=Document(name=NAME, fields={"f": value}))
        by_path = Write(update=Document(name=NAME))
        by_path.update_transforms.add(field_path=".".join(["m"] * (levels + 1)), increment={"integer_value": 1})
        for write in (whole, by_path):
            if allowed:
                assert apply(write, None, NOW).document is not None
            else:
                with pytest.raises(EmulatorError) as caught:
                    apply(write, None, NOW)
                assert caught.value.code is Code.INVALID_ARGUMENT
