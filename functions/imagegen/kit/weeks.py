"""Owns ISO weeks. Must not know what is counted in them."""

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
        """Return the week that contains a moment."""
        day = moment.astimezone(UTC).date()
        return cls(datetime.combine(day - timedelta(days=day.weekday()), time(), UTC))

    @classmethod
    def parse(cls, week_id: str) -> Week:
        """Return the week of an ISO 8601 week id, such as 2026-W46.

        Raises:
            ValueError: it is not of this form, or there is no such week.
        """
        if not re.fullmatch(r"[0-9]{4}-W[0-9]{2}", week_id):
            raise ValueError(f"{week_id!r} is not of the form 2026-W46")
        monday = date.fromisocalendar(int(week_id[:4]), int(week_id[6:]), 1)
        return cls(datetime.combine(monday, time(), UTC))

    def back(self, weeks: int) -> Week:
        """Return the week that is `weeks` earlier."""
        return Week(self.start_at - timedelta(weeks=weeks))

    @property
    def end_at(self) -> datetime:
        """The end, exclusive: Monday 00:00 UTC of the next week."""
        return self.start_at + timedelta(days=7)

    @property
    def week_id(self) -> str:
        """The ISO 8601 week id, such as 2026-W46."""
        year, week, _ = self.start_at.isocalendar()
        return f"{year:04}-W{week:02}"
