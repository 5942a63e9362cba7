"""Which queries can be partitioned, and where."""

import pytest

from embedded_firebase.firestore.errors import EmulatorError
from embedded_firebase.firestore.messages import StructuredQuery
from embedded_firebase.firestore.query import partitions, query

ROOT = "projects/p/databases/d/documents"
MIN = partitions.MIN_PARTITION_DOCUMENTS


def group(**more):
    return StructuredQuery(from_=[{"collection_id": "c", "all_descendants": True}], **more)


class TestCheck:
    def test_a_collection_group_ordered_by_name_passes(self):
        """The order may be explicit or implicit."""
        partitions.check(query.parse(ROOT, group()), 1)
        partitions.check(query.parse(ROOT, group(order_by=[{"field": {"field_path": "__name__"}, "direction": 1}])), 1)

    @pytest.mark.parametrize(
        ("parent", "message", "count", "match"),
        [
            (ROOT, group(), 0, "partition_count"),
            (f"{ROOT}/a/b", group(), 1, "parent"),
            (ROOT, StructuredQuery(from_=[{"collection_id": "c"}]), 1, "all_descendants"),
            (ROOT, StructuredQuery(), 1, "all_descendants"),
            (ROOT, group(order_by=[{"field": {"field_path": "v"}}]), 1, "__name__"),
            (ROOT, group(order_by=[{"field": {"field_path": "__name__"}, "direction": 2}]), 1, "ascending"),
            (ROOT, group(offset=1), 1, "offset"),
            (ROOT, group(limit={"value": 1}), 1, "limit"),
            (ROOT, group(start_at={"values": [{"reference_value": f"{ROOT}/c/a"}]}), 1, "cursors"),
            (ROOT, group(end_at={"values": [{"reference_value": f"{ROOT}/c/a"}]}), 1, "cursors"),
        ],
    )
    def test_any_other_query_is_refused(self, parent, message, count, match):
        """The error says why."""
        with pytest.raises(EmulatorError, match=match):
            partitions.check(query.parse(parent, message), count)


class TestSplitPoints:
    @pytest.mark.parametrize(
        ("documents", "count", "expected"),
        [
            (0, 3, []),
            (MIN, 3, []),
            (2 * MIN - 1, 3, []),
            (2 * MIN, 3, [MIN]),
            (3 * MIN + 2, 2, [MIN, 2 * MIN + 1]),
            (100 * MIN, 1, [50 * MIN]),
        ],
    )
    def test_parts_are_even_and_never_small(self, documents, count, expected):
        """There are at most as many split points as requested."""
        names = [f"{number:06}" for number in range(documents)]
        assert partitions.split_points(names, count) == [names[position] for position in expected]
