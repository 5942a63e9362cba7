"""What all functions have in common over HTTP: names, CORS, the health probe, and an unavailable Firestore."""

import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime

import flask
import functions_framework
import httpx
import pytest
import werkzeug.test

from embedded_firebase.firestore.errors import Code
from embedded_firebase.firestore.server import FirestoreServer
from embedded_firebase.firestore.testing.faults import DatabaseFaults
from embedded_firebase.functions.discovery import discover
from imagegen import production
from imagegen.config import Settings
from imagegen.kit.weeks import Week
from tests.answers import error_of
from tests.crash.mortal import abandon
from tests.hosted import ROOT
from tests.world import PausesOnly, World

HTTPS_FUNCTIONS = [
    "cancelGenerationRequest",
    "createGenerationRequest",
    "getAudit",
    "getCatalog",
    "getGenerationStatus",
    "getUserCredits",
    "getWebhookSecret",
    "getWeeklyReport",
    "grantCredits",
    "listGenerationRequests",
    "listWebhookDeliveries",
    "listWeeklyReports",
    "openapi",
    "resendWebhook",
    "revokeGrant",
    "rotateWebhookSecret",
    "verifyBooks",
]
FUNCTIONS = sorted([*HTTPS_FUNCTIONS, "auditBooks", "deliverWebhook", "processGeneration", "reconcile", "weeklyReport"])


def trigger(client: httpx.Client, name: str) -> str:
    """The trigger URL of a scheduled function."""
    host = client.base_url.copy_with(raw_path=b"/")
    project = client.base_url.path.split("/")[1]
    return f"{host}functions/projects/{project}/triggers/us-central1-{name}-0"


class TestNames:
    def test_firebase_discovers_these(self) -> None:
        """These are the wire names, all in us-central1."""
        functions = discover(ROOT / "functions")
        assert [(function.name, function.region) for function in functions] == [(n, "us-central1") for n in FUNCTIONS]

    def test_the_report_is_scheduled(self) -> None:
        """The weekly report runs Mondays 00:00 UTC, is retried, and has the time for the reports of nine weeks."""
        (weekly,) = [f for f in discover(ROOT / "functions") if f.name == "weeklyReport"]
        endpoint = vars(weekly.call)["__firebase_endpoint__"]
        schedule = endpoint.scheduleTrigger
        assert endpoint.timeoutSeconds == 540 > Settings().report_time_limit_seconds
        assert (schedule["schedule"], schedule["timeZone"]) == ("0 0 * * 1", "Etc/UTC")
        assert schedule["retryConfig"]["retryCount"] == 3

    def test_invokers(self) -> None:
        """The HTTPS functions are public for the platform, as they check tokens themselves; the others are private."""
        for function in discover(ROOT / "functions"):
            endpoint = vars(function.call)["__firebase_endpoint__"]
            if function.name not in HTTPS_FUNCTIONS:
                # Without such a trigger no invoker is set, and Cloud Run admits only the project's own services.
                assert endpoint.httpsTrigger is None
            else:
                assert endpoint.httpsTrigger == {}

    def test_who_gets_the_secret_of_webhooks(self) -> None:
        """Exactly the functions that sign or show a secret are bound to the master secret."""
        endpoints = {f.name: vars(f.call)["__firebase_endpoint__"] for f in discover(ROOT / "functions")}
        bound = {name for name, endpoint in endpoints.items() if endpoint.secretEnvironmentVariables}
        assert bound == {"deliverWebhook", "getWebhookSecret", "rotateWebhookSecret"}
        for name in bound:
            assert endpoints[name].secretEnvironmentVariables == [{"key": "WEBHOOK_SECRET"}]

    def test_an_unknown_function(self, client: httpx.Client) -> None:
        """An unknown path is a 404 that lists the functions."""
        response = client.get("/nothing")
        assert response.status_code == 404
        assert all(name in response.text for name in FUNCTIONS)


