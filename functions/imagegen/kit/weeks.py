"""Owns ISO weeks. Must not know what is counted by them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta


@dataclass(frozen=True)
class Week:
    """An ISO week, `[start_at, end_at)`, from Monday 00:00 UTC to the next."""

    start_at: datetime

    @classmethod
    def of(cls, moment: datetime) -> Week:
        """Return the week that a moment is in."""
        day = moment.astimezone(UTC).date()
        return cls(datetime.combine(day - timedelta(days=day.weekday()), time(), UTC))

    @classmethod
    def parse(cls, week_id: str) -> Week:
        """Return the week of an ISO 8601 name.

        Raises:
            ValueError: it is not one, or not of a week that there is.
        """
        if not re.fullmatch(r"[0-9]{4}-W[0-9]{2}", week_id):
            raise ValueError(f"{week_id!r} is not of the form 2026-W46")
        monday = date.fromisocalendar(int(week_id[:4]), int(week_id[6:]), 1)
        return cls(datetime.combine(monday, time(), UTC))

    def back(self, weeks: int) -> Week:
        """Return the week that many weeks earlier."""
        return Week(self.start_at - timedelta(weeks=weeks))

    @property
    def end_at(self) -> datetime:
        """The next Monday."""
        return self.start_at + timedelta(days=7)

    @property
    def week_id(self) -> str:
        """Its ISO 8601 name, such as 2026-W46."""
        year, week, _ = self.start_at.isocalendar()
        return f"{year:04}-W{week:02}"
