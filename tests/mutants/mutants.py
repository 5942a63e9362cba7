"""Owns the mutants of a file: each is the file's text with one small change.

mutmut's operators change Python, and two of our own: a call for its effect is deleted, a branch is always or never
taken. mutmut's runner is not used: it puts a trampoline in place of each function, which pydantic and
the discovery of functions see, and it forks a process in which gRPC runs. Must not know which tests kill a mutant.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libcst as cst
from libcst import matchers as m
from libcst.metadata import MetadataWrapper
from mutmut.mutation.file_mutation import MutationVisitor
from mutmut.mutation.mutators import OPERATORS_TYPE, mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

# Texts for people, and what is logged, are not behaviour: log messages and errors may be reworded.
_IS_PROSE = re.compile(r"\s")
_LOG_CALL = m.Call(func=m.Attribute(value=m.Name("log")))


@dataclass(frozen=True)
class Mutant:
    """One changed text of a file; `mutant_id` depends on what changes and in which function, not on line numbers."""

    mutant_id: str
    path: str
    text: str
    # The changed lines, each with - or + before it.
    diff: tuple[str, ...]


def mutants_of(root: Path, path: str) -> list[Mutant]:
    """Return all mutants of a file, in an order that looks random but does not change when other code changes."""
    code = (root / path).read_text()
    if path.endswith(".json"):
        # As the mutants are written, so that only what changes differs.
        code = json.dumps(json.loads(code), indent=2)
    make = {".py": _of_python, ".rules": _of_rules, ".json": _of_indexes}[Path(path).suffix]
    found: dict[str, Mutant] = {}
    seen = {code}
    for place, text in make(code):
        if text in seen:
            continue
        seen.add(text)
        changed = difflib.unified_diff(code.splitlines(), text.splitlines(), n=0, lineterm="")
        diff = tuple(line for line in changed if not line.startswith(("---", "+++", "@@")))
        stripped = "\n".join(line[0] + line[1:].strip() for line in diff)
        number = 0
        # The same change may be possible twice in one function.
        while (name := hashlib.sha256(f"{path}\n{place}\n{stripped}\n{number}".encode()).hexdigest()[:10]) in found:
            number += 1
        found[name] = Mutant(name, path, text, diff)
    return sorted(found.values(), key=lambda mutant: mutant.mutant_id)


def _of_python(code: str) -> Iterator[tuple[str, str]]:
    wrapper = MetadataWrapper(cst.parse_module(code))
    nothing: set[int] = set()
    own: OPERATORS_TYPE = [(cst.If, _branch), (cst.SimpleStatementLine, _deleted_call)]
    visitor = _Visitor([*mutation_operators, *own], IgnoredCode(nothing, nothing, nothing))
    module = wrapper.visit(visitor)
    for mutation in visitor.mutations:
        mutated = module.deep_replace(mutation.original_node, mutation.mutated_node)
        assert isinstance(mutated, cst.Module)
        function = mutation.contained_by_top_level_function
        yield (function.name.value if isinstance(function, cst.FunctionDef) else ""), mutated.code


def _branch(node: cst.If) -> Iterator[cst.If]:
    for always in ("True", "False"):
        yield node.with_changes(
            test=cst.Name(always),
            whitespace_before_test=cst.SimpleWhitespace(" "),
            whitespace_after_test=node.whitespace_after_test,
        )


def _deleted_call(node: cst.SimpleStatementLine) -> Iterator[cst.SimpleStatementLine]:
    if m.matches(node, m.SimpleStatementLine(body=[m.Expr(m.Call())])):
        yield node.with_changes(body=[cst.Pass()])


class _Visitor(MutationVisitor):
    """mutmut's visitor, which also leaves out what is only read by people or by the type checker."""

    def on_visit(self, node: cst.CSTNode) -> bool:
        if m.matches(node, _LOG_CALL) or m.matches(node, m.SimpleStatementLine(body=[m.Expr(_LOG_CALL)])):
            return False
        if isinstance(node, cst.SimpleString) and _IS_PROSE.search(node.raw_value):
            return False
        # `T = TypeVar("T")`, `__slots__` and the like concern the type checker.
        if m.matches(node, m.Call(func=m.Name("TypeVar"))):
            return False
        return super().on_visit(node)


def _of_rules(code: str) -> Iterator[tuple[str, str]]:
    """Each permission is granted, taken away or added; each condition is negated or loosened."""
    for allow in re.finditer(r"(?m)^(?! *//).*?allow ([\w, ]+): if ([^;]+);", code):
        operations = allow[1].split(", ")
        for operation in ("get", "list", "create", "update", "delete"):
            rest = [other for other in operations if other != operation]
            changed = rest if operation in operations else [*operations, operation]
            if changed:
                yield _at(code, allow, 1, ", ".join(changed))
        for condition in ("true", "false"):
            yield _at(code, allow, 2, condition)
    for change in (("==", "!="), ("!=", "=="), ("&&", "||"), ("||", "&&"), ("<=", "<"), ("<=", ">"), (">=", ">")):
        for found in re.finditer(rf"(?m)^(?! *//).*?({re.escape(change[0])})", code):
            yield _at(code, found, 1, change[1])
    for number in re.finditer(r"(?m)^(?! *//).*?\b(\d+)\b(?!')", code):
        yield _at(code, number, 1, str(int(number[1]) + 1))


def _at(code: str, match: re.Match[str], group: int, text: str) -> tuple[str, str]:
    before = code[: match.start(group)]
    place = re.findall(r"match (\S+) \{", before)[-1:]
    return "".join(place), f"{before}{text}{code[match.end(group) :]}"


def _of_indexes(code: str) -> Iterator[tuple[str, str]]:
    """Each index and exemption is left out, and the order of each last field is reversed.

    The fields before it are compared for equality, which any order serves.
    """
    parsed = json.loads(code)
    for kind in ("indexes", "fieldOverrides"):
        for number, entry in enumerate(parsed[kind]):
            place = json.dumps(entry)
            yield place, _without(parsed, kind, number)
            for field in entry["fields"][-1:] if kind == "indexes" else ():
                order = field.get("order")
                field["order"] = "DESCENDING" if order == "ASCENDING" else "ASCENDING"
                yield f"{place} {field['fieldPath']}", json.dumps(parsed, indent=2)
                field["order"] = order


def _without(parsed: dict[str, Any], kind: str, number: int) -> str:
    entries: Sequence[Any] = parsed[kind]
    return json.dumps(parsed | {kind: [*entries[:number], *entries[number + 1 :]]}, indent=2)
