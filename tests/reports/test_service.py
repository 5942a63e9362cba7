"""The weekly report, written to a real Firestore."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest

from embedded_firebase.firestore.errors import Code
from embedded_firebase.firestore.server import FirestoreServer
from embedded_firebase.firestore.testing.faults import DatabaseFaults
from imagegen.config import Settings
from imagegen.generations.errors import GenerationFailed
from imagegen.generations.recovery import reconcile
from imagegen.kit.errors import InvalidRequest, Unavailable
from imagegen.kit.weeks import Week
from imagegen.reports.errors import WeeklyReportNotFound
from imagegen.reports.records import WeeklyReport
from imagegen.reports.service import (
    ReportsMissing,
    WeekNotOver,
    build_weekly_report,
    get_weekly_report,
    list_weekly_reports,
    report_weeks,
    week_so_far,
)
from tests.crash.costs import measured
from tests.generations.test_creation import create
from tests.generations.test_worker import submit
from tests.hooks import HookedClient, RpcFault, Send
from tests.world import NOON, AlwaysFails, Does, World, make_deps, refusal

MakeWorld = Callable[..., World]
MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
NEXT_MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


def store_generation(world: World, generation_id: str, **changed: Any) -> None:
    """Write a generation as it is stored: by default completed within a second at noon."""
    fields: dict[str, Any] = {
        "userId": "ada",
        "model": "model-a",
        "style": "anime",
        "color": "neon",
        "size": "512x512",
        "status": "completed",
        "creditsCharged": 1,
        "creditsRefunded": 0,
        "createdAt": NOON,
        "durationMs": 1000,
    } | changed
    fields["week"] = Week.of(fields["createdAt"]).week_id
    world.db.document(f"generationRequests/{generation_id}").set(fields)


def report_due(world: World, due_at: datetime) -> WeeklyReport:
    """Build the report that is due at a time; the clock is there, unless it is later already."""
    world.clock.now = max(world.clock.now, due_at)
    return build_weekly_report(world.deps, Week.of(due_at).back(1))


def run_on(world: World, moment: datetime) -> None:
    """Fire the schedule."""
    world.clock.now = moment
    report_weeks(world.deps, moment)


def weeks_with_reports(world: World) -> list[str]:
    return [snapshot.id for snapshot in world.db.collection("weeklyReports").stream()]


def stored(world: World, week_id: str = "2026-W47") -> dict[str, Any]:
    return world.fields(f"weeklyReports/{week_id}")


class TestReportWeeks:
    def test_corrects_the_previous_report(self, make_world: MakeWorld) -> None:
        """Requests that were pending or not yet stored when a week was reported are corrected a week later."""
        world = make_world()
        ada = world.account("ada", 5)
        world.clock.now = NEXT_MONDAY - timedelta(seconds=1)
        submit(world, ada)
        run_on(world, NEXT_MONDAY)
        assert (stored(world)["pending"], stored(world)["creditsNet"]) == (1, 1)
        store_generation(world, "late", createdAt=NEXT_MONDAY - timedelta(seconds=1))
        world.clock.advance(hours=2)
        reconcile(world.deps)
        run_on(world, NEXT_MONDAY + timedelta(weeks=1))
        corrected = stored(world)
        assert (corrected["pending"], corrected["failed"], corrected["completed"]) == (0, 1, 1)
        assert (corrected["creditsNet"], corrected["scheduledAt"], corrected["activeAccounts"]) == (1, NEXT_MONDAY, 1)
        assert stored(world, "2026-W48")["changeFromPreviousWeek"]["requests"] == -2

    def test_makes_no_report_before_the_first(self, make_world: MakeWorld) -> None:
        """Weeks before the first report and the first request get none."""
        world = make_world()
        run_on(world, NEXT_MONDAY)
        assert weeks_with_reports(world) == ["2026-W47"]

    def test_fills_the_weeks_that_were_missed(self, make_world: MakeWorld) -> None:
        """Missing reports of the last eight weeks are made up, each compared with the one before; no older ones."""
        world = make_world()
        for weeks in range(11):
            store_generation(world, f"g{weeks}", createdAt=MONDAY - timedelta(weeks=weeks))
        report_due(world, NEXT_MONDAY - timedelta(weeks=3))
        run_on(world, NEXT_MONDAY)
        assert weeks_with_reports(world) == [f"2026-W{week}" for week in range(39, 48)]
        assert [stored(world, week_id)["requests"] for week_id in weeks_with_reports(world)] == [1] * 9
        assert stored(world, "2026-W39")["insufficientHistory"]
        assert not stored(world, "2026-W40")["insufficientHistory"]

    @pytest.mark.parametrize(("weeks", "made"), [(12, 9), (4, 4)])
    def test_fills_quiet_weeks_after_the_first_report(self, make_world: MakeWorld, weeks: int, made: int) -> None:
        """A missed week without a request gets its report of zeros, however old the reports before it are."""
        world = make_world()
        report_due(world, NEXT_MONDAY - timedelta(weeks=weeks))
        run_on(world, NEXT_MONDAY)
        assert len(weeks_with_reports(world)) == 1 + made

    def test_the_first_monday_may_be_missed(self, make_world: MakeWorld) -> None:
        """Weeks are filled since the first request, even before any report."""
        world = make_world()
        store_generation(world, "a", createdAt=MONDAY - timedelta(weeks=2))
        run_on(world, NEXT_MONDAY)
        assert weeks_with_reports(world) == ["2026-W45", "2026-W46", "2026-W47"]

    def test_the_due_report_is_compared_with_those_that_were_missed(self, make_world: MakeWorld) -> None:
        """It is made first, and knows the others all the same."""
        world = make_world()
        for weeks in range(5):
            for number in range(100 if weeks == 0 else 30):
                store_generation(world, f"{weeks}-{number}", createdAt=MONDAY - timedelta(weeks=weeks))
        run_on(world, NEXT_MONDAY)
        assert stored(world)["changeFromPreviousWeek"]["requests"] == 70
        assert {anomaly["kind"] for anomaly in stored(world)["anomalies"]} == {"requests", "credits"}

    def test_an_unreadable_report_is_made_again(self, make_world: MakeWorld) -> None:
        """A report of another shape counts as missing."""
        world = make_world()
        store_generation(world, "a", createdAt=MONDAY - timedelta(weeks=1))
        world.db.document("weeklyReports/2026-W46").set({"requests": "many"})
        run_on(world, NEXT_MONDAY)
        assert stored(world, "2026-W46")["requests"] == 1

    def test_a_corrupt_account_prevents_no_report(self, make_world: MakeWorld) -> None:
        """It is left out of the highest spenders, and the report has all others."""
        world = make_world()
        for number, credits in enumerate((5, "5", None)):
            weeks = {"2026-W47": {"requests": 1, "credits": credits, "days": {"2026-11-18": credits}}}
            world.db.document(f"users/u{number}").set({"weeks": weeks})
        world.db.document("users/bad").set({"weeks": {"2026-W47": {"credits": 7}}})
        run_on(world, NEXT_MONDAY)
        assert [account["userId"] for account in stored(world)["topAccounts"]] == ["u0"]

    @pytest.mark.embedded
    def test_a_fault_of_the_last_week_does_not_prevent_the_due_report(self, make_world: MakeWorld) -> None:
        """The due report is first; the others are made as far as possible, and the run ends as failed."""
        world = make_world()
        store_generation(world, "a", createdAt=MONDAY - timedelta(weeks=2))
        report_due(world, MONDAY)
        store_generation(world, "b", createdAt=MONDAY)

        def hook(rpc: str, request: Any, send: Send) -> Any:
            if rpc == "RunAggregationQuery" and "2026-W46" in str(request):
                raise RpcFault(grpc.StatusCode.PERMISSION_DENIED)
            return send()

        world.clock.now = NEXT_MONDAY
        deps = make_deps(HookedClient(world.db.project, hook), now=world.clock)
        with pytest.raises(ReportsMissing, match="2026-W46"):
            report_weeks(deps, NEXT_MONDAY)
        assert weeks_with_reports(world) == ["2026-W45", "2026-W46", "2026-W47"]
        assert stored(world)["requests"] == 1

    @pytest.mark.embedded
    def test_all_reports_have_one_deadline(self, make_world: MakeWorld, faults: DatabaseFaults) -> None:
        """A run of nine weeks ends at its limit, however long each exchange would be tried again."""
        world = make_world(settings=Settings(report_time_limit_seconds=1))
        report_due(world, NEXT_MONDAY - timedelta(weeks=9))
        world.clock.now = NEXT_MONDAY
        faults.fail(Code.UNAVAILABLE, 100_000, "RunAggregationQuery")
        started = time.monotonic()
        with pytest.raises(Unavailable):
            report_weeks(world.deps, NEXT_MONDAY)
        assert time.monotonic() - started < 10

    @pytest.mark.embedded
    def test_a_run_that_changes_nothing_writes_two_reports(
        self, make_world: MakeWorld, server: FirestoreServer
    ) -> None:
        """The due report and the corrected one; the comparison at the end finds nothing new."""
        world = make_world()
        for weeks in range(9):
            report_due(world, NEXT_MONDAY - timedelta(weeks=8 - weeks))
        assert measured(server, world, lambda: report_weeks(world.deps, NEXT_MONDAY)).writes == 2


class TestBuildWeeklyReport:
    def test_has_all_figures_of_the_week(self, make_world: MakeWorld) -> None:
        """The report holds totals, credits, accounts, durations and the breakdown by every dimension."""
        world = make_world(model_b=AlwaysFails())
        world.deps.image_models["model-a"] = Does(lambda: world.clock.advance(seconds=2))  # type: ignore[index]
        ada = world.account("ada", 20)
        slow = create(world, ada, size="1024x1792").generation.generation_id
        create(world, world.account("bob", 20), style="oil painting")
        with pytest.raises(GenerationFailed):
            create(world, ada, model="Model B", size="1024x1024")
        report_due(world, NEXT_MONDAY)
        report = stored(world)
        failed = {
            "requests": 1,
            "completed": 0,
            "failed": 1,
            "pending": 0,
            "cancelled": 0,
            "successRate": 0.0,
            "creditsConsumed": 3,
            "creditsRefunded": 3,
            "creditsNet": 0,
        }
        assert report.pop("byStyle").keys() == {"anime", "oil-painting"}
        assert report.pop("byColor")["neon"]["requests"] == 3
        assert report.pop("bySize")["1024x1024"] == failed
        assert report.pop("byModel")["model-b"] == failed
        assert {"generationRequestId": slow, "durationMs": 2000} in report.pop("slowest")
        assert report.pop("lowPower") != []
        assert report == {
            "weekStart": MONDAY,
            "weekEnd": NEXT_MONDAY,
            "scheduledAt": NEXT_MONDAY,
            "generatedAt": NEXT_MONDAY,
            "requests": 3,
            "completed": 2,
            "failed": 1,
            "pending": 0,
            "cancelled": 0,
            "successRate": pytest.approx(2 / 3),
            "creditsConsumed": 8,
            "creditsRefunded": 3,
            "creditsNet": 5,
            "activeAccounts": 2,
            "newAccounts": 2,
            "newAccountsByDay": [0, 0, 2, 0, 0, 0, 0],
            "topAccounts": [
                {"userId": "ada", "requests": 2, "credits": 7, "peakDayCredits": 7, "previousCredits": None},
                {"userId": "bob", "requests": 1, "credits": 1, "peakDayCredits": 1, "previousCredits": None},
            ],
            "meanDurationMs": 2000.0,
            "changeFromPreviousWeek": None,
            "anomalies": [],
            "insufficientHistory": True,
        }

    def test_every_status_has_its_count(self, make_world: MakeWorld) -> None:
        """Pending and cancelled ones are counted apart, and neither is in the success rate or the durations."""
        world = make_world()
        store_generation(world, "c1")
        store_generation(world, "c2", durationMs=3000)
        store_generation(world, "f", status="failed", creditsRefunded=1, durationMs=90_000)
        store_generation(world, "p", status="pending", durationMs=None)
        store_generation(world, "x", status="cancelled", creditsRefunded=1, durationMs=60_000)
        report = report_due(world, NEXT_MONDAY)
        totals = report.totals
        assert (totals.requests, totals.completed, totals.failed) == (5, 2, 1)
        assert (totals.pending, totals.cancelled) == (1, 1)
        assert totals.success_rate == pytest.approx(2 / 3)
        assert (totals.credits_consumed, totals.credits_refunded, totals.credits_net) == (5, 2, 3)
        assert report.mean_duration_ms == 2000
        assert [slow.generation_id for slow in report.slowest] == ["c2", "c1"]
        assert report.by_dimension["model"] == {"model-a": totals}

    def test_a_removed_catalog_entry_is_other(self, make_world: MakeWorld) -> None:
        """A value without a catalog entry is counted as `other`; a disabled entry keeps its name."""
        world = make_world()
        world.db.document("models/model-b").update({"enabled": False})
        for generation_id, model in (("a", "model-a"), ("b", "model-b"), ("y", "model-y"), ("z", "model-z")):
            store_generation(world, generation_id, model=model)
        groups = report_due(world, NEXT_MONDAY).by_dimension
        assert {value: totals.requests for value, totals in groups["model"].items()} == {
            "model-a": 1,
            "model-b": 1,
            "other": 2,
        }
        assert groups["style"].keys() == {"anime"}

    def test_a_week_includes_its_start_and_excludes_its_end(self, make_world: MakeWorld) -> None:
        """A week, and each of its days for new accounts, includes its first moment and excludes the next one's."""
        world = make_world()
        ada = world.account("ada", 20)
        tick = timedelta(microseconds=1)
        for number, moment in enumerate((MONDAY - tick, MONDAY, NEXT_MONDAY - tick, NEXT_MONDAY)):
            world.clock.now = moment
            create(world, ada)
            world.db.document(f"users/new-{number}").set({"credits": 0, "createdAt": moment})
        world.db.document("users/ada").update({"createdAt": MONDAY + timedelta(days=1)})
        report = report_due(world, NEXT_MONDAY)
        assert report.totals.requests == 2
        assert report.new_accounts_by_day == (1, 1, 0, 0, 0, 0, 1)

    def test_a_week_at_the_turn_of_a_year(self, make_world: MakeWorld) -> None:
        """31 December and 1 January are in one week, named after the year of its Thursday."""
        world = make_world()
        ada = world.account("ada", 20)
        for moment in (datetime(2026, 12, 31, 23, tzinfo=UTC), datetime(2027, 1, 3, 23, tzinfo=UTC)):
            world.clock.now = moment
            create(world, ada)
        report_due(world, datetime(2027, 1, 4, tzinfo=UTC))
        report = stored(world, "2026-W53")
        assert (report["requests"], report["topAccounts"][0]["peakDayCredits"]) == (2, 1)

    def test_a_refund_belongs_to_the_week_of_its_request(self, make_world: MakeWorld) -> None:
        """A refund on Monday for a request of Sunday is in the report of Sunday's week."""
        world = make_world(model_b=AlwaysFails())
        ada = world.account("ada", 5)
        world.clock.now = NEXT_MONDAY - timedelta(seconds=1)
        with suppress(GenerationFailed):
            create(world, ada, model="Model B")
        world.clock.now = NEXT_MONDAY + timedelta(hours=1)
        assert report_due(world, NEXT_MONDAY).totals.credits_refunded == 1
        assert report_due(world, NEXT_MONDAY + timedelta(days=7)).totals.credits_refunded == 0

    def test_an_empty_week(self, make_world: MakeWorld) -> None:
        """A week without requests has a report of zeros."""
        world = make_world()
        report_due(world, NEXT_MONDAY)
        report = stored(world)
        assert (report["requests"], report["byModel"], report["successRate"]) == (0, {}, None)
        assert (report["meanDurationMs"], report["slowest"], report["topAccounts"]) == (None, [], [])

    def test_changes_are_against_the_previous_week(self, make_world: MakeWorld) -> None:
        """Changes are present exactly if the previous week has a report."""
        world = make_world()
        store_generation(world, "a", createdAt=MONDAY)
        report_due(world, NEXT_MONDAY)
        for number in range(3):
            store_generation(world, f"b{number}", createdAt=NEXT_MONDAY)
        week_after = report_due(world, NEXT_MONDAY + timedelta(days=7))
        assert week_after.change is not None
        assert (week_after.change.requests, week_after.insufficient_history) == (2, False)
        assert stored(world, "2026-W48")["changeFromPreviousWeek"]["requests"] == 2
        assert report_due(world, NEXT_MONDAY + timedelta(days=21)).change is None

    def test_anomalies_are_relative_to_the_previous_eight_weeks(self, make_world: MakeWorld) -> None:
        """A surge against the earlier weeks is an anomaly, in the returned report and in the document."""
        world = make_world()
        for week in range(5):
            for number in range(100 if week == 4 else 30):
                created_at = MONDAY - timedelta(weeks=4 - week)
                store_generation(world, f"{week}-{number}", createdAt=created_at)
            report = report_due(world, MONDAY - timedelta(weeks=3 - week))
            assert bool(report.anomalies) == (week == 4)
        kinds = {(anomaly["kind"], anomaly["status"]) for anomaly in stored(world)["anomalies"]}
        assert ("requests", "confirmed") in kinds
        assert get_weekly_report(world.deps, "2026-W47") == report

    def test_an_unreadable_report_is_ignored(self, make_world: MakeWorld) -> None:
        """A stored report of another shape does not prevent a new report."""
        world = make_world()
        world.db.document("weeklyReports/2026-W46").set({"weekStart": MONDAY - timedelta(days=7), "requests": "5"})
        assert report_due(world, NEXT_MONDAY).insufficient_history

    @pytest.mark.parametrize("days", range(7))
    def test_a_week_that_is_not_over_has_none(self, make_world: MakeWorld, days: int) -> None:
        """On each day of a week, its report is refused until the next Monday."""
        world = make_world()
        world.clock.now = NEXT_MONDAY - timedelta(days=days, microseconds=1)
        with pytest.raises(WeekNotOver, match="2026-W47"):
            build_weekly_report(world.deps, Week(MONDAY))
        assert weeks_with_reports(world) == []

    def test_is_as_of_one_moment(self, make_world: MakeWorld) -> None:
        """What is charged while the report is read is in none of its numbers."""
        world = make_world()
        ada = world.account("ada", 1000)
        create(world, ada)
        world.clock.now = NEXT_MONDAY
        undisturbed = build_weekly_report(world.deps, Week(MONDAY))
        lock, queries = threading.Lock(), ("RunAggregationQuery", "RunQuery")

        def hook(rpc: str, request: Any, send: Send) -> Any:
            if rpc in queries:
                with lock:
                    world.clock.now = NOON
                    create(world, ada)
                    world.account(f"new-{world.credits(ada)}", 1)
                    world.clock.now = NEXT_MONDAY
            return send()

        deps = make_deps(HookedClient(world.db.project, hook), now=lambda: NEXT_MONDAY)
        assert build_weekly_report(deps, Week(MONDAY)) == undisturbed
        assert world.credits(ada) < 950


