"""The distribution in another project: built, installed into its own environment, and used."""

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent
pytestmark = pytest.mark.timeout(90)

SERVERS = ["FirestoreServer", "FunctionsHost", "HostOptions", "Pages"]
TEST = """
def test_a_note_is_kept(firestore_client):
    firestore_client.document("notes/a").set({"text": "hello"})
    assert firestore_client.document("notes/a").get().get("text") == "hello"
"""
MAIN = """
from firebase_functions import https_fn, scheduler_fn


@https_fn.on_request()
def greet(request):
    return f"hello {request.args['name']}"


@scheduler_fn.on_schedule(schedule="0 0 1 1 *")
def yearly(event):
    print("a year has passed")
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the built distribution, and the packages it needs from this one.

    Installing those again would need a package registry; that they match pyproject.toml is tested below.
    """
    folder = tmp_path_factory.mktemp("installed")
    # In its own process, because a build in place could find more than is distributed.
    shutil.copytree(SOURCE, folder / "source", ignore=shutil.ignore_patterns("tests", "docs", ".*", "__pycache__"))
    venv.create(folder / "venv", symlinks=True)
    python = folder / "venv" / "bin" / "python"
    (purelib,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (purelib / "others.pth").write_text(sysconfig.get_path("purelib"))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", str(python)]
    subprocess.run(
        [*pip, "install", "--no-index", "--no-build-isolation", "--ignore-installed", "--no-deps", folder / "source"],
        check=True,
        timeout=60,
    )
    return python


class TestInstalled:
    def test_a_test_of_three_lines_passes(self, python, tmp_path):
        """It passes in an empty folder, without a conftest.py, a setting or a running server."""
        (tmp_path / "test_notes.py").write_text(TEST)
        done = _run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider"], tmp_path)
        assert "1 passed" in done, done

    def test_the_installed_code_runs(self, python, tmp_path):
        """The code is that of the distribution, not of this repository, and has types."""
        place = Path(
            _run([python, "-c", "import embedded_firebase; print(embedded_firebase.__file__)"], tmp_path).strip()
        )
        assert place.is_relative_to(python.parent.parent)
        assert (place.parent / "py.typed").exists()

    def test_its_public_names_can_be_imported(self, python, tmp_path):
        """`__all__` lists exactly the public names."""
        code = """if True:
            import embedded_firebase
            from embedded_firebase import *
            print(*(globals()[name].__name__ for name in embedded_firebase.__all__))
            print(hasattr(embedded_firebase, "Nothing"))
        """
        *names, other = _run([python, "-c", code], tmp_path).split()
        assert names == ["Code", "Concurrency", "Counts", "DatabaseFaults", *SERVERS]
        assert other == "False"

    def test_its_requirements_are_met(self, python, tmp_path):
        """The tested versions are within the ranges of pyproject.toml, extras included."""
        code = """if True:
            import importlib.metadata as metadata
            from packaging.requirements import Requirement
            for requirement in map(Requirement, metadata.requires("embedded-firebase")):
                version = metadata.version(requirement.name)
                print(requirement.name, version in requirement.specifier)
        """
        met = dict(line.split() for line in _run([python, "-c", code], tmp_path).splitlines())
        assert {"google-cloud-firestore", "firebase-functions", "pytest"} < met.keys()
        assert set(met.values()) == {"True"}

    def test_each_command_runs(self, python, tmp_path):
        """Each of the three commands runs."""
        for name in ("firestore", "functions", "export"):
            assert f"usage: embedded-{name}" in _run([python.parent / f"embedded-{name}", "--help"], tmp_path)


@pytest.fixture
def host(python: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a host of a foreign main.py."""
    (tmp_path / "main.py").write_text(MAIN)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [python.parent / "embedded-functions", "--source", tmp_path, "--port", str(port), "--json"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, env=_environment(tmp_path)
    ) as process:
        assert process.stdout is not None
        assert next(process.stdout) == f"Functions ready on 127.0.0.1:{port}\n"
        yield f"http://127.0.0.1:{port}"
        process.terminate()
        process.communicate(timeout=20)


class TestForeignFunctions:
    def test_they_are_served(self, host):
        """They have the URLs of Firebase's emulator, without functions-framework; `demo-project` is the default."""
        with urllib.request.urlopen(f"{host}/demo-project/us-central1/greet?name=you", timeout=20) as answer:
            assert answer.read() == b"hello you"

    def test_their_schedules_fire(self, host):
        """A schedule is fired by its trigger URL."""
        url = f"{host}/functions/projects/demo-project/triggers/us-central1-yearly-0"
        with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=20) as answer:
            assert answer.status == 200

    def test_an_unknown_function_is_named(self, host):
        """The error lists the existing functions."""
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{host}/demo-project/us-central1/nothing", timeout=20)
        assert refused.value.code == 404
        refused.value.close()


def _environment(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder)}


def _run(command: list[str | Path], folder: Path) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout
