"""ISO weeks."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegen.kit.weeks import Week

pytestmark = pytest.mark.pure


class TestWeek:
    @given(st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1)))  # noqa: DTZ001 - made aware below.
    def test_a_moment_and_its_week_agree(self, moment: datetime) -> None:
        """Each moment lies in the week of its name, and that name leads back to the week."""
        aware = moment.replace(tzinfo=UTC)
        week = Week.of(aware)
        assert week.start_at <= aware < week.end_at
        assert Week.parse(week.week_id) == week
        assert Week.of(week.end_at).back(1) == week

    @pytest.mark.parametrize(
        "name", ["2026-W54", "2025-W53", "2026-W00", "2026-46", "2026-w46", "0000-W01", "2026-W1", ""]
    )
    def test_refuses_an_invalid_week(self, name: str) -> None:
        """A name that is malformed, or of a week that the year does not have, is refused."""
        with pytest.raises(ValueError):  # noqa: PT011 - the messages of the calendar differ.
            Week.parse(name)

    def test_the_form_is_named(self) -> None:
        """Text of another form is refused with an example of a week id."""
        with pytest.raises(ValueError, match="'last' is not of the form 2026-W46"):
            Week.parse("last")
