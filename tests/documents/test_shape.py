"""The documents agree with each other and the repository: links, paths, pictures, decisions, the version."""

import datetime
import re
import subprocess
import tomllib

import imagegen
from tests.documents.declared import BASES, IMAGEGEN, OPENAPI, ROOT
from tests.documents.markdown import ALL_MARKDOWN, DOCUMENTS, README, prose, slug, tables, text_of, ticked


def has_target(name: str, link: str) -> bool:
    """Whether a link in a document leads out of the repository, or to a file and heading in it."""
    if link.startswith(("http://", "https://")):
        return True
    path, _, anchor = link.partition("#")
    file = (ROOT / name).parent / path if path else ROOT / name
    if not file.exists() or not anchor:
        return file.exists()
    return anchor in {slug(heading) for heading in re.findall(r"^#+ (.+)$", prose(file.read_text()), re.MULTILINE)}


class TestLinks:
    def test_targets_exist(self) -> None:
        """Each link to a file or a heading of this repository has a target."""
        links = [(name, link) for name in ALL_MARKDOWN for link in re.findall(r"\]\(([^)\s]+)\)", prose(text_of(name)))]
        assert len(links) > 50
        assert [f"{name}: {link}" for name, link in links if not has_target(name, link)] == []

    def test_lines_are_short(self) -> None:
        """Text wraps at 120 characters; tables, links and code may be longer."""
        lines = [(name, line) for name in DOCUMENTS for line in prose(text_of(name)).splitlines()]
        assert [
            f"{name}: {line}"
            for name, line in lines
            if len(line) > 120 and not line.startswith(("|", "-")) and "](" not in line
        ] == []

    def test_pictures_are_small(self) -> None:
        """Each picture is below 200 kB and is used in a document."""
        shown = "".join(map(text_of, DOCUMENTS))
        for path in (ROOT / "docs" / "images").iterdir():
            assert path.stat().st_size < 200_000, path.name
            assert f"images/{path.name}" in shown, path.name


def paths_said(name: str) -> list[str]:
    """Texts in backticks that look like a path: they end as files or folders do."""
    endings = r"(?:/|\.(?:py|md|json|rules|toml|js|yaml|txt|env))"
    return sorted(
        {said for said in ticked(prose(text_of(name))) if re.fullmatch(rf"[\w.-]+(?:/[\w.-]+)*{endings}", said)}
    )


class TestPaths:
    def test_every_path_exists(self) -> None:
        """A path in ARCHITECTURE.md or CONTRIBUTING.md exists; a bare name is that of a deployed file."""
        names = {path.name for path in [ROOT / "functions" / "main.py", *IMAGEGEN.rglob("*.py")]}
        said = {*paths_said("docs/ARCHITECTURE.md"), *paths_said("docs/CONTRIBUTING.md")}
        assert len(said) > 20
        assert [path for path in said - names if not any((base / path).exists() for base in BASES)] == []

    def test_the_tree_of_the_readme(self) -> None:
        """Each folder and file of its tree exists, and each folder of the repository is in it."""
        (tree,) = re.findall(r"```text\n(.*?)```", README, re.DOTALL)
        said = {line.split()[0] for line in tree.splitlines()}
        assert [path for path in said if not (ROOT / path).exists()] == []
        tracked = subprocess.run(
            ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True
        ).stdout
        folders = {
            f"{path.partition('/')[0]}/" for path in tracked.splitlines() if "/" in path and not path.startswith(".")
        }
        assert folders <= {f"{path.partition('/')[0]}/" for path in said}


RECORDS = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md"))


class TestDecisions:
    def test_a_record_has_its_header(self) -> None:
        """A record has a number, a status, a date and the alternatives."""
        status = r"- Status: (proposed|accepted|superseded by \[\d+\]\(.+\))"
        header = rf"# (\d+)\. .+\n\n{status}\n- Date: \d{{4}}-\d\d-\d\d\n- Alternatives: .+\n"
        assert RECORDS
        found = {name: re.match(header, text_of(f"docs/decisions/{name}")) for name in RECORDS}
        assert [name for name, match in found.items() if not match or int(match[1]) != int(name[:4])] == []

    def test_the_index(self) -> None:
        """The index lists exactly the records, with title, status and date."""
        rows = tables(text_of("docs/decisions/README.md"), "record")
        said = []
        for row in rows:
            (number, file) = re.findall(r"\[(\d+)\]\(([^)]+)\)", row[0])[0]
            said.append((file, f"# {number}. {row[1]}", f"- Status: {row[2]}", f"- Date: {row[3]}"))
        heads = {name: text_of(f"docs/decisions/{name}").splitlines() for name in RECORDS}
        assert said == [(name, lines[0], lines[2], lines[3]) for name, lines in heads.items()]


class TestVersion:
    def test_is_the_same_everywhere(self) -> None:
        """The changelog's newest release, the OpenAPI document and the project have imagegen's version."""
        releases = re.findall(r"^## \[(\d[^]]*)\] - (\S+)$", text_of("CHANGELOG.md"), re.MULTILINE)
        assert releases[0][0] == OPENAPI["info"]["version"] == imagegen.__version__
        assert [datetime.date.fromisoformat(day) for _, day in releases] == sorted(
            (datetime.date.fromisoformat(day) for _, day in releases), reverse=True
        )
        project = tomllib.loads(text_of("pyproject.toml"))
        assert "version" in project["project"]["dynamic"]
        assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "imagegen.__version__"}
