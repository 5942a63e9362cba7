"""Owns name resolution: it refuses undeclared names, and flattens a file into single rules.

Must not know requests. Only parameters of a function may shadow a visible name, so that a name is never ambiguous.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from embedded_firebase.firestore.rules.syntax import (
    Block,
    Call,
    Comparison,
    Expression,
    Function,
    Junction,
    ListOf,
    Literal,
    Member,
    Name,
    Not,
    RulesError,
    Segment,
    string,
)

# Production's limit.
MAX_CALL_DEPTH = 20
_MEMBERS = {
    "request": ("auth", "method", "query", "resource", "time"),
    "resource": ("data", "id"),
}
_ROOTS = frozenset(_MEMBERS)


@dataclass(frozen=True, slots=True)
class Rule:
    """An `allow` with the whole path of its matches and the functions that it can see."""

    path: tuple[Segment, ...]
    methods: frozenset[str]
    condition: Expression
    functions: Mapping[str, Function]


@dataclass(frozen=True, slots=True)
class _Scope:
    path: tuple[Segment, ...]
    functions: Mapping[str, Function]

    @property
    def names(self) -> frozenset[str]:
        return _ROOTS | {segment.text for segment in self.path if segment.is_wildcard and not segment.is_recursive}

    @property
    def recursive(self) -> frozenset[str]:
        return frozenset(segment.text for segment in self.path if segment.is_recursive)


def flatten(service: Block) -> tuple[Rule, ...]:
    """Return the rules of a file.

    Raises:
        RulesError: for a name that is declared twice or not at all, and for functions that call themselves.
    """
    return tuple(_rules(service, _Scope((), {})))


def _rules(block: Block, outer: _Scope) -> Iterator[Rule]:
    path = outer.path + block.path
    wildcards = [segment.text for segment in path if segment.is_wildcard]
    for name in wildcards:
        if wildcards.count(name) > 1 or name in _ROOTS:
            raise RulesError(block.position, f'The name "{name}" is declared twice.')
    if sum(segment.is_recursive for segment in path) > 1:
        raise RulesError(block.position, "A path has at most one {name=**}, those around it included.")
    if any(segment.is_version_1 for segment in path[:-1]):
        raise RulesError(block.position, "In version 1 of the rules {name=**} ends a path.")
    functions = dict(outer.functions)
    for function in block.functions:
        if function.name in functions:
            raise RulesError(function.position, f'The function "{function.name}" is declared twice.')
        functions[function.name] = function
    scope = _Scope(path, functions)
    for function in block.functions:
        _check_function(function, scope)
    for allow in block.allows:
        _check(allow.condition, scope.names, scope)
        yield Rule(path, allow.methods, allow.condition, functions)
    for inner in block.blocks:
        yield from _rules(inner, scope)


def _check_function(function: Function, scope: _Scope) -> None:
    names = set(scope.names)
    own = [*function.parameters, *(name for name, _ in function.bindings)]
    for name in own:
        if own.count(name) > 1 or name in _ROOTS:
            raise RulesError(function.position, f'The name "{name}" is declared twice.')
    names.update(function.parameters)
    for name, expression in function.bindings:
        _check(expression, frozenset(names), scope, frozenset(own))
        names.add(name)
    _check(function.result, frozenset(names), scope, frozenset(own))
    _check_depth(function, scope.functions, 1)


def _check_depth(function: Function, functions: Mapping[str, Function], depth: int) -> None:
    if depth > MAX_CALL_DEPTH:
        message = f'"{function.name}" calls itself, or functions call each other more than {MAX_CALL_DEPTH} deep.'
        raise RulesError(function.position, message)
    called = {name for root in _expressions(function) for name in _called(root)}
    for name in sorted(called & functions.keys()):
        _check_depth(functions[name], functions, depth + 1)


def _expressions(function: Function) -> tuple[Expression, ...]:
    return (*(expression for _, expression in function.bindings), function.result)


def _called(expression: Expression) -> Iterator[str]:
    if isinstance(expression, Call):
        yield expression.function
    for part in _parts(expression):
        yield from _called(part)


def _check(expression: Expression, names: frozenset[str], scope: _Scope, own: frozenset[str] = frozenset()) -> None:
    """Refuse what an expression must not name; `own` are the names of the function it stands in."""
    if isinstance(expression, Name):
        _check_name(expression, names, scope, own)
    if isinstance(expression, Call):
        function = scope.functions.get(expression.function)
        if function is None:
            message = f'The function "{expression.function}" is not declared here; of those built in none is supported.'
            raise RulesError(expression.position, message)
        if len(expression.arguments) != len(function.parameters):
            message = f'"{function.name}" takes {len(function.parameters)} arguments, not {len(expression.arguments)}.'
            raise RulesError(expression.position, message)
    if isinstance(expression, Member) and isinstance(expression.target, Name):
        _check_member(expression, expression.target.name)
    for part in _parts(expression):
        _check(part, names, scope, own)


def _check_name(name: Name, names: frozenset[str], scope: _Scope, own: frozenset[str]) -> None:
    if name.name in names:
        return
    if name.name in scope.recursive - own:
        raise RulesError(name.position, f'"{name.name}" stands for a path, which conditions cannot use here.')
    raise RulesError(name.position, f'The name "{name.name}" is not declared here.')


def _check_member(member: Member, root: str) -> None:
    """Refuse members that no request has: they would always be an error, and usually are a typo."""
    members: Any = _MEMBERS.get(root)
    if members is None:
        return
    if not isinstance(member.key, Literal) or member.key.value not in [string(name) for name in members]:
        raise RulesError(member.position, f'Of "{root}" only {", ".join(members)} are supported.')


def _parts(expression: Expression) -> tuple[Expression, ...]:
    match expression:
        case Member(target, key):
            return target, key
        case ListOf(items):
            return items
        case Not(operand):
            return (operand,)
        case Junction(_, operands):
            return operands
        case Comparison(_, left, right):
            return left, right
        case Call(_, arguments):
            return arguments
        case _:
            return ()
