"""`make report` against the embedded Firestore."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from operations import report
from tests.reports.test_service import MONDAY, NEXT_MONDAY, report_due, store_generation
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
            found = report_due(world, MONDAY - timedelta(weeks=3 - week))
        assert report.main([]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "Week 2026-W47, 16 Nov 2026 to 22 Nov 2026, made 23 Nov 2026 00:00 UTC"
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
        report_due(world, MONDAY)
        report.main([])
        assert "There is no earlier report to compare with." in capsys.readouterr().out
        report_due(world, NEXT_MONDAY)
        report.main([])
        assert "  None." in capsys.readouterr().out

    def test_prints_json(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        """--json prints the answer of getWeeklyReport."""
        store_generation(world, "a")
        report_due(world, NEXT_MONDAY)
        assert report.main(["--json"]) == 0
        printed = json.loads(capsys.readouterr().out)
        assert (printed["week"], printed["bySize"]["512x512"]["requests"]) == ("2026-W47", 1)

    def test_no_report(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        """Without a report one line says how to make one."""
        assert report.main([]) == 1
        output, errors = capsys.readouterr()
        assert (output, errors.count("\n")) == ("", 1)
        assert "make history" in errors

    def test_makes_the_report_of_a_week(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        """--week writes the report of any week that is over, and prints it."""
        store_generation(world, "a", createdAt=MONDAY - timedelta(weeks=30))
        assert report.main(["--week", "2026-W17", "--json"]) == 0
        printed = json.loads(capsys.readouterr().out)
        assert (printed["week"], printed["requests"]) == ("2026-W17", 1)
        assert world.fields("weeklyReports/2026-W17")["requests"] == 1

    def test_a_week_that_is_not_over(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        """A future week is refused in one line, and nothing is written."""
        assert report.main(["--week", "2099-W01"]) == 1
        assert "2099-W01 is not over" in capsys.readouterr().err
        assert list(world.db.collection("weeklyReports").stream()) == []

    @pytest.mark.parametrize("week", ["2026-46", "2026-W54", "last"])
    def test_what_is_no_week(self, capsys: pytest.CaptureFixture[str], week: str) -> None:
        """A week that does not exist is a usage error."""
        with pytest.raises(SystemExit) as ended:
            report.main(["--week", week])
        assert ended.value.code == 2
        assert "--week" in capsys.readouterr().err

    @pytest.mark.parametrize("is_emulated", [True, False])
    def test_a_deployed_project_needs_credentials(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, is_emulated: bool
    ) -> None:
        """With --project the running Firestore is not used, and one line says what is missing."""
        monkeypatch.setenv("NO_GCE_CHECK", "true")
        monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
        monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
        if is_emulated:
            monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:8080")
        else:
            monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
        assert report.main(["--project", "your-project"]) == 1
        errors = capsys.readouterr().err
        assert ("FIRESTORE_EMULATOR_HOST" if is_emulated else "gcloud auth") in errors
        assert errors.count("\n") == 1

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
