"""The guarantees for concurrent clients, checked step by step on the engine, without threads or a server."""

import itertools

import pytest
from tests.firestore.sessions import DATABASE, READ_ONLY, ROOT, Session, code, name, put, values

from embedded_firebase.firestore.errors import Code
from embedded_firebase.firestore.messages import (
    StructuredAggregationQuery,
    StructuredQuery,
    TransactionOptions,
    Write,
)
from embedded_firebase.firestore.query import aggregation, query
from embedded_firebase.firestore.transactions.views import Consistency


class TestReadWriteTransactions:
    def test_a_document_that_was_read_must_be_unchanged(self, engine):
        """The second of two that read the same document and write it loses."""
        engine.commit(DATABASE, [put("c/a", 1)])
        one, other = Session(engine), Session(engine)
        assert one.read("c/a") == other.read("c/a") == [1]
        one.commit(put("c/a", 2))
        assert code(other.commit, put("c/a", 3)) is Code.ABORTED

    def test_a_document_that_was_missing_must_still_be_missing(self, engine):
        """Creating or deleting a document that a transaction has read aborts it."""
        session = Session(engine)
        assert session.read("c/a") == [None]
        engine.commit(DATABASE, [put("c/a", 1)])
        assert code(session.commit, put("c/b", 1)) is Code.ABORTED
        session = Session(engine)
        session.read("c/a")
        engine.commit(DATABASE, [Write(delete=name("c/a"))])
        assert code(session.commit, put("c/b", 1)) is Code.ABORTED

    def test_write_skew_is_prevented(self, engine):
        """Two that each read both and write one cannot both commit: this is more than snapshot isolation."""
        engine.commit(DATABASE, [put("c/a", 1), put("c/b", 1)])
        one, other = Session(engine), Session(engine)
        assert one.read("c/a", "c/b") == other.read("c/a", "c/b") == [1, 1]
        one.commit(put("c/a", 0))
        assert code(other.commit, put("c/b", 0)) is Code.ABORTED

    @pytest.mark.parametrize(
        "change",
        [put("c/new", 5), put("c/low", 5), put("c/high", 0), put("c/high", 8), Write(delete=name("c/high"))],
        ids=["created", "moved in", "moved out", "changed", "deleted"],
    )
    @pytest.mark.parametrize("everywhere", [False, True])
    def test_phantoms_are_prevented(self, engine, change, everywhere):
        """The query must have the same results at the commit."""
        engine.commit(DATABASE, [put("c/high", 7), put("c/low", 1)])
        session = Session(engine)
        assert session.find(least=5, everywhere=everywhere) == [7]
        engine.commit(DATABASE, [change])
        assert code(session.commit, put("other/x", 1)) is Code.ABORTED

    def test_a_phantom_in_an_empty_collection_is_prevented(self, engine):
        """A phantom is prevented even if the collection did not exist."""
        session = Session(engine)
        assert session.find("never") == []
        engine.commit(DATABASE, [put("never/x", 1)])
        assert code(session.commit, put("other/x", 1)) is Code.ABORTED

    @pytest.mark.parametrize("operator", [{"count": {}}, {"sum": {"field": {"field_path": "v"}}}], ids=["count", "sum"])
    def test_an_aggregate_must_be_unchanged(self, engine, operator):
        """What a transaction has counted or added up must be so at its commit, also where an index answers it."""
        engine.commit(DATABASE, [put("c/a", 1)])
        session = Session(engine)
        asked = StructuredQuery(from_=[{"collection_id": "c"}], order_by=[{"field": {"field_path": "v"}}])
        wanted = aggregation.parse(StructuredAggregationQuery(aggregations=[operator | {"alias": "x"}]))
        figures, _, _ = engine.aggregate(query.parse(ROOT, asked), wanted, Consistency(transaction=session.id))
        assert figures["x"].integer_value == 1
        engine.commit(DATABASE, [put("c/b", 1)])
        assert code(session.commit, put("other/x", 1)) is Code.ABORTED

    def test_documents_outside_of_a_query_do_not_conflict(self, engine):
        """A change elsewhere, or of a document that never matches the query, does not conflict."""
        engine.commit(DATABASE, [put("c/high", 7), put("c/low", 1)])
        session = Session(engine)
        session.find(least=5)
        session.read("c/high")
        engine.commit(DATABASE, [put("c/low", 2), put("d/x", 9)])
        session.commit(put("other/x", 1))

    def test_a_transaction_sees_one_snapshot(self, engine):
        """It sees neither half of another commit nor its own writes."""
        engine.commit(DATABASE, [put("c/a", 1), put("c/b", 1)])
        session = Session(engine)
        assert session.read("c/a") == [1]
        engine.commit(DATABASE, [put("c/a", 2), put("c/b", 2), put("c/c", 2)])
        assert session.read("c/b", "c/c") == [1, None]
        assert session.find() == [1, 1]

    def test_blind_writes_never_conflict(self, engine):
        """A transaction without reads cannot conflict."""
        session = Session(engine)
        engine.commit(DATABASE, [put("c/a", 1)])
        session.commit(put("c/a", 2))

    def test_commits_once(self, engine):
        """A Commit that is resent is refused, not applied again."""
        session = Session(engine)
        session.commit(put("c/a", 1))
        assert code(session.commit, put("c/a", 2)) is Code.INVALID_ARGUMENT
        assert values(engine.get(DATABASE, [name("c/a")], Consistency())[0]) == [1]

    def test_a_rolled_back_one_never_commits(self, engine):
        """A second rollback is accepted; a rollback after a commit is refused."""
        session = Session(engine)
        session.read("c/a")
        engine.rollback(DATABASE, session.id)
        engine.rollback(DATABASE, session.id)
        assert code(session.commit, put("c/a", 1)) is Code.INVALID_ARGUMENT
        committed = Session(engine)
        committed.commit()
        assert code(engine.rollback, DATABASE, committed.id) is Code.INVALID_ARGUMENT

    def test_an_aborted_one_can_be_rolled_back(self, engine):
        """Google's client rolls back when it gives up, and an error would hide the cause."""
        session = Session(engine)
        session.read("c/a")
        engine.commit(DATABASE, [put("c/a", 1)])
        assert code(session.commit, put("c/a", 2)) is Code.ABORTED
        engine.rollback(DATABASE, session.id)
        assert code(session.commit, put("c/a", 2)) is Code.INVALID_ARGUMENT

    def test_every_interleaving_of_two_is_serializable(self, engine):
        """Two transfers between three accounts, in all orders of their steps, keep the total and lose no update."""
        steps = sorted(set(itertools.permutations("aaabbb")))
        for number, order in enumerate(steps):
            accounts = [f"run{number}/{account}" for account in "xyz"]
            engine.commit(DATABASE, [put(account, 10) for account in accounts])
            done = []
            programs = {
                "a": self.transfer(engine, *accounts[:2], done),
                "b": self.transfer(engine, *accounts[1:], done),
            }
            for who in order:
                next(programs[who])
            held = values(engine.get(DATABASE, [name(account) for account in accounts], Consistency())[0])
            moved = [(accounts.index(source), accounts.index(sink)) for source, sink in done]
            expected = [
                10 + sum(sink == i for _, sink in moved) - sum(source == i for source, _ in moved) for i in range(3)
            ]
            assert held == expected
            assert len(done) >= 1

    @staticmethod
    def transfer(engine, source, sink, done):
        """Move 1, in three steps, and record whether it was committed."""
        session = Session(engine)
        (taken,) = session.read(source)
        yield
        (given,) = session.read(sink)
        yield
        if session.try_to_commit(put(source, taken - 1), put(sink, given + 1)):
            done.append((source, sink))
        yield


