"""Owns reading the documents: their tables, sections, commands and links.

Must not know the code that they are compared with.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
# Each block of commands, with the JSON block directly below it, if any.
BLOCK = re.compile(r"```sh\n(.*?)```(?:\s*```json\n(.*?)```)?", re.DOTALL)


def text_of(name: str) -> str:
    return (ROOT / name).read_text()


def tables(markdown: str, header: str) -> list[list[str]]:
    """The rows of all tables whose first column has this name, as their cells."""
    rows: list[list[str]] = []
    for table in re.findall(r"(?:^\|.*\n)+", markdown, re.MULTILINE):
        lines = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in table.splitlines()]
        if lines[0][0] == header:
            rows += lines[2:]
    return rows


def ticked(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def named(markdown: str, header: str) -> list[str]:
    """The names in the first cells of such tables, in order."""
    return [name for row in tables(markdown, header) for name in ticked(row[0])]


def sections(markdown: str, level: str = "##") -> dict[str, str]:
    """The text below each heading of a level."""
    parts = re.split(rf"^{level} (.+)\n", markdown, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def blocks(name: str) -> list[tuple[str, str]]:
    return BLOCK.findall(text_of(name))


def speaks_http(block: str) -> bool:
    """Whether a block calls a running `make dev`, or sets a variable for later blocks."""
    return "curl" in block or bool(re.match(r"[A-Z]+=\S+\n", block))


def other_commands() -> list[str]:
    """The commands of all other blocks, one per line, without comments."""
    lines = [
        line for name in DOCUMENTS for block, _ in blocks(name) if not speaks_http(block) for line in block.splitlines()
    ]
    return sorted({line.partition("  #")[0].strip() for line in lines if line.strip()})


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def prose(markdown: str) -> str:
    return re.sub(r"```.*?```", "", markdown, flags=re.DOTALL)


README = text_of("README.md")
API = text_of("docs/api.md")
DATA = text_of("docs/data.md")
OPERATIONS = text_of("docs/operations.md")
REPORTS = text_of("docs/reports.md")
# The documents for users and contributors, and all documents.
DOCUMENTS = sorted(["README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))])
ALL_MARKDOWN = sorted([*DOCUMENTS, "CHANGELOG.md", *(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/*/*.md"))])
