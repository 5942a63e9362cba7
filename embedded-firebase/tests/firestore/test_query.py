"""The results of queries, their order, and which queries are refused."""

import math
import sys

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from google.cloud.firestore import And, FieldFilter, Or
from google.cloud.firestore_v1 import _helpers
from hypothesis import given
from hypothesis import strategies as st

from embedded_firebase.firestore.errors import Code, EmulatorError
from embedded_firebase.firestore.messages import Document, StructuredAggregationQuery, StructuredQuery
from embedded_firebase.firestore.query import aggregation
from embedded_firebase.firestore.query.query import parse, project, run

ROOT = "projects/p/databases/(default)/documents"
CLIENT = firestore.Client(project="p", credentials=AnonymousCredentials())
C = CLIENT.collection("c")
MAX = sys.float_info.max


def documents(*fields_of_each):
    """Documents of the collection `c` with the ids 0, 1, 2 ..."""
    made = []
    for number, fields in enumerate(fields_of_each):
        document = Document(name=f"{ROOT}/c/{number}")
        for name, value in fields.items():
            document.fields[name].CopyFrom(_helpers.encode_value(value)._pb)
        made.append(document)
    return made


def ids(query, held):
    """The ids of the results of a query from Google's client, in order; the offset is not skipped yet."""
    parsed = parse(ROOT, query._to_protobuf()._pb)
    return [int(document.name[-1]) for document in run(parsed, held, ordered=parsed.in_name_order)]


def refused(query) -> Code:
    with pytest.raises(EmulatorError) as caught:
        parse(ROOT, query._to_protobuf()._pb)
    return caught.value.code


MIXED = documents(
    {"v": 1},
    {"v": 2.0},
    {"v": 3},
    {"v": None},
    {"v": math.nan},
    {"v": "2"},
    {"v": [1, 2]},
    {"w": 1},
    {"v": {"a": 2}},
    {"v": ["x", None, math.nan]},
)


NAMED = C.where(filter=FieldFilter("__name__", "==", C.document("2")))


