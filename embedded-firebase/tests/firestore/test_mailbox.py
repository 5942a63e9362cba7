"""The queue of events for a listen stream."""

import threading

import pytest

from embedded_firebase.firestore.listen import mailbox
from embedded_firebase.firestore.listen.mailbox import Mailbox
from embedded_firebase.firestore.messages import ListenRequest
from embedded_firebase.firestore.values.paths import parse_document

WANTED = frozenset({"wanted"})


def commit(*names):
    return {parse_document(f"projects/p/databases/d/documents/c/{name}"): None for name in names}


@pytest.fixture
def box():
    made = Mailbox()
    made.wanted = WANTED
    return made


class TestCommits:
    def test_commits_up_to_a_time_are_taken(self, box):
        """They are taken in order; later ones stay."""
        for time in (1, 2, 3):
            box.put_commit(time, commit(str(time)), WANTED)
        assert box.take_commits(2) == [commit("1"), commit("2")]
        assert box.take_commits(2) == []
        assert box.take_commits(3) == [commit("3")]

    def test_unwanted_commits_are_dropped(self, box):
        """A commit to other keys is dropped."""
        box.put_commit(1, commit("a"), frozenset({"other"}))
        assert box.take_commits(1) == []

    def test_commits_beyond_the_limit_are_dropped(self, box, monkeypatch):
        """The reader is notified until it has read at a time after all dropped commits."""
        monkeypatch.setattr(mailbox, "MAX_WAITING_DOCUMENTS", 2)
        box.put_commit(1, commit("a", "b"), WANTED)
        box.put_commit(2, commit("c"), WANTED)
        box.put_commit(3, commit("d"), WANTED)
        assert box.take_commits(1) is None
        assert box.take_commits(2) is None
        assert box.take_commits(3) == [commit("d")]


class TestWait:
    @pytest.mark.parametrize(
        ("put", "goes_on"),
        [
            (lambda box: box.put_request(ListenRequest()), True),
            (lambda box: box.put_commit(1, commit("a"), WANTED), True),
            (Mailbox.end, False),
        ],
    )
    def test_anything_ends_it(self, box, put, goes_on):
        """A request, a commit, the end."""
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(box.wait()))
        waiting.start()
        put(box)
        waiting.join(10)
        assert answers == [goes_on]

    def test_requests_before_the_end_are_still_taken(self, box):
        """Requests are taken before the end, but commits are not."""
        box.put_request(ListenRequest(remove_target=1))
        box.put_commit(1, commit("a"), WANTED)
        box.end()
        assert box.wait()
        assert box.take_request() == ListenRequest(remove_target=1)
        assert box.take_request() is None
        assert not box.wait()
