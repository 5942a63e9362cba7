"""When `make bench-memory` fails: it runs programs that are broken on purpose."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.framework import ROOT


def bench(folder: Path, rounds: int) -> subprocess.CompletedProcess[str]:
    """Run the bench on a main.py."""
    command = [sys.executable, "-m", "tests.bench.memory", "--functions", str(folder), "--rounds", str(rounds)]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'functions'}"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.long
class TestBench:
    @pytest.mark.parametrize(
        ("rounds", "file", "right", "wrong"),
        [
            (0, "main.py", "body.install()", ""),
            (1, "imagegen/providers/simulated/model.py", "threading.Lock()", "threading.Semaphore(16)"),
            (0, "main.py", "MemoryOption.MB_512", "MemoryOption.MB_128"),
        ],
    )
    def test_a_broken_program(self, tmp_path: Path, rounds: int, file: str, right: str, wrong: str) -> None:
        """It exits with 1 if bodies are read whole, if pictures are drawn at once, or if too little is asked for."""
        folder = tmp_path / "functions"
        shutil.copytree(ROOT / "functions", folder, ignore=shutil.ignore_patterns("venv", "__pycache__"))
        text = (folder / file).read_text()
        assert text.count(right) == 1
        (folder / file).write_text(text.replace(right, wrong))
        ended = bench(folder, rounds)
        assert (ended.returncode, "the bar is 70%" in ended.stdout) == (1, True), ended.stdout + ended.stderr