class TestFilters:
    @pytest.mark.parametrize(
        ("op", "value", "expected"),
        [
            ("==", 2, [1]),
            ("==", None, [3]),
            ("==", math.nan, [4]),
            ("<", 3, [0, 1]),
            ("<=", 3, [0, 1, 2]),
            (">", 1, [1, 2]),
            (">=", 2, [1, 2]),
            (">", "1", [5]),
            ("!=", 2, [4, 0, 2, 5, 6, 9, 8]),
            ("in", [1, 3.0, "2"], [0, 2, 5]),
            ("not-in", [1, "2"], [4, 1, 2, 6, 9, 8]),
            ("not-in", [1, None], []),
            ("in", [None], []),
            ("in", [math.nan], []),
            ("in", [None, math.nan, 1], [0]),
            ("array_contains", 2.0, [6]),
            ("array_contains_any", [7, 1], [6]),
            ("array_contains_any", [None], []),
            ("array_contains_any", [None, math.nan, "x"], [9]),
        ],
    )
    def test_operators(self, op, value, expected):
        """Ranges stay within a type and leave out NaN, negations null and missing fields; lists match neither."""
        assert ids(C.where(filter=FieldFilter("v", op, value)), MIXED) == expected

    def test_not_null_and_not_nan(self):
        """Both match every other value that is present and not null."""
        query = StructuredQuery(**{"from_": [{"collection_id": "c"}]})
        for op, expected in ((5, [4, 0, 1, 2, 5, 6, 9, 8]), (4, [0, 1, 2, 5, 6, 9, 8])):
            query.where.unary_filter.op = op
            query.where.unary_filter.field.field_path = "v"
            assert [int(d.name[-1]) for d in run(parse(ROOT, query), MIXED, ordered=False)] == expected

    def test_nested_and_or(self):
        """Composite filters can be nested."""
        either = Or([FieldFilter("v", "==", 1), And([FieldFilter("v", ">", 1), FieldFilter("v", "<", 3)])])
        assert ids(C.where(filter=either), MIXED) == [0, 1]

    def test_fields_within_maps(self):
        """A path reaches into a map."""
        assert ids(C.where(filter=FieldFilter("v.a", "==", 2)), MIXED) == [8]

    def test_by_name(self):
        """A document's own name can be compared."""
        assert ids(C.where(filter=FieldFilter("__name__", ">=", C.document("7"))), MIXED) == [7, 8, 9]
        assert ids(C.where(filter=FieldFilter("__name__", "in", [C.document("7")])), MIXED) == [7]

    @pytest.mark.parametrize(
        "query",
        [
            C.where(filter=FieldFilter("a", "in", [])),
            C.where(filter=FieldFilter("a", "in", list(range(31)))),
            C.where(filter=FieldFilter("a", "not-in", list(range(11)))),
            C.where(filter=FieldFilter("a", "!=", 1)).where(filter=FieldFilter("b", "!=", 1)),
            C.where(filter=FieldFilter("a", "not-in", [1])).where(filter=FieldFilter("b", "in", [1])),
            C.where(filter=FieldFilter("a", "in", list(range(6)))).where(filter=FieldFilter("b", "in", list(range(6)))),
            C.where(filter=FieldFilter("__name__", "==", "text")),
            C.limit(-1),
            C.offset(-1),
            C.order_by("a").order_by("a"),
            C.order_by("__name__").order_by("a"),
            NAMED.where(filter=FieldFilter("a", ">", 1)),
            NAMED.where(filter=FieldFilter("a", "!=", 1)),
        ],
    )
    def test_what_production_refuses_is_refused(self, query):
        """Bad operands, too many disjunctions and forbidden combinations are INVALID_ARGUMENT."""
        assert refused(query) is Code.INVALID_ARGUMENT

    def test_a_hundred_filters(self):
        """So many are allowed, and not one more."""
        filters = [FieldFilter(f"f{number}", "==", 1) for number in range(101)]
        assert ids(C.where(filter=And(filters[:100])), MIXED) == []
        assert refused(C.where(filter=And(filters))) is Code.INVALID_ARGUMENT

    def test_equality_on_the_key_beside_an_inequality_on_it_is_taken(self):
        """Only inequalities on other fields alone forbid it."""
        later = NAMED.where(filter=FieldFilter("__name__", ">", C.document("0")))
        assert ids(later.where(filter=FieldFilter("v", ">", 0)), MIXED) == [2]

    def test_vector_search_is_unimplemented(self):
        """The error says so."""
        query = StructuredQuery(find_nearest={})
        with pytest.raises(EmulatorError) as caught:
            parse(ROOT, query)
        assert caught.value.code is Code.UNIMPLEMENTED


class TestOrder:
    def test_documents_without_the_field_are_left_out(self):
        """An order requires its field; types sort one after another."""
        assert ids(C.order_by("v"), MIXED) == [3, 4, 0, 1, 2, 5, 6, 9, 8]

    def test_descending_reverses_everything_names_too(self):
        """The name, which breaks ties, has the direction of the last order."""
        held = documents({"v": 1}, {"v": 2}, {"v": 1})
        assert ids(C.order_by("v", direction="DESCENDING"), held) == [1, 2, 0]
        assert ids(C.order_by("v"), held) == [0, 2, 1]

    def test_fields_of_inequalities_are_ordered_by_in_the_order_of_their_names(self):
        """Results are sorted by every inequality field after the explicit orders."""
        held = documents({"a": 2, "b": 1, "c": 0}, {"a": 1, "b": 2, "c": 0}, {"a": 1, "b": 1, "c": 0})
        query = C.where(filter=FieldFilter("b", ">", 0)).where(filter=FieldFilter("a", ">", 0))
        assert ids(query, held) == [2, 1, 0]
        assert ids(query.order_by("c", direction="DESCENDING"), held) == [0, 1, 2]

    @given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=10), st.booleans(), st.booleans())
    def test_several_orders_agree_with_pythons_sort(self, pairs, first_descends, second_descends):
        """Each order breaks the ties of the one before."""
        held = documents(*({"a": a, "b": b} for a, b in pairs))
        query = C.order_by("a", direction="DESCENDING" if first_descends else "ASCENDING")
        query = query.order_by("b", direction="DESCENDING" if second_descends else "ASCENDING")
        keyed = [
            (-a if first_descends else a, -b if second_descends else b, -i if second_descends else i)
            for i, (a, b) in enumerate(pairs)
        ]
        assert ids(query, held) == [abs(i) for _, _, i in sorted(keyed)]


