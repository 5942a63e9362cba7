"""Owns the grammar of rules; must not know what a name stands for or what a condition decides.

The language is documented at https://firebase.google.com/docs/reference/rules/rules and
https://firebase.google.com/docs/firestore/security/rules-structure. Unsupported syntax is an error with its
position, so that no rule is silently ignored.
"""

from __future__ import annotations

import re

from embedded_firebase.firestore.rules.syntax import (
    FALSE,
    NULL,
    TRUE,
    Allow,
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
    Position,
    RulesError,
    Segment,
    number,
    string,
)
from embedded_firebase.firestore.rules.tokens import Token, tokenize

_METHODS = {
    "read": ("get", "list"),
    "write": ("create", "update", "delete"),
    **{method: (method,) for method in ("get", "list", "create", "update", "delete")},
}
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})
_CONSTANTS = {"true": TRUE, "false": FALSE, "null": NULL}
_RESERVED = frozenset({*_CONSTANTS, "allow", "function", "if", "in", "is", "let", "match", "return", "service"})
_ESCAPED = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
# Of expressions, and of matches.
MAX_NESTING = 50


def parse(source: str) -> Block:
    """Return the service block of a file of rules.

    Raises:
        RulesError: where the file breaks the grammar, or uses more of it than is supported.
    """
    return _Parser(source).file()


