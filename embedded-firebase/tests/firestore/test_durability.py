"""The files on disk at any moment: every commit whole, in order, in a log that stays small."""

import random
import shutil
import time
from pathlib import Path

import pytest
from tests.firestore.sessions import DATABASE, name, put

from embedded_firebase.firestore.errors import EmulatorError
from embedded_firebase.firestore.messages import Document, Write
from embedded_firebase.firestore.storage.storage import Storage
from embedded_firebase.firestore.transactions.engine import Engine
from embedded_firebase.firestore.transactions.views import Consistency
from embedded_firebase.firestore.values.timestamps import to_micros

FILE = "firestore.sqlite3"


def document(engine: Engine, path: str) -> Document | None:
    (found,), _ = engine.get(DATABASE, [name(path)], Consistency())
    return found


def number(engine: Engine, path: str) -> int | None:
    found = document(engine, path)
    return None if found is None else found.fields["v"].integer_value


def as_if_killed(folder: Path, copy: Path) -> Path:
    """Copy the files of an open storage, as a process that is killed now leaves them."""
    shutil.copytree(folder, copy)
    return copy / FILE


class TestKilled:
    def test_every_commit_is_in_the_files_when_it_is_acknowledged(self, tmp_path):
        """An acknowledged commit is in the files, without closing the storage."""
        (tmp_path / "data").mkdir()
        storage = Storage(tmp_path / "data" / FILE)
        engine = Engine(storage)
        for count in range(1, 20):
            engine.commit(DATABASE, [put("c/a", count), put(f"d/{count}", count)])
            left = Storage(as_if_killed(tmp_path / "data", tmp_path / f"left{count}"))
            assert [number(Engine(left), path) for path in ("c/a", f"d/{count}")] == [count, count]
            left.close()
        storage.close()

    def test_a_torn_log_holds_whole_commits_up_to_some_moment(self, tmp_path):
        """As after a power failure: later commits are lost, but none is there in part."""
        (tmp_path / "data").mkdir()
        storage = Storage(tmp_path / "data" / FILE)
        engine = Engine(storage)
        for count in range(1, 30):
            engine.commit(DATABASE, [put("c/a", count), put("c/b", count), put(f"d/{count}", count)])
        chosen = random.Random(1)
        held = set()
        for cut in range(20):
            file = as_if_killed(tmp_path / "data", tmp_path / f"left{cut}")
            log = file.with_name(f"{FILE}-wal")
            with log.open("r+b") as opened:
                opened.truncate(chosen.randrange(log.stat().st_size // 3, log.stat().st_size))
            left = Storage(file)
            after = Engine(left)
            last = number(after, "c/a")
            assert number(after, "c/b") == last
            assert [number(after, f"d/{count}") for count in (last, last + 1)] == [last, None]
            held.add(last)
            left.close()
        assert len(held) > 5
        storage.close()

    def test_the_log_stays_small_and_is_read_fast(self, tmp_path):
        """It is moved to the database as it grows, so that a restart reads a few megabytes in less than a second."""
        (tmp_path / "data").mkdir()
        storage = Storage(tmp_path / "data" / FILE)
        engine = Engine(storage)
        text = "x" * 50_000
        log = tmp_path / "data" / f"{FILE}-wal"
        largest = 0
        for count in range(400):
            write = Write(update={"name": name(f"c/{count:03}"), "fields": {"v": {"bytes_value": text.encode()}}})
            engine.commit(DATABASE, [write])
            largest = max(largest, log.stat().st_size)
        file = as_if_killed(tmp_path / "data", tmp_path / "left")
        started = time.monotonic()
        left = Storage(file)
        opened_seconds = time.monotonic() - started
        assert document(Engine(left), "c/399") is not None
        print(f"20 MB written, log at most {largest / 1e6:.1f} MB, opened in {opened_seconds * 1000:.0f} ms")
        assert largest < 8_000_000
        left.close()
        storage.close()


class TestTimes:
    def test_they_are_monotonic_if_the_clock_is_set_back(self, tmp_path):
        """An update time is later than all before, also after a restart, and the creation time is kept."""
        times = []
        for micros in (2_000_000_000_000_000, 1_000_000_000_000_000, 1_500_000_000_000_000):
            storage = Storage(tmp_path / FILE)
            engine = Engine(storage, lambda micros=micros: micros)
            for count in range(3):
                engine.commit(DATABASE, [put("c/a", len(times) + count)])
                found = document(engine, "c/a")
                times.append(to_micros(found.update_time))
                assert to_micros(found.create_time) == times[0]
            storage.close()
        assert times == sorted(set(times))

    def test_the_past_survives_a_restart(self, tmp_path):
        """After a restart, reads within the past hour still work."""
        storage = Storage(tmp_path / FILE)
        first, _ = Engine(storage).commit(DATABASE, [put("c/a", 1)])
        Engine(storage).commit(DATABASE, [put("c/a", 2)])
        storage.close()
        storage = Storage(tmp_path / FILE)
        (found,), _ = Engine(storage).get(DATABASE, [name("c/a")], Consistency(read_time=first))
        assert found.fields["v"].integer_value == 1
        storage.close()


class TestHorizon:
    def test_dropped_versions_stay_dropped(self, tmp_path, monkeypatch):
        """After a restart a read of a dropped past is refused, not answered as empty."""
        monkeypatch.setattr("embedded_firebase.firestore.storage.document_table.MAX_VERSIONS", 10)
        monkeypatch.setattr("embedded_firebase.firestore.storage.storage._COMMITS_PER_SWEEP", 20)
        storage = Storage(tmp_path / FILE)
        engine = Engine(storage)
        first, _ = engine.commit(DATABASE, [put("c/a", 0)])
        for count in range(1, 41):
            engine.commit(DATABASE, [put("c/a", count)])
        horizon = storage.horizon
        storage.close()
        storage = Storage(tmp_path / FILE)
        assert storage.horizon == horizon > first
        with pytest.raises(EmulatorError, match="too old"):
            Engine(storage).get(DATABASE, [name("c/a")], Consistency(read_time=first))
        storage.close()