class TestCursorsAndLimits:
    HELD = documents(*({"v": v} for v in (1, 2, 2, 3)))

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            (C.order_by("v").start_at({"v": 2}), [1, 2, 3]),
            (C.order_by("v").start_after({"v": 2}), [3]),
            (C.order_by("v").end_at({"v": 2}), [0, 1, 2]),
            (C.order_by("v").end_before({"v": 2}), [0]),
            (C.order_by("v", direction="DESCENDING").start_after({"v": 3}), [2, 1, 0]),
            (C.order_by("v").order_by("__name__").start_after({"v": 2, "__name__": C.document("1")}), [2, 3]),
            (
                C.order_by("__name__")
                .start_at({"__name__": C.document("1")})
                .end_before({"__name__": C.document("3")}),
                [1, 2],
            ),
            (C.order_by("__name__", direction="DESCENDING").end_at({"__name__": C.document("2")}), [3, 2]),
            (C.limit(2), [0, 1]),
            (C.order_by("v").limit(0), []),
            (C.order_by("v", direction="DESCENDING").limit(2), [3, 2]),
        ],
    )
    def test_where_results_begin_and_end(self, query, expected):
        """A cursor is a position among the sorted results, given by values of the first orders."""
        assert ids(query, self.HELD) == expected

    def test_the_offset_is_counted_on_top_of_the_limit(self):
        """The caller skips the offset and counts what it skips."""
        assert ids(C.offset(1).limit(2), self.HELD) == [0, 1, 2]

    def test_more_values_than_orders_are_refused(self):
        """A cursor has at most as many values as the query has orders."""
        query = StructuredQuery(start_at={"values": [{"integer_value": 1}] * 2})
        with pytest.raises(EmulatorError, match="start_at holds 2 values"):
            parse(ROOT, query)

    @given(st.lists(st.integers(0, 5), max_size=10), st.integers(0, 5), st.integers(0, 4))
    def test_pages_join_to_the_whole(self, values, split, limit):
        """Results before a position and from it on are all results, each once."""
        held = documents(*({"v": value} for value in values))
        query = C.order_by("v")
        before, after = query.end_before({"v": split}), query.start_at({"v": split})
        assert ids(before, held) + ids(after, held) == ids(query, held)
        assert ids(after.limit(limit), held) == ids(after, held)[:limit]


class TestProject:
    def test_shows_only_the_fields_of_the_mask(self):
        """Nested fields keep their place; a missing one is left out; `__name__` alone selects no field."""
        (document,) = documents({"a": {"x": 1, "y": 2}, "b": 1})
        assert _helpers.decode_dict(project(document, (("a", "x"), ("z",))).fields, None) == {"a": {"x": 1}}
        assert not project(document, (("__name__",),)).fields
        assert project(document, None) is document


