"""The weekly report's arithmetic."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from imagegen.records import FailureReason, GenerationStatus
from imagegen.report import summarize, week_before

from tests.unit.test_ledger import a_generation
from tests.world import NOON


class TestWeekBefore:
    @pytest.mark.parametrize(
        ("scheduled_at", "start_at", "week_id"),
        [
            (datetime(2026, 11, 16, tzinfo=UTC), datetime(2026, 11, 9, tzinfo=UTC), "2026-W46"),
            (datetime(2026, 11, 22, 23, 59, tzinfo=UTC), datetime(2026, 11, 9, tzinfo=UTC), "2026-W46"),
            (datetime(2027, 1, 4, tzinfo=UTC), datetime(2026, 12, 28, tzinfo=UTC), "2026-W53"),
            (datetime(2026, 1, 1, tzinfo=UTC), datetime(2025, 12, 22, tzinfo=UTC), "2025-W52"),
            (
                datetime(2026, 11, 16, 1, tzinfo=timezone(timedelta(hours=2))),
                datetime(2026, 11, 2, tzinfo=UTC),
                "2026-W45",
            ),
        ],
    )
    def test_is_the_last_whole_iso_week(self, scheduled_at: datetime, start_at: datetime, week_id: str) -> None:
        """A week runs from Monday to Monday in UTC and has its ISO name, over the turn of a year too."""
        week = week_before(scheduled_at)
        assert (week.start_at, week.end_at, week.week_id) == (start_at, start_at + timedelta(days=7), week_id)


class TestSummarize:
    def test_counts_as_a_whole_and_by_dimension(self) -> None:
        """Each generation counts once in the totals and once in each breakdown, with its credits."""
        completed = replace(a_generation(3), status=GenerationStatus.COMPLETED, size="1024x1024")
        failed = replace(
            a_generation(1),
            status=GenerationStatus.FAILED,
            failure_reason=FailureReason.MODEL_ERROR,
            credits_refunded=1,
            model="model-b",
        )
        report = summarize([completed, failed, a_generation(1)], NOON, NOON)
        totals = report.totals
        assert (totals.requests, totals.completed, totals.failed, totals.pending) == (3, 1, 1, 1)
        assert (totals.credits_consumed, totals.credits_refunded, totals.credits_net) == (5, 1, 4)
        assert {name: group.requests for name, group in report.by_dimension["model"].items()} == {
            "model-a": 2,
            "model-b": 1,
        }
        assert report.by_dimension["size"]["1024x1024"].credits_net == 3
        assert sum(group.requests for group in report.by_dimension["style"].values()) == 3

    def test_an_empty_week_is_a_report_too(self) -> None:
        """A week without requests has zeros and no groups."""
        report = summarize([], NOON, NOON)
        assert report.totals.requests == 0
        assert report.by_dimension == {"model": {}, "style": {}, "color": {}, "size": {}}
