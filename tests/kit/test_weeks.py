"""ISO weeks."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegen.kit.weeks import Week

pytestmark = pytest.mark.pure


class TestWeek:
    @given(st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1)))  # noqa: DTZ001 - made aware below.
    def test_a_name_names_the_week_of_each_of_its_moments(self, moment: datetime) -> None:
        """A moment lies in its week, and the week's name leads back to it."""
        aware = moment.replace(tzinfo=UTC)
        week = Week.of(aware)
        assert week.start_at <= aware < week.end_at
        assert Week.parse(week.week_id) == week
        assert Week.of(week.end_at).back(1) == week

    @pytest.mark.parametrize(
        "name", ["2026-W54", "2025-W53", "2026-W00", "2026-46", "2026-w46", "0000-W01", "2026-W1", ""]
    )
    def test_what_is_no_week(self, name: str) -> None:
        """A name that is malformed, or of a week that the year does not have, is refused."""
        with pytest.raises(ValueError):  # noqa: PT011 - the calendar's own words differ.
            Week.parse(name)
