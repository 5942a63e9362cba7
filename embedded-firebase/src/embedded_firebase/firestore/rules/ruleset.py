"""Owns the decision whether a request is allowed: default deny, unless any matching rule allows it.

Must not know how requests come in or what they do.
"""

from __future__ import annotations

from dataclasses import dataclass

from embedded_firebase.firestore.rules.evaluator import Budget, holds
from embedded_firebase.firestore.rules.matching import Path, bind
from embedded_firebase.firestore.rules.parser import parse as parse_file
from embedded_firebase.firestore.rules.scopes import Rule, flatten
from embedded_firebase.firestore.rules.syntax import NULL, Value, string


@dataclass(frozen=True, slots=True)
class Request:
    """A request to be authorized.

    Args:
        method: get, list, create, update or delete.
        path: from `databases` on, with unknown parts for a list.
        auth: `request.auth`, null when not signed in.
        time: `request.time`, a timestamp.
        resource: the current document, null when there is none; for a list what all documents have in common.
        new_resource: `request.resource`, the document after the write; null when nothing is written.
        query: `request.query`, None unless it is a list.
    """

    method: str
    path: Path
    auth: Value
    time: Value
    resource: Value
    new_resource: Value = NULL
    query: Value | None = None


@dataclass(frozen=True, slots=True)
class Ruleset:
    """The rules of a file."""

    rules: tuple[Rule, ...]

    def allow(self, request: Request) -> bool:
        """Tell whether a rule allows a request."""
        said = {"auth": request.auth, "method": string(request.method), "time": request.time}
        said["resource"] = request.new_resource
        if request.query is not None:
            said["query"] = request.query
        roots: dict[str, Value] = {
            "request": {string(name): value for name, value in said.items()},
            "resource": request.resource,
        }
        budget = Budget()
        for rule in self.rules:
            bound = bind(rule.path, request.path) if request.method in rule.methods else None
            if bound is None:
                continue
            names = roots | {name: string(part) for name, part in bound.items()}
            if holds(rule.condition, names, rule.functions, budget):
                return True
        return False


def parse(source: str) -> Ruleset:
    """Read a file of rules.

    Raises:
        RulesError: with the line and column of a syntax error or of unsupported syntax.
    """
    return Ruleset(flatten(parse_file(source)))
