"""`make report` against the embedded Firestore."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from imagegen.reports.service import build_weekly_report
from operations import report
from tests.reports.test_service import MONDAY, NEXT_MONDAY, store_generation
from tests.world import World


@pytest.fixture
def world(make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch) -> World:
    """A database that the command uses."""
    world = make_world()
    monkeypatch.setenv("GCLOUD_PROJECT", world.db.project)
    return world


class TestMain:
    def test_prints_anomalies_first_and_a_table_for_each_dimension(
        self, world: World, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Anomalies come before the totals, and each value has its numbers and a bar."""
        for week in range(5):
            for number in range(100 if week == 4 else 30):
                model = "model-b" if number % 4 == 0 else "model-a"
                created_at = MONDAY - timedelta(weeks=4 - week)
                store_generation(world, f"{week}-{number}", createdAt=created_at, model=model)
            found = build_weekly_report(world.deps, MONDAY - timedelta(weeks=3 - week))
        assert report.main([]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "Week 2026-W47, 16 Nov 2026 to 22 Nov 2026, made 18 Nov 2026 12:00 UTC"
        assert found.anomalies[0].message in lines[3]
        headings = [line.split("  ")[0] for line in lines if line.startswith("BY ")]
        assert headings == ["BY MODEL", "BY STYLE", "BY COLOR", "BY SIZE"]
        assert lines.index("ANOMALIES") < next(n for n, line in enumerate(lines) if line.startswith("TOTALS"))
        assert "  requests                   100    +70 (+233%)" in lines
        bars = {line.split()[0]: line.count("#") for line in lines if line.startswith("  model-")}
        assert bars == {"model-a": 20, "model-b": 7}
        assert max(map(len, lines)) <= 120

    def test_a_week_without_anomalies(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        """Without anomalies, and without earlier reports, the output says so."""
        build_weekly_report(world.deps, MONDAY)
        report.main([])
        assert "There is no earlier report to compare with." in capsys.readouterr().out
        build_weekly_report(world.deps, NEXT_MONDAY)
        report.main([])
        assert "  None." in capsys.readouterr().out

    def test_prints_json(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        """--json prints the answer of getWeeklyReport."""
        store_generation(world, "a")
        build_weekly_report(world.deps, NEXT_MONDAY)
        assert report.main(["--json"]) == 0
        printed = json.loads(capsys.readouterr().out)
        assert (printed["week"], printed["bySize"]["512x512"]["requests"]) == ("2026-W47", 1)

    def test_no_report(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        """Without a report one line says how to make one."""
        assert report.main([]) == 1
        output, errors = capsys.readouterr()
        assert (output, errors.count("\n")) == ("", 1)
        assert "make history" in errors

    @pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1:http", "here"])
    def test_no_firestore(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], address: str
    ) -> None:
        """Without a Firestore one line names the address and how to set another."""
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", address)
        assert report.main([]) == 1
        errors = capsys.readouterr().err
        assert errors.count("\n") == 1
        assert address in errors
        assert "FIRESTORE_PORT" in errors
