"""Owns the HTTPS functions for weekly reports: their declarations, and the conversion to wire models.

Must not know HTTP libraries nor Firestore.
"""

from __future__ import annotations

from imagegen.reports import service
from imagegen.reports.errors import WeeklyReportNotFound
from imagegen.reports.schemas import (
    CURRENT,
    GetWeeklyReportRequest,
    ListWeeklyReportsRequest,
    WeeklyReportAnswer,
    WeeklyReportsAnswer,
)
from imagegen.web.endpoint import Access, Call, Endpoint, Reply


def _get_weekly_report(call: Call[GetWeeklyReportRequest]) -> Reply:
    if call.request.week == CURRENT:
        return Reply(WeeklyReportAnswer.of(service.week_so_far(call.deps)))
    return Reply(WeeklyReportAnswer.of(service.get_weekly_report(call.deps, call.request.week)))


def _list_weekly_reports(call: Call[ListWeeklyReportsRequest]) -> Reply:
    page = service.list_weekly_reports(call.deps, call.request.page_size, call.request.page_token)
    return Reply(
        WeeklyReportsAnswer(
            reports=[WeeklyReportAnswer.of(report) for report in page.reports],
            next_page_token=page.next_page_token,
        )
    )


GET_WEEKLY_REPORT = Endpoint(
    name="getWeeklyReport",
    summary="Read the report of a week, or the running week so far; the latest report by default.",
    methods=("GET", "POST"),
    access=Access.ADMIN,
    request_model=GetWeeklyReportRequest,
    example={"week": "2026-W46"},
    answers={200: (WeeklyReportAnswer,)},
    errors=(WeeklyReportNotFound,),
    respond=_get_weekly_report,
)

LIST_WEEKLY_REPORTS = Endpoint(
    name="listWeeklyReports",
    summary="Read a page of the weekly reports, newest first.",
    methods=("GET", "POST"),
    access=Access.ADMIN,
    request_model=ListWeeklyReportsRequest,
    example={"pageSize": 1},
    answers={200: (WeeklyReportsAnswer,)},
    respond=_list_weekly_reports,
)