class TestCors:
    @pytest.mark.parametrize("name", HTTPS_FUNCTIONS)
    def test_preflight(self, client: httpx.Client, name: str) -> None:
        """A browser on another origin may send a preflight, and is allowed."""
        headers = {
            "Origin": "https://shop.example.com",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type, idempotency-key",
        }
        response = client.options(f"/{name}", headers=headers)
        assert response.status_code == 200
        assert response.headers["Access-Control-Allow-Origin"] in {"*", "https://shop.example.com"}
        assert "POST" in response.headers["Access-Control-Allow-Methods"]
        assert "idempotency-key" in response.headers["Access-Control-Allow-Headers"]

    def test_errors_can_be_read(self, client: httpx.Client) -> None:
        """Errors have CORS headers too, and expose the headers that a page needs."""
        response = client.post("/createGenerationRequest", headers={"Origin": "https://shop.example.com"})
        assert response.status_code == 415
        assert response.headers["Access-Control-Allow-Origin"] in {"*", "https://shop.example.com"}
        exposed = "ETag, Idempotent-Replayed, Location, Preference-Applied, Retry-After, X-Request-Id"
        assert response.headers["Access-Control-Expose-Headers"] == exposed


class TestDeployed:
    """Under the functions framework, which serves the functions when they are deployed."""

    @pytest.fixture
    def framework(self, client: httpx.Client) -> Callable[[str], werkzeug.test.Client]:
        """A client of one function under the framework, in the environment of the host."""
        source = str(ROOT / "functions" / "main.py")
        create_app: Callable[[str, str], flask.Flask] = functions_framework.create_app
        return lambda name: create_app(name, source).test_client()

    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_the_health_probe_has_no_effect(self, framework: Callable[[str], werkzeug.test.Client], name: str) -> None:
        """The probe at a cold start builds no client and writes no report."""
        production._built.cache_clear()
        response = framework(name).get("/__/health")
        assert (response.status_code, response.text) == (200, "ok")
        assert production._built.cache_info().currsize == 0

    def test_creates(self, world: World, framework: Callable[[str], werkzeug.test.Client]) -> None:
        """A request is answered as on our host."""
        response = framework("createGenerationRequest").post("/", json=world.body(world.account("ada", 5)))
        assert (response.status_code, json.loads(response.text)["deductedCredits"]) == (200, 1)

    @pytest.mark.parametrize("length", [17_000, 4_000_000])
    def test_a_large_body_is_refused(self, framework: Callable[[str], werkzeug.test.Client], length: int) -> None:
        """A large body is a 413 under the framework too."""
        response = framework("createGenerationRequest").post("/", json={"prompt": "x" * length})
        assert (response.status_code, json.loads(response.text)["error"]["status"]) == (413, "INVALID_ARGUMENT")


class TestWeeklyReport:
    @pytest.mark.parametrize("forged", ["2031-01-06T00:00:00Z", "2020-01-06T00:00:00Z", "2031-01-06", "Monday"])
    def test_a_forged_schedule_time_orders_no_other_week(self, world: World, client: httpx.Client, forged: str) -> None:
        """The report is that of the last whole week by the clock, and the answer is the documented one."""
        headers = {"X-CloudScheduler-ScheduleTime": forged, "X-CloudScheduler-JobName": "weekly"}
        last = {Week.of(datetime.now(UTC)).back(1).week_id}
        response = client.post(trigger(client, "weeklyReport"), headers=headers)
        assert (response.status_code, response.json()) == (200, {"reportStatus": "success"})
        # The test may run at midnight of a Monday.
        last.add(Week.of(datetime.now(UTC)).back(1).week_id)
        assert {snapshot.id for snapshot in world.db.collection("weeklyReports").stream()} <= last

    @pytest.mark.parametrize(("method", "path"), [("GET", ""), ("OPTIONS", ""), ("POST", "/"), ("GET", "/__/health")])
    def test_is_fired_by_post_only(self, world: World, client: httpx.Client, method: str, path: str) -> None:
        """Other methods and paths of the trigger do not write a report."""
        assert client.request(method, trigger(client, "weeklyReport") + path).status_code == 404
        assert list(world.db.collection("weeklyReports").stream()) == []

    def test_without_headers_it_takes_the_current_time(self, world: World, client: httpx.Client) -> None:
        """A trigger without a schedule time reports on the last whole week."""
        assert client.post(trigger(client, "weeklyReport")).json() == {"reportStatus": "success"}
        assert len(list(world.db.collection("weeklyReports").stream())) == 1

    @pytest.mark.embedded
    def test_a_failure_discloses_nothing(self, world: World, client: httpx.Client, faults: DatabaseFaults) -> None:
        """A failed report is a 500 without the exception's text, so that Cloud Scheduler retries."""
        faults.fail(Code.PERMISSION_DENIED, 1, "RunAggregationQuery")
        response = client.post(trigger(client, "weeklyReport"))
        assert error_of(response)["message"] == "An internal error occurred."
        assert list(world.db.collection("weeklyReports").stream()) == []