class TestWeekSoFar:
    def test_has_the_figures_that_the_report_will_have(self, make_world: MakeWorld) -> None:
        """At the end of the week its figures are those of the report; before, those of what has happened."""
        world = make_world()
        store_generation(world, "monday", createdAt=MONDAY)
        store_generation(world, "before", createdAt=MONDAY - timedelta(seconds=1))
        world.clock.now = MONDAY + timedelta(days=2)
        early = week_so_far(world.deps)
        assert (early.week, early.totals.requests, early.generated_at) == (Week(MONDAY), 1, world.clock.now)
        store_generation(world, "friday", createdAt=MONDAY + timedelta(days=4), status="failed", creditsRefunded=1)
        world.clock.now = NEXT_MONDAY - timedelta(seconds=1)
        late = week_so_far(world.deps)
        report = report_due(world, NEXT_MONDAY)
        assert (late.totals, late.by_dimension) == (report.totals, report.by_dimension)
        assert (late.totals.requests, late.totals.failed) == (2, 1)

    def test_is_not_final_and_not_stored(self, make_world: MakeWorld) -> None:
        """It is compared with nothing, however unlike the weeks before it is, and leaves no report."""
        world = make_world()
        for week in range(1, 5):
            for number in range(30):
                store_generation(world, f"{week}-{number}", createdAt=MONDAY - timedelta(weeks=week))
            report_due(world, MONDAY - timedelta(weeks=week - 1))
        stored = weeks_with_reports(world)
        world.clock.now = MONDAY + timedelta(days=1)
        so_far = week_so_far(world.deps)
        assert (so_far.is_final, so_far.change, so_far.anomalies) == (False, None, ())
        assert weeks_with_reports(world) == stored


