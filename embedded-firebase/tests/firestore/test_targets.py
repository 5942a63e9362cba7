"""The results of a listen target, and which commits change them."""

import pytest

from embedded_firebase.firestore.listen.targets import Target, latest
from embedded_firebase.firestore.messages import Document, StructuredQuery
from embedded_firebase.firestore.query import query
from embedded_firebase.firestore.query.changes import contains
from embedded_firebase.firestore.query.query import Scope
from embedded_firebase.firestore.values.paths import parse_document
from embedded_firebase.firestore.values.timestamps import set_micros

DATABASE = "projects/p/databases/d"
ROOT = f"{DATABASE}/documents"


def document(path, time=1, value=1):
    made = Document(name=f"{ROOT}/{path}", fields={"v": {"integer_value": value}})
    set_micros(made.update_time, time)
    return made


def changes(*documents, deleted=()):
    made = {parse_document(held.name): held for held in documents}
    return made | {parse_document(f"{ROOT}/{path}"): None for path in deleted}


def target(**more):
    message = StructuredQuery(
        from_=[{"collection_id": "c"}],
        where={"field_filter": {"field": {"field_path": "v"}, "op": 3, "value": {"integer_value": 0}}},
        **more,
    )
    return Target(1, DATABASE, query.parse(ROOT, message), ())


class TestContains:
    @pytest.mark.parametrize(
        ("scope", "path", "expected"),
        [
            (Scope(DATABASE, "", "c", False), "c/x", True),
            (Scope(DATABASE, "", "c", False), "a/b/c/x", False),
            (Scope(DATABASE, "a/b", "c", False), "a/b/c/x", True),
            (Scope(DATABASE, "a/b", "c", False), "c/x", False),
            (Scope(DATABASE, "", "c", True), "a/b/c/x", True),
            (Scope(DATABASE, "", "c", True), "a/b/d/x", False),
            (Scope(DATABASE, "a/b", "c", True), "a/b/c/x", True),
            (Scope(DATABASE, "a/b", "c", True), "a/b/d/e/c/x", True),
            (Scope(DATABASE, "a/b", "c", True), "a/bb/c/x", False),
            (Scope(DATABASE, "a/b", "", True), "a/b/d/e/f/x", True),
            (Scope(DATABASE, "", "", False), "c/x", True),
            (Scope("projects/p/databases/other", "", "c", True), "c/x", False),
        ],
    )
    def test_a_scope_holds_its_collections(self, scope, path, expected):
        """It agrees with a scan of the same scope."""
        assert contains(scope, parse_document(f"{ROOT}/{path}")) is expected


class TestTarget:
    def test_following_changes(self):
        """A document appears, changes, is unchanged, leaves by its value, and leaves by deletion."""
        followed = target()
        first, second = document("c/a"), document("c/b")
        assert followed.follow(changes(first, second, document("d/a"))).changed == [first, second]
        newer = document("c/a", time=2)
        assert followed.follow(changes(newer, second)).changed == [newer]
        assert not followed.follow(changes(newer))
        gone = followed.follow(changes(document("c/a", time=3, value=0), deleted=["c/b", "c/never"]))
        assert (gone.changed, gone.left) == ([], [first.name, second.name])
        assert followed.shown == {}

    def test_showing_results(self):
        """A new reading of results gives the difference from the shown ones."""
        read = target(limit={"value": 2})
        assert read.must_be_read
        first, second, third = (document(f"c/{name}") for name in "abc")
        assert read.show([first, second]).changed == [first, second]
        difference = read.show([third, second])
        assert (difference.changed, difference.left) == ([third], [first.name])

    def test_changes_that_affect_a_limit(self):
        """Only a changed result and a new match need a new reading of the results."""
        read = target(limit={"value": 1})
        read.show([document("c/a")])
        assert read.is_touched(changes(document("c/a", value=0)))
        assert read.is_touched(changes(deleted=["c/a"]))
        assert read.is_touched(changes(document("c/b")))
        assert not read.is_touched(changes(document("c/b", value=0), document("d/a"), deleted=["c/z"]))

    def test_changes_that_affect_an_offset(self):
        """Any change in the scope does, because the skipped documents are unknown."""
        read = target(offset=1)
        assert read.must_be_read
        assert read.is_touched(changes(deleted=["c/skipped"]))
        assert not read.is_touched(changes(deleted=["d/a"]))

    def test_documents_by_name(self):
        """Only the named documents match, with any fields."""
        followed = Target(1, DATABASE, None, (f"{ROOT}/c/a",))
        held = document("c/a", value=0)
        assert followed.follow(changes(held, document("c/b"))).changed == [held]
        assert followed.visible(held) is held

    def test_a_projection_hides_other_fields(self):
        """The client gets the fields that its query selects."""
        assert dict(target(select={"fields": [{"field_path": "w"}]}).visible(document("c/a")).fields) == {}


class TestLatest:
    def test_the_last_commit_decides(self):
        """Of several commits to one document the last one counts."""
        path = parse_document(f"{ROOT}/c/a")
        newer = document("c/a", time=2)
        assert list(latest([changes(document("c/a")), changes(newer)])) == [(path, newer)]
        assert list(latest([changes(newer), changes(deleted=["c/a"])])) == [(path, None)]
