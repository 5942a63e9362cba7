"""The grammar of rules, and the position of errors."""

import pytest

from embedded_firebase.firestore.rules.ruleset import parse
from embedded_firebase.firestore.rules.syntax import RulesError


def file(*statements: str) -> str:
    body = "\n".join(statements)
    return (
        f"rules_version = '2';\nservice cloud.firestore {{\nmatch /databases/{{database}}/documents {{\n{body}\n}}\n}}"
    )


def condition(text: str) -> str:
    return file("match /a/{id} {", f"allow read: if {text};", "}")


class TestParse:
    def test_methods_are_spelled_out(self):
        """`read` is get and list, `write` is create, update and delete; a rule may name several."""
        rules = parse(file("match /a/{x} {", "allow read, delete;", "allow write: if true;", "}")).rules
        assert [rule.methods for rule in rules] == [{"get", "list", "delete"}, {"create", "update", "delete"}]

    def test_paths_of_nested_matches_are_joined(self):
        """The paths of nested matches are joined, wildcards and literals alike."""
        (rule,) = parse(file("match /a/{x} { match /b-c/{y=**} { allow get; } }")).rules
        texts = [(segment.text, segment.is_wildcard, segment.is_recursive) for segment in rule.path[3:]]
        assert texts == [("a", False, False), ("x", True, False), ("b-c", False, False), ("y", True, True)]

    def test_comments_are_skipped(self):
        """Both kinds of comment are allowed wherever space is allowed."""
        assert len(parse(file("/* a\n b */ match /a/{x} { // c", "allow /* d */ get; }")).rules) == 1

    @pytest.mark.parametrize(
        "source",
        [
            condition(" || ".join(["(true)"] * 200)),
            condition(" && ".join(["!true"] * 200)),
            file("match /a/{x} { allow get; }" * 200),
        ],
    )
    def test_only_nesting_is_limited(self, source):
        """As many conditions and matches as one likes may stand beside each other."""
        assert parse(source).rules

    @pytest.mark.parametrize(
        ("source", "position", "said"),
        [
            ("", "line 1, column 1", '"service"'),
            ("rules_version = '2';", "line 1, column 21", '"service", found the end of the file'),
            ("rules_version = '3';", "line 1, column 17", "'1' or '2'"),
            ("service cloud.firestore { match /{x=**}/a {} }", "line 1, column 33", "ends a path"),
            ("service cloud.firestore { match /{x=**} { match /a {} } }", "line 1, column 49", "ends a path"),
            ("rules_version = '2';\nservice firebase.storage {}", "line 2, column 9", '"cloud"'),
            (file("match /a/{x} {", "allow raed;", "}"), "line 5, column 7", '"raed" is no method'),
            (file("match /a/{x} {", "allow read: if true", "}"), "line 6, column 1", '";"'),
            (file("match a {}"), "line 4, column 7", "a path"),
            (condition("exists(id)"), "line 5, column 16", "none is supported"),
            (condition("get(id) == 1"), "line 5, column 16", "none is supported"),
            (condition("get(/databases/x)"), "line 5, column 20", "'/' is not supported"),
            (condition("id.size() == 1"), "line 5, column 19", '"size()" is not supported'),
            (condition("id is string"), "line 5, column 19", '";"'),
            (condition("id + 'x' == 'y'"), "line 5, column 19", "'+' is not supported"),
            (condition("true ? true : false"), "line 5, column 21", "'?' is not supported"),
            (condition("userId == id"), "line 5, column 16", '"userId" is not declared'),
            (condition("request.path == 1"), "line 5, column 23", 'Of "request" only'),
            (condition("resource['__name__'] == 1"), "line 5, column 24", 'Of "resource" only'),
            (condition("'a"), "line 5, column 16", "not supported"),
            (condition("9223372036854775808 > 1"), "line 5, column 16", "too large"),
            (condition("1 < 2 < 3"), "line 5, column 22", '";"'),
            (file("match /a/{x=**} {", "allow get: if x == 'b';", "}"), "line 5, column 15", "stands for a path"),
            (file("match /a/{x} {", "match /b/{x} {}", "}"), "line 5, column 7", "declared twice"),
            (file("match /{x=**}/{y=**} {}"), "line 4, column 7", "at most one"),
            (file("function f() { return g(); } function g() { return f(); }"), "line 4, column 10", "calls itself"),
            (file("function f(a) { return f2; }"), "line 4, column 24", "not declared"),
            (file("function f(a, a) { return a; }"), "line 4, column 10", "declared twice"),
            (file("function f() { return 1; }", "function f() { return 1; }"), "line 5, column 10", "declared twice"),
            (
                file("function f(a) { return a; }", "match /a/{x} {", "allow get: if f();}"),
                "line 6, column 15",
                "1 arg",
            ),
            (file("function f() { return x; }", "match /a/{x} {}"), "line 4, column 23", "not declared"),
            (condition("!" * 200 + "true"), "line 5, column ", "nesting"),
            (condition("(" * 200 + "true"), "line 5, column ", "nesting"),
            (condition("request" + ".auth" * 200), "line 5, column ", "nesting"),
            (file("match /a/{x} {" * 200), "line 4, column ", "nesting"),
            (file("}"), "line 6, column 1", "the end of the file"),
        ],
    )
    def test_errors_have_a_position(self, source, position, said):
        """Errors have line and column; unsupported syntax is refused, never ignored."""
        with pytest.raises(RulesError) as refused:
            parse(source)
        assert str(refused.value).startswith(position)
        assert said in str(refused.value)