class TestTopAccounts:
    def test_are_ten_at_most_and_ties_have_an_order(self, make_world: MakeWorld) -> None:
        """The ten highest of twelve accounts are named; equal ones are in descending order of their ids."""
        world = make_world()
        for number in range(12):
            spent = 1 if number < 6 else 2
            weeks = {"2026-W47": {"requests": 1, "credits": spent, "days": {"2026-11-18": spent}}}
            world.db.document(f"users/u{number:02}").set({"credits": 0, "weeks": weeks})
        report = report_due(world, NEXT_MONDAY)
        assert [account.user_id for account in report.top_accounts] == [
            "u11", "u10", "u09", "u08", "u07", "u06", "u05", "u04", "u03", "u02"
        ]  # fmt: skip
        assert report.active_accounts == 12

    def test_have_the_previous_week_and_the_highest_day(self, make_world: MakeWorld) -> None:
        """A top account has its charges of the previous week and of its highest day."""
        world = make_world()
        ada = world.account("ada", 20)
        for moment in (MONDAY - timedelta(days=1), MONDAY, MONDAY, MONDAY + timedelta(days=2)):
            world.clock.now = moment
            create(world, ada, size="1024x1024")
        (top,) = report_due(world, NEXT_MONDAY).top_accounts
        assert (top.credits, top.requests, top.peak_day_credits, top.previous_credits) == (9, 3, 6, 3)


