"""The decisions of rules, by Google's documented examples and by properties."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.firestore.rules.test_parser import condition, file

from embedded_firebase.firestore.messages import Document
from embedded_firebase.firestore.rules.matching import Path, Unknown
from embedded_firebase.firestore.rules.ruleset import Request, parse
from embedded_firebase.firestore.rules.syntax import NULL, PartlyKnown, of_fields, of_json, string

ROOT = ("databases", "(default)", "documents")
NOON = of_json("noon")


def user(uid: str, **claims: Any) -> Any:
    return of_json({"uid": uid, "token": {"sub": uid, **claims}})


def allows(
    source: str,
    path: str | Path,
    method: str = "get",
    auth: Any = NULL,
    data: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
) -> bool:
    """Whether rules allow a request for a document at a path below the root."""
    parts = tuple(path.split("/")) if isinstance(path, str) else path
    documents = [NULL if fields is None else of_json({"id": "x", "data": fields}) for fields in (data, new)]
    return parse(source).allow(Request(method, ROOT + parts, auth, NOON, *documents))


def says(text: str, **said: Any) -> bool:
    """Whether a condition holds for a document at a/x."""
    return allows(condition(text), "a/x", **said)


class TestVersions:
    @pytest.mark.parametrize("header", ["", "rules_version = '1';"])
    def test_a_recursive_wildcard_of_version_1(self, header):
        """One part or more, and no group: https://firebase.google.com/docs/firestore/security/rules-structure."""
        service = "service cloud.firestore { match /databases/{db}/documents { match /a/x/{rest=**} { allow read; } } }"
        anywhere = (Unknown.ANY_NUMBER, "c", Unknown.ONE)
        assert [allows(header + service, path) for path in ("a/x", "a/x/b", "a/x/b/c")] == [False, True, True]
        assert allows(f"rules_version = '2'; {service}", "a/x")
        everything = service.replace("/a/x/", "/")
        assert allows(f"rules_version = '2'; {everything}", anywhere, "list")
        assert not allows(header + everything, anywhere, "list")
        assert allows(header + everything, ("c", Unknown.ONE), "list")