class TestReadOnlyTransactions:
    def test_they_see_the_time_of_their_start(self, engine):
        """Later commits are not visible."""
        engine.commit(DATABASE, [put("c/a", 1)])
        session = Session(engine, READ_ONLY)
        engine.commit(DATABASE, [put("c/a", 2), put("c/b", 2)])
        assert session.read("c/a", "c/b") == [1, None]
        assert session.find() == [1]
        session.commit()

    def test_they_see_the_time_they_request(self, engine, clocks):
        """A read time within the past hour is allowed."""
        first, _ = engine.commit(DATABASE, [put("c/a", 1)])
        engine.commit(DATABASE, [put("c/a", 2)])
        at = TransactionOptions(read_only={"read_time": {"seconds": first // 10**6, "nanos": first % 10**6 * 1000}})
        assert Session(engine, at).read("c/a") == [1]
        clocks.pass_seconds(3_700)
        assert code(Session, engine, at) is Code.FAILED_PRECONDITION

    def test_they_refuse_writes(self, engine):
        """A write is refused with production's code."""
        assert code(Session(engine, READ_ONLY).commit, put("c/a", 1)) is Code.INVALID_ARGUMENT


class TestTime:
    def test_commits_are_strictly_later_than_all_before(self, engine):
        """Commit times increase even if the clock stands still."""
        times = [engine.commit(DATABASE, [put("c/a", value)])[0] for value in range(5)]
        assert times == sorted(set(times))

    def test_a_read_at_a_time_is_repeatable(self, engine):
        """A commit never gets a time at or before one that has been read at."""
        engine.commit(DATABASE, [put("c/a", 1)])
        _, view = engine.get(DATABASE, [name("c/a")], Consistency())
        engine.commit(DATABASE, [put("c/a", 2)])
        documents, _ = engine.get(DATABASE, [name("c/a")], Consistency(read_time=view.read_time))
        assert values(documents) == [1]

    def test_the_future_and_the_distant_past_cannot_be_read(self, engine, clocks):
        """The past is kept for an hour."""
        future, past = clocks.micros + 10**6, clocks.micros - 3_601 * 10**6
        assert code(engine.get, DATABASE, [name("c/a")], Consistency(read_time=future)) is Code.INVALID_ARGUMENT
        assert code(engine.get, DATABASE, [name("c/a")], Consistency(read_time=past)) is Code.FAILED_PRECONDITION

    def test_an_idle_transaction_is_refused(self, engine, clocks):
        """A transaction expires after a minute without use."""
        session = Session(engine)
        session.read("c/a")
        clocks.pass_seconds(61)
        assert code(session.commit, put("c/a", 1)) is Code.INVALID_ARGUMENT


class TestCommit:
    def test_all_or_nothing(self, engine):
        """A failing write fails the whole commit."""
        failing = put("c/b", 1)
        failing.current_document.exists = True
        assert code(engine.commit, DATABASE, [put("c/a", 1), failing]) is Code.NOT_FOUND
        assert values(engine.get(DATABASE, [name("c/a")], Consistency())[0]) == [None]

    def test_writes_of_one_commit_see_each_other(self, engine):
        """A document may be created, then updated in the same commit."""
        created, updated = put("c/a", 1), put("c/a", 2)
        created.current_document.exists = False
        updated.current_document.exists = True
        engine.commit(DATABASE, [created, updated, Write(delete=name("c/x")), put("c/x", 3)])
        assert values(engine.get(DATABASE, [name("c/a"), name("c/x")], Consistency())[0]) == [2, 3]

    @pytest.mark.parametrize("stored", [True, False])
    def test_a_document_deleted_by_the_commit_itself_cannot_be_updated(self, engine, stored):
        """INVALID_ARGUMENT, not NOT_FOUND: no retry can help. Setting it anew is allowed."""
        if stored:
            engine.commit(DATABASE, [put("c/a", 1)])
        updated = put("c/a", 2)
        updated.current_document.exists = True
        deleted = Write(delete=name("c/a"))
        assert code(engine.commit, DATABASE, [deleted, updated]) is Code.INVALID_ARGUMENT
        engine.commit(DATABASE, [deleted, put("c/a", 3), updated])
        assert values(engine.get(DATABASE, [name("c/a")], Consistency())[0]) == [2]

    def test_another_databases_document_is_refused(self, engine):
        """A request can only use documents of its own database."""
        write = Write(update={"name": "projects/p/databases/other/documents/c/a"})
        assert code(engine.commit, DATABASE, [write]) is Code.INVALID_ARGUMENT


class TestLoad:
    def test_documents_may_be_loaded_twice(self, engine):
        """Loading the same documents twice changes nothing, with or without locks."""
        for _ in range(2):
            engine.load([put("c/a", 1).update])
        assert [document.name for document in engine.documents(DATABASE)] == [name("c/a")]


class TestCollectionIds:
    def test_a_collection_exists_while_a_document_is_in_or_below_it(self, engine):
        """The documents between need not exist."""
        engine.commit(DATABASE, [put("a/x/b/y/c/z", 1), put("d/x", 1), put("e/x", 1)])
        engine.commit(DATABASE, [Write(delete=name("e/x"))])
        assert engine.collection_ids(DATABASE, "", None) == ["a", "d"]
        assert engine.collection_ids(DATABASE, "a/x", None) == ["b"]
        assert engine.collection_ids(DATABASE, "d/x", None) == []

    def test_of_the_past(self, engine):
        """The collections are those of the read time."""
        engine.commit(DATABASE, [put("a/x", 1), put("b/x", 1)])
        before = engine.get(DATABASE, [name("a/x")], Consistency())[1].read_time
        engine.commit(DATABASE, [Write(delete=name("b/x")), put("c/x", 1)])
        assert engine.collection_ids(DATABASE, "", before) == ["a", "b"]
        assert engine.collection_ids(DATABASE, "", None) == ["a", "c"]
