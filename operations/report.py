"""Owns `make report`: a weekly report in a terminal, the latest or one that it makes.

Must not know how a report is built.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta

from google.api_core import exceptions

from imagegen import production
from imagegen.config import Settings
from imagegen.kit.errors import Unavailable
from imagegen.kit.weeks import Week
from imagegen.reports import service as reports_service
from imagegen.reports.errors import WeeklyReportNotFound
from imagegen.reports.figures import DIMENSIONS
from imagegen.reports.records import Anomaly, Totals, WeeklyReport
from imagegen.reports.schemas import WeeklyReportAnswer
from operations import connection

_BAR_WIDTH = 20


def main(arguments: list[str] | None = None) -> int:
    """Print the latest report, or make and print that of a week; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="make report",
        description="Print the latest weekly report of the running Firestore, or make the report of a week.",
    )
    parser.add_argument("--week", type=_week, help="make the report of this week first, such as 2026-W46")
    parser.add_argument("--project", help="the deployed project; the running Firestore by default")
    parser.add_argument("--json", action="store_true", help="print the JSON of getWeeklyReport")
    options = parser.parse_args(arguments)
    try:
        client = connection.connect_to(options.project) if options.project else connection.connect()
        deps = production.build(client, Settings())
        report = (
            reports_service.build_weekly_report(deps, options.week)
            if options.week
            else reports_service.get_weekly_report(deps, None)
        )
    except (connection.NotRunning, reports_service.WeekNotOver) as error:
        return _fail(str(error))
    except Unavailable:
        return _fail("Firestore did not answer in time; try again.")
    except exceptions.GoogleAPICallError as error:
        return _fail(f"Firestore refused a call: {error.message}")
    except WeeklyReportNotFound:
        return _fail("There is no weekly report yet; `make history` makes nine, and WEEK=2026-W46 makes one.")
    sys.stdout.write(WeeklyReportAnswer.of(report).model_dump_json(by_alias=True) if options.json else render(report))
    sys.stdout.write("\n")
    return 0


def _week(text: str) -> Week:
    try:
        return Week.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def render(report: WeeklyReport) -> str:
    """Return a report as plain text: anomalies first, then totals, then a table for each dimension."""
    week, last_day = report.week, report.week.end_at - timedelta(days=1)
    lines = [f"Week {week.week_id}, {week.start_at:%d %b %Y} to {last_day:%d %b %Y}, made {_at(report)}", ""]
    lines += _anomalies(report)
    lines += _totals(report)
    lines += _accounts(report)
    for dimension in DIMENSIONS:
        lines += _table(dimension, report.by_dimension[dimension])
    return "\n".join(lines).rstrip()


def _anomalies(report: WeeklyReport) -> Iterator[str]:
    yield "ANOMALIES"
    yield from (_anomaly(anomaly) for anomaly in report.anomalies)
    if report.insufficient_history:
        yield "  There is no earlier report to compare with."
    elif not report.anomalies:
        yield "  None."
    if report.low_power:
        yield f"  Too little to judge: {', '.join(report.low_power)}."
    yield ""


def _anomaly(anomaly: Anomaly) -> str:
    mark = "!!" if anomaly.severity == "critical" else " !"
    provisional = " (provisional)" if anomaly.status == "provisional" else ""
    return f"{mark} {anomaly.message}{provisional}"


def _totals(report: WeeklyReport) -> Iterator[str]:
    totals, change = report.totals, report.change
    yield "TOTALS" + " " * 28 + "against the week before"
    for name in ("requests", "completed", "failed", "pending", "cancelled"):
        yield _row(name, getattr(totals, name), getattr(change, name, None))
    yield _row("credits consumed", totals.credits_consumed, getattr(change, "credits_consumed", None))
    yield _row("credits refunded", totals.credits_refunded, None)
    yield _row("credits net", totals.credits_net, getattr(change, "credits_net", None))
    yield _row("active accounts", report.active_accounts, getattr(change, "active_accounts", None))
    yield _row("new accounts", report.new_accounts, getattr(change, "new_accounts", None))
    yield f"  {'success rate':<18}{_rate(totals):>12}"
    mean = "-" if report.mean_duration_ms is None else f"{report.mean_duration_ms / 1000:.1f} s"
    slowest = f", the slowest {report.slowest[0].duration_ms / 1000:.1f} s" if report.slowest else ""
    yield f"  {'mean duration':<18}{mean:>12}{slowest}"
    yield ""


def _row(name: str, value: int | None, difference: int | None) -> str:
    shown = "unknown" if value is None else f"{value:,}"
    compared = ""
    if value is not None and difference is not None:
        before = value - difference
        compared = f"{difference:+,}" + (f" ({difference / before:+.0%})" if before else "")
    return f"  {name:<18}{shown:>12}    {compared}".rstrip()


def _accounts(report: WeeklyReport) -> Iterator[str]:
    if report.top_accounts:
        yield f"{'HIGHEST SPENDERS':<36}credits  requests  most a day"
        for account in report.top_accounts:
            bar = _bar(account.credits, report.top_accounts[0].credits)
            name = account.user_id if len(account.user_id) <= 32 else account.user_id[:31] + "~"
            numbers = f"{account.credits:>9,}{account.requests:>10,}{account.peak_day_credits:>12,}"
            yield f"  {name:<32}{numbers}  {bar}"
        yield ""


def _table(dimension: str, groups: Mapping[str, Totals]) -> Iterator[str]:
    if not groups:
        return
    yield f"{'BY ' + dimension.upper():<22}requests  success  credits"
    maximum = max(totals.requests for totals in groups.values())
    for value, totals in sorted(groups.items(), key=lambda group: (-group[1].requests, group[0])):
        bar = _bar(totals.requests, maximum)
        yield f"  {value:<18}{totals.requests:>10,}{_rate(totals):>9}{totals.credits_net:>9,}  {bar}"
    yield ""


def _at(report: WeeklyReport) -> str:
    return f"{report.generated_at:%d %b %Y %H:%M} UTC"


def _rate(totals: Totals) -> str:
    return "-" if totals.success_rate is None else f"{totals.success_rate:.1%}"


def _bar(value: int, maximum: int) -> str:
    return "#" * round(_BAR_WIDTH * value / maximum) if maximum else ""


def _fail(line: str) -> int:
    sys.stderr.write(f"make report: {line}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