class TestDocumentedExamples:
    def test_signed_in_users_only(self):
        """https://firebase.google.com/docs/firestore/security/rules-conditions, the first example."""
        rules = file("match /cities/{city} { allow read, write: if request.auth != null; }")
        for method in ("get", "list", "create", "update", "delete"):
            assert allows(rules, "cities/SF", method, user("u"))
            assert not allows(rules, "cities/SF", method)

    def test_own_document(self):
        """The second example: the wildcard is compared with the caller."""
        rules = file(
            "match /users/{userId} {",
            "allow read, update, delete: if request.auth != null && request.auth.uid == userId;",
            "allow create: if request.auth != null;",
            "}",
        )
        assert allows(rules, "users/u", "update", user("u"))
        assert not allows(rules, "users/v", "update", user("u"))
        assert allows(rules, "users/v", "create", user("u"))

    def test_a_public_document(self):
        """The third example reads the document itself."""
        rules = file("match /cities/{city} { allow read: if resource.data.visibility == 'public'; }")
        assert allows(rules, "cities/SF", data={"visibility": "public"})
        assert not allows(rules, "cities/SF", data={"visibility": "private"})
        assert not allows(rules, "cities/SF", data={})
        assert not allows(rules, "cities/SF")

    def test_the_document_after_the_write(self):
        """The fourth example: a name does not change, a population is positive."""
        rules = file(
            "match /cities/{city} {",
            "allow update: if request.resource.data.population > 0",
            "&& request.resource.data.name == resource.data.name;",
            "}",
        )
        old = {"name": "SF", "population": 1}
        assert allows(rules, "cities/SF", "update", data=old, new={"name": "SF", "population": 2.5})
        assert not allows(rules, "cities/SF", "update", data=old, new={"name": "SF", "population": 0})
        assert not allows(rules, "cities/SF", "update", data=old, new={"name": "LA", "population": 2})

    def test_a_function_with_let(self):
        """https://firebase.google.com/docs/firestore/security/rules-structure: functions see outer variables."""
        rules = file(
            "match /cities/{city} {",
            "function signedInOrPublic(visibility) {",
            "let signedIn = request.auth != null;",
            "return signedIn || visibility == 'public' || city == 'LA';",
            "}",
            "allow read: if signedInOrPublic(resource.data.visibility);",
            "}",
        )
        assert allows(rules, "cities/SF", auth=user("u"), data={"visibility": "private"})
        assert allows(rules, "cities/SF", data={"visibility": "public"})
        assert allows(rules, "cities/LA", data={"visibility": "private"})
        assert not allows(rules, "cities/SF", data={"visibility": "private"})

    @pytest.mark.parametrize(
        ("path", "expected"),
        [("cities/SF", True), ("cities/SF/landmarks/GGB", True), ("other/SF", False), ("cities", False)],
    )
    def test_a_recursive_wildcard_matches_zero_or_more_parts(self, path, expected):
        """`/cities/{city}/{document=**}` matches the city and all documents below it, as in version 2."""
        rules = file("match /cities/{city}/{document=**} { allow read; }")
        assert allows(rules, path) is expected

    def test_the_parts_around_a_recursive_wildcard_do_not_overlap(self):
        """No part of a path is matched by both the pattern before a recursive wildcard and the one after it."""
        rules = file("match /a/{any=**}/{x}/{y} { allow read; }")
        assert allows(rules, "a/b/c")
        assert not allows(rules, "a/b")

    def test_a_match_does_not_include_subcollections(self):
        """Rules of a document do not cascade to its collections."""
        rules = file("match /cities/{city} { allow read; }")
        assert not allows(rules, "cities/SF/landmarks/GGB")

    def test_overlapping_matches_allow_if_any_does(self):
        """A rule that denies does not override one that allows."""
        rules = file(
            "match /cities/{city} { allow read: if false; }", "match /cities/{any=**} { allow read: if true; }"
        )
        assert allows(rules, "cities/SF")