class TestRerun:
    def test_writes_the_same_report_over(self, make_world: MakeWorld) -> None:
        """Running a week again changes only `generatedAt`, even after requests of a later week."""
        world = make_world()
        ada = world.account("ada", 20)
        world.clock.now = MONDAY - timedelta(days=1)
        create(world, ada)
        world.clock.now = NOON
        create(world, ada)
        world.clock.now = NEXT_MONDAY
        report_due(world, NEXT_MONDAY)
        first = stored(world)
        world.clock.advance(days=3)
        create(world, ada)
        report_due(world, NEXT_MONDAY)
        second = stored(world)
        assert second.pop("generatedAt") == first.pop("generatedAt") + timedelta(days=3)
        assert second == first
        assert len(list(world.db.collection("weeklyReports").stream())) == 1

    def test_corrects_what_was_pending(self, make_world: MakeWorld) -> None:
        """A request that was pending is corrected to its final status when the week is run again."""
        world = make_world()
        store_generation(world, "p", status="pending", durationMs=None)
        assert report_due(world, NEXT_MONDAY).totals.pending == 1
        store_generation(world, "p", status="failed", creditsRefunded=1)
        totals = report_due(world, NEXT_MONDAY).totals
        assert (totals.pending, totals.failed, totals.credits_refunded) == (0, 1, 1)

    def test_a_week_later_has_its_accounts(self, make_world: MakeWorld) -> None:
        """The accounts still have the week, and what they have forgotten is taken from the first report."""
        world = make_world()
        ada = world.account("ada", 20)
        for moment in (MONDAY - timedelta(days=1), NOON):
            world.clock.now = moment
            create(world, ada)
        report_due(world, NEXT_MONDAY)
        world.clock.now = NOON
        create(world, world.account("bob", 20))
        world.clock.now = NEXT_MONDAY + timedelta(days=13)
        create(world, ada)
        assert "2026-W46" not in world.fields("users/ada")["weeks"]
        again = report_due(world, NEXT_MONDAY)
        assert (again.totals.requests, again.active_accounts) == (2, 2)
        assert [(each.user_id, each.previous_credits) for each in again.top_accounts] == [("bob", None), ("ada", 1)]

    def test_of_an_older_week_keeps_its_accounts(self, make_world: MakeWorld) -> None:
        """If the accounts have forgotten the week, those of the stored report are kept beside the same requests."""
        world = make_world()
        ada = world.account("ada", 20)
        create(world, ada)
        first = report_due(world, NEXT_MONDAY)
        world.clock.advance(weeks=3)
        create(world, ada)
        again = report_due(world, NEXT_MONDAY)
        assert "2026-W47" not in world.fields("users/ada")["weeks"]
        assert (again.active_accounts, again.top_accounts) == (1, first.top_accounts)

    @pytest.mark.parametrize("changed", [{}, {"creditsCharged": 3}])
    def test_of_an_older_week_with_other_requests_has_no_accounts(
        self, make_world: MakeWorld, changed: dict[str, Any]
    ) -> None:
        """Numbers of accounts beside requests that they did not make would contradict each other."""
        world = make_world()
        create(world, world.account("ada", 20))
        report_due(world, NEXT_MONDAY)
        world.clock.advance(weeks=3)
        (generation,) = world.generations()
        if changed:
            world.db.document(f"generationRequests/{generation['id']}").update(changed)
        else:
            store_generation(world, "late")
        again = report_due(world, NEXT_MONDAY)
        assert (again.active_accounts, again.top_accounts) == (None, ())

    @pytest.mark.parametrize(("weeks", "active"), [(2, None), (1.999, 1)])
    def test_accounts_are_known_for_two_weeks(self, make_world: MakeWorld, weeks: float, active: int | None) -> None:
        """In the third week after its end, a charge can have made an account forget a week."""
        world = make_world()
        create(world, world.account("ada", 20))
        world.clock.now = NEXT_MONDAY + timedelta(weeks=weeks)
        assert build_weekly_report(world.deps, Week(MONDAY)).active_accounts == active

    def test_of_an_older_week_without_a_report_has_no_accounts(self, make_world: MakeWorld) -> None:
        """Accounts that are no longer known are null, not guessed."""
        world = make_world()
        create(world, world.account("ada", 20))
        world.clock.now = NEXT_MONDAY + timedelta(weeks=3)
        report_due(world, NEXT_MONDAY)
        report = stored(world)
        assert (report["requests"], report["activeAccounts"], report["topAccounts"]) == (1, None, [])
        assert get_weekly_report(world.deps, None).active_accounts is None


