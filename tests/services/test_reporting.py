"""The weekly report, written to a real Firestore."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from imagegen.errors import GenerationFailed
from imagegen.services.reporting import build_weekly_report

from tests.services.test_generation import create
from tests.world import NOON, AlwaysFails, World

MakeWorld = Callable[..., World]
NEXT_MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


class TestBuildWeeklyReport:
    def test_counts_the_week_before(self, make_world: MakeWorld) -> None:
        """The report of a week holds its totals, its credits and the breakdown by every dimension."""
        world = make_world(model_b=AlwaysFails())
        ada = world.account("ada", 20)
        create(world, ada, size="1024x1792")
        create(world, ada, style="oil painting")
        with pytest.raises(GenerationFailed):
            create(world, ada, model="Model B", size="1024x1024")
        build_weekly_report(world.deps, NEXT_MONDAY)
        report = world.fields("weeklyReports/2026-W47")
        failed = {
            "requests": 1,
            "completed": 0,
            "failed": 1,
            "pending": 0,
            "creditsConsumed": 3,
            "creditsRefunded": 3,
            "creditsNet": 0,
        }
        assert report.pop("byStyle").keys() == {"anime", "oil-painting"}
        assert report.pop("byColor")["neon"]["requests"] == 3
        assert report.pop("bySize")["1024x1024"] == failed
        assert report.pop("byModel")["model-b"] == failed
        assert report == {
            "weekStart": datetime(2026, 11, 16, tzinfo=UTC),
            "weekEnd": NEXT_MONDAY,
            "scheduledAt": NEXT_MONDAY,
            "generatedAt": NOON,
            "requests": 3,
            "completed": 2,
            "failed": 1,
            "pending": 0,
            "creditsConsumed": 8,
            "creditsRefunded": 3,
            "creditsNet": 5,
        }

    def test_takes_the_first_moment_and_leaves_the_last(self, make_world: MakeWorld) -> None:
        """A week holds its Monday's first moment and not the next one's."""
        world = make_world()
        ada = world.account("ada", 20)
        monday = datetime(2026, 11, 16, tzinfo=UTC)
        for moment in (
            monday - timedelta(microseconds=1),
            monday,
            NEXT_MONDAY - timedelta(microseconds=1),
            NEXT_MONDAY,
        ):
            world.clock.now = moment
            create(world, ada)
        assert build_weekly_report(world.deps, NEXT_MONDAY).totals.requests == 2

    def test_a_second_run_writes_the_same_report_over(self, make_world: MakeWorld) -> None:
        """Running a week again changes nothing but when it was made."""
        world = make_world()
        create(world, world.account("ada", 20))
        build_weekly_report(world.deps, NEXT_MONDAY)
        first = world.fields("weeklyReports/2026-W47")
        world.clock.advance(hours=1)
        build_weekly_report(world.deps, NEXT_MONDAY)
        second = world.fields("weeklyReports/2026-W47")
        assert second.pop("generatedAt") == first.pop("generatedAt") + timedelta(hours=1)
        assert second == first
        assert len(list(world.db.collection("weeklyReports").stream())) == 1

    def test_an_empty_week(self, make_world: MakeWorld) -> None:
        """A week without requests is reported as such."""
        world = make_world()
        build_weekly_report(world.deps, NEXT_MONDAY)
        report = world.fields("weeklyReports/2026-W47")
        assert (report["requests"], report["byModel"]) == (0, {})
