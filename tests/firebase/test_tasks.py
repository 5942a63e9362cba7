"""Enqueuing a task with firebase-admin, as the Firebase CLI's emulator and as Cloud Tasks."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pytest_mock import MockerFixture

from imagegen import config
from imagegen.firebase.tasks import FirebaseTaskQueue, TaskQueueError
from tests.cloud_tasks import Tasks

PROJECT = "demo-enqueuing"


@pytest.fixture
def tasks() -> Iterator[Tasks]:
    """Where tasks go."""
    tasks = Tasks()
    yield tasks
    tasks.stop()


class TestEnqueue:
    @pytest.mark.parametrize("region", ["us-central1", "europe-west1"])
    def test_in_the_emulator(self, tasks: Tasks, monkeypatch: pytest.MonkeyPatch, region: str) -> None:
        """The task goes to the queue in the region of the settings, at the URL of the Firebase CLI's emulator."""
        monkeypatch.setenv("GCLOUD_PROJECT", f"{PROJECT}-emulated-{region}")
        monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", tasks.host)
        monkeypatch.setattr(config, "REGION", region)
        FirebaseTaskQueue(5).enqueue("processGeneration", {"generationRequestId": "gen1"})
        ((path, request),) = tasks.sent
        assert path == f"/projects/{PROJECT}-emulated-{region}/locations/{region}/queues/processGeneration/tasks"
        assert json.loads(base64.b64decode(request["body"])) == {"data": {"generationRequestId": "gen1"}}

    def test_a_delay(self, tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
        """A task with a delay is scheduled for later, one without is not scheduled."""
        monkeypatch.setenv("GCLOUD_PROJECT", f"{PROJECT}-delayed")
        monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", tasks.host)
        for delay_seconds in (0, 60):
            FirebaseTaskQueue(5).enqueue("deliverWebhook", {"generationRequestId": "gen1"}, delay_seconds)
        at_once, later = tasks.scheduled
        assert at_once is None
        assert later is not None
        ahead = datetime.fromisoformat(later).replace(tzinfo=UTC) - datetime.now(UTC)
        assert timedelta(seconds=30) < ahead <= timedelta(seconds=60)

    def test_deployed(
        self,
        tasks: Tasks,
        service_account: None,
        monkeypatch: pytest.MonkeyPatch,
        mocker: MockerFixture,
    ) -> None:
        """Cloud Tasks calls the function in the same region, with the identity of the functions' service account."""
        monkeypatch.delenv("CLOUD_TASKS_EMULATOR_HOST", raising=False)
        monkeypatch.setenv("GCLOUD_PROJECT", f"{PROJECT}-deployed")
        monkeypatch.setattr(config, "REGION", "europe-west1")
        resource = "projects/{project_id}/locations/{location_id}/queues/{resource_id}/tasks"
        mocker.patch("firebase_admin.functions._CLOUD_TASKS_API_URL_FORMAT", f"http://{tasks.host}/v2/{resource}")
        FirebaseTaskQueue(5).enqueue("deliverWebhook", {"generationRequestId": "gen1"})
        ((path, request),) = tasks.sent
        assert path == f"/v2/projects/{PROJECT}-deployed/locations/europe-west1/queues/deliverWebhook/tasks"
        assert request["url"] == f"https://europe-west1-{PROJECT}-deployed.cloudfunctions.net/deliverWebhook"
        assert request["oidcToken"] == {"serviceAccountEmail": "functions@example.com"}

    def test_without_an_answer(self, tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
        """A queue that does not answer is an error that says so: it may or may not have the task."""
        monkeypatch.setenv("GCLOUD_PROJECT", f"{PROJECT}-away")
        monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", "127.0.0.1:1")
        with pytest.raises(TaskQueueError):
            FirebaseTaskQueue(5).enqueue("processGeneration", {"generationRequestId": "gen1"})