class TestConditions:
    @pytest.mark.parametrize(
        "text",
        [
            "true || resource.data.x",
            "resource.data.x == 1 || true",
            "!(false && resource.data.x)",
            "1 == 1.0 && 1 < 1.5 && -2 < -1.5",
            "'a' < 'b' && 'b' >= 'b' && \"it's\" == 'it\\'s'",
            "id in ['w', 'x'] && !(id in ['y'])",
            "1 != '1' && true != 1 && null == null && [1, 'a'] == [1, 'a']",
            "request.auth == null && resource == null && request.method == 'get'",
            "id == 'x' && database == '(default)' && request.time == 'noon'",
        ],
    )
    def test_it_holds(self, text):
        """A condition also holds if one side of `||` is an error."""
        assert says(text)

    @pytest.mark.parametrize(
        "text",
        [
            "resource.data.x",
            "!resource.data.x",
            "request.auth.uid != 'u'",
            "!(request.auth.token.admin == true)",
            "!(resource.data.x && false)",
            "1 < 'a' || 1 >= 'a'",
            "null < null || true <= true",
            "1 && true",
            "'true'",
            "!1",
            "!'a'",
            "!null",
            "!id",
            "1 in 1 || !(1 in 1)",
            "[1] < [2]",
            "request.query.limit != 10",
        ],
    )
    def test_an_error_is_a_denial(self, text):
        """An error in any expression denies, and so does a value that is not a boolean."""
        assert not says(text)

    def test_claims_are_read(self):
        """Claims are read by name and by index; a missing one is an error."""
        admin = user("u", admin=True, roles=["a"], **{"x-y": {"deep": 1}})
        assert says("request.auth.token.admin == true", auth=admin)
        assert says("'a' in request.auth.token.roles && request.auth.token['x-y'].deep == 1", auth=admin)
        assert says("'admin' in request.auth.token && !('other' in request.auth.token)", auth=admin)
        assert not says("request.auth.token.admin == false || request.auth.token.other != 1", auth=admin)
        assert not says("request.auth.token.admin == true", auth=user("u", admin="true"))

    def test_integers_are_exact(self):
        """An integer of 64 bits is not rounded to a double; a longer one is."""
        assert says("resource.data.n == 9007199254740993", data={"n": 2**53 + 1})
        assert says("resource.data.n != 9007199254740992", data={"n": 2**53 + 1})
        assert says("resource.data.a == resource.data.b", data={"a": 2**64, "b": 2**64 + 1})

    def test_maps_are_equal_by_their_entries(self):
        """Two maps are equal if they have the same keys and equal values, in any order."""
        caller = user("u", a=1, b={"c": [2]})
        same = {"b": {"c": [2.0]}, "sub": "u", "a": 1}
        assert says("resource.data == request.auth.token", auth=caller, data=same)
        for other in (same | {"a": 2}, same | {"b": {"c": [3]}}, same | {"d": 1}, {"a": 1}, {}):
            assert says("resource.data != request.auth.token", auth=caller, data=other)
            assert not says("resource.data == request.auth.token", auth=caller, data=other)

    def test_a_stored_document_has_the_values_of_its_json(self):
        """Lists and maps of a document are values of the language as those of a token are."""
        fields = {
            "list": {"array_value": {"values": [{"integer_value": 1}, {"array_value": {}}, {"string_value": "x"}]}},
            "map": {"map_value": {"fields": {"none": {"null_value": 0}}}},
        }
        stored = Document(name="projects/p/databases/(default)/documents/c/d", fields=fields)
        assert of_fields(stored.fields) == of_json({"list": [1, [], "x"], "map": {"none": None}})

    def test_nan_equals_nothing_and_has_no_order(self):
        """NaN does not equal itself, and has no order."""
        nan = {"n": float("nan")}
        assert says("resource.data.n != resource.data.n", data=nan)
        assert not says("resource.data.n < 1 || resource.data.n >= 1", data=nan)

    def test_parameters_are_local(self):
        """A function sees the wildcards around it, not the parameters of its caller."""
        rules = file("match /a/{id} {", "function f(id) { return g(); }", "function g() { return id == 'x'; }",
                     "allow get: if f('y');", "}")  # fmt: skip
        assert allows(rules, "a/x")
        assert not allows(rules, "a/y")

    def test_a_request_evaluates_a_bounded_number_of_expressions(self):
        """Functions that double each other's work end in a denial."""
        doubling = [f"function f{n}() {{ return f{n + 1}() && f{n + 1}(); }}" for n in range(15)]
        last = "function f15() { return true; }"
        assert not allows(file(*doubling, last, "match /a/{id} { allow get: if f0(); }"), "a/x")
        assert allows(file(*doubling, last, "match /a/{id} { allow get: if f12(); }"), "a/x")