class TestAggregation:
    def figures(self, held, *aggregations):
        parsed = aggregation.parse(StructuredAggregationQuery(aggregations=aggregations))
        return {alias: _helpers.decode_value(value, None) for alias, value in aggregation.run(parsed, held).items()}

    def test_count_sum_and_average(self):
        """Sums keep integers, averages are doubles, other values are skipped."""
        held = documents({"v": 1}, {"v": 2}, {"v": "x"})
        operand = {"field": {"field_path": "v"}}
        found = self.figures(held, {"alias": "n", "count": {}}, {"sum": operand}, {"alias": "a", "avg": operand})
        assert found == {"n": 3, "field_2": 3, "a": 1.5}
        assert isinstance(found["field_2"], int)

    def test_of_no_documents(self):
        """The sum of no values is zero, and their average null."""
        operand = {"field": {"field_path": "v"}}
        assert self.figures([], {"alias": "s", "sum": operand}, {"alias": "a", "avg": operand}) == {"s": 0, "a": None}

    def test_a_sum_beyond_the_integers_is_a_double(self):
        """An integer sum does not wrap around."""
        found = self.figures(
            documents({"v": 2**62}, {"v": 2**62}), {"alias": "s", "sum": {"field": {"field_path": "v"}}}
        )
        assert found == {"s": 2.0**63}

    @pytest.mark.parametrize(
        ("values", "total"),
        [
            ([2**62, 2**62 - 1], 2**63 - 1),
            ([-(2**62), -(2**62)], -(2**63)),
            ([-(2**62), -(2**62), -1], -float(2**63)),
            ([MAX, MAX, -MAX, -MAX], 0.0),
            ([MAX, MAX], math.inf),
            ([-MAX, -MAX], -math.inf),
            ([MAX, MAX, -math.inf], -math.inf),
        ],
    )
    def test_the_bounds_of_a_sum(self, values, total):
        """A sum is an integer if it has 64 bits, and otherwise a double; only its end may overflow, no step."""
        figures = self.figures(
            documents(*({"v": value} for value in values)), {"alias": "s", "sum": {"field": {"field_path": "v"}}}
        )
        assert (figures["s"], type(figures["s"])) == (total, type(total))

    def test_groups_of_the_same_value_sum_up_without_overflow(self):
        """An index gives each value once with its count: a sum over it is the same."""
        held = documents({"v": MAX}, {"v": -MAX})
        operand = {"field": {"field_path": "v"}}
        message = StructuredAggregationQuery(aggregations=[{"sum": operand}, {"avg": operand}])
        figures = aggregation.run_grouped(aggregation.parse(message), [(document, 2) for document in held])
        assert [value.double_value for value in figures.values()] == [0.0, 0.0]

    def test_infinities_of_both_signs_have_no_sum(self):
        """It is NaN, as is every sum with NaN."""
        for values in ([math.inf, -math.inf], [math.nan, MAX, MAX]):
            figures = self.figures(
                documents(*({"v": value} for value in values)), {"alias": "s", "sum": {"field": {"field_path": "v"}}}
            )
            assert math.isnan(figures["s"])

    def test_more_than_five_are_refused_in_productions_words(self):
        """Suites of official clients look for them."""
        with pytest.raises(EmulatorError, match="maximum number of aggregations"):
            aggregation.parse(StructuredAggregationQuery(aggregations=[{"count": {}}] * 6))

    def test_count_up_to_one(self):
        """A count may stop at the first result, to see whether there is one."""
        assert self.figures(MIXED, {"alias": "n", "count": {"up_to": {"value": 1}}}) == {"n": 1}

    def test_count_up_to(self):
        """A count can stop at a limit."""
        assert self.figures(MIXED, {"alias": "n", "count": {"up_to": {"value": 2}}}) == {"n": 2}

    @pytest.mark.parametrize(
        "aggregations",
        [
            [],
            [{"count": {}}] * 6,
            [{"alias": "a", "count": {}}] * 2,
            [{"count": {"up_to": {"value": 0}}}],
            [{"alias": "a"}],
        ],
    )
    def test_what_production_refuses_is_refused(self, aggregations):
        """No or more than five aggregations, a repeated alias, a limit of zero and no operator are refused."""
        with pytest.raises(EmulatorError) as caught:
            aggregation.parse(StructuredAggregationQuery(aggregations=aggregations))
        assert caught.value.code is Code.INVALID_ARGUMENT