@pytest.mark.embedded
class TestFailure:
    @pytest.mark.parametrize("rpc", ["BatchGetDocuments", "RunQuery", "RunAggregationQuery", "Commit"])
    def test_keeps_the_earlier_report(self, make_world: MakeWorld, faults: DatabaseFaults, rpc: str) -> None:
        """A run that fails at any step leaves the stored report unchanged."""
        world, hasty = make_world(), make_world(settings=Settings(report_time_limit_seconds=0.2))
        store_generation(world, "a")
        report_due(world, NEXT_MONDAY)
        before = stored(world)
        store_generation(world, "b")
        faults.fail(Code.UNAVAILABLE, 10_000, rpc)
        with pytest.raises(Unavailable):
            report_due(hasty, NEXT_MONDAY)
        faults.clear()
        assert stored(world) == before

    @pytest.mark.parametrize("rpc", ["BatchGetDocuments", "RunQuery", "RunAggregationQuery", "Commit"])
    def test_of_one_call_is_retried(self, make_world: MakeWorld, faults: DatabaseFaults, rpc: str) -> None:
        """A call that fails a few times is retried within the same run."""
        world = make_world()
        store_generation(world, "a")
        faults.fail(Code.UNAVAILABLE, 3, rpc)
        assert report_due(world, NEXT_MONDAY).totals.requests == 1


