"""docs/operations.md lists exactly the make targets and the settings."""

import re
import subprocess

from tests.documents.declared import FOLDERS, ROOT, parameters
from tests.documents.markdown import OPERATIONS, named, tables, text_of, ticked
from tests.running_dev import DEV_MODULE, make


def recipe_of(target: str) -> str:
    """The commands that a target runs."""
    command = [*make(), "--dry-run", target]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=True).stdout


def absent_from(recipe: str) -> list[str]:
    """The modules and paths in commands that do not exist."""
    assert recipe
    absent = []
    for line in recipe.splitlines():
        inside = re.search(r"\bcd (\S+) &&", line)
        folder = ROOT / inside[1] if inside else ROOT
        for module in re.findall(r"-m ((?:tests|operations|embedded_firebase)[\w.]*)", line):
            path = folder / module.replace(".", "/")
            absent += [] if path.with_suffix(".py").exists() or (path / "__main__.py").exists() else [module]
        named = re.findall(r"(?<!--output)(?<!touch) ((?:tests|functions|operations|initial_data)/[\w./-]+)", line)
        absent += [path for path in named if not (folder / path).exists()]
    return absent


class TestMake:
    def test_the_table_has_every_target(self) -> None:
        """The table lists exactly the make targets."""
        targets = re.findall(r"^([a-z-]+):.*##", text_of("Makefile"), re.MULTILINE)
        assert sorted(named(OPERATIONS, "target")) == sorted(f"make {target}" for target in targets)

    def test_a_target_names_existing_files(self) -> None:
        """The modules and folders in a target's commands exist, but for what it writes."""
        targets = [name.removeprefix("make ") for name in named(OPERATIONS, "target")]
        absent = {target: absent_from(recipe_of(target)) for target in targets}
        assert {target: paths for target, paths in absent.items() if paths} == {}

    def test_make_dev_is_what_the_tests_run(self) -> None:
        """The tests that start `make dev` start the module that the target runs."""
        recipe = subprocess.run(
            [*make(), "-n", "dev"], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True
        )
        assert f"-m {DEV_MODULE}" in recipe.stdout

    def test_the_variables_are_documented(self) -> None:
        """Each variable that the Makefile reads and does not set is in a table of settings."""
        makefile = text_of("Makefile")
        read = set(re.findall(r"\$\(([A-Z_]+)\)", makefile)) - {"MAKEFILE_LIST", "MAKE", "CURDIR"}
        own = set(re.findall(r"^([A-Z_]+) [:?]?=", makefile, re.MULTILINE))
        helps = "\n".join(re.findall(r"^[a-z-]+:.*##(.*)$", makefile, re.MULTILINE))
        told = set(re.findall(r"[(, ]([A-Z_]{4,}|N|SEED)(?==|,|\))", helps))
        assert (read - own) | told <= set(named(OPERATIONS, "variable")) | set(named(OPERATIONS, "parameter"))


class TestSettings:
    def test_the_table_has_every_parameter(self) -> None:
        """The table lists exactly the parameters, with their defaults."""
        said = {ticked(row[0])[0]: row[1] for row in tables(OPERATIONS, "parameter")}
        assert said == {name: str(default or "") for name, default in parameters().items()}

    def test_the_file_has_every_parameter(self) -> None:
        """functions/.env gives each parameter the code's default; secrets are not in it."""
        lines = [line for line in text_of("functions/.env").splitlines() if line and not line.startswith("#")]
        given = dict(line.split("=", 1) for line in lines)
        assert given.pop("THREADS")
        assert given.pop("MALLOC_ARENA_MAX")
        assert given == {name: str(value or "") for name, value in parameters().items() if value is not None}

    def test_the_variables_are_read(self) -> None:
        """Each other variable of the table is read somewhere in this repository."""
        files = [ROOT / "Makefile", *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))]
        code = "\n".join(path.read_text() for path in files)
        assert [name for name in named(OPERATIONS, "variable") if not re.search(rf"\b{name}\b", code)] == []
