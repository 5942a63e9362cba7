"""Owns the errors of reports. Must not know HTTP libraries nor Firestore."""

from __future__ import annotations

from imagegen.kit.errors import AppError


class WeeklyReportNotFound(AppError):
    """There is no report of this week, or no report yet."""

    http_status, status, reason = 404, "NOT_FOUND", "WEEKLY_REPORT_NOT_FOUND"

    def __init__(self, week_id: str | None) -> None:
        message = "There is no weekly report yet." if week_id is None else f"There is no report of week {week_id}."
        super().__init__(message, metadata={} if week_id is None else {"week": week_id})
