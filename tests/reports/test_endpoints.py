"""getWeeklyReport and listWeeklyReports over HTTP."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.answers import error_of, violations_of
from tests.reports.test_service import MONDAY, NEXT_MONDAY, report_due, store_generation
from tests.world import World

GET, LIST = "/getWeeklyReport", "/listWeeklyReports"

TOTALS: dict[str, Any] = {
    "requests": 2,
    "completed": 1,
    "failed": 1,
    "pending": 0,
    "cancelled": 0,
    "successRate": 0.5,
    "creditsConsumed": 2,
    "creditsRefunded": 1,
    "creditsNet": 1,
}


@pytest.fixture
def reports(world: World) -> World:
    """Two weeks with a report each: an empty one, and one with two requests of one account."""
    report_due(world, MONDAY)
    weeks = {"2026-W47": {"requests": 2, "credits": 2, "days": {"2026-11-18": 2}}}
    world.db.document("users/ada").set({"credits": 0, "createdAt": MONDAY, "weeks": weeks})
    store_generation(world, "a")
    store_generation(world, "b", status="failed", creditsRefunded=1)
    report_due(world, NEXT_MONDAY)
    return world


class TestGetWeeklyReport:
    def test_answers_the_documented_shape(self, reports: World, client: httpx.Client) -> None:
        """The latest report has exactly the documented fields."""
        answer = client.get(GET).json()
        assert isinstance(answer.pop("lowPower"), list)
        assert answer == {
            "week": "2026-W47",
            "weekStart": "2026-11-16T00:00:00Z",
            "weekEnd": "2026-11-23T00:00:00Z",
            "scheduledAt": "2026-11-23T00:00:00Z",
            "generatedAt": "2026-11-23T00:00:00Z",
            **TOTALS,
            "activeAccounts": 1,
            "newAccounts": 1,
            "newAccountsByDay": [1, 0, 0, 0, 0, 0, 0],
            "topAccounts": [
                {"userId": "ada", "requests": 2, "credits": 2, "peakDayCredits": 2, "previousCredits": None}
            ],
            "meanDurationMs": 1000.0,
            "slowest": [{"generationRequestId": "a", "durationMs": 1000}],
            "byModel": {"model-a": TOTALS},
            "byStyle": {"anime": TOTALS},
            "byColor": {"neon": TOTALS},
            "bySize": {"512x512": TOTALS},
            "changeFromPreviousWeek": {
                "requests": 2,
                "completed": 1,
                "failed": 1,
                "successRate": None,
                "creditsConsumed": 2,
                "creditsNet": 1,
                "activeAccounts": 1,
                "newAccounts": 1,
            },
            "anomalies": [],
            "insufficientHistory": False,
            "isFinal": True,
        }

    def test_answers_the_requested_week(self, reports: World, client: httpx.Client) -> None:
        """A query and a body name a week in the same way."""
        asked = client.get(GET, params={"week": "2026-W46"}).json()
        assert (asked["week"], asked["requests"], asked["insufficientHistory"]) == ("2026-W46", 0, True)
        assert client.post(GET, json={"week": "2026-W46"}).json() == asked

    def test_an_anomaly_is_answered_whole(self, world: World, client: httpx.Client) -> None:
        """An anomaly has its kind, dimension, value, expectation, confidence and a sentence for a person."""
        for week in range(5):
            for number in range(100 if week == 4 else 30):
                store_generation(world, f"{week}-{number}", createdAt=MONDAY - timedelta(weeks=4 - week))
            report_due(world, MONDAY - timedelta(weeks=3 - week))
        first = next(found for found in client.get(GET).json()["anomalies"] if found["kind"] == "requests")
        assert first.pop("message").strip() != ""
        assert first.pop("score") > 3.5
        assert first.pop("severity") in {"warning", "critical"}
        assert first == {
            "kind": "requests",
            "dimension": None,
            "value": None,
            "observed": 100.0,
            "expected": 30.0,
            "ratio": pytest.approx(10 / 3),
            "scoreKind": "z",
            "baselineWeeks": 4,
            "status": "confirmed",
        }

    def test_the_running_week_so_far(self, world: World, client: httpx.Client) -> None:
        """It is marked as not final, and is no report: neither by its id, nor in the list."""
        store_generation(world, "a")
        answer = client.get(GET, params={"week": "current"}).json()
        assert (answer["week"], answer["isFinal"], answer["requests"]) == ("2026-W47", False, 1)
        assert answer["generatedAt"] < answer["weekEnd"]
        assert client.get(GET, params={"week": "2026-W47"}).status_code == 404
        assert client.get(LIST).json() == {"reports": []}

    @pytest.mark.parametrize("asked", [{}, {"week": "2026-W01"}])
    def test_no_report(self, client: httpx.Client, asked: dict[str, str]) -> None:
        """Without a report the answer is a 404 with its own reason."""
        response = client.get(GET, params=asked)
        assert (response.status_code, error_of(response)["reason"]) == (404, "WEEKLY_REPORT_NOT_FOUND")

    @pytest.mark.parametrize("week", ["2026-W54", "2026-46", "latest", "", "2026-W4\uff16"])
    def test_a_bad_week(self, client: httpx.Client, week: str) -> None:
        """An invalid week is a 400 that names the format."""
        assert violations_of(client.get(GET, params={"week": week})) == {
            "week": "must be an ISO week such as 2026-W46, or current"
        }

    def test_an_unknown_parameter(self, client: httpx.Client) -> None:
        """An unknown parameter is named."""
        assert violations_of(client.get(GET, params={"weeks": "2026-W46"})).keys() == {"weeks"}


class TestListWeeklyReports:
    def test_pages(self, reports: World, client: httpx.Client) -> None:
        """A page holds reports as getWeeklyReport answers them, newest first; a token leads to the next."""
        first = client.get(LIST, params={"pageSize": 1}).json()
        assert first["reports"] == [client.get(GET).json()]
        second = client.post(LIST, json={"pageSize": 1, "pageToken": first["nextPageToken"]}).json()
        assert second == {"reports": [client.get(GET, params={"week": "2026-W46"}).json()]}

    def test_an_empty_list(self, client: httpx.Client) -> None:
        """A list may be empty."""
        assert client.get(LIST).json() == {"reports": []}

    @pytest.mark.parametrize(
        ("asked", "field"),
        [
            ({"pageSize": "0"}, "pageSize"),
            ({"pageSize": "53"}, "pageSize"),
            ({"pageToken": "mine"}, "pageToken"),
            ({"week": "2026-W46"}, "week"),
        ],
    )
    def test_bad_query(self, client: httpx.Client, asked: dict[str, str], field: str) -> None:
        """Each bad parameter is named."""
        assert violations_of(client.get(LIST, params=asked)).keys() == {field}

    @pytest.mark.parametrize("path", [GET, LIST])
    def test_wrong_method(self, client: httpx.Client, path: str) -> None:
        """Only GET and POST are allowed."""
        response = client.delete(path)
        assert (response.status_code, response.headers["Allow"]) == (405, "GET, POST")