class TestLists:
    """A list is allowed when the condition holds for every document that could be found."""

    @staticmethod
    def lists(text: str, auth: Any = NULL, **known: Any) -> bool:
        common = PartlyKnown({string("data"): PartlyKnown({string(key): of_json(known[key]) for key in known})})
        path = (*ROOT, "a", Unknown.ONE)
        return parse(condition(text)).allow(Request("list", path, auth, NOON, common, query=of_json({"limit": 10})))

    def test_a_known_field_decides(self):
        """A field is known if the query demands that it equals a value."""
        assert self.lists("resource.data.owner == request.auth.uid", user("u"), owner="u")
        assert not self.lists("resource.data.owner == request.auth.uid", user("u"), owner="v")

    @pytest.mark.parametrize(
        "text",
        [
            "resource.data.other == 1 || resource.data.other != 1",
            "!('other' in resource.data)",
            "resource.data != resource.data",
            "!(resource.data == request.auth.token)",
            "id == 'x' || id != 'x'",
            "resource.id != 'x'",
            "[resource.data] != [request.auth.token]",
        ],
    )
    def test_an_unknown_field_decides_nothing(self, text):
        """Neither a condition on an unknown field nor its negation holds."""
        assert not self.lists(text, user("u"), owner="u")

    def test_facts_of_all_results_are_known(self):
        """Each result exists and has the filtered field, and the limit is the query's."""
        assert self.lists("resource != null && 'owner' in resource.data && request.query.limit <= 10", owner="u")

    @pytest.mark.parametrize(
        ("match", "expected"),
        [
            ("/{path=**}/a/{id}", True),
            ("/{all=**}", True),
            ("/a/{id}", False),
            ("/u/{x}/a/{id}", False),
            ("/{one}/a/{id}", False),
            ("/{path=**}/{one}/a/{id}", False),
            ("/{path=**}/b/{id}", False),
            ("/u/{x}/{path=**}", False),
            ("/{path=**}/a/one", False),
        ],
    )
    def test_a_collection_group_needs_a_match_for_all_its_documents(self, match, expected):
        """The rule must match at every depth."""
        rules = file(f"match {match} {{ allow list; }}")
        assert allows(rules, (Unknown.ANY_NUMBER, "a", Unknown.ONE), "list") is expected


ATOMS = st.sampled_from(
    ["true", "false", "null", "1", "-2.5", "'a'", "id", "request.auth", "request.auth.uid", "request.auth.token.admin",
     "resource", "resource.data", "resource.data.x", "request.resource.data.x", "request.query.limit", "request.time",
     "resource.data['x']", "[1, id]", "f(id)"]
)  # fmt: skip
BINARY = st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "&&", "||", "in"])
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        inner.map(lambda text: f"!({text})"), st.tuples(inner, BINARY, inner).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})")
    ),
    max_leaves=20,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", "uid", "token", "data"]), inner),
    max_leaves=5,
)
METHODS = st.sampled_from(["get", "list", "create", "update", "delete"])


class TestAnyRules:
    @given(text=EXPRESSIONS, method=METHODS, auth=JSON, data=JSON)
    def test_any_condition_is_decided(self, text, method, auth, data):
        """No request raises an exception."""
        rules = file(
            "function f(a) { return a == 'x' || a; }", "match /a/{id} {", f"allow read, write: if {text};", "}"
        )
        resource = of_json({"data": data, "id": "x"})
        request = Request(method, (*ROOT, "a", "x"), of_json(auth), NOON, resource, resource)
        assert parse(rules).allow(request) in (True, False)

    @given(text=EXPRESSIONS, method=METHODS, path=st.lists(st.sampled_from("abx"), max_size=4))
    def test_requests_without_a_rule_are_denied(self, text, method, path):
        """A method or path without a rule is denied, under any condition of other rules."""
        rules = file("function f(a) { return a; }", "match /a/{id} {", f"allow get: if {text} || true;", "}")
        allowed = allows(rules, tuple(path), method, data={"x": 1})
        assert allowed == (method == "get" and len(path) == 2 and path[0] == "a")

    @given(text=EXPRESSIONS, data=st.dictionaries(st.sampled_from("xy"), JSON))
    def test_a_list_condition_holds_for_each_result(self, text, data):
        """A condition that holds with unknown fields holds for all values of them."""
        rules = parse(file("function f(a) { return a; }", "match /a/{id} {", f"allow list: if {text};", "}"))
        known = PartlyKnown(
            {string("data"): PartlyKnown({string(key): of_json(data[key]) for key in data if key == "x"})}
        )
        every = Request("list", (*ROOT, "a", Unknown.ONE), user("x"), NOON, known)
        each = Request("list", (*ROOT, "a", "x"), user("x"), NOON, of_json({"data": data, "id": "x"}))
        assert rules.allow(each) or not rules.allow(every)
