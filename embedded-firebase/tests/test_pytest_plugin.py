"""The pytest plugin in another project."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from google.api_core import exceptions

from embedded_firebase.firestore.errors import Code

pytestmark = pytest.mark.embedded

PROJECT = """
import time
from itertools import pairwise

import pytest
from google.api_core import exceptions
from google.cloud import firestore

from embedded_firebase.firestore.errors import Code
from embedded_firebase.firestore.transactions.transactions import Concurrency

moments = []


@pytest.fixture(scope="session")
def firestore_options():
    return {"concurrency": Concurrency.PESSIMISTIC}


@pytest.fixture
def moment():
    moments.append(time.perf_counter())


@pytest.mark.parametrize("run", range(101))
def test_fresh(moment, firestore_client, run):
    moments.append(time.perf_counter())
    assert not firestore_client.document("c/d").get().exists
    moments.append(time.perf_counter())
    firestore_client.document("c/d").set({})


def test_speed():
    made = sorted(after - before for before, after in zip(moments[::3], moments[1::3]))
    first_call = sorted(after - before for before, after in zip(moments[1::3], moments[2::3]))
    print(f"fixture: {made[50] * 1000:.2f} ms; with the first call: {(made[50] + first_call[50]) * 1000:.2f} ms")
    assert made[50] < 0.005


def test_faults_and_counts(firestore_client, firestore_faults, firestore_counts):
    firestore_faults.fail(Code.PERMISSION_DENIED)
    with pytest.raises(exceptions.PermissionDenied):
        firestore_client.document("c/d").set({})
    assert firestore_counts().calls == {"Commit": 1}
    firestore_client.document("c/d").get()
    assert firestore_counts().reads == 1


def test_faults_are_gone(firestore_client):
    firestore_client.document("c/d").set({})
"""

CORES = """
import os
from pathlib import Path


def test_cores(worker_id):
    Path(f"cores of {worker_id}").write_text(str(os.sched_getaffinity(0)))
"""


def run(folder: Path, **environment: str) -> str:
    (folder / "test_project.py").write_text(PROJECT)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rs", "-q", "-s", "-p", "no:cacheprovider", "-W", "error", str(folder)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        cwd=folder,
        env={"HOME": str(folder), **environment},
    )
    return done.stdout


class TestInAnotherProject:
    def test_fixtures_work(self, tmp_path):
        """A new database takes less than 5 ms, and faults and counts are separate for each test."""
        output = run(tmp_path)
        assert "104 passed" in output, output
        print(next(line for line in output.splitlines() if "fixture:" in line))

    def test_another_firestore_may_be_named(self, tmp_path, firestore_host):
        """Tests that need the embedded Firestore are skipped, with the reason."""
        output = run(tmp_path, FIRESTORE_EMULATOR_HOST=firestore_host)
        assert "103 passed, 1 skipped" in output, output
        assert "FIRESTORE_EMULATOR_HOST names another Firestore" in output


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a process on a core")
class TestOneCore:
    @pytest.mark.parametrize(("setting", "is_kept"), [("true", True), ("false", False)])
    def test_of_a_worker(self, tmp_path, setting, is_kept):
        """Workers keep to one core each, on different ones, if the configuration asks for it."""
        (tmp_path / "pytest.ini").write_text(f"[pytest]\nfirestore_one_core_per_worker = {setting}\n")
        (tmp_path / "test_cores.py").write_text(CORES)
        # The worker that runs this test may be kept to one core itself.
        every_core = set(range(os.cpu_count() or 1))
        start = f"import os, pytest; os.sched_setaffinity(0, {every_core}); raise SystemExit(pytest.main())"
        command = [sys.executable, "-c", start, "-n", "2", "--dist", "each", "-p", "no:cacheprovider"]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=50)
        cores = {name.read_text() for name in tmp_path.glob("cores of *")}
        assert cores == ({str({core}) for core in sorted(every_core)[:2]} if is_kept else {str(every_core)})


class TestFaults:
    def test_a_lost_answer_keeps_the_write(self, firestore_client, firestore_faults):
        """The write is applied, and the client sees the requested code."""
        firestore_faults.lose_answer(Code.DEADLINE_EXCEEDED)
        with pytest.raises(exceptions.DeadlineExceeded):
            firestore_client.document("c/d").create({"v": 1})
        assert firestore_client.document("c/d").get().to_dict() == {"v": 1}

    def test_a_callback_can_run_around_a_call(self, firestore_client, firestore_faults):
        """A callback runs before or after a call, once or on every call, until faults are cleared."""
        seen = []
        document = firestore_client.document("c/d")
        firestore_faults.before(lambda: seen.append("before"), None)
        firestore_faults.after(lambda: seen.append("after"))
        document.set({})
        document.set({"v": 1})
        firestore_faults.clear()
        document.set({"v": 2})
        assert seen == ["before", "after", "before"]

    def test_calls_may_be_delayed(self, firestore_client, firestore_faults, firestore_counts):
        """A call is delayed by seconds; other RPCs are not."""
        firestore_faults.delay(5.0, rpc="RunQuery")
        firestore_client.document("c/d").set({})
        assert firestore_counts().round_trips == 1