class TestReconcile:
    def test_refunds_expired_generations(self, world: World, client: httpx.Client) -> None:
        """Its trigger refunds a generation of a dead process."""
        ada = world.account("ada", 5)
        abandon(world)
        assert world.credits(ada) == 4
        response = client.post(trigger(client, "reconcile"))
        assert response.headers["X-Request-Id"]
        rest = {"takenBack": 0, "enqueued": 0, "picturesDeleted": 0, "webhooksEnqueued": 0}
        assert (response.status_code, response.json()) == (200, {"reconcileStatus": "success", "refunded": 1} | rest)
        assert world.credits(ada) == 5
        world.check_books(ada)

    def test_a_failing_refund(self, world: World, client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
        """A failing refund fails the run, and lost webhook tasks are enqueued all the same."""
        told: list[object] = []
        monkeypatch.setattr("imagegen.generations.outbox.enqueue_overdue_webhooks", told.append)
        world.account("ada", 5)
        abandon(world)
        world.db.document("users/ada").update({"credits": -1})
        assert (client.post(trigger(client, "reconcile")).status_code, len(told)) == (500, 1)


@pytest.mark.embedded
class TestFirestoreAway:
    @pytest.mark.parametrize("name", [name for name in HTTPS_FUNCTIONS if name != "openapi"])
    def test_is_unavailable_within_ten_seconds(
        self, world: World, client: httpx.Client, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        """With no server at the address, a call is a 503 with Retry-After within ten seconds."""
        with socket.socket() as dead:
            dead.bind(("127.0.0.1", 0))
            monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{dead.getsockname()[1]}")
            production._built.cache_clear()
            bodies = {"createGenerationRequest": world.body("ada"), "getUserCredits": {"userId": "ada"}}
            bodies["listGenerationRequests"] = {"userId": "ada"}
            bodies["getWebhookSecret"] = bodies["rotateWebhookSecret"] = {"userId": "ada"}
            bodies["listWebhookDeliveries"], bodies["resendWebhook"] = {"userId": "ada"}, {"generationRequestId": "g"}
            bodies["grantCredits"] = {"userId": "ada", "credits": 1}
            bodies["revokeGrant"] = {"userId": "ada", "transactionId": f"{'0' * 32}_grant"}
            bodies["getGenerationStatus"] = bodies["cancelGenerationRequest"] = {"generationRequestId": "g"}
            clock = PausesOnly()
            monkeypatch.setattr("imagegen.firebase.retries.time", clock)
            if name == "getCatalog":
                response = client.get(f"/{name}")
            else:
                response = client.post(f"/{name}", json=bodies.get(name, {}), headers={"Idempotency-Key": "key"})
        assert 0 < clock.now < 10
        error = error_of(response)
        assert (error["code"], error["status"]) == (503, "UNAVAILABLE")
        assert response.headers["Retry-After"] == "2"

    def test_is_unavailable_when_the_catalog_is_known(
        self, world: World, client: httpx.Client, server: FirestoreServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A warm process whose Firestore becomes unavailable answers 503 too."""
        ada = world.account("ada", 5)
        assert client.post("/createGenerationRequest", json=world.body(ada)).status_code == 200
        database = f"projects/{world.db.project}/databases/(default)"
        server.faults.fail("BeginTransaction", Code.UNAVAILABLE, 10_000, database=database)
        clock = PausesOnly()
        monkeypatch.setattr("imagegen.firebase.retries.time", clock)
        response = client.post("/createGenerationRequest", json=world.body(ada))
        server.faults.clear(database=database)
        assert 0 < clock.now < 10
        assert (response.status_code, world.credits(ada)) == (503, 4)