@pytest.mark.embedded
class TestCost:
    def test_round_trips_depend_on_the_catalog_alone(self, make_world: MakeWorld, server: FirestoreServer) -> None:
        """More requests, accounts and earlier reports add no round trip."""
        world = make_world()
        empty = measured(server, world, lambda: report_due(world, MONDAY))
        for number in range(40):
            store_generation(world, f"g{number}", model="model-a" if number % 2 else "gone")
            create(world, world.account(f"u{number}", 1))
        full = measured(server, world, lambda: report_due(world, NEXT_MONDAY))
        values, statuses = 2 + 2 + 2 + 3, 4
        # Reports, catalog, new accounts by day; mean, slowest, active, spenders; the write.
        others = 1 + 4 + 7 + 4 + 1
        assert full.round_trips == empty.round_trips == (1 + values) * statuses + others
        assert full.writes == 1

    def test_the_week_so_far_costs_what_its_report_costs(self, make_world: MakeWorld, server: FirestoreServer) -> None:
        """It has the queries of the report, one read for each but those of documents, and writes nothing."""
        world = make_world()
        for number in range(40):
            store_generation(world, f"g{number}")
        cost = measured(server, world, lambda: week_so_far(world.deps))
        values, statuses, others = 2 + 2 + 2 + 3, 4, 1 + 4 + 7 + 4
        assert cost.round_trips == (1 + values) * statuses + others
        # The catalog's documents, and five of the slowest in place of one.
        assert cost.reads == cost.round_trips - 4 + values + 4
        assert cost.writes == 0