class _Parser:
    def __init__(self, source: str) -> None:
        self._tokens = list(tokenize(source))
        self._index = 0
        self._depth = 0
        # Of a file that does not say it.
        self._version = "1"

    def file(self) -> Block:
        if self._accept("rules_version"):
            self._expect("=")
            version = self._next("string", "the version of the rules in quotes")
            self._version = version.text[1:-1]
            if self._version not in ("1", "2"):
                raise RulesError(version.position, "rules_version is '1' or '2'.")
            self._expect(";")
        for text in ("service", "cloud", ".", "firestore"):
            self._expect(text)
        block = self._block((), self._token.position)
        if self._token.kind != "end":
            raise self._unexpected("the end of the file")
        return block

    def _block(self, path: tuple[Segment, ...], position: Position) -> Block:
        self._enter()
        self._expect("{")
        allows: list[Allow] = []
        functions: list[Function] = []
        blocks: list[Block] = []
        while not self._accept("}"):
            if self._accept("allow"):
                allows.append(self._allow())
            elif self._accept("function"):
                functions.append(self._function())
            elif self._accept("match"):
                token = self._next("path", "a path such as /users/{userId}")
                blocks.append(self._block(_segments(token, is_version_1=self._version == "1"), token.position))
            else:
                raise self._unexpected('"allow", "function", "match" or "}"')
        self._depth -= 1
        return Block(path, tuple(allows), tuple(functions), tuple(blocks), position)

    def _allow(self) -> Allow:
        methods: set[str] = set()
        while True:
            token = self._next("name", "a method")
            if token.text not in _METHODS:
                raise RulesError(token.position, f'"{token.text}" is no method; there are {", ".join(_METHODS)}.')
            methods.update(_METHODS[token.text])
            if not self._accept(","):
                break
        condition: Expression = Literal(TRUE)
        if self._accept(":"):
            self._expect("if")
            condition = self._expression()
        self._expect(";")
        return Allow(frozenset(methods), condition)

    def _function(self) -> Function:
        position = self._token.position
        name = self._identifier()
        self._expect("(")
        parameters: list[str] = []
        while not self._accept(")"):
            if parameters:
                self._expect(",")
            parameters.append(self._identifier())
        self._expect("{")
        bindings: list[tuple[str, Expression]] = []
        while self._accept("let"):
            bound = self._identifier()
            self._expect("=")
            bindings.append((bound, self._expression()))
            self._expect(";")
        self._expect("return")
        result = self._expression()
        self._expect(";")
        self._expect("}")
        return Function(name, tuple(parameters), tuple(bindings), result, position)

    def _expression(self) -> Expression:
        self._enter()
        conjunctions = [self._conjunction()]
        while self._accept("||"):
            conjunctions.append(self._conjunction())
        self._depth -= 1
        return conjunctions[0] if len(conjunctions) == 1 else Junction(True, tuple(conjunctions))

    def _conjunction(self) -> Expression:
        comparisons = [self._comparison()]
        while self._accept("&&"):
            comparisons.append(self._comparison())
        return comparisons[0] if len(comparisons) == 1 else Junction(False, tuple(comparisons))

    def _comparison(self) -> Expression:
        left = self._unary()
        if self._token.kind == "string" or self._token.text not in _COMPARISONS:
            return left
        operator = self._advance().text
        return Comparison(operator, left, self._unary())

    def _unary(self) -> Expression:
        if not self._accept("!"):
            return self._postfix()
        self._enter()
        operand = self._unary()
        self._depth -= 1
        return Not(operand)

    def _postfix(self) -> Expression:
        expression = self._primary()
        depth = self._depth
        while self._token.text in (".", "["):
            self._enter()
            position = self._token.position
            if self._accept("["):
                expression = Member(expression, self._expression(), position)
                self._expect("]")
                continue
            self._expect(".")
            name = self._next("name", "a name")
            if self._token.text == "(":
                raise RulesError(name.position, f'The method "{name.text}()" is not supported.')
            expression = Member(expression, Literal(string(name.text)), position)
        self._depth = depth
        return expression

    def _primary(self) -> Expression:
        token = self._token
        if self._accept("("):
            inner = self._expression()
            self._expect(")")
            return inner
        if self._accept("["):
            return ListOf(self._items("]"))
        if self._accept("-"):
            return Literal(_number(self._next("number", "a number"), negative=True))
        if token.kind == "number":
            return Literal(_number(self._advance(), negative=False))
        if token.kind == "string":
            text = self._advance().text[1:-1]
            return Literal(string(_ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[1]), text)))
        if token.kind == "name" and token.text in _CONSTANTS:
            return Literal(_CONSTANTS[self._advance().text])
        name = self._identifier()
        if self._accept("("):
            return Call(name, self._items(")"), token.position)
        return Name(name, token.position)

    def _items(self, end: str) -> tuple[Expression, ...]:
        items: list[Expression] = []
        while not self._accept(end):
            if items:
                self._expect(",")
            items.append(self._expression())
        return tuple(items)

    def _identifier(self) -> str:
        if self._token.text in _RESERVED:
            raise self._unexpected("an expression or a name")
        return self._next("name", "an expression or a name").text

    @property
    def _token(self) -> Token:
        return self._tokens[self._index]

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise RulesError(self._token.position, f"More than {MAX_NESTING} levels of nesting are not supported.")

    def _advance(self) -> Token:
        token = self._token
        self._index += 1
        return token

    def _accept(self, text: str) -> bool:
        # The text of a string includes its quotes, so that it is not mistaken for a name or a sign.
        if self._token.text != text:
            return False
        self._index += 1
        return True

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise self._unexpected(f'"{text}"')

    def _next(self, kind: str, wanted: str) -> Token:
        if self._token.kind != kind:
            raise self._unexpected(wanted)
        return self._advance()

    def _unexpected(self, wanted: str) -> RulesError:
        return RulesError(self._token.position, f"Expected {wanted}, found {self._token.text}.")


def _number(token: Token, *, negative: bool) -> bytes:
    text = f"-{token.text}" if negative else token.text
    try:
        return number(float(text) if "." in text else int(text))
    except ValueError:
        raise RulesError(token.position, f"{text[:30]} is too large for an integer of 64 bits.") from None


def _segments(token: Token, *, is_version_1: bool) -> tuple[Segment, ...]:
    segments = []
    for part in token.text[1:].split("/"):
        name, _, glob = part.strip("{}").partition("=")
        segments.append(Segment(name, part.startswith("{"), bool(glob), is_version_1 and bool(glob)))
    return tuple(segments)
