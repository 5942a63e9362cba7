"""Owns the lexer of rules; must not know the grammar."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from embedded_firebase.firestore.rules.syntax import Position, RulesError

_SPACE = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
# Paths only occur after `match`; a slash has no meaning elsewhere.
_PATH = re.compile(r"(?:/(?:\{[A-Za-z_]\w*(?:=\*\*)?\}|[\w.()~-]+))+", re.ASCII)
_TOKEN = re.compile(
    r"""
    (?P<number>\d+(?:\.\d+)?(?![\w.]))
    |(?P<string>'(?:[^'\\\n]|\\['"\\nrt])*'|"(?:[^"\\\n]|\\['"\\nrt])*")
    |(?P<name>[A-Za-z_]\w*)
    |(?P<sign>&&|\|\||[=!<>]=|[<>!=(){}\[\],;:.-])
    """,
    re.VERBOSE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A token; `kind` is number, string, name, sign, path or end."""

    kind: str
    text: str
    position: Position


def tokenize(source: str) -> Iterator[Token]:
    """Yield the tokens of a file, the last of which is its end.

    Raises:
        RulesError: at the first character that does not start a token.
    """
    index, follows_match = 0, False
    while True:
        space = _SPACE.match(source, index)
        index = space.end() if space else index
        position = Position(source.count("\n", 0, index) + 1, index - source.rfind("\n", 0, index))
        if index == len(source):
            yield Token("end", "the end of the file", position)
            return
        path = _PATH.match(source, index) if follows_match else None
        found = path or _TOKEN.match(source, index)
        if found is None:
            raise RulesError(position, f"{source[index]!r} is not supported here.")
        yield Token("path" if path else str(found.lastgroup), found[0], position)
        follows_match = found[0] == "match"
        index = found.end()