class TestListWeeklyReports:
    @pytest.mark.parametrize("page_size", [1, 2, 5])
    def test_unreadable_reports_are_skipped(self, make_world: MakeWorld, page_size: int) -> None:
        """They neither end the list nor shorten a page, and the latest readable report is the latest."""
        world = make_world()
        for weeks in range(5):
            report_due(world, NEXT_MONDAY - timedelta(weeks=4 - weeks))
        for week_id in ("2026-W47", "2026-W46", "2026-W44"):
            world.db.document(f"weeklyReports/{week_id}").update({"requests": "many"})
        world.db.document("weeklyReports/2026-W02").set({"requests": 1, "weekStart": "some day"})
        listed, token = [], None
        while True:
            page = list_weekly_reports(world.deps, page_size, token)
            listed += [report.week.week_id for report in page.reports]
            token = page.next_page_token
            if token is None:
                break
            assert len(page.reports) == page_size
        assert listed == ["2026-W45", "2026-W43"]
        assert get_weekly_report(world.deps, None).week.week_id == "2026-W45"

    def test_pages_hold_each_report_once(self, make_world: MakeWorld) -> None:
        """Following the tokens returns every report once, newest first, and the last page has no token."""
        world = make_world()
        for weeks in range(5):
            report_due(world, NEXT_MONDAY - timedelta(weeks=weeks))
        week_ids, token = [], None
        for page_length in (2, 2, 1):
            page = list_weekly_reports(world.deps, 2, token)
            assert len(page.reports) == page_length
            week_ids += [report.week.week_id for report in page.reports]
            token = page.next_page_token
        assert week_ids == ["2026-W47", "2026-W46", "2026-W45", "2026-W44", "2026-W43"]
        assert token is None

    def test_a_full_last_page_has_no_token(self, make_world: MakeWorld) -> None:
        """A page that ends with the oldest report is the last, even if it is full."""
        world = make_world()
        report_due(world, NEXT_MONDAY)
        assert list_weekly_reports(world.deps, 1, None).next_page_token is None

    @pytest.mark.parametrize("token", ["x", "AAAA", "_" * 16, "A" * 100])
    def test_an_invalid_token(self, make_world: MakeWorld, token: str) -> None:
        """An invalid token is refused by the name of its field."""
        with pytest.raises(InvalidRequest) as refused:
            list_weekly_reports(make_world().deps, 5, token)
        assert refusal(refused) == {"pageToken": "must be a nextPageToken of this list"}


class TestGetWeeklyReport:
    def test_the_latest_is_that_of_the_last_week(self, make_world: MakeWorld) -> None:
        """Without a week the report of the newest week is returned, regardless of when it was made."""
        world = make_world()
        latest = report_due(world, NEXT_MONDAY)
        earlier = report_due(world, MONDAY)
        assert get_weekly_report(world.deps, None) == latest
        assert get_weekly_report(world.deps, "2026-W46") == earlier

    @pytest.mark.parametrize("week_id", [None, "2026-W01"])
    def test_no_report(self, make_world: MakeWorld, week_id: str | None) -> None:
        """Without a report there is an error, not an empty report."""
        with pytest.raises(WeeklyReportNotFound):
            get_weekly_report(make_world().deps, week_id)
