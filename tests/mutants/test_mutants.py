"""The mutants themselves, and that their runner tells a killed one from a survivor."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.mutants.__main__ import ROOT, SURVIVORS
from tests.mutants.mutants import mutants_of
from tests.mutants.targets import TARGETS

pytestmark = pytest.mark.pure
EMBEDDED = ROOT / "embedded-firebase"

CODE = """
def charge(balance, cost):
    if balance < cost:
        log.warn("too little", cost=cost)
        raise Refused("There is too little.")
    write(balance - cost, kind="deduction")
"""
RULES = """
match /users/{id} {
  // allow list: if true;
  allow get: if request.auth.uid == id;
}
"""


def changes(tmp_path: Path, name: str, text: str) -> set[str]:
    """The changed lines of all mutants of a text."""
    (tmp_path / name).write_text(text)
    mutants = mutants_of(tmp_path, name)
    assert all(mutant.text != text for mutant in mutants)
    assert len({mutant.mutant_id for mutant in mutants}) == len(mutants)
    return {line[1:].strip() for mutant in mutants for line in mutant.diff if line.startswith("+")}


class TestMutants:
    def test_of_python(self, tmp_path: Path) -> None:
        """Comparisons, arithmetic, arguments, branches and calls change; what people read does not."""
        changed = changes(tmp_path, "code.py", CODE)
        assert {
            "if balance <= cost:",
            "if True:",
            "if False:",
            "pass",
            'write(balance + cost, kind="deduction")',
        } <= changed
        assert {"write(balance - cost, )", 'write(balance - cost, kind="XXdeductionXX")'} <= changed
        assert not [line for line in changed if "log." in line or "THERE" in line]

    def test_of_rules(self, tmp_path: Path) -> None:
        """Each permission is added or taken away, and each condition changes; comments do not."""
        changed = changes(tmp_path, "a.rules", RULES)
        assert "allow get, list: if request.auth.uid == id;" in changed
        assert "allow get: if true;" in changed
        assert "allow get: if request.auth.uid != id;" in changed
        assert not [line for line in changed if line.startswith("//")]

    def test_an_id_does_not_depend_on_other_code(self, tmp_path: Path) -> None:
        """Code before a function moves its lines, and its mutants have the ids that they had."""
        ids = []
        for before in ("", "\n\ndef other():\n    return 1 + 1\n"):
            (tmp_path / "code.py").write_text(before + CODE)
            ids.append({mutant.mutant_id for mutant in mutants_of(tmp_path, "code.py")})
        assert ids[0] < ids[1]


class TestTargets:
    def test_exist(self) -> None:
        """Each file and each of its tests is there."""
        assert [path for path in TARGETS if not (ROOT / path).is_file()] == []
        tests = {test for tests in TARGETS.values() for test in tests}
        assert [test for test in tests if not (ROOT / test).exists() and not (EMBEDDED / test).exists()] == []


class TestSurvivors:
    def test_have_reasons(self) -> None:
        """Each known survivor has an id and a reason; `make mutants` names those that are no mutants any more."""
        reasons = tomllib.loads(SURVIVORS.read_text())
        assert [name for name, reason in reasons.items() if not re.fullmatch(r"[0-9a-f]{10}", name) or not reason] == []
