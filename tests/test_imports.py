"""The import-linter contracts hold, and a wrong import breaks one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parent.parent
LINTER = Path(sys.executable).parent / "lint-imports"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the code and of the contracts."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for folder in ("functions/imagegen", "operations", "embedded-firebase/src/embedded_firebase"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    folders = [tree, tree / "functions", tree / "embedded-firebase" / "src"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, folders)), "NO_COLOR": "1", "COLUMNS": "200"}
    return subprocess.run(
        [LINTER, "--no-cache"], cwd=tree, env=environment, capture_output=True, text=True, timeout=50, check=False
    )


class TestContracts:
    def test_hold(self, tree: Path) -> None:
        """No import breaks a contract."""
        assert lint(tree).returncode == 0

    @pytest.mark.parametrize(
        ("path", "statement", "broken"),
        [
            (
                "functions/imagegen/credits/service.py",
                "from imagegen.generations import worker",
                "A package imports only from those below it",
            ),
            (
                "functions/imagegen/generations/picture.py",
                "from imagegen.generations import worker",
                "There are no import cycles",
            ),
            ("functions/imagegen/kit/urls.py", "import embedded_firebase", "The deployed code"),
            ("embedded-firebase/src/embedded_firebase/lifeline.py", "import imagegen", "The embedded Firebase"),
            ("functions/imagegen/books/service.py", "from imagegen.production import production", "Only main.py"),
            ("functions/imagegen/credits/service.py", "from google.cloud import firestore", "Only stores"),
            ("functions/imagegen/credits/ledger.py", "import time", "Pure modules"),
        ],
    )
    def test_a_wrong_import_breaks_one(self, tree: Path, path: str, statement: str, broken: str) -> None:
        """The linter fails and names the contract."""
        with (tree / path).open("a") as module:
            module.write(f"{statement}\n")
        linted = lint(tree)
        assert linted.returncode == 1
        assert any(line.startswith(broken) and line.endswith("BROKEN") for line in linted.stdout.splitlines())
