"""`make history` against the embedded Firestore."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from google.cloud import firestore

from operations import history
from operations.history import WEEKS, CannotFill, fill
from tests.world import Clock, World, make_deps, write_catalog

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
SITE = "http://127.0.0.1:5050"
PUBLIC = Path(__file__).parents[2] / "public"


def hide(done: int, of: int) -> None:
    """No progress."""


@pytest.fixture
def catalogued(db: firestore.Client) -> firestore.Client:
    """A database with a catalog."""
    write_catalog(db)
    return db


class TestFill:
    @pytest.mark.long  # tests/reports finds anomalies in the ordinary run.
    @pytest.mark.timeout(180)
    def test_nine_weeks_are_reported_and_the_planted_anomaly_is_found(self, catalogued: firestore.Client) -> None:
        """Each past week has its requests and a report, and the last report names the model that was made to fail."""
        told: list[tuple[int, int]] = []
        filled = fill(catalogued, SITE, NOW, 7, 300, lambda done, of: told.append((done, of)))
        assert told == [(done, WEEKS) for done in range(WEEKS + 1)]
        assert filled.planted_model == "model-b"
        assert filled.found is not None
        # What the model explains, such as a colour or the whole week, is not told as well.
        assert [each.value for each in filled.reports[-1].anomalies if each.kind == "failureRate"] == ["model-b"]
        assert [report.week.week_id for report in filled.reports] == [f"2026-W{week}" for week in range(38, 47)]
        reports = {
            snapshot.id: snapshot.to_dict() or {} for snapshot in catalogued.collection("weeklyReports").stream()
        }
        assert len(reports) == WEEKS
        for report in filled.reports:
            assert 200 < report.totals.requests < 400
            assert report.totals.requests == reports[report.week.week_id]["requests"]
            assert report.active_accounts
            assert len(report.top_accounts) == 10

    def test_the_books_balance(self, catalogued: firestore.Client) -> None:
        """Each ledger explains its balance without a gap, and each generation is settled."""
        fill(catalogued, SITE, NOW, 7, 20, hide)
        world = World(make_deps(catalogued), Clock())
        accounts = list(catalogued.collection("users").stream())
        assert len(accounts) == 40
        for account in accounts:
            world.check_books(account.id)

    def test_the_pictures_exist(self, catalogued: firestore.Client) -> None:
        """The site has each picture: that of the model, or of the provider that draws for it."""
        catalogued.document("models/model-c").set({"name": "Model C", "enabled": True})
        catalogued.document("modelSettings/model-c").set({"provider": "model-a"})
        fill(catalogued, SITE, NOW, 7, 20, hide)
        urls = {
            (generation.get("model"), generation.get("imageUrl"))
            for generation in catalogued.collection("generationRequests").stream()
            if generation.get("status") == "completed"
        }
        drawn_by = {"model-a": "model-a", "model-b": "model-b", "model-c": "model-a"}
        assert urls == {(model, f"{SITE}/placeholders/{provider}.png") for model, provider in drawn_by.items()}
        for _, url in urls:
            assert (PUBLIC / url.removeprefix(f"{SITE}/")).is_file()

    def test_a_second_history_is_refused(self, catalogued: firestore.Client) -> None:
        """Two histories are not mixed."""
        fill(catalogued, SITE, NOW, 7, 1, hide)
        with pytest.raises(CannotFill, match="already"):
            fill(catalogued, SITE, NOW, 7, 1, hide)

    def test_a_database_without_a_catalog_is_refused(self, db: firestore.Client) -> None:
        """Without a catalog no request could have been made."""
        with pytest.raises(CannotFill, match="catalog"):
            fill(db, SITE, NOW, 7, 1, hide)


class TestMain:
    def test_prints_a_line_for_each_week(
        self, catalogued: firestore.Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A line for each week and one for the planted anomaly, which few requests hide; no progress into a pipe."""
        monkeypatch.setenv("GCLOUD_PROJECT", catalogued.project)
        monkeypatch.delenv("SITE_URL", raising=False)
        monkeypatch.setenv("HOSTING_PORT", "5050")
        assert history.main(["--requests", "5"]) == 1
        output, errors = capsys.readouterr()
        assert len(output.splitlines()) == WEEKS + 1
        assert output.startswith("The failures of model-b", output.rindex("The"))
        assert output.endswith("were not found.\n")
        urls = {generation.get("imageUrl") for generation in catalogued.collection("generationRequests").stream()}
        assert urls == {None, *(f"{SITE}/placeholders/{model}.png" for model in ("model-a", "model-b"))}
        assert errors == ""

    def test_no_firestore(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """Without a Firestore one line names the address and the command that starts it."""
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
        assert history.main([]) == 1
        errors = capsys.readouterr().err
        assert errors.startswith("make history: No Firestore answers at 127.0.0.1:1; start `make dev`")
        assert errors.count("\n") == 1
