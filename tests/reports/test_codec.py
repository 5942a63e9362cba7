"""How a weekly report is stored."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegen.kit.weeks import Week
from imagegen.reports.codec import from_fields, to_fields
from imagegen.reports.records import AccountWeek, Anomaly, Change, SlowGeneration, Totals, WeeklyReport
from imagegen.reports.schemas import WeeklyReportAnswer
from tests.world import NOON

pytestmark = pytest.mark.pure

TOTALS = Totals(requests=9, completed=6, failed=2, pending=1, credits_consumed=20, credits_refunded=4)
FULL = WeeklyReport(
    week=Week.of(NOON),
    generated_at=NOON + timedelta(seconds=1),
    totals=TOTALS,
    by_dimension={"model": {"model-a": TOTALS}, "style": {}, "color": {"other": TOTALS}, "size": {}},
    active_accounts=3,
    new_accounts_by_day=(1, 0, 0, 2, 0, 0, 0),
    top_accounts=(AccountWeek(user_id="ada", requests=5, credits=12, peak_day_credits=7, previous_credits=None),),
    mean_duration_ms=1234.5,
    slowest=(SlowGeneration(generation_id="gen1", duration_ms=9000),),
    change=Change(
        requests=1,
        completed=2,
        failed=-1,
        credits_consumed=3,
        credits_net=4,
        success_rate=None,
        active_accounts=0,
        new_accounts=3,
    ),
    anomalies=(
        Anomaly(
            kind="failureRate",
            dimension="model",
            value="model-a",
            observed=0.5,
            expected=0.05,
            ratio=10.0,
            score=1e-9,
            score_kind="p",
            baseline_weeks=4,
            severity="critical",
            status="confirmed",
            message="Model A failed.",
        ),
    ),
    insufficient_history=True,
    low_power=("requests",),
)


def wire(report: WeeklyReport) -> dict[str, Any]:
    return WeeklyReportAnswer.of(report).model_dump(by_alias=True, exclude={"week", "is_final"})


class TestToFields:
    def test_has_the_names_of_the_api(self) -> None:
        """Stored fields have the names of the API, without the week, the id, and `isFinal`, which each of them is."""
        assert to_fields(FULL) == wire(FULL)


class TestFromFields:
    def test_gives_back_what_was_stored(self) -> None:
        """Decoding a stored report returns the same report."""
        assert from_fields("2026-W47", to_fields(FULL)) == FULL

    @given(st.sets(st.sampled_from(sorted(to_fields(FULL).keys() - {"requests"}))))
    def test_reads_an_older_document(self, missing: set[str]) -> None:
        """A field that older code did not write has its default; all others are read."""
        stored = {name: value for name, value in to_fields(FULL).items() if name not in missing}
        read = to_fields(from_fields("2026-W47", stored))
        derived = {"successRate", "creditsNet", "newAccounts", "scheduledAt", "weekStart", "weekEnd"}
        kept = stored.keys() - derived
        assert {name: read[name] for name in kept} == {name: stored[name] for name in kept}

    def test_the_oldest_document_is_read_whole(self) -> None:
        """With only its number of requests a report can be shown, and compared with others."""
        read = from_fields("2026-W47", {"requests": 5})
        assert read == WeeklyReport(
            week=Week.of(NOON),
            generated_at=Week.of(NOON).end_at,
            totals=Totals(requests=5),
            by_dimension={"model": {}, "style": {}, "color": {}, "size": {}},
            active_accounts=None,
        )
        WeeklyReportAnswer.of(read)

    @pytest.mark.parametrize("name", ["changeFromPreviousWeek", "topAccounts", "anomalies", "byModel"])
    def test_reads_older_parts(self, name: str) -> None:
        """A field that older code did not write inside of a part has its default too; a part keeps its name."""
        stored = to_fields(FULL)
        part = stored[name]
        (fields,) = part if isinstance(part, list) else part.values() if name == "byModel" else [part]
        identity = {"userId", "kind", "observed", "expected", "message"}
        for field in fields.keys() - identity:
            del fields[field]
            WeeklyReportAnswer.of(from_fields("2026-W47", stored))

    @pytest.mark.parametrize(
        "wrong",
        [
            {"anomalies": [{}]},
            {"byModel": 7},
            {"byModel": {"model-a": {"failed": "2"}}},
            {"requests": "9"},
            {"requests": True},
            {"activeAccounts": "3"},
            {"newAccountsByDay": [1, 2]},
            {"newAccountsByDay": ["1"] * 7},
            {"topAccounts": [{"userId": "ada", "credits": "5"}]},
            {"anomalies": [to_fields(FULL)["anomalies"][0] | {"severity": "fatal"}]},
            {"meanDurationMs": "1"},
            {"insufficientHistory": 1},
            {"lowPower": [1]},
            {"generatedAt": "now"},
            {"weekStart": NOON},
        ],
    )
    def test_refuses_what_is_no_report(self, wrong: dict[str, Any]) -> None:
        """A field of another type, or an id of another week, makes a document corrupt."""
        with pytest.raises((TypeError, ValueError, AttributeError)):
            from_fields("2026-W47", to_fields(FULL) | wrong)

    @pytest.mark.parametrize("stored", [{}, {"weekStart": Week.of(NOON).start_at}])
    def test_refuses_a_document_without_requests(self, stored: dict[str, Any]) -> None:
        """Without a number of requests it is no report."""
        with pytest.raises(KeyError):
            from_fields("2026-W47", stored)
