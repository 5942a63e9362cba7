"""The weekly report's arithmetic."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegen.kit.weeks import Week
from imagegen.reports.figures import add, break_down, change, week_due
from imagegen.reports.records import Totals, WeeklyReport
from tests.world import NOON

# From Monday to Sunday.
DAYS = range(16, 23)

pytestmark = pytest.mark.pure

COUNTS = st.integers(0, 1000)


@st.composite
def some_totals(draw: st.DrawFn) -> Totals:
    counts = {status: draw(COUNTS) for status in ("completed", "failed", "pending", "cancelled")}
    return Totals(requests=sum(counts.values()), **counts, credits_consumed=draw(COUNTS), credits_refunded=draw(COUNTS))


def a_report(totals: Totals, active_accounts: int | None = 0, new_accounts: int = 0) -> WeeklyReport:
    return WeeklyReport(
        week=Week.of(NOON),
        generated_at=NOON,
        totals=totals,
        by_dimension={},
        active_accounts=active_accounts,
        new_accounts_by_day=(new_accounts, 0, 0, 0, 0, 0, 0),
    )


class TestWeekDue:
    @pytest.mark.parametrize(
        ("now", "start_at", "week_id"),
        [
            (datetime(2026, 11, 16, tzinfo=UTC), datetime(2026, 11, 9, tzinfo=UTC), "2026-W46"),
            *((datetime(2026, 11, day, 12, tzinfo=UTC), datetime(2026, 11, 9, tzinfo=UTC), "2026-W46") for day in DAYS),
            (datetime(2026, 11, 22, 23, 59, 59, 999_999, UTC), datetime(2026, 11, 9, tzinfo=UTC), "2026-W46"),
            (datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 16, tzinfo=UTC), "2026-W47"),
            (datetime(2027, 1, 4, tzinfo=UTC), datetime(2026, 12, 28, tzinfo=UTC), "2026-W53"),
            (datetime(2026, 1, 1, tzinfo=UTC), datetime(2025, 12, 22, tzinfo=UTC), "2025-W52"),
            (
                datetime(2026, 11, 16, 1, tzinfo=timezone(timedelta(hours=2))),
                datetime(2026, 11, 2, tzinfo=UTC),
                "2026-W45",
            ),
        ],
    )
    def test_is_the_last_whole_iso_week(self, now: datetime, start_at: datetime, week_id: str) -> None:
        """On each day it is the last week from Monday to Monday in UTC, by its ISO name, also at the turn of a year."""
        week = week_due(now, now)
        assert (week.start_at, week.end_at, week.week_id) == (start_at, start_at + timedelta(days=7), week_id)

    @pytest.mark.parametrize(
        ("lag", "week_id"),
        [(timedelta(0), "2026-W46"), (timedelta(minutes=1), "2026-W46"), (timedelta(minutes=1, seconds=1), "2026-W45")],
    )
    def test_a_clock_may_lag_behind_the_schedule(self, lag: timedelta, week_id: str) -> None:
        """By a minute at most, so that a run of Monday 00:00 reports the week that has just ended."""
        monday = datetime(2026, 11, 16, tzinfo=UTC)
        assert week_due(monday, monday - lag).week_id == week_id

    @pytest.mark.parametrize(
        "scheduled_at",
        [
            datetime(2031, 1, 6, tzinfo=UTC),
            datetime(2020, 1, 6, tzinfo=UTC),
            datetime(2026, 11, 25),  # noqa: DTZ001 - a header without a time zone.
            datetime.max.replace(tzinfo=timezone(timedelta(hours=-23))),
            datetime.min.replace(tzinfo=timezone(timedelta(hours=23))),
        ],
    )
    def test_a_forged_schedule_time_orders_no_other_week(self, scheduled_at: datetime) -> None:
        """The clock decides, whatever the header of a call says."""
        assert week_due(scheduled_at, NOON).week_id == "2026-W46"


class TestTotals:
    def test_cancelled_and_pending_are_outside_the_success_rate(self) -> None:
        """The success rate is over completed and failed requests only, and null without any."""
        assert Totals(requests=10, completed=3, failed=1, pending=2, cancelled=4).success_rate == 0.75
        assert Totals(requests=6, pending=2, cancelled=4).success_rate is None


class TestAdd:
    @given(st.lists(some_totals(), max_size=5))
    def test_adds_each_number(self, parts: list[Totals]) -> None:
        """Each number of the sum is the sum of that number."""
        whole = add(parts)
        assert whole.requests == sum(part.requests for part in parts)
        assert whole.requests == whole.completed + whole.failed + whole.pending + whole.cancelled
        assert whole.credits_net == sum(part.credits_net for part in parts)


class TestBreakDown:
    @given(st.dictionaries(st.sampled_from(["a", "b", "other"]), some_totals()), some_totals())
    def test_the_groups_add_up_to_the_whole(self, by_value: dict[str, Totals], unexplained: Totals) -> None:
        """Values that the catalog does not have are in `other`: each request is counted exactly once."""
        whole = add([*by_value.values(), unexplained])
        groups = break_down(whole, by_value)
        assert add(groups.values()).requests == whole.requests
        for value in groups.keys() - {"other"}:
            assert groups[value] == by_value[value]
        assert all(totals.requests for totals in groups.values())
        assert list(groups) == sorted(groups)

    def test_values_without_a_request_are_left_out(self) -> None:
        """A catalog entry without requests is left out, and so is an empty `other`."""
        picked = Totals(requests=1, completed=1)
        assert break_down(picked, {"a": picked, "b": Totals()}) == {"a": picked}


class TestChange:
    def test_is_this_week_less_the_one_before(self) -> None:
        """Each number is a difference, negative for a decrease."""
        now = a_report(Totals(requests=4, completed=3, failed=1, credits_consumed=9, credits_refunded=1), 3, 2)
        then = a_report(Totals(requests=10, completed=5, failed=5, credits_consumed=10, credits_refunded=5), 1, 5)
        changed = change(now, then)
        assert (changed.requests, changed.completed, changed.failed) == (-6, -2, -4)
        assert (changed.credits_consumed, changed.credits_net) == (-1, 3)
        assert (changed.success_rate, changed.active_accounts, changed.new_accounts) == (0.25, 2, -3)

    def test_an_unknown_number_has_no_change(self) -> None:
        """A null rate and unknown accounts cannot be compared."""
        changed = change(a_report(Totals(), None), a_report(Totals(requests=1, completed=1), 1))
        assert (changed.requests, changed.success_rate, changed.active_accounts) == (-1, None, None)
